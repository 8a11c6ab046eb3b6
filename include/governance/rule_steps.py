"""The steps of a rule's life and the book together: what each step changes, and the record it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from include.governance.audit import record_action
from include.governance.errors import ChangeRefused
from include.governance.rule_book import RuleBook
from include.governance.rule_entry import RuleEntry, Stage, put, take_out
from include.governance.rule_life import ChangeKind, LifeStep, RuleLife, Step
from include.governance.shadow import shadow_batches
from include.rules.errors import RuleSetError
from include.rules.loader import check_rule, rule_id_of
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger
from include.stores.lake.ledger import Stage as BatchStage


class RuleSteps:
    """Takes the steps. There is one writer at a time (Airflow's pool ``govern``).

    A step taken twice is one step. Its record may be there twice after a crash, but is never missing.
    """

    def __init__(self, lake: Lake, book: RuleBook, columns: Mapping[str, Any]) -> None:
        self._lake = lake
        self._book = book
        self._columns = columns

    def draft(self, change: str, author: str, text: str, share: float, kind: ChangeKind) -> LifeStep:
        """Begin a change.

        Parameters
        ----------
        text
            The rule file; to retire a rule its id is enough.

        Raises
        ------
        ChangeRefused
            The text is broken, changes nothing, or is of a rule that is not live and is to be retired.
        """
        live = {entry.rule_id: entry for entry in self._entries() if entry.stage is Stage.LIVE}
        rule_id = text if kind is ChangeKind.RETIRE else rule_id_of(text)
        if begun := RuleLife(self._lake, rule_id).of(change) if rule_id else ():
            self._record(begun[0])  # the first try may have been killed before
            return begun[0]
        if kind is ChangeKind.RETIRE:
            if text not in live:
                raise ChangeRefused(
                    f"expected the id of a live rule to retire, got {text!r}; live are: {', '.join(sorted(live))}"
                )
            entry = live[text]
            rule_id, text, share = entry.rule_id, entry.text, entry.share
        else:
            rule_id = self._check(text, share, live)
        life = RuleLife(self._lake, rule_id)
        step = life.draft(change, author, text, share, kind)
        self._record(step)
        return step

    def start_shadow(self, change: str, rule_id: str, evidence: Mapping[str, Any]) -> LifeStep:
        """Record the back-test, and put the draft into the shadow stage (of one that is to be retired: only record).

        Parameters
        ----------
        evidence
            The figures of the back-test.
        """
        life = RuleLife(self._lake, rule_id)
        tested = life.backtested(change, self._author(life, change), evidence)
        self._record(tested)
        if tested.kind is ChangeKind.RETIRE:
            return tested
        entry = _entry(tested, Stage.SHADOW)
        first_batch = BatchLedger(self._lake).cursor(BatchStage.SCORED).next_batch
        version = self._book.activate(
            put(self._entries(), entry), tested.author, f"shadow of {rule_id}, change {change}"
        )
        step = life.shadow(change, tested.author, {"ruleset": version, "first_batch": first_batch})
        self._record(step)
        return step

    def shadow(self, change: str, rule_id: str) -> tuple[int, ...]:
        """The batches that were scored with it in the shadow so far."""
        life = RuleLife(self._lake, rule_id)
        started = [step for step in life.of(change) if step.step is Step.SHADOW]
        if not started:
            return ()
        (step,) = started
        return shadow_batches(self._lake, self._book, rule_id, step.text, int(step.detail["first_batch"]))

    def decide(self, change: str, rule_id: str, approver: str, *, approved: bool) -> LifeStep:
        """Put an approved change in force from the next batch on, or end one that was not approved.

        Raises
        ------
        ChangeRefused
            The approver is the author or nobody, a step is missing, or a newer change has overtaken this one.
        """
        life = RuleLife(self._lake, rule_id)
        if not approved:
            return self._reject(life, change, approver)
        step = life.approve(change, approver)
        self._record(step)
        # A task that is repeated after the whole step must not put back what has changed since.
        done = [taken for taken in life.of(change) if taken.step in (Step.LIVE, Step.RETIRED)]
        if done:
            self._record(done[0])  # the first try may have been killed before
            return done[0]
        entries = take_out(self._entries(), rule_id, Stage.SHADOW)
        if step.kind is ChangeKind.RETIRE:
            entries = take_out(entries, rule_id, Stage.LIVE)
        else:
            entries = put(entries, _entry(step, Stage.LIVE, approver))
        version = self._book.activate(entries, step.author, f"{step.kind} of {rule_id}, {change}", approver)
        finish = life.retired if step.kind is ChangeKind.RETIRE else life.live
        step = finish(change, approver, {"ruleset": version})
        self._record(step)
        return step

    def _reject(self, life: RuleLife, change: str, by: str) -> LifeStep:
        step = life.reject(change, by or "nobody", {"words": "rejected" if by else "not answered in time"})
        entries = self._entries()
        if _entry(step, Stage.SHADOW) in entries:
            self._book.activate(
                take_out(entries, life.rule_id, Stage.SHADOW),
                step.author,
                f"end of the shadow of {life.rule_id}, change {change} was not approved",
            )
        self._record(step)
        return step

    def _check(self, text: str, share: float, live: Mapping[str, RuleEntry]) -> str:
        try:
            rule = check_rule(text, self._columns)
        except RuleSetError as error:
            raise ChangeRefused(
                f"expected the text of a sound rule, got {error}; correct the draft"
            ) from error
        before = live.get(rule.rule_id)
        if before is None:
            return rule.rule_id
        if (before.text, before.share) == (text, share):
            raise ChangeRefused(
                f"expected a change of {rule.rule_id}, got what is live already; change the text or the share"
            )
        known = check_rule(before.text, self._columns).version
        if before.text != text and rule.version <= known:
            raise ChangeRefused(
                f"expected a version above {known} in the header of {rule.rule_id}, for its text is another, got "
                f"{rule.version}; count up"
            )
        return rule.rule_id

    def _entries(self) -> tuple[RuleEntry, ...]:
        """Of the set activated last, which has to be sound: to build on an older one would lose what came after."""
        entries = self._book.entries()
        if self._book.problems:
            raise ChangeRefused(
                "expected a rule book without problems, so that no approved rule is lost by going on from an "
                f"older set, got: {'; '.join(self._book.problems)}"
            )
        return entries

    def _author(self, life: RuleLife, change: str) -> str:
        steps = life.of(change)
        return steps[0].author if steps else ""

    def _record(self, step: LifeStep) -> None:
        detail = {"change": step.change, "kind": str(step.kind), "author": step.author, "share": step.share}
        action, key = f"rule.{step.step.lower()}", f"{step.rule_id}:{step.change}:{step.step}"
        record_action(self._lake, step.by, action, step.rule_id, detail | step.detail, key=key)


def _entry(step: LifeStep, stage: Stage, approver: str = "") -> RuleEntry:
    return RuleEntry(
        rule_id=step.rule_id,
        text=step.text,
        stage=stage,
        share=step.share,
        author=step.author,
        approved_by=approver,
    )
