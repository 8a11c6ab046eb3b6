"""Decisions without history, for when the store of the past is away: made at once, marked, and made again later.

What can be said without it: the rules that hold on the transaction alone (amount, type, channel, country, time of day)
and on the lists. Everything that looks at the past is unknown, and an unknown never makes a rule hit.

A provisional decision is written beside the batch (``provisional/batch=…``), sealed in a chain of its own, and never
moves the ledger's cursor: states, alerts, rows and totals are made of the batch's real scoring alone, in order, once
the store is back. So nothing is doubled or taken back; what the provisional pass said, and what became of it, stands
in the manifest of the scored batch.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import pyarrow as pa

from include.detection.scored import NO_HISTORY
from include.detection.scoring import Rules, score_batch
from include.features.compute import without_past
from include.governance.audit import AuditChain
from include.governance.audit_errors import AuditError
from include.governance.decisions import PROVISIONAL
from include.governance.incidents import raise_incident
from include.pipeline.batch_log import batch_numbers
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, accepted_file, batch_folder, partition_key

log = logging.getLogger(__name__)


class RulesInForce(Protocol):
    """Gives the rules; ``include.governance.rule_book`` has it."""

    def current(self) -> Any:
        """The rules in force."""
        ...


@dataclass(frozen=True, slots=True)
class Waiting:
    """Batches that are decided without history and wait to be scored.

    Attributes
    ----------
    alerts
        Transactions decided ALERT among them.
    """

    batches: int = 0
    transactions: int = 0
    alerts: int = 0


@dataclass(frozen=True, slots=True)
class Untold:
    """Provisional alerts nobody was told of.

    Attributes
    ----------
    batches
        Numbers of those that have any, rising.
    alerts
        The first of them, the oldest batch first.
    total
        How many there are.
    """

    batches: tuple[int, ...]
    alerts: tuple[Mapping[str, Any], ...]
    total: int


def provisional_file(batch: int) -> str:
    """Path of a batch's provisional decisions, ``scored_schema``."""
    return f"{batch_folder(PROVISIONAL, batch)}/data.parquet"


def accepted_and_due(lake: Lake) -> Iterator[tuple[int, pa.Table]]:
    """Batches that are accepted and not scored."""
    for batch in BatchLedger(lake).due(Stage.SCORED):
        yield batch, lake.read_table(accepted_file(batch))


def decide_without_history(
    lake: Lake, rules: RulesInForce, batches: Iterable[tuple[int, pa.Table]]
) -> list[int]:
    """Decide batches that were not yet decided like this; returns their numbers.

    Idempotent: a batch with a manifest is left as it is; one that was cut off before is decided again.

    Parameters
    ----------
    batches
        Number and ``ACCEPTED_SCHEMA`` rows: of ``accepted_and_due``, or read ahead and not accepted yet, see
        ``include.spark.process_batch``.
    """
    ledger, done = BatchLedger(lake), []
    for batch, rows in batches:
        if ledger.manifest(PROVISIONAL, batch) is not None:
            continue
        in_force, now = rules.current(), datetime.now(UTC)
        decided = without_history(rows, in_force, now)
        lake.write_table(provisional_file(batch), decided)
        counts = Counter(decided["decision"].to_pylist())
        manifest = {
            "batch": batch,
            "counts": {"decided": decided.num_rows, "alerts": counts["ALERT"], "reviews": counts["REVIEW"]},
            "level": NO_HISTORY,
            "ruleset": in_force.version,
            "lists": in_force.lists,
            "scored_at": now.isoformat(),
            "completed_at": datetime.now(UTC).isoformat(),
        }
        _seal(lake, batch, manifest)
        lake.write_json(f"{batch_folder(PROVISIONAL, batch)}/manifest.json", manifest)
        log.warning("batch %s is decided without history: %s", batch, dict(counts))
        done.append(batch)
    return done


def without_history(accepted: pa.Table, rules: Rules, scored_at: datetime) -> pa.Table:
    """Scored table of a batch of which the past is not known; level ``NO_HISTORY``."""
    return score_batch(accepted, without_past(accepted), None, rules, scored_at, level=NO_HISTORY)


def waiting_for_history(lake: Lake) -> Waiting:
    """What is decided without history and has not been scored yet."""
    found = list(_unscored(lake).values())
    return Waiting(
        len(found),
        sum(one["counts"]["decided"] for one in found),
        sum(one["counts"]["alerts"] for one in found),
    )


def what_became_of_it(lake: Lake, batch: int, scored: pa.Table) -> Mapping[str, Any]:
    """For the manifest of a scored batch: what its provisional pass had said; nothing if there was none."""
    manifest = BatchLedger(lake).manifest(PROVISIONAL, batch)
    if manifest is None:
        return {}
    before = alerts_in(lake.read_table(provisional_file(batch), ["transaction_id", "decision"]))
    now = alerts_in(scored)
    return {
        "provisional": {
            "level": NO_HISTORY,
            "scored_at": manifest["scored_at"],
            "alerts_confirmed": len(before & now),
            "alerts_withdrawn": len(before - now),
            "alerts_found_later": len(now - before),
        }
    }


def alerts_in(scored: pa.Table) -> set[str]:
    """Ids of the transactions decided ALERT."""
    pairs = zip(scored["transaction_id"].to_pylist(), scored["decision"].to_pylist(), strict=True)
    return {name for name, decision in pairs if decision == "ALERT"}


def untold_alerts(lake: Lake, limit: int = 50) -> Untold:
    """Provisional alerts nobody was told of, at most ``limit`` of them one by one.

    Told of by ``note_told``. What was scored meanwhile is left out: its alerts go their usual way.
    """
    told = int((lake.read_json(_TOLD) or {}).get("next_batch", 0))
    batches: list[int] = []
    rows: list[Mapping[str, Any]] = []
    total = 0
    for batch, manifest in _unscored(lake).items():
        if batch < told or not manifest["counts"]["alerts"]:
            continue
        batches.append(batch)
        total += manifest["counts"]["alerts"]
        if len(rows) < limit:
            columns = ["transaction_id", "amount", "currency", "severity", "rule_hits", "decision"]
            table = lake.read_table(provisional_file(batch), columns)
            rows += [row for row in table.to_pylist() if row["decision"] == "ALERT"]
    return Untold(tuple(batches), tuple(rows[:limit]), total)


def note_told(lake: Lake, batch: int) -> None:
    """Note that people were told of the provisional alerts up to and with ``batch``."""
    lake.write_json(_TOLD, {"next_batch": batch + 1})


def _unscored(lake: Lake) -> dict[int, Mapping[str, Any]]:
    """Manifests of the batches that are decided without history and not scored, by number, rising."""
    ledger = BatchLedger(lake)
    scored = ledger.cursor(Stage.SCORED).next_batch
    numbers = [number for number in batch_numbers(lake, PROVISIONAL) if number >= scored]
    return {
        number: manifest
        for number in numbers
        if (manifest := ledger.manifest(PROVISIONAL, number)) is not None
    }


_TOLD = "watch/provisional_told.json"


def _seal(lake: Lake, batch: int, manifest: Mapping[str, Any]) -> None:
    """Append what was decided to the chain ``provisional``; if that fails it is decided all the same."""
    path = provisional_file(batch)
    content = {
        "batch": batch,
        "files": {path: {"sha256": lake.sha256(path)}},
        "versions": {name: manifest[name] for name in ("level", "ruleset", "lists", "scored_at")},
    }
    try:
        AuditChain(lake, PROVISIONAL).append(
            key=f"batch={partition_key(batch)}",
            kind="batch decided without history",
            actor="score_transactions",
            subject=f"batch {batch}",
            content=content,
        )
    except AuditError as error:
        raise_incident(lake, "audit", f"batch {batch}, decided without history, has no seal: {error}")
