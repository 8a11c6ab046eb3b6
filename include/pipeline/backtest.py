"""Counts what rules do on scored batches: rules and lists evaluated again, everything else taken as stored.

What the live path stored with a batch is the past as it was known then: features, what the models said, and with
the model's version its thresholds. Rules and lists are evaluated again as of the batch, by the code that scores
live, and the decision is taken again from all of it. A candidate may stand in the place of a rule.

Counts are sums over rows, so batches can be counted anywhere, in any order, and added up.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from include.detection.bundle import ModelBundle
from include.detection.decision import Decision, DecisionPolicy, decide
from include.detection.matrix import feature_matrix
from include.detection.scored import features_of
from include.governance.active_rules import ActiveRules, StagedRules
from include.rules.columns import LIST_COLUMNS, LIST_SUBJECTS
from include.rules.rule import RuleHit

#: What is counted → how often; see ``count``. The first part of a key names the kind.
Counts = Counter[tuple[str, ...]]
Hits = list[tuple[RuleHit, ...]]
Bools = npt.NDArray[np.bool_]
#: The thresholds of a model's version.
Policies = Callable[[str], DecisionPolicy]
#: The model of a version, for detectors whose score was not stored.
Bundles = Callable[[str], ModelBundle]

_DAY = 86_400_000_000
#: Shares of transactions are summed up in whole millionths: sums of floats depend on their order.
MILLION = 1_000_000
_LEVELS = np.array([level.name for level in Decision], dtype=object)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A draft in the place of the live rule of its id, or that rule taken away."""

    rule_id: str
    rules: StagedRules | None  # None: taken away

    def instead(self, live: Hits, table: Any, rules: ActiveRules) -> Hits:
        """The hits of each row with the candidate in place."""
        without = [
            tuple(hit for hit in found if hit.rule_id != self.rule_id) if found else found for found in live
        ]
        if self.rules is None:
            return without
        mine = self.rules.evaluate(table, rules.list_book, rules.lists)
        # In the order in which a set tells its hits, for the first of the worst names the typology.
        return [
            tuple(sorted((*found, *new), key=lambda hit: (-hit.severity.rank, hit.rule_id))) if new else found
            for found, new in zip(without, mine, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Versions:
    """What is known of the versions of the model.

    Attributes
    ----------
    policy
        Its thresholds; asked for every version among the rows.
    bundle
        The model itself, which takes seconds to load; asked only for what a detector said if that was not stored.
    """

    policy: Policies
    bundle: Bundles


@dataclass(frozen=True, slots=True)
class KnownLabels:
    """The verdict on transactions, as far as it was known at some time."""

    transaction_ids: Any  # pyarrow array of strings, distinct
    is_fraud: Bools

    def of(self, transaction_ids: Any) -> tuple[Bools, Bools]:
        """Whether each transaction is known to be fraud, and whether it is known to be legitimate."""
        if len(self.transaction_ids) == 0:
            nothing = np.zeros(len(transaction_ids), dtype=bool)
            return nothing, nothing
        found = pc.index_in(transaction_ids, value_set=self.transaction_ids)
        places = found.fill_null(-1).to_numpy()
        fraud = self.is_fraud[places] & (places >= 0)
        return fraud, ~fraud & (places >= 0)


def score_column(detector: str) -> str:
    """Where a scored table has what a detector said."""
    return f"score_{detector}"


def needed_columns(
    rules: ActiveRules, candidate: Candidate | None, schema_names: Sequence[str], all_features: bool = False
) -> list[str]:
    """Columns of a scored file that ``count`` reads; features as ``features.<name>``.

    Parameters
    ----------
    schema_names
        Of a scored file, ``features`` left out.
    all_features
        Read them all, for a detector has to be asked again.
    """
    named = set(rules.live.rules.columns)
    if candidate is not None and candidate.rules is not None:
        named |= set(candidate.rules.rules.columns)
    if named & set(LIST_COLUMNS):
        named = (named - set(LIST_COLUMNS)) | set(LIST_SUBJECTS.values())
    always = {"transaction_id", "account_id", "occurred_at", "amount", "model_version", *_STORED}
    return [
        *(name for name in schema_names if name in always | named or _SCORE.fullmatch(name)),
        *(
            ["features"]
            if all_features
            else (f"features.{name}" for name in sorted(named - set(schema_names)))
        ),
    ]


_STORED = ("decision", "severity", "rule_hits")
_SCORE = re.compile(r"score(_(?!at$).*)?")


def count(
    scored: Any,
    batches: npt.NDArray[np.int64],
    rules: ActiveRules,
    versions: Versions,
    labels: KnownLabels,
    candidate: Candidate | None = None,
) -> Counts:
    """What the rules, and the candidate in place of one of them, do on scored transactions.

    Parameters
    ----------
    scored
        ``pyarrow.Table`` of n rows with the columns of ``needed_columns``.
    batches
        Shape (n,): the batch each row comes from.
    rules
        The set and the lists as of these batches.
    versions
        Thresholds by model version.
    labels
        What counts as known.
    candidate
        None: the live set alone.

    Returns
    -------
    Counts
        ``("rows",)``, ``("differs",)`` (rows on which decision, severity or hits are not those stored),
        ``("differs in", batch)``, ``("label", verdict)``, ``("day", day, what)``, ``("hits", day, rule)``,
        ``("rule", rule, what)``, ``("both", rule, rule)``, ``("typology", typology, what)``,
        ``("alerts", before or after, what)`` and ``("change", from, to)``.
    """
    table = _joined(scored)
    live = rules.evaluate(table)
    judged = _judge(scored, versions)
    amounts = scored["amount"].cast(pa.float64()).to_numpy()
    before = _decide(live, amounts, judged)
    after, hits = before, live
    if candidate is not None:
        hits = candidate.instead(live, table, rules)
        after = _decide(hits, amounts, judged)
    fraud, legitimate = labels.of(scored["transaction_id"])
    counts: Counts = Counter({("rows",): scored.num_rows})
    differs = _differs(scored, before, live)
    counts["differs",] += int(differs.sum())
    for batch, number in zip(*np.unique(batches[differs], return_counts=True), strict=True):
        counts["differs in", str(batch)] += int(number)
    counts["label", "fraud"] += int(fraud.sum())
    counts["label", "legitimate"] += int(legitimate.sum())
    days = np.asarray(scored["occurred_at"].cast(pa.int64()).to_numpy()) // _DAY
    _count_days(counts, days, before, after, _budgets(scored.num_rows, judged))
    _count_rules(counts, days, hits, fraud, legitimate)
    for when, decisions in (("before", before), ("after", after)):
        alerts = decisions.decision == Decision.ALERT
        for what, of in (("fraud", fraud), ("legitimate", legitimate), ("all", np.ones_like(fraud))):
            counts["alerts", when, what] += int((alerts & of).sum())
    for row in np.flatnonzero(before.decision != after.decision).tolist():
        counts["change", _LEVELS[before.decision[row]], _LEVELS[after.decision[row]]] += 1
    return counts


def _joined(scored: Any) -> Any:
    """Transactions and their features as one flat table, as scoring hands it to the rules."""
    if "features" not in scored.column_names:
        return scored
    features = scored["features"]
    table = scored.drop_columns(["features"])
    for place, field in enumerate(features.type):
        table = table.append_column(field.name, pc.struct_field(features, [place]))
    return table


@dataclass(frozen=True, slots=True)
class _Judged:
    """What one version of the model said of its rows; empty where rules alone decided."""

    rows: npt.NDArray[np.intp]
    policy: DecisionPolicy | None
    probability: npt.NDArray[np.float64] | None
    anomalies: Mapping[str, npt.NDArray[np.float64]]


@dataclass(slots=True)
class _Decided:
    """Decisions on n rows, put together from those of each model's rows."""

    decision: npt.NDArray[np.int8]
    severity: list[str]


def _judge(scored: Any, versions: Versions) -> list[_Judged]:
    """What the models said, version by version; once for all the sets of rules that are tried."""
    encoded = scored["model_version"].combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy()
    judged = []
    for code, version in enumerate(encoded.dictionary.to_pylist()):
        rows = np.flatnonzero(codes == code)
        if not version:
            judged.append(_Judged(rows, None, None, {}))
            continue
        policy = versions.policy(version)
        detectors = [one.detector for one in policy.anomalies]
        judged.append(
            _Judged(
                rows,
                policy,
                _stored(scored, "score", rows),
                _anomalies(scored, rows, detectors, partial(versions.bundle, version)),
            )
        )
    return judged


def _anomalies(
    scored: Any, rows: npt.NDArray[np.intp], detectors: Sequence[str], bundle: Callable[[], ModelBundle]
) -> dict[str, npt.NDArray[np.float64]]:
    """What each detector said: as stored, or asked again where that was not stored."""
    there = [name for name in detectors if score_column(name) in scored.column_names]
    said = {name: _stored(scored, score_column(name), rows) for name in there}
    if missing := set(detectors) - said.keys():
        model = bundle()
        # The same bits as then: detectors give a row the same score whatever its company.
        matrix = feature_matrix(features_of(scored), model.features)[rows]
        said |= {one.name: one.score(matrix) for one in model.anomaly_detectors if one.name in missing}
    return said


def _stored(scored: Any, name: str, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    return np.asarray(scored[name].to_numpy()[rows], dtype=np.float64)


def _decide(hits: Hits, amounts: npt.NDArray[np.float64], judged: Sequence[_Judged]) -> _Decided:
    decided = _Decided(np.zeros(len(hits), dtype=np.int8), [""] * len(hits))
    for one in judged:
        rows = one.rows.tolist()
        of_rows = [hits[row] for row in rows]
        made = decide(one.policy, one.probability, one.anomalies, of_rows, amounts[one.rows])
        decided.decision[one.rows] = made.decision
        for row, severity in zip(rows, made.severity, strict=True):
            decided.severity[row] = severity
    return decided


def _differs(scored: Any, decided: _Decided, hits: Hits) -> Bools:
    """Rows on which what was decided live is not what comes out now."""
    stored = {name: scored[name].to_numpy(zero_copy_only=False) for name in ("decision", "severity")}
    differs = (stored["decision"] != _LEVELS[decided.decision]) | (
        stored["severity"] != np.array(decided.severity, dtype=object)
    )
    told = pc.list_value_length(scored["rule_hits"]).to_numpy()
    touched = np.flatnonzero((told > 0) | np.fromiter(map(bool, hits), dtype=bool, count=len(hits)))
    names = scored["rule_hits"].take(pa.array(touched)).to_pylist()
    for row, wanted in zip(touched.tolist(), names, strict=True):
        differs[row] |= wanted != [hit.rule_id for hit in hits[row]]
    return np.asarray(differs, dtype=bool)


def _budgets(n: int, judged: Sequence[_Judged]) -> npt.NDArray[np.int64]:
    """How many millionths of an alert each transaction may cost; none where no model decided."""
    budgets = np.zeros(n, dtype=np.int64)
    for one in judged:
        if one.policy is not None:
            budgets[one.rows] = round(one.policy.budget.alerts * MILLION)
    return budgets


def _count_days(
    counts: Counts,
    days: npt.NDArray[np.int64],
    before: _Decided,
    after: _Decided,
    budgets: npt.NDArray[np.int64],
) -> None:
    for number in np.unique(days).tolist():
        of_day, day = days == number, str(np.datetime64(number, "D"))
        counts["day", day, "transactions"] += int(of_day.sum())
        counts["day", day, "budget"] += int(budgets[of_day].sum())
        for when, decided in (("before", before), ("after", after)):
            for level in (Decision.REVIEW, Decision.ALERT):
                found = int((decided.decision[of_day] == level).sum())
                counts["day", day, f"{level.name} {when}"] += found


def _count_rules(
    counts: Counts, days: npt.NDArray[np.int64], hits: Hits, fraud: Bools, legitimate: Bools
) -> None:
    for row, found in enumerate(hits):
        if not found:
            continue
        day = str(np.datetime64(int(days[row]), "D"))
        verdict = "fraud" if fraud[row] else "legitimate" if legitimate[row] else "unknown"
        ids = sorted(hit.rule_id for hit in found)
        counts["any rule", verdict] += 1
        for rule_id in ids:
            counts["hits", day, rule_id] += 1
            counts["rule", rule_id, "hits"] += 1
            counts["rule", rule_id, verdict] += 1
            if len(ids) == 1:
                counts["rule", rule_id, "alone"] += 1
        for pair in combinations(ids, 2):
            counts["both", *pair] += 1
        for typology in {str(hit.typology) for hit in found}:
            counts["typology", typology, "hits"] += 1
            counts["typology", typology, verdict] += 1


def added(parts: Sequence[Mapping[tuple[str, ...], int]]) -> Counts:
    """The counts of several parts together; their order does not matter."""
    total: Counts = Counter()
    for part in parts:
        total.update(part)
    return total
