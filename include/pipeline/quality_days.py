"""Days of quality in the lake: what was decided on each day's transactions, and what labels said of it since.

::

    quality/position.json            next batch to count, next batch of labels to look up
           /days/<day>.json          counts of one UTC day of the transactions' time
           /labelled/<day>.parquet   its transactions with a label: the newest verdict of each, and what was decided

Counts of decisions are added to, so a day remembers up to which batch they go; what labels say is counted anew from
the day's table each time. A run that was cut off anywhere is therefore done again without counting twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from include.stores.lake.files import Lake

FOLDER = "quality"
POSITION = f"{FOLDER}/position.json"

#: A labelled transaction, with what was decided on it.
LABELLED_SCHEMA = pa.schema(
    [
        pa.field("transaction_id", pa.string()),
        pa.field("is_fraud", pa.bool_()),
        pa.field("decision", pa.string()),
        pa.field("model_version", pa.string()),
        pa.field("rule_hits", pa.list_(pa.string())),
    ]
)


class _Counts(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RuleCounts(_Counts):
    """What a rule did on a day."""

    hits: int = 0
    alone: int = 0  # hits where no other rule hit
    fraud: int = 0  # hits with a label, by what it says
    legitimate: int = 0


class ModelCounts(_Counts):
    """What was decided with a model on a day, rules included."""

    transactions: int = 0
    alerts: int = 0
    reviews: int = 0
    fraud: int = 0  # transactions with a label, by what it says
    legitimate: int = 0
    alerted_fraud: int = 0  # of those the ones that had been alerted
    alerted_legitimate: int = 0


class DayCounts(_Counts):
    """Counts of a day.

    Attributes
    ----------
    next_batch
        Decisions of batches before this one are counted.
    rules
        By rule id.
    models
        By version; "" is the rules alone.
    """

    next_batch: int = 0
    rules: dict[str, RuleCounts] = {}
    models: dict[str, ModelCounts] = {}

    def rule(self, rule_id: str) -> RuleCounts:
        """Counts of a rule, to be added to."""
        return self.rules.setdefault(rule_id, RuleCounts())

    def model(self, version: str) -> ModelCounts:
        """Counts of a model, to be added to."""
        return self.models.setdefault(version, ModelCounts())

    def label(self, labelled: pa.Table) -> None:
        """Count what labels say anew.

        Parameters
        ----------
        labelled
            ``LABELLED_SCHEMA``: every transaction of the day that has a label.
        """
        for rule in self.rules.values():
            rule.fraud = rule.legitimate = 0
        for model in self.models.values():
            model.fraud = model.legitimate = model.alerted_fraud = model.alerted_legitimate = 0
        for row in labelled.to_pylist():
            what = "fraud" if row["is_fraud"] else "legitimate"
            model = self.model(row["model_version"])
            _add(model, what)
            if row["decision"] == "ALERT":
                _add(model, f"alerted_{what}")
            for rule_id in row["rule_hits"]:
                _add(self.rule(rule_id), what)


def _add(counts: _Counts, name: str) -> None:
    setattr(counts, name, getattr(counts, name) + 1)


def read_day(lake: Lake, day: date) -> DayCounts:
    """Counts of a day; without any if there are none."""
    document = lake.read_json(_path(day))
    return DayCounts() if document is None else DayCounts.model_validate(document)


def write_day(lake: Lake, day: date, counts: DayCounts) -> None:
    """Replace the counts of a day."""
    lake.write_json(_path(day), counts.model_dump(mode="json"))


def days(lake: Lake, since: date, until: date) -> Iterator[tuple[date, DayCounts]]:
    """Counts of the days from ``since`` up to but without ``until`` that have any, oldest first."""
    there = {name.removesuffix(".json") for name in lake.names(f"{FOLDER}/days")}
    day = since
    while day < until:
        if day.isoformat() in there:
            yield day, read_day(lake, day)
        day += timedelta(days=1)


def read_labelled(lake: Lake, day: date) -> pa.Table:
    """Labelled transactions of a day, ``LABELLED_SCHEMA``."""
    path = f"{FOLDER}/labelled/{day.isoformat()}.parquet"
    return lake.read_table(path) if lake.exists(path) else LABELLED_SCHEMA.empty_table()


def write_labelled(lake: Lake, day: date, labelled: pa.Table) -> None:
    """Replace the labelled transactions of a day."""
    lake.write_table(f"{FOLDER}/labelled/{day.isoformat()}.parquet", labelled)


def drop_days_before(lake: Lake, moment: datetime) -> int:
    """Delete working tables of days before a time (their counts stay, they are small); returns how many.

    Without its table a day's labels would be counted from nothing by the next one that comes, so ``moment`` has to lie
    before every transaction whose batch still has its files: that is as long ago as batches are kept, and a
    transaction may be late when it arrives.
    """
    old = [name for name in lake.names(f"{FOLDER}/labelled") if name[:10] < moment.date().isoformat()]
    for name in old:
        lake.delete_file(f"{FOLDER}/labelled/{name}")
    return len(old)


def _path(day: date) -> str:
    return f"{FOLDER}/days/{day.isoformat()}.json"
