"""Recomputes a decision from the log and holds it against what is stored, field by field.

The states before the batch are computed from the accepted batches, as parity does it; the batch itself is
scored by the production code with the labels, the model, the rules and the moment it was scored with. Every
file that is read on the way is held against its seal, so that a difference comes with the file that was
changed, if one was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.detection.errors import DetectionError
from include.detection.registry import ModelRegistry
from include.detection.scoring import Rules
from include.features.engine import FeatureEngine
from include.features.errors import FeatureError
from include.governance.audit import AuditBroken, AuditProblem
from include.governance.decisions import seal_of
from include.governance.errors import GovernanceError
from include.governance.seal_check import seal_problems
from include.pipeline.batch_log import BatchLog, batch_numbers
from include.pipeline.replay_compare import Part, compare_rows
from include.pipeline.scoring import Configuration, Models, score_table
from include.rules.errors import RulesError
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, accepted_file, scored_file
from include.stores.ports import StateStore

#: What the batch was scored with, the seal's word before the manifest's → the rules it names, or those at hand.
RulesFor = Callable[[Mapping[str, Any]], Rules]

_UNREADABLE = (OSError, pa.ArrowException)


class ReplayError(Exception):
    """A decision cannot be replayed."""


class UnknownTransaction(ReplayError):
    """No batch of the lake has the transaction."""


class NoStates(ReplayError):
    """The lake reaches back to no states that the batch could be computed from."""


@dataclass(frozen=True, slots=True)
class ReplayBatch:
    """A batch to be scored as it was then.

    Attributes
    ----------
    states
        As they were before the batch; gets those after it.
    facts
        What it was scored with: ``model``, ``scored_at``, ``rulesets`` (those its rows name) and what else the
        seal and the manifest have.
    """

    number: int
    accepted: pa.Table
    labels: pa.Table | None
    states: StateStore
    facts: Mapping[str, Any]


#: Scores a batch as it was then; row i of the answer is row i of ``accepted``.
Rescore = Callable[[ReplayBatch], pa.Table]


@dataclass(frozen=True, slots=True)
class Replay:
    """What became of a replay.

    Attributes
    ----------
    start
        The batch whose states were started from; None if it did not come to that.
    parts
        What was compared; empty if it could not be computed.
    problems
        Files and records that are not what was sealed.
    notes
        What explains a difference, and is none.
    broken_off
        Why nothing could be compared; None if it was.
    """

    transaction_id: str
    batch: int
    stored: Mapping[str, Any] = field(default_factory=dict)
    start: int | None = None
    parts: tuple[Part, ...] = ()
    problems: tuple[AuditProblem, ...] = ()
    notes: tuple[str, ...] = ()
    broken_off: str | None = None

    @property
    def same(self) -> bool:
        """Whether the decision was recomputed to the byte, from files that are as they were sealed."""
        compared = bool(self.parts) and all(part.same for part in self.parts)
        return compared and not self.problems and self.broken_off is None


def replay(
    lake: Lake,
    transaction_id: str,
    rescore: Rescore,
    *,
    batch: int | None = None,
    whole: bool = False,
) -> Replay:
    """Recompute the decision on a transaction.

    Parameters
    ----------
    rescore
        See ``as_then``.
    batch
        Where the transaction is, if that is known; looked for in the lake if not, or if it is not there.
    whole
        Start from the lake's first batch, not from the newest states that a clean parity check kept.

    Raises
    ------
    UnknownTransaction
        No batch that is in the lake has it.
    """
    number, unreadable = _find(lake, transaction_id, batch)
    problems, facts = list(unreadable), {}
    start = None
    stored: Mapping[str, Any] = {}
    try:
        start = _start(lake, number, whole)
        for each in range(start, number + 1):
            problems += seal_problems(lake, each)
        scored = lake.read_table(scored_file(number))
        stored = _row(scored, transaction_id)
        facts = _facts(lake, number, stored)
        accepted, recomputed = _recompute(lake, start, number, facts, rescore)
        made = recomputed.filter(pc.equal(accepted["transaction_id"], transaction_id))
        parts = compare_rows(scored, transaction_id, made)
    except (
        *_UNREADABLE,
        ReplayError,
        AuditBroken,
        DetectionError,
        FeatureError,
        RulesError,
        GovernanceError,
        ValueError,
    ) as error:
        why = f"{type(error).__name__}: {error}"
        return Replay(transaction_id, number, stored, start, (), _distinct(problems), (), why)
    return Replay(
        transaction_id, number, stored, start, parts, _distinct(problems), tuple(_notes(stored, made))
    )


def as_then(registry: ModelRegistry, rules_for: RulesFor) -> Rescore:
    """Scores a batch with the models that it was scored with.

    Parameters
    ----------
    rules_for
        The rules of a batch. If they are of another version than the batch's, that shows, and is said.
    """

    def rescore(batch: ReplayBatch) -> pa.Table:
        if missing := {"model", "scored_at", "ruleset", "lists"} - set(batch.facts):
            raise ReplayError(
                f"expected what batch {batch.number} was scored with in its seal or its manifest, got no "
                f"{' and no '.join(sorted(missing))}; score the batch again to have it written"
            )
        configuration = Configuration.of(batch.facts)
        return score_table(
            batch.accepted,
            batch.number,
            batch.states,
            Models.of(configuration, registry),
            rules_for(batch.facts),
            configuration.scored_at,
            batch.labels,
        )

    return rescore


def _recompute(
    lake: Lake, start: int, number: int, facts: Mapping[str, Any], rescore: Rescore
) -> tuple[pa.Table, pa.Table]:
    """The accepted batch, and the same scored anew."""
    batch_log = BatchLog(lake)
    states = batch_log.states(start)
    engine = FeatureEngine(states)
    for batch in batch_log.batches(states, start, number + 1):
        if batch.number < number:
            engine.commit(engine.run(batch.accepted, batch.number, batch.labels), batch.number)
            continue
        return batch.accepted, rescore(ReplayBatch(batch.number, batch.accepted, batch.labels, states, facts))
    raise NoStates(f"expected batch {number} at or after batch {start}, got none")  # start <= number


def _start(lake: Lake, number: int, whole: bool) -> int:
    batch_log = BatchLog(lake)
    first = batch_log.first()
    starts = batch_log.starts(0 if first is None else first, number)
    if not starts:
        raise NoStates(
            f"expected batch 0 in the lake, or the states a clean parity check kept at batch {number} or "
            f"earlier, got batches from {first} on and neither: retention has deleted what it would start "
            "from; put the older batches back, or ask for a younger transaction"
        )
    return starts[0] if whole else starts[-1]


def _facts(lake: Lake, number: int, stored: Mapping[str, Any]) -> dict[str, Any]:
    """What a batch was scored with; the seal's word counts before that of the manifest, which may be changed."""
    facts = dict(BatchLedger(lake).manifest(Stage.SCORED, number) or {})
    facts["rulesets"] = [stored["ruleset_version"]] if "ruleset_version" in stored else []
    # A seal that was changed is a problem already, and says nothing here.
    with suppress(AuditBroken):
        if (seal := seal_of(lake, number)) is not None:
            facts |= seal.content["versions"]
            facts["rulesets"] = list(seal.content["rulesets"])
    return facts


def _notes(stored: Mapping[str, Any], made: pa.Table) -> Iterator[str]:
    then = stored.get("ruleset_version")
    now = made["ruleset_version"][0].as_py() if made.num_rows else then
    if then is not None and then != now:
        yield (
            f"decided with rule set {then}; at hand is {now}, so rule hits, decision and reasons are those "
            f"of other rules: put the rule files of {then} back to compare them"
        )


def _find(lake: Lake, transaction_id: str, hint: int | None) -> tuple[int, list[AuditProblem]]:
    """The batch a transaction is in, and the files that could not be read while looking for it."""
    unreadable: dict[str, AuditProblem] = {}

    def has(path: str) -> bool:
        try:
            ids = lake.read_table(path, ["transaction_id"])["transaction_id"]
        except FileNotFoundError:
            return False
        except (*_UNREADABLE, KeyError) as error:
            unreadable[path] = AuditProblem(path, f"expected Parquet with transaction_id, got {error}")
            return False
        return bool(pc.any(pc.equal(ids, transaction_id)).as_py())

    there = batch_numbers(lake, str(Stage.ACCEPTED))
    # A decision that was removed, or whose id was changed, is still in the log.
    for file in (scored_file, accepted_file):
        for number in ([hint] if hint is not None else []) + there[::-1]:
            if has(file(number)):
                # What else cannot be read is for verify-audit to tell.
                return number, [
                    unreadable[path]
                    for path in (scored_file(number), accepted_file(number))
                    if path in unreadable
                ]
    kept = f"those from {there[0]} to {there[-1]}" if there else "none"
    broken = f"; not readable: {', '.join(unreadable)}" if unreadable else ""
    raise UnknownTransaction(
        f"expected the id of a transaction in one of the lake's batches ({kept}), got {transaction_id!r}"
        f"{broken}; check the id, or whether retention has deleted its batch"
    )


def _row(table: pa.Table, transaction_id: str) -> dict[str, Any]:
    found = np.flatnonzero(pc.equal(table["transaction_id"], transaction_id).to_numpy())
    return dict(table.slice(int(found[0]), 1).to_pylist()[0]) if len(found) else {}


def _distinct(problems: list[AuditProblem]) -> tuple[AuditProblem, ...]:
    return tuple(dict.fromkeys(problems))
