"""Scores batches: features, rules, models, one decision a transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol, Self

import numpy as np
import pyarrow as pa

from include.detection.bundle import ModelBundle
from include.detection.errors import ModelRefused, RegistryError
from include.detection.registry import ModelRegistry
from include.detection.scored import FULL, RULES_ONLY
from include.detection.scoring import Rules, score_batch
from include.features.engine import FeatureEngine
from include.features.labels import JOINED_LABEL_SCHEMA
from include.governance.audit import AuditError
from include.governance.decisions import seal_batch
from include.governance.incidents import clear_incident, raise_incident
from include.governance.shares import in_share
from include.pipeline.batch_log import labels_of
from include.pipeline.known_labels import labels_until, verdicts
from include.pipeline.provisional import what_became_of_it
from include.stores.lake.files import Lake
from include.stores.lake.ledger import (
    BatchLedger,
    Stage,
    accepted_file,
    labels_file,
    scored_file,
)
from include.stores.lake.work import Work, count_values, known_values
from include.stores.ports import StateStore


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that decides on a share of the accounts, on its way to all of them."""

    version: str
    share: float  # 0..1


@dataclass(frozen=True, slots=True)
class Configuration:
    """With what, and when, a batch is scored. A batch done again is done with what it was done with first."""

    model: str | None
    scored_at: datetime
    ruleset: str  # version of the rule set
    lists: int  # changes of lists that its rules see
    labels_until: int = 0  # first batch of labels that was not known
    candidate: Candidate | None = None

    def facts(self) -> dict[str, Any]:
        """As the manifest of the batch has it."""
        return {**asdict(self), "scored_at": self.scored_at.isoformat()}

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Self:
        """What a batch was scored with."""
        candidate = manifest.get("candidate")
        return cls(
            model=manifest["model"],
            scored_at=datetime.fromisoformat(manifest["scored_at"]),
            ruleset=manifest["ruleset"],
            lists=manifest["lists"],
            labels_until=manifest.get("labels_until", 0),
            # A seal has no floating-point numbers, but their text.
            candidate=Candidate(candidate["version"], float(candidate["share"])) if candidate else None,
        )


@dataclass(frozen=True, slots=True)
class Models:
    """The models of a configuration, loaded."""

    champion: ModelBundle | None
    candidate: ModelBundle | None = None
    share: float = 0.0

    @classmethod
    def of(cls, configuration: Configuration, registry: ModelRegistry) -> Self:
        """Load what a configuration names.

        Raises
        ------
        RegistryError, ModelRefused
            A model is not there any more, or must not be used.
        """
        champion = registry.load(configuration.model) if configuration.model else None
        candidate = configuration.candidate
        if candidate is None:
            return cls(champion)
        return cls(champion, registry.load(candidate.version), candidate.share)


def score_table(
    accepted: pa.Table,
    batch: int,
    states: StateStore,
    models: Models,
    rules: Rules,
    scored_at: datetime,
    labels: pa.Table | None = None,
) -> pa.Table:
    """Score one batch and write the states it leaves behind: the one function of every engine.

    Idempotent: it reads states of earlier batches only and writes its own under the batch's number.
    ``labels`` are those that have become known since the batch before, ``JOINED_LABEL_SCHEMA``.
    """
    engine = FeatureEngine(states)
    result = engine.run(accepted, batch, labels)
    with ThreadPoolExecutor(1, "states") as writing:
        # The states wait for the store, the models for the processor.
        written = writing.submit(engine.commit, result, batch)
        scored = _by_account(accepted, result.features, models, rules, scored_at)
        written.result()
    return scored


def _by_account(
    accepted: pa.Table, features: pa.Table, models: Models, rules: Rules, scored_at: datetime
) -> pa.Table:
    """Score each account by its model: a candidate's accounts stay with it from batch to batch."""
    if models.candidate is None:
        return score_batch(accepted, features, models.champion, rules, scored_at)
    chosen = in_share(accepted["account_id"], models.share, salt=models.candidate.version)
    parts, places = [], []
    for model, mask in ((models.champion, ~chosen), (models.candidate, chosen)):
        rows = pa.array(np.flatnonzero(mask))
        parts.append(score_batch(accepted.take(rows), features.take(rows), model, rules, scored_at))
        places.append(rows.to_numpy())
    order = np.argsort(np.concatenate(places), kind="stable")
    return pa.concat_tables(parts).take(pa.array(order))


class RuleSource(Protocol):
    """Where rules come from; ``include.governance.rule_book`` has it."""

    def current(self) -> VersionedRules:
        """The rules in force."""
        ...

    def load(self, version: str, lists_number: int) -> Rules:
        """Rules and lists as they were."""
        ...


class VersionedRules(Rules, Protocol):
    """Rules, and the lists they see."""

    @property
    def lists(self) -> int:
        """Number of list changes they see."""
        ...


class Scorer(Protocol):
    """Where a batch is scored: in this process, or in Spark's workers."""

    def __call__(self, batch: int, configuration: Configuration) -> pa.Table:
        """Scored table of an accepted batch."""
        ...


@dataclass(frozen=True, slots=True)
class LocalScorer:
    """Scores in this process: what a small batch wants, for it saves the trip to Spark."""

    lake: Lake
    states: StateStore
    registry: ModelRegistry
    rules: RuleSource

    def __call__(self, batch: int, configuration: Configuration) -> pa.Table:
        """Scored table of an accepted batch."""
        return score_table(
            self.lake.read_table(accepted_file(batch)),
            batch,
            self.states,
            Models.of(configuration, self.registry),
            self.rules.load(configuration.ruleset, configuration.lists),
            configuration.scored_at,
            labels_of(self.lake, batch),
        )


def score(
    batches: range,
    ledger: BatchLedger,
    lake: Lake,
    registry: ModelRegistry,
    rules: RuleSource,
    scorer_for: Callable[[int], Scorer],
) -> list[int]:
    """Score batches in order.

    Parameters
    ----------
    batches
        What is due, or one batch to do again.
    scorer_for
        Which engine scores a batch of so many rows.

    Returns
    -------
    list of int
        The batches done.
    """
    done = []
    for batch in batches:
        began_at = datetime.now(UTC)
        accepted = ledger.manifest(Stage.ACCEPTED, batch) or {}
        configuration = _configuration(batch, ledger, lake, registry, rules)
        again = ledger.manifest(Stage.SCORED, batch) is not None
        scorer = scorer_for(accepted["counts"]["accepted"])
        scored, configuration = _by_rules_if_refused(lake, scorer, batch, configuration, again)
        lake.write_table(scored_file(batch), scored)
        _seal(lake, batch, configuration)
        decisions = count_values(scored["decision"])
        ledger.complete(
            Stage.SCORED,
            batch,
            {
                "scored": scored.num_rows,
                "alerts": decisions.get("ALERT", 0),
                "reviews": decisions.get("REVIEW", 0),
            },
            positions={"labels_until": configuration.labels_until},
            facts={
                **configuration.facts(),
                "level": FULL if configuration.model else RULES_ONLY,
                **what_became_of_it(lake, batch, scored),
            },
            work=Work(
                began_at,
                ledger.arrived_at(batch),
                tallies={"level": count_values(scored["level"])},
                distributions={"score": known_values(scored["score"])},
            ),
        )
        done.append(batch)
    return done


def _by_rules_if_refused(
    lake: Lake, scorer: Scorer, batch: int, configuration: Configuration, again: bool
) -> tuple[pa.Table, Configuration]:
    """Score a batch; by the rules alone if its model is refused where it is to be used, which is an incident.

    A batch that is done again is done with the model it was done with, or not at all.
    """
    try:
        scored = scorer(batch, configuration)
    except Exception as error:
        if again or configuration.model is None or not _refuses_model(error):
            raise
        words = (
            f"expected model {configuration.model} for batch {batch}, got: {error}; the rules decide alone"
        )
        raise_incident(lake, "model-refused", f"{words}: promote a sound model", {"batch": batch})
        by_rules = replace(configuration, model=None, candidate=None)
        return scorer(batch, by_rules), by_rules
    if configuration.model is not None and not again:
        clear_incident(lake, "model-refused")
    return scored, configuration


def _refuses_model(error: Exception) -> bool:
    """Whether it is about the model; from a Spark worker an error comes as text."""
    return isinstance(error, (ModelRefused, RegistryError)) or any(
        f"include.detection.errors.{name.__name__}" in str(error) for name in (ModelRefused, RegistryError)
    )


def _seal(lake: Lake, batch: int, configuration: Configuration) -> None:
    """Seal the batch; if the chain is broken it is scored all the same, and somebody has to know.

    A batch without a seal is found by ``make verify-audit``, and gets one when it is scored again.
    """
    try:
        seal_batch(lake, batch, configuration.facts())
    except AuditError as error:
        raise_incident(lake, "audit", f"batch {batch} has no seal: {error}", {"batch": batch})
    else:
        clear_incident(lake, "audit")


def _configuration(
    batch: int, ledger: BatchLedger, lake: Lake, registry: ModelRegistry, rules: RuleSource
) -> Configuration:
    """What the batch was scored with, or what stands now; then the labels that have come are put beside it.

    A try that was cut off before its manifest may have seen fewer labels than the next, never more: what it
    wrote is replaced.
    """
    if before := ledger.manifest(Stage.SCORED, batch):
        return Configuration.of(before)
    deployed, in_force = registry.deployed(), rules.current()
    configuration = Configuration(
        model=deployed.champion.version if deployed.champion else None,
        scored_at=datetime.now(UTC),
        ruleset=in_force.version,
        lists=in_force.lists,
        labels_until=labels_until(lake),
        candidate=Candidate(deployed.candidate.version, deployed.share) if deployed.candidate else None,
    )
    known = int(ledger.cursor(Stage.SCORED).positions.get("labels_until", 0))
    if configuration.labels_until > known:
        news = verdicts(lake, known, configuration.labels_until)
        if news.num_rows:
            news = news.select(JOINED_LABEL_SCHEMA.names)
            lake.write_table(labels_file(batch), news)
    return configuration
