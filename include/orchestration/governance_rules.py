"""Bodies of the tasks that change rules and lists, and of those that back-test.

Whatever writes to the books runs in Airflow's pool ``govern``, which has one slot: there is one writer.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from airflow.sdk.exceptions import AirflowSkipException
from pydantic import BaseModel, ValidationError

from include.governance.audit import record_action
from include.governance.errors import BacktestDiffers, ChangeRefused
from include.governance.list_entries import ListEntry
from include.governance.rule_book import RuleBook
from include.governance.rule_life import ChangeKind, RuleLife, Step
from include.governance.rule_steps import RuleSteps
from include.orchestration.approval import APPROVE, Answer
from include.orchestration.connections import spark_session
from include.orchestration.run_parameters import Backtest, ListChange, Moment, ReplayedTime, RuleChange
from include.orchestration.variables import checked, reasons_of
from include.pipeline.backtest_page import backtest_page, backtest_words
from include.pipeline.backtest_record import BacktestRecord, write_record
from include.pipeline.backtest_replay import Order
from include.pipeline.backtest_run import backtest
from include.pipeline.models import rule_book
from include.pipeline.rule_shadow import shadow_figures
from include.pipeline.rule_texts import rule_text
from include.pipeline.training_set import newest
from include.rules.columns import rule_columns
from include.rules.loader import rule_id_of
from include.settings import settings
from include.spark.backtest import SparkEngine
from include.stores.lake.files import Lake

#: A draft is back-tested on so many newest days if the run does not say on which: a lake of months would take hours.
_BACKTEST_DAYS = 14

log = logging.getLogger(__name__)
P = TypeVar("P", bound=BaseModel)


class _ListTimes(BaseModel):
    """Times as people type them."""

    valid_from: Moment = None
    valid_until: Moment = None


@dataclass(frozen=True, slots=True)
class _Desk:
    """The lake and its books."""

    lake: Lake
    book: RuleBook
    steps: RuleSteps

    @classmethod
    def open(cls) -> _Desk:
        lake = Lake(settings().lake)
        book = rule_book(lake)
        return cls(lake, book, RuleSteps(lake, book, rule_columns()))


def author_of(params: Mapping[str, Any], dag_run: Any) -> str:
    """Who wants the change: the user who triggered the run; the parameter counts only if there is none.

    Raises
    ------
    ChangeRefused
        Nobody is named.
    """
    author = str(getattr(dag_run, "triggering_user_name", None) or params.get("author") or "")
    if not author.strip():
        raise ChangeRefused(
            "expected an author, got a run without a user and without the parameter author; trigger it as a user, "
            "or name the author"
        )
    return author


def check_draft(params: Mapping[str, Any], dag_run: Any) -> str:
    """Check the draft and begin its change; returns the rule's id.

    Raises
    ------
    ChangeRefused
        The text is broken, changes nothing, or nobody is its author.
    """
    desk, wanted = _Desk.open(), _checked(RuleChange, params)
    text = wanted.rule if wanted.kind is ChangeKind.RETIRE else rule_text(wanted.rule)
    step = desk.steps.draft(dag_run.run_id, author_of(params, dag_run), text, wanted.share, wanted.kind)
    log.info("%s wants to %s the rule %s", step.author, wanted.kind, step.rule_id)
    return step.rule_id


def backtest_draft(rule_id: str, params: Mapping[str, Any], dag_run: Any) -> dict[str, Any]:
    """Back-test the draft of a change; returns where it is, and the figures an approver needs."""
    desk = _Desk.open()
    drafts = [step for step in RuleLife(desk.lake, rule_id).of(dag_run.run_id) if step.step is Step.DRAFT]
    if not drafts:
        raise ChangeRefused(f"expected a draft of {rule_id}, found none; clear the task check_draft")
    draft = drafts[0]
    text = "" if draft.kind is ChangeKind.RETIRE else draft.text
    period = _checked(ReplayedTime, params)
    since, until = period.since, period.until
    if since is None and (end := until or newest(desk.lake)) is not None:
        since = end - timedelta(days=_BACKTEST_DAYS)
    record = _backtest(desk.lake, Order(since, until, rule_id, text, draft.share), None, dag_run.run_id)
    return {
        "backtest": record.backtest_id,
        "transactions": record.rows,
        "differs": record.differs,
        "words": backtest_words(record),
    }


def start_shadow(rule_id: str, evidence: Mapping[str, Any], dag_run: Any) -> None:
    """Record the back-test and put the draft into the shadow stage."""
    step = _Desk.open().steps.start_shadow(dag_run.run_id, rule_id, evidence)
    log.info("%s: %s", step.step, step.detail)


def shadow_is_over(rule_id: str, params: Mapping[str, Any], dag_run: Any) -> bool:
    """Whether enough batches were scored with the draft in the shadow."""
    change = _checked(RuleChange, params)
    wanted = change.shadow_batches
    if wanted == 0 or change.kind is ChangeKind.RETIRE:
        return True
    seen = _Desk.open().steps.shadow(dag_run.run_id, rule_id)
    log.info("in the shadow: %s of %s batches", len(seen), wanted)
    return len(seen) >= wanted


def judge_shadow(rule_id: str, evidence: Mapping[str, Any], dag_run: Any) -> str:
    """The evidence for whoever approves, in Markdown."""
    desk = _Desk.open()
    life = RuleLife(desk.lake, rule_id).of(dag_run.run_id)
    if not life:
        raise ChangeRefused(f"expected a change of {rule_id}, found none; clear the task check_draft")
    draft = life[0]
    share = "" if draft.share == 1 else f" for {draft.share:.0%} of the accounts"
    lines = [
        f"**{draft.author}** wants to {draft.kind} the rule **{rule_id}**{share}. "
        "It takes somebody else to approve.",
        "",
        str(evidence["words"]),
    ]
    if draft.kind is ChangeKind.CHANGE:
        seen = shadow_figures(desk.lake, draft, desk.steps.shadow(dag_run.run_id, rule_id))
        lines += ["", f"**Shadow**: {seen.words()}.", "", *_quoted(draft.text)]
    return "\n".join(lines)


def _quoted(text: str) -> list[str]:
    """A text as a block of code that no line of it can end."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}sql", text.strip(), fence]


def decide(rule_id: str, answer: Mapping[str, Any] | None, dag_run: Any) -> None:
    """Put the change in force, or end it, as was answered.

    Raises
    ------
    ChangeRefused
        The approver is the author.
    AirflowSkipException
        It was rejected, or nobody answered in time; the shadow is ended.
    """
    given = Answer.of(answer)
    approved = given.option == APPROVE
    step = _Desk.open().steps.decide(dag_run.run_id, rule_id, given.by, approved=approved)
    if not approved:
        raise AirflowSkipException(f"{rule_id}: {step.detail.get('words')} ({step.by})")
    log.info("%s is %s from the next batch on, approved by %s", rule_id, step.step, step.by)


def run_backtest(params: Mapping[str, Any], dag_run: Any) -> str:
    """Back-test a draft, or the live set as it was; returns the folder in the lake.

    Raises
    ------
    BacktestDiffers
        The live set, replayed, decides otherwise than it did; the page says in which batches.
    """
    lake, wanted = Lake(settings().lake), _checked(Backtest, params)
    text = rule_text(wanted.rule) if wanted.rule else ""
    rule_id = rule_id_of(text) if text else ""
    order = Order(wanted.since, wanted.until, rule_id, text, wanted.share)
    record = _backtest(lake, order, wanted.labels_as_of, dag_run.run_id)
    log.info("%s", backtest_words(record))
    if record.differs:
        raise BacktestDiffers(
            f"expected the live set, replayed, to decide as it did, got {record.differs} transactions on which it "
            f"does not, in the batches {record.differs_in}; look at backtests/{record.backtest_id}/backtest.html"
        )
    return f"backtests/{record.backtest_id}"


def change_list(params: Mapping[str, Any], dag_run: Any) -> int:
    """Add entries to the lists or end them; returns the number of the change.

    Raises
    ------
    ChangeRefused
        An entry makes no sense, or nobody is the author.
    """
    desk, author = _Desk.open(), author_of(params, dag_run)
    entries = list_entries(params, datetime.now(UTC))
    number = desk.book.lists.append(author, entries, key=dag_run.run_id)
    subject = f"{entries[0].list} {entries[0].subject} {entries[0].value}" if len(entries) == 1 else "lists"
    # What stands in the book: a second try of this task made entries of another moment, which were not added.
    there = desk.book.lists.change(number).entries
    detail = {"change": number, "entries": [entry.model_dump(mode="json") for entry in there[:20]]}
    key = f"lists:{number}"
    record_action(desk.lake, author, "list.changed", subject, detail | {"count": len(there)}, key=key)
    log.info("change %s of the lists by %s: %s entries", number, author, len(entries))
    return number


def list_entries(params: Mapping[str, Any], now: datetime) -> Sequence[ListEntry]:
    """The entries a run was triggered with: several, or the one its other parameters make up.

    Raises
    ------
    ChangeRefused
        One makes no sense, with every reason.
    """
    one = {name: params.get(name) for name in ListEntry.model_fields}
    given = _checked(ListChange, {"entries": params.get("entries") or [one]}).entries
    made = []
    for place, line in enumerate(given, start=1):
        values = {name: value for name, value in line.items() if value not in (None, "")}
        values.setdefault("valid_from", now)
        if values.get("kind") == "END":
            values.setdefault("valid_until", now)
        try:
            times = _ListTimes.model_validate(values).model_dump(exclude_none=True)
            made.append(ListEntry.model_validate(values | times))
        except (ValidationError, RecursionError) as error:
            reasons = (
                reasons_of(error)
                if isinstance(error, ValidationError)
                else "expected values, got nested lists"
            )
            raise ChangeRefused(f"entry {place} of {len(given)}: {reasons}; trigger the run again") from error
    return made


def _backtest(lake: Lake, order: Order, as_of: datetime | None, key: str) -> BacktestRecord:
    engine = SparkEngine(lambda: spark_session(lake))
    record = backtest(lake, order, engine, as_of, key)
    write_record(lake, record, backtest_page(record))
    return record


def _checked(kind: type[P], params: Mapping[str, Any]) -> P:
    return checked("the parameters of the run", kind, dict(params))
