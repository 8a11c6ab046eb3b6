"""Bodies of the tasks by which models follow: drift, challengers, their shadow, approval, promotion."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk.exceptions import AirflowSkipException

from include.adaptation.comparison import Comparison
from include.adaptation.drift import Alarm
from include.adaptation.retraining import RECALIBRATED, RetrainingSettings
from include.adaptation.settings import AdaptationSettings
from include.detection.errors import TrainingRefused
from include.detection.registry import ModelRegistry
from include.detection.training import TrainingSettings
from include.governance.audit import record_action
from include.governance.errors import RuleBookError
from include.orchestration.approval import PROMOTE_SHARE, REJECT, Answer
from include.orchestration.notices import tell, tell_of_incidents
from include.orchestration.run_parameters import ChallengerWanted
from include.orchestration.variables import checked, variable
from include.pipeline.challengers import Challenger, ChallengerBook, Phase
from include.pipeline.drift import DriftWatch
from include.pipeline.models import model_registry, rule_book
from include.pipeline.parity import gate_of
from include.pipeline.promotion import Promotions
from include.pipeline.retraining import TrainedModel, enter, recalibrate_champion
from include.pipeline.retraining import train_challenger as retrain
from include.settings import settings
from include.stores.lake.files import Lake

log = logging.getLogger(__name__)

NOBODY = "nobody (time-out)"

_CALL_AGAIN = timedelta(hours=6)
#: Longer than a question waits for its answer, see dags/approve_model.py.
_ASK_AGAIN = timedelta(days=4)
_COMPARED, _ASKED = "cursors/comparison.json", "cursors/asked.json"


def _lake() -> Lake:
    return Lake(settings().lake)


def _wanted() -> AdaptationSettings:
    return variable("adaptation", AdaptationSettings, {})


def _registry(lake: Lake) -> ModelRegistry:
    return model_registry(lake, gate_of(lake))


def _watch(lake: Lake) -> DriftWatch:
    return DriftWatch(lake, _registry(lake), rule_book(lake).current(), _wanted())


def _promotions(lake: Lake) -> Promotions:
    def record(actor: str, action: str, subject: str, detail: dict[str, Any], key: str) -> None:
        record_action(lake, actor, action, subject, detail, key=key)

    return Promotions(lake, _registry(lake), _wanted(), record)


def watch_drift() -> dict[str, Any]:
    """Look for drift of the champion; returns the evidence of what is new.

    Raises
    ------
    AirflowSkipException
        Nothing is new, and no retraining is due: no event.
    """
    os.nice(10)  # alerts first, where processors are few
    lake = _lake()
    try:
        watching = _watch(lake)
    except RuleBookError as nothing_yet:
        raise AirflowSkipException(str(nothing_yet)) from nothing_yet
    look = watching.look()
    if look.news:
        _tell_of_drift(look.news)
        watching.told(look)
    tell_of_incidents(lake, watching.wanted.owner)
    # One that is due and cannot be done yet, for want of labels, is called for again later.
    wanted = look.retraining_due or any(alarm.kind in RECALIBRATED for alarm in look.standing)
    due = wanted and not watching.called(datetime.now(UTC), _CALL_AGAIN)
    if not look.news and not due:
        raise AirflowSkipException(f"nothing new; {len(look.standing)} alarms stand")
    return {
        "alarms": [
            {
                "id": alarm.id,
                "what": alarm.sentence,
                "where": alarm.segment,
                "since": alarm.since.isoformat(),
                "confidence": round(alarm.confidence, 6),
                "page": lake.url(f"drift/alarms/{alarm.id}.html"),
            }
            for alarm in look.news
        ],
        "retraining_due": due,
    }


def train_challenger(
    params: Mapping[str, Any], run_type: str, by: str | None, woken_by: Sequence[str]
) -> dict[str, Any]:
    """Train a challenger if there is a reason to; returns what ``enter_challenger`` takes.

    Parameters
    ----------
    run_type, by
        Of the DAG run: by the calendar, by hand (and whose), by an asset.
    woken_by
        Names of the assets whose events started the run.

    Raises
    ------
    InputRefused
        The parameters of the run make no sense.
    AirflowSkipException
        There is no reason, or not enough is labelled yet.
    """
    wanted, lake = checked("the parameters of the run", ChallengerWanted, dict(params)), _lake()
    drift = "model_drift" in woken_by
    if wanted.only_if_missing or (woken_by and not drift):
        raise AirflowSkipException("the run was for the first model")
    look = _watch(lake).last_look() if drift else None
    if look is not None and not look.retraining_due:
        waiting = ChallengerBook(lake).within(Phase.WAITING)
        asked = any(one.steps[-1].by == "recalibration" for one in waiting)
        if not asked and any(alarm.kind in RECALIBRATED for alarm in look.standing):
            try:
                made = recalibrate_champion(lake, _registry(lake), "a changed alert rate")
            except TrainingRefused as refused:
                raise AirflowSkipException(str(refused)) from refused
            return made.model_dump(mode="json")
        raise AirflowSkipException(
            "no retraining answers this drift, or it is planned for later: drift/episode.json"
        )
    why = "drift" if drift else "the calendar" if run_type == "scheduled" else f"a wish of {by}"
    try:
        days = RetrainingSettings().train_days if drift else None
        made = retrain(lake, _registry(lake), _wanted(), why, TrainingSettings(seed=wanted.seed), days)
    except TrainingRefused as refused:
        raise AirflowSkipException(str(refused)) from refused
    return made.model_dump(mode="json")


def enter_challenger(trained: Mapping[str, Any], by: str | None) -> str:
    """Put a trained model into the book; returns its phase."""
    lake = _lake()
    made = TrainedModel.model_validate(trained)
    if made.trained_for == "drift":
        _watch(lake).retrained()
    after = enter(lake, made)
    evidence = made.model_dump(mode="json")
    record_action(lake, by or "training", f"model: {after.phase}", after.version, evidence)
    log.info("challenger %s: %s, %s", after.version, after.phase, after.steps[-1].reason)
    if after.phase is Phase.REFUSED:
        raise AirflowSkipException(f"{after.version} may not go on: {after.steps[-1].reason}")
    return str(after.phase)


def score_shadow() -> dict[str, int]:
    """Let the models in the shadow say what they would have said.

    Raises
    ------
    AirflowSkipException
        There is none.
    """
    os.nice(10)
    done = _promotions(_lake()).shadow()
    if not done:
        raise AirflowSkipException("no model is in the shadow")
    return done


def judge_challengers() -> dict[str, Any]:
    """Compare with the champion; returns who moved, and who waits to be asked about.

    Raises
    ------
    AirflowSkipException
        Nobody moved, and nobody waits for a question that has not been put.
    """
    os.nice(10)
    lake, wanted = _lake(), _wanted()
    steps, now = _promotions(lake), datetime.now(UTC)
    last, moved = lake.read_json(_COMPARED), []
    if not last or now - datetime.fromisoformat(last["at"]) >= timedelta(minutes=wanted.compare_minutes):
        moved = steps.judge()
        lake.write_json(_COMPARED, {"at": now.isoformat()})
    for one in moved:
        _tell_of_step(one)
    waits = steps.waiting()
    # An event that was lost with its task comes again, and so does one for who waited behind another.
    if waits is not None and _is_asked_about(lake, waits, now):
        waits = None
    if not moved and waits is None:
        raise AirflowSkipException("nobody moved, and nobody waits to be asked about")
    return {
        "moved": {one.version: str(one.phase) for one in moved},
        "waits": None if waits is None else waits.version,
    }


def _is_asked_about(lake: Lake, waits: Challenger, now: datetime) -> bool:
    """Whether a person has been asked about it, and may still answer."""
    asked = lake.read_json(_ASKED) or {}
    return (
        asked.get("version") == waits.version
        and datetime.fromisoformat(asked["at"]) >= waits.since
        and now - datetime.fromisoformat(asked["at"]) < _ASK_AGAIN
    )


def gather_evidence() -> dict[str, str]:
    """What an approver has to know of the challenger that waits longest.

    Raises
    ------
    AirflowSkipException
        None waits.
    """
    lake = _lake()
    one = _promotions(lake).waiting()
    if one is None:
        raise AirflowSkipException("no challenger waits for approval")
    body = _evidence(one)
    lake.write_json(_ASKED, {"version": one.version, "at": datetime.now(UTC).isoformat()})
    return {"version": one.version, "body": body}


def settle(version: str, answer: Mapping[str, Any]) -> str:
    """Do what the approver chose; returns where the challenger stands now.

    Parameters
    ----------
    answer
        Of the approval task: ``chosen_options``, ``responded_by_user``.

    Raises
    ------
    PromotionRefused
        The last parity check was not clean; clear this task once it is.
    """
    given, lake = Answer.of(answer), _lake()
    steps = _promotions(lake)
    stands = steps.book.get(version)
    if stands is None or (stands.phase is not Phase.WAITING and stands.steps[-1].by != given.by):
        # Somebody cleared this task long after; what was answered then says nothing about now.
        raise AirflowSkipException(
            f"{version} is {stands.phase if stands else 'unknown'} by now, and waits for nobody"
        )
    if not given.by or given.option == REJECT:
        reason = "rejected" if given.by else "nobody answered in time"
        after = steps.reject(version, by=given.by or NOBODY, reason=reason)
    else:
        share = steps.wanted.share if given.option == PROMOTE_SHARE else 1.0
        after = steps.promote(version, by=given.by, reason=given.option, share=share)
    _tell_of_step(after)
    if after.phase is Phase.REJECTED:
        raise AirflowSkipException(f"{version} is rejected by {given.by or NOBODY}")  # no event of the model
    return str(after.phase)


def enter_first_model(lake: Lake, version: str, by: str) -> None:
    """Put the first model into the book, and learn what is usual for it."""
    record_action(lake, by, f"model: {Phase.CHAMPION}", version, {"trained_for": "the history of the bank"})
    ChallengerBook(lake).enter(
        version, Phase.CHAMPION, by=by, reason="the first model", trained_for="the history of the bank"
    )
    watching = _watch(lake)
    champion = watching.registry.current()
    if champion is not None:
        watching.reference(champion)


def _evidence(one: Challenger) -> str:
    step, evaluation = one.steps[-1], one.evaluation
    found = step.evidence
    if "alert_rates" in found:
        before, after = found["alert_rates"]
        return (
            f"**{one.version}**: {step.reason}.\n\nWhy: {one.trained_for}. The models alone alert on {before:.2%} "
            f"of the newest transactions as it is, and on {after:.2%} with the new thresholds. Scores stay what "
            "they are."
        )
    lines = [
        f"Challenger **{one.version}**, trained for: {one.trained_for}.",
        "",
        f"In the shadow since {one.steps[0].at:%Y-%m-%d %H:%M} UTC: {step.reason}.",
        "",
        Comparison.of(found).table(found["champion"], one.version),
        "",
        f"On history, before it was trained: average precision {_number(evaluation['average_precision'])} on "
        f"{evaluation['rows']:,} transactions with {evaluation['frauds']} frauds ({evaluation['reason']})."
        if evaluation
        else "Nothing was learned: it is an earlier champion with other thresholds.",
        "",
        "Taken back at any time: promote another version, or wait: a champion that gets worse than the one "
        "before it is demoted by itself.",
    ]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def _tell_of_drift(alarms: Sequence[Alarm]) -> None:
    lines = [
        f"{alarm.sentence}\nSince {alarm.since:%Y-%m-%d %H:%M} UTC, {alarm.confidence:.2%} sure."
        for alarm in alarms
    ]
    key = f"drift:{','.join(alarm.id for alarm in alarms)}"
    tell(_lake(), _wanted().owner, key, f"Drift: {len(alarms)} new alarms", lines)


def _tell_of_step(one: Challenger) -> None:
    step = one.steps[-1]
    tell(
        _lake(),
        _wanted().owner,
        f"step:{one.version}:{len(one.steps)}",
        f"Model {one.version}: {step.phase}",
        [f"{step.reason}\nBy {step.by}, {step.at:%Y-%m-%d %H:%M} UTC."],
    )
