"""The figures of a report, as ``report.json`` has them; amounts are exact decimals, one sum a currency.

What is done, is done: transactions, alerts and deliveries of a day do not change any more, and those of a month are
the sum of its days (``Activity``). What becomes of alerts does: labels, decisions and so quality and losses are
counted anew for each report, as of its making.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from include.reports.periods import Kind, Period
from include.reports.spread import Spread

#: Sum of money by currency.
Amounts = dict[str, Decimal]

#: Of what the figures are and mean; a reader refuses a number it does not know.
SCHEMA = 1


class _Figures(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def added(amounts: Iterable[Mapping[str, Decimal]]) -> Amounts:
    """Sums, currency by currency."""
    total: Amounts = {}
    for one in amounts:
        for currency, amount in one.items():
            total[currency] = total.get(currency, Decimal(0)) + amount
    return dict(sorted(total.items()))


class Total(_Figures):
    """A number of transactions and their amounts."""

    transactions: int = 0
    amounts: Amounts = {}

    def __add__(self, other: Total) -> Total:
        """Both together."""
        return Total(
            transactions=self.transactions + other.transactions, amounts=added([self.amounts, other.amounts])
        )


class AlertCount(_Figures):
    """Alerts of one severity and typology."""

    severity: str
    typology: str
    alerts: int


class ChannelFigures(_Figures):
    """Deliveries over one channel, made in the period.

    Attributes
    ----------
    states
        Deliveries by state.
    retries
        Attempts beyond the first.
    latency
        Arrival of the transaction at the broker to the hand-over to the vendor.
    """

    states: dict[str, int] = {}
    retries: int = 0
    latency: Spread = Spread()

    def __add__(self, other: ChannelFigures) -> ChannelFigures:
        """Both together."""
        return ChannelFigures(
            states=dict(sorted((Counter(self.states) + Counter(other.states)).items())),
            retries=self.retries + other.retries,
            latency=self.latency + other.latency,
        )


class Point(_Figures):
    """What happened in an hour or a day."""

    since: datetime
    transactions: int = 0
    alerts: int = 0


class Activity(_Figures):
    """What was done; it adds up.

    Attributes
    ----------
    batches, accepted, duplicates, dead_lettered
        Of the batches accepted in the period.
    scored, reviews
        Transactions decided on in the period, and those of them somebody may look at.
    segments
        By the customer's segment, of the transactions decided on.
    channels
        Deliveries by channel; None where the outbox was not asked.
    points
        Hour by hour of a day, day by day of a month.
    """

    batches: int = 0
    accepted: int = 0
    duplicates: int = 0
    dead_lettered: int = 0
    scored: int = 0
    reviews: int = 0
    segments: dict[str, Total] = {}
    alerts: tuple[AlertCount, ...] = ()
    channels: dict[str, ChannelFigures] | None = None
    points: tuple[Point, ...] = ()

    @property
    def total(self) -> Total:
        """Of all segments."""
        return sum(self.segments.values(), Total())

    @property
    def alerted(self) -> int:
        """Alerts raised."""
        return sum(one.alerts for one in self.alerts)

    @property
    def open_deliveries(self) -> int:
        """Deliveries whose state is not their last."""
        states = [channel.states for channel in (self.channels or {}).values()]
        return sum(one.get(state, 0) for one in states for state in ("PENDING", "SENDING"))

    def __add__(self, other: Activity) -> Activity:
        """Both together; points stand one after the other."""
        channels = None
        if self.channels is not None or other.channels is not None:
            mine, theirs = self.channels or {}, other.channels or {}
            channels = {
                name: mine.get(name, ChannelFigures()) + theirs.get(name, ChannelFigures())
                for name in sorted({*mine, *theirs})
            }
        alerts = Counter({(one.severity, one.typology): one.alerts for one in self.alerts})
        alerts.update({(one.severity, one.typology): one.alerts for one in other.alerts})
        return Activity(
            batches=self.batches + other.batches,
            accepted=self.accepted + other.accepted,
            duplicates=self.duplicates + other.duplicates,
            dead_lettered=self.dead_lettered + other.dead_lettered,
            scored=self.scored + other.scored,
            reviews=self.reviews + other.reviews,
            segments={
                name: self.segments.get(name, Total()) + other.segments.get(name, Total())
                for name in sorted({*self.segments, *other.segments})
            },
            alerts=alert_counts(alerts),
            channels=channels,
            points=(*self.points, *other.points),
        )


def alert_counts(counts: Mapping[tuple[str, str], int]) -> tuple[AlertCount, ...]:
    """Of (severity, typology) → alerts, in the order of the names."""
    return tuple(
        AlertCount(severity=severity, typology=typology, alerts=number)
        for (severity, typology), number in sorted(counts.items())
    )


class Loss(_Figures):
    """Transactions labelled fraud, of one suspected typology.

    Attributes
    ----------
    typology
        Of the decision; ``none suspected`` for those that were allowed.
    prevented, missed
        With an alert, and without.
    """

    typology: str
    prevented: Total = Total()
    missed: Total = Total()


class Outcome(_Figures):
    """What labels say of the transactions of the period.

    Attributes
    ----------
    as_of
        Labels collected by then count.
    fraud_alerts, false_alerts
        Alerts whose transaction is labelled fraud, and legitimate.
    not_found
        Labelled transactions whose batch is gone.
    """

    as_of: datetime
    fraud_alerts: int = 0
    false_alerts: int = 0
    losses: tuple[Loss, ...] = ()
    not_found: int = 0

    @property
    def labelled_alerts(self) -> int:
        """Alerts with a label."""
        return self.fraud_alerts + self.false_alerts

    @property
    def precision(self) -> float | None:
        """Share of fraud among the alerts with a label; None without any."""
        return self.fraud_alerts / self.labelled_alerts if self.labelled_alerts else None

    @property
    def prevented(self) -> Total:
        """Of all typologies."""
        return sum((loss.prevented for loss in self.losses), Total())

    @property
    def missed(self) -> Total:
        """Of all typologies."""
        return sum((loss.missed for loss in self.losses), Total())

    @property
    def recall(self) -> float | None:
        """Share of the transactions labelled fraud that were alerted; None without any."""
        frauds = self.prevented.transactions + self.missed.transactions
        return self.prevented.transactions / frauds if frauds else None


class StatusCount(_Figures):
    """Cases that stand somewhere, of one severity."""

    status: str
    severity: str
    cases: int


class CaseFigures(_Figures):
    """What has become of the cases of the alerts raised in the period.

    Attributes
    ----------
    to_disposition
        From the raising of the alert to the decision that stands.
    escalated
        Cases that are escalated, or were before they were decided.
    """

    counts: tuple[StatusCount, ...] = ()
    to_disposition: Spread = Spread()
    escalated: int = 0

    def standing(self, *statuses: str) -> int:
        """Cases of some statuses."""
        return sum(one.cases for one in self.counts if one.status in statuses)


class RuleFigures(_Figures):
    """A rule, over the UTC days of the period by the transactions' own time."""

    rule_id: str
    hits: int
    alone: int
    fraud: int
    legitimate: int

    @property
    def labelled(self) -> int:
        """Hits with a label."""
        return self.fraud + self.legitimate

    @property
    def precision(self) -> float | None:
        """Share of fraud among the hits with a label; None without any."""
        return self.fraud / self.labelled if self.labelled else None


class ModelFigures(_Figures):
    """A version of the model, over the same days; ``""`` is the rules alone."""

    model_version: str
    transactions: int
    alerts: int
    reviews: int
    fraud: int
    legitimate: int
    alerted_fraud: int
    alerted_legitimate: int

    @property
    def precision(self) -> float | None:
        """Share of fraud among the alerts with a label; None without any."""
        labelled = self.alerted_fraud + self.alerted_legitimate
        return self.alerted_fraud / labelled if labelled else None

    @property
    def recall(self) -> float | None:
        """Share of the labelled frauds that were alerted; None without any."""
        return self.alerted_fraud / self.fraud if self.fraud else None


class DriftNote(_Figures):
    """An alarm of drift that was told in the period; ``since`` is its estimated onset, by the stream's clock."""

    alarm_id: str
    told_at: datetime
    since: datetime
    sentence: str
    confidence: float
    model_version: str


class SuppressionNote(_Figures):
    """A suppression that held at some time of the period; accounts are masked."""

    scope: str
    value: str
    reason: str
    author: str
    since: datetime
    until: datetime


class Report(_Figures):
    """One report.

    Attributes
    ----------
    so_far
        The period was not over when it was made.
    days_missing
        Days of the month before the first batch of the bank.
    cases, suppressions
        None where the store behind them was not asked.
    """

    schema_version: int = SCHEMA
    kind: Kind
    period: str
    since: datetime
    until: datetime
    made_at: datetime
    so_far: bool
    days_missing: tuple[date, ...] = ()
    activity: Activity
    outcome: Outcome
    cases: CaseFigures | None = None
    rules: tuple[RuleFigures, ...] = ()
    models: tuple[ModelFigures, ...] = ()
    drift: tuple[DriftNote, ...] = ()
    suppressions: tuple[SuppressionNote, ...] | None = None

    @property
    def of(self) -> Period:
        """Its period."""
        return Period.parse(self.kind, self.period)

    @property
    def digest(self) -> str:
        """SHA-256 of what it says, however often it is made: the moments of its making are left out."""
        said = self.model_dump_json(exclude={"made_at": True, "outcome": {"as_of"}})
        return hashlib.sha256(said.encode()).hexdigest()
