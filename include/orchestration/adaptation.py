"""Bodies of the tasks by which models follow: drift, challengers, their shadow, approval, promotion."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

from airflow.sdk.exceptions import AirflowSkipException

from include.adaptation.drift import Alarm
from include.adaptation.retraining import RECALIBRATED, RetrainingSettings
from include.adaptation.settings import AdaptationSettings
from include.alerts.alert import NAMESPACE
from include.alerts.errors import DeliveryFailure
from include.alerts.message import Message
from include.detection.errors import TrainingRefused
from include.detection.registry import ModelRegistry
from include.detection.training import TrainingSettings
from include.governance.audit import record_action
from include.governance.errors import RuleBookError
from include.governance.rule_book import RuleBook
from include.orchestration.connections import open_channels
from include.pipeline.challengers import Challenger, ChallengerBook, Phase
from include.pipeline.drift import DriftWatch
from include.pipeline.models import model_registry
from include.pipeline.parity import gate_of
from include.pipeline.promotion import Promotions
from include.pipeline.retraining import TrainedModel, enter, recalibrate_champion
from include.pipeline.retraining import train_challenger as retrain
from include.rules.columns import rule_columns
from include.settings import settings
from include.stores.lake.files import Lake

log = logging.getLogger(__name__)

#: What an approver may choose; the last is taken if nobody answers.
PROMOTE, PROMOTE_SHARE, REJECT = "Promote", "Promote for a share of the accounts first", "Reject"
NOBODY = "nobody (time-out)"

_CALL_AGAIN = timedelta(hours=6)


def _lake() -> Lake:
    return Lake(settings().lake)


def _wanted() -> AdaptationSettings:
    from airflow.sdk import Variable

    return AdaptationSettings.model_validate(Variable.get("adaptation", default={}, deserialize_json=True))


def _registry(lake: Lake) -> ModelRegistry:
    return model_registry(lake, gate_of(lake))


def _watch(lake: Lake) -> DriftWatch:
    return DriftWatch(lake, _registry(lake), RuleBook(lake, rule_columns()).current(), _wanted())


def _promotions(lake: Lake) -> Promotions:
    def record(actor: str, action: str, subject: str, detail: dict[str, Any]) -> None:
        record_action(lake, actor, action, subject, detail)

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
    # One that is due and cannot be done yet, for want of labels, is called for again later.
    due = look.retraining_due and not watching.called(datetime.now(UTC), _CALL_AGAIN)
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
    AirflowSkipException
        There is no reason, or not enough is labelled yet.
    """
    lake = _lake()
    drift = "model_drift" in woken_by
    if params.get("only_if_missing") or (woken_by and not drift):
        raise AirflowSkipException("the run was for the first model")
    look = _watch(lake).last_look() if drift else None
    if look is not None and not look.retraining_due:
        waiting = ChallengerBook(lake).within(Phase.WAITING)
        asked = any(one.steps[-1].by == "recalibration" for one in waiting)
        if not asked and any(alarm.kind in RECALIBRATED for alarm in look.standing):
            return recalibrate_champion(lake, _registry(lake), "a changed alert rate").model_dump(mode="json")
        raise AirflowSkipException(
            "no retraining answers this drift, or it is planned for later: drift/episode.json"
        )
    why = "drift" if drift else "the calendar" if run_type == "scheduled" else f"a wish of {by}"
    seed = int(params.get("seed", 0))
    try:
        days = RetrainingSettings().train_days if drift else None
        made = retrain(lake, _registry(lake), _wanted(), why, TrainingSettings(seed=seed), days)
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
    """Compare with the champion; returns who moved where.

    Raises
    ------
    AirflowSkipException
        Nobody moved, or the last comparison was only just made.
    """
    os.nice(10)
    lake, wanted = _lake(), _wanted()
    last = lake.read_json("cursors/comparison.json")
    now = datetime.now(UTC)
    if last and (now - datetime.fromisoformat(last["at"])).total_seconds() < wanted.compare_minutes * 60:
        raise AirflowSkipException(
            f"compared at {last['at']}; at most once in {wanted.compare_minutes:g} minutes"
        )
    moved = _promotions(lake).judge()
    lake.write_json("cursors/comparison.json", {"at": now.isoformat()})
    if not moved:
        raise AirflowSkipException("nobody moved")
    for one in moved:
        _tell_of_step(one)
    return {one.version: str(one.phase) for one in moved}


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
    return {"version": one.version, "body": _evidence(one)}


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
    (choice,) = answer["chosen_options"]
    user = answer.get("responded_by_user") or {}
    name = (user.get("name") or user.get("id")) if isinstance(user, Mapping) else getattr(user, "name", None)
    lake = _lake()
    steps = _promotions(lake)
    if name is None or choice == REJECT:
        reason = "rejected" if name else "nobody answered in time"
        after = steps.reject(version, by=name or NOBODY, reason=reason)
    else:
        share = steps.wanted.share if choice == PROMOTE_SHARE else 1.0
        after = steps.promote(version, by=name, reason=choice, share=share)
    _tell_of_step(after)
    if after.phase is Phase.REJECTED:
        raise AirflowSkipException(f"{version} is rejected by {name or NOBODY}")  # no event of the model
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
    if not evaluation:
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
        "| | champion | challenger |",
        "|---|---|---|",
        f"| frauds flagged, of {found.get('frauds')} known in {found.get('rows'):,} transactions "
        f"| {found.get('champion_caught')} | {found.get('challenger_caught')} |",
        f"| flagged by this one alone | {found.get('only_champion')} | {found.get('only_challenger')} |",
        f"| average precision | {_number(found.get('champion_average_precision'))} "
        f"| {_number(found.get('challenger_average_precision'))} |",
        "",
        f"Same transactions, each may flag {found.get('budget', 0):.1%}. Chance of this if both were equally good: "
        f"{min(found.get('p_worse', 1), found.get('p_better', 1)):.3g}.",
        "",
        f"On history, before it was trained: average precision {_number(evaluation.get('average_precision'))} on "
        f"{evaluation.get('rows'):,} transactions with {evaluation.get('frauds')} frauds "
        f"({evaluation.get('reason')}).",
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
    _tell(f"drift:{','.join(alarm.id for alarm in alarms)}", f"Drift: {len(alarms)} new alarms", lines)


def _tell_of_step(one: Challenger) -> None:
    step = one.steps[-1]
    try:
        _tell(
            f"step:{one.version}:{len(one.steps)}",
            f"Model {one.version}: {step.phase}",
            [f"{step.reason}\nBy {step.by}, {step.at:%Y-%m-%d %H:%M} UTC."],
        )
    except DeliveryFailure as failure:
        # The step is taken and on record; a second try of this task would not find it any more.
        log.error("nobody could be told that %s is %s: %s", one.version, step.phase, failure)


def _tell(key: str, subject: str, paragraphs: Sequence[str]) -> None:
    """Mail the model owner. The same key is the same message: the receiver can drop a repetition."""
    identity = uuid.uuid5(NAMESPACE, f"owner:{key}")
    recipient, now = _wanted().owner, datetime.now(UTC)
    notice = {"to": recipient, "subject": subject, "text": list(paragraphs), "at": now.isoformat()}
    _lake().write_json(f"notices/{identity}.json", notice)
    message = Message(
        delivery_id=identity,
        alert_id=identity,
        message_id=f"<{identity}@tidewatch>",
        recipient=recipient,
        language="en",
        subject=subject,
        text="\n\n".join(paragraphs),
        html="".join(f"<p>{escape(text)}</p>" for text in paragraphs),
        written_at=now,
    )
    for channel in open_channels()():
        try:
            channel.send(message)
        finally:
            channel.close()
