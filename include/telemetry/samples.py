"""Samples of metrics, and how they become what ``prometheus_client`` writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.utils import floatToGoString

from include.telemetry.catalogue import CATALOGUE, Kind, Metric


@dataclass(frozen=True, slots=True)
class Histogram:
    """Observations in buckets, as a cursor has them (see ``include.stores.lake.work``)."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]  # not cumulative; one more than bounds
    total: float


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a metric.

    Raises
    ------
    ValueError
        The labels are not those of the metric, or a histogram is none.
    """

    metric: Metric
    value: float | Histogram
    labels: Mapping[str, str]

    def __post_init__(self) -> None:
        if set(self.labels) != set(self.metric.labels):
            raise ValueError(
                f"{self.metric.name}: expected labels {self.metric.labels}, got {sorted(self.labels)}"
            )
        if isinstance(self.value, Histogram) != (self.metric.kind is Kind.HISTOGRAM):
            raise ValueError(f"{self.metric.name}: expected a {self.metric.kind}, got {self.value!r}")


def sample(metric: Metric, value: float | Histogram, **labels: str) -> Sample:
    """A sample."""
    return Sample(metric, value, labels)


def families(samples: Iterable[Sample]) -> Iterator[Family]:
    """Families for ``prometheus_client``, in the catalogue's order; a metric without a sample is left out."""
    by_metric: dict[str, list[Sample]] = {}
    for one in samples:
        by_metric.setdefault(one.metric.name, []).append(one)
    for metric in CATALOGUE:
        if metric.name not in by_metric:
            continue
        family = Family(metric.name, metric.help, metric.kind.value)
        for one in by_metric[metric.name]:
            _add(family, one)
        yield family


def _add(family: Family, one: Sample) -> None:
    labels, value = {name: one.labels[name] for name in one.metric.labels}, one.value
    if not isinstance(value, Histogram):
        family.add_sample(one.metric.series[0], labels, value)
        return
    bucket, total, count = one.metric.series
    ends = [*map(floatToGoString, value.bounds), "+Inf"]
    for end, below in zip(ends, accumulate(value.counts), strict=True):
        family.add_sample(bucket, labels | {"le": end}, below)
    family.add_sample(total, labels, value.total)
    family.add_sample(count, labels, sum(value.counts))
