"""What becomes of challengers: judged in the shadow, put before a person, promoted, demoted.

Everything here reads the challengers' book and the registry, decides what follows and writes it down, with who
and why. The registry is moved first and the book after it: a step that was cut off in between is taken again
and finds the registry where it wanted it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from include.adaptation.comparison import Comparison, Standing
from include.adaptation.settings import AdaptationSettings
from include.detection.registry import ModelRegistry
from include.pipeline.challengers import SCORED, Challenger, ChallengerBook, Phase
from include.pipeline.shadow import compared, score_in_shadow
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage

log = logging.getLogger(__name__)

#: Puts an action on record, once a key: actor, action, subject, detail, key.
Record = Callable[[str, str, str, dict[str, Any], str], Any]

JUDGE = "comparison in the shadow"
PROBATION = "probation of the champion"


@dataclass(frozen=True, slots=True)
class Promotions:
    """The steps, and what they work on."""

    lake: Lake
    registry: ModelRegistry
    wanted: AdaptationSettings
    record: Record

    @property
    def book(self) -> ChallengerBook:
        """The challengers' book."""
        return ChallengerBook(self.lake)

    @property
    def _next_batch(self) -> int:
        return BatchLedger(self.lake).cursor(Stage.SCORED).next_batch

    def shadow(self) -> dict[str, int]:
        """Score in the shadow what is due; returns how many transactions each model was given."""
        done = {}
        for one in self._in_shadow():
            done[one.version] = score_in_shadow(self.lake, self.registry, one.version, one.since_batch)
            if one.phase is Phase.SHARE and (champion := self.registry.current()):
                # On the candidate's accounts nobody else says what the champion would have.
                score_in_shadow(self.lake, self.registry, champion.version, one.since_batch)
        return done

    def judge(self) -> list[Challenger]:
        """Compare challengers with the champion where there are enough labels; returns those that moved.

        A challenger that is worse is rejected; one that is not waits for a person. A champion that is
        worse than the one before it is demoted.
        """
        champion = self.registry.current()
        if champion is None:
            return []
        self._follow_registry(champion.version)
        moved = []
        for one in self._in_shadow():
            if one.phase is Phase.WAITING:
                continue
            found = compared(
                self.lake,
                one.version,
                champion.version,
                one.since_batch,
                self.wanted.alert_budget,
                self.wanted.shadow_frauds,
            )
            log.info("%s against champion %s: %s", one.version, champion.version, found.document())
            after = self._follow(one, champion.version, found)
            if after is not None:
                moved.append(after)
            if after is not None and after.phase is Phase.CHAMPION:
                break  # there is another champion now; the others are compared with it the next time
        return moved

    def _follow(self, one: Challenger, champion: str, found: Comparison) -> Challenger | None:
        """What follows from a comparison; None if nothing does yet."""
        evidence = found.document() | {"champion": champion}
        if one.phase is Phase.FORMER:
            if found.standing is Standing.BETTER:
                return self._demote(champion, one, evidence)
            if datetime.now(UTC) - one.since > timedelta(days=self.wanted.probation_days):
                return self._enter(one, Phase.ENDED, PROBATION, "the champion stood its probation", {})
            return None
        if found.standing is Standing.OPEN:
            return None
        if found.standing is Standing.WORSE:
            return self.reject(
                one.version, by=JUDGE, reason=f"worse than champion {champion}", evidence=evidence
            )
        return self._enter(one, Phase.WAITING, JUDGE, f"{found.standing} as champion {champion}", evidence)

    def waiting(self) -> Challenger | None:
        """The challenger that waits longest for somebody to decide."""
        found = self.book.within(Phase.WAITING)
        return min(found, key=lambda one: one.since) if found else None

    def promote(self, version: str, *, by: str, reason: str, share: float = 1.0) -> Challenger:
        """Let a challenger decide, from the next batch on, on all accounts or on a share of them.

        Raises
        ------
        PromotionRefused
            What the registry's gate says; the challenger goes on waiting.
        RegistryError, ModelRefused
            The model is not there any more, or must not be used.
        """
        next_batch = self._next_batch
        deployed = self.registry.deployed()
        there = deployed.candidate if share < 1 else deployed.champion
        if there is None or there.version != version:
            self.registry.load(version)  # before anybody relies on it
            self.registry.promote(version, share=share, by=by, reason=reason)
        before = self._champion_before(version)
        evidence = {"share": share, "former": before}
        for other in self.book.within(Phase.SHARE):
            if other.version != version:  # the registry knows one candidate
                self._enter(other, Phase.ENDED, by, f"{version} took its place", {})
        if share < 1:
            return self._enter(version, Phase.SHARE, by, reason, evidence, since_batch=next_batch)
        if before is not None:
            self._enter(before, Phase.FORMER, by, f"{version} took its place", {}, since_batch=next_batch)
        for other in self.book.within(Phase.FORMER):
            if other.version not in (version, before):
                self._enter(other, Phase.ENDED, by, f"{version} is champion now", {})
        self._compare_anew(version, by, next_batch)
        return self._enter(version, Phase.CHAMPION, by, reason, evidence, since_batch=next_batch)

    def reject(
        self, version: str, *, by: str, reason: str, evidence: dict[str, Any] | None = None
    ) -> Challenger:
        """End a challenger's way; if it decided on a share of the accounts, they go back to the champion."""
        deployed = self.registry.deployed()
        if deployed.candidate and deployed.champion and deployed.candidate.version == version:
            self.registry.promote(deployed.champion.version, by=by, reason=f"{version} is rejected: {reason}")
        return self._enter(version, Phase.REJECTED, by, reason, evidence or {})

    def _champion_before(self, version: str) -> str | None:
        """Who decided on all accounts before a model did; by the registry, so a second try finds the same."""
        before = [one.version for one in self.registry.promotions() if one.share == 1]
        return next((one for one in reversed(before) if one != version), None)

    def _follow_registry(self, champion: str) -> None:
        """Take the step in the book that a killed promotion or demotion took in the registry only."""
        there = self.book.get(champion)
        if there is None or there.phase is not Phase.CHAMPION:
            self._enter(champion, Phase.CHAMPION, "registry", "the registry's champion", {})
        for other in self.book.within(Phase.CHAMPION):
            if other.version != champion:
                self._enter(other, Phase.DEMOTED, "registry", f"{champion} is the registry's champion", {})

    def _demote(self, champion: str, former: Challenger, evidence: dict[str, Any]) -> Challenger:
        """Put the former champion in its place again."""
        reason = f"{former.version} finds more fraud than {champion}, which took its place"
        self.registry.promote(former.version, by=PROBATION, reason=reason)
        self._enter(champion, Phase.DEMOTED, PROBATION, reason, evidence)
        for other in self.book.within(Phase.SHARE):  # the registry has taken its share away
            self._enter(other, Phase.ENDED, PROBATION, f"{former.version} is champion again", {})
        self._compare_anew(former.version, PROBATION, self._next_batch)
        log.error("champion %s was demoted: %s", champion, reason)
        return self._enter(
            former.version, Phase.CHAMPION, PROBATION, reason, evidence, since_batch=self._next_batch
        )

    def _compare_anew(self, champion: str, by: str, next_batch: int) -> None:
        """Whoever waits was compared with another champion."""
        for other in self.book.within(Phase.WAITING):
            if other.version != champion:
                reason = f"to be compared with {champion}, which is champion now"
                self._enter(other, Phase.SHADOW, by, reason, {}, since_batch=next_batch)

    def _in_shadow(self) -> list[Challenger]:
        return self.book.within(*SCORED)

    def _enter(
        self,
        one: Challenger | str,
        phase: Phase,
        by: str,
        reason: str,
        evidence: dict[str, Any],
        since_batch: int | None = None,
    ) -> Challenger:
        version = one if isinstance(one, str) else one.version
        after = self.book.enter(
            version, phase, by=by, reason=reason, evidence=evidence, since_batch=since_batch
        )
        # Of the step in the book, also if that was taken by a try that was killed before it was on record.
        step = after.steps[-1]
        detail = {"reason": step.reason, **step.evidence}
        self.record(step.by, f"model: {phase}", version, detail, f"{version}:{len(after.steps)}")
        return after
