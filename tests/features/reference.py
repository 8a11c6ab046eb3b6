"""Features by the book: plain loops over the whole history, obviously right and slow."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from statistics import median

import pyarrow as pa

from include.features.catalogue import FEATURE_NAMES
from include.features.geography import CENTROIDS, EARTH_RADIUS_KM, country_code
from include.features.labels import JOINED_LABEL_SCHEMA
from include.features.transactions import stable_hash
from include.transactions.schema import CHANNELS, TRANSACTION_SCHEMA, TRANSACTION_TYPES

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
START = datetime(2026, 2, 25, 22, 58, 59, tzinfo=UTC)
WINDOWS = {
    "10m": timedelta(minutes=10),
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
NAN = math.nan
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
RUN_WINDOW = timedelta(days=44)
LABEL_MEMORY = timedelta(days=90)


@cache
def tie(name: str) -> int:
    return int(stable_hash(pa.array([name]))[0])


@dataclass(frozen=True)
class Payment:
    id: str
    time: datetime
    account: str = "A"
    counterparty: str = "M"
    amount: Decimal = Decimal("10.00")
    type: str = "CARD_PAYMENT"
    channel: str = "POS"
    country: str = "FR"
    device: str | None = None

    @property
    def rank(self) -> tuple[datetime, int]:
        return self.time, tie(self.id)


@dataclass(frozen=True)
class Label:
    payment: Payment
    known: datetime
    fraud: bool = True


def label_table(labels: list[Label]) -> pa.Table:
    rows = [
        {
            "transaction_id": label.payment.id,
            "account_id": label.payment.account,
            "is_fraud": label.fraud,
            "source": "ANALYST",
            "labelled_at": label.known,
            "counterparty_id": label.payment.counterparty,
            "occurred_at": label.payment.time,
        }
        for label in labels
    ]
    return pa.Table.from_pylist(rows, schema=JOINED_LABEL_SCHEMA)


def table(payments: list[Payment]) -> pa.Table:
    rows = [
        {
            "transaction_id": p.id,
            "account_id": p.account,
            "counterparty_id": p.counterparty,
            "amount": p.amount,
            "currency": "EUR",
            "transaction_type": p.type,
            "channel": p.channel,
            "country": p.country,
            "occurred_at": p.time,
            "device_id": p.device,
        }
        for p in payments
    ]
    return pa.Table.from_pylist(rows, schema=TRANSACTION_SCHEMA)


def night(p: Payment) -> bool:
    return p.time.hour < 6


def weekend(p: Payment) -> bool:
    return p.time.weekday() >= 5


def edge(since: datetime, granule: timedelta = timedelta(hours=1)) -> datetime:
    return since - (since - EPOCH) % granule


def velocity(kind: str, earlier: list[Payment], t: datetime, most: int) -> dict[str, float]:
    found = {}
    for name, window in WINDOWS.items():
        since = t - window
        if len(earlier) >= most and earlier[-most].time >= since:
            since = edge(since, timedelta(minutes=1) if window <= timedelta(hours=1) else timedelta(hours=1))
        amounts = [p.amount for p in earlier if p.time >= since]
        found[f"{kind}_count_{name}"] = len(amounts)
        found[f"{kind}_sum_{name}"] = float(sum(amounts, Decimal(0)))
        mean = Fraction(sum(amounts, Decimal(0))) / len(amounts) if amounts else NAN
        found[f"{kind}_mean_{name}"] = float(mean)
        found[f"{kind}_max_{name}"] = float(max(amounts)) if amounts else NAN
    return found


def kilometres(a: str, b: str) -> float:
    (lat1, lon1), (lat2, lon2) = CENTROIDS[country_code(a)], CENTROIDS[country_code(b)]
    half = math.sin((lat2 - lat1) / 2) ** 2
    half += math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(half))


def verdicts(p: Payment, labels: list[Label]) -> dict[Payment, Label]:
    """What each payment to the counterparty of ``p`` is known to be at the time of ``p``."""
    found: dict[Payment, Label] = {}
    for label in sorted(labels, key=lambda label: (label.known, label.fraud)):
        young = p.time - LABEL_MEMORY <= label.payment.time < p.time
        if label.payment.counterparty == p.counterparty and label.known <= p.time and young:
            found[label.payment] = label
    return found


def ratio(p: Payment, known: list[Payment], most: int) -> float:
    own = sorted((q for q in known if q.rank < p.rank and q.account == p.account), key=lambda q: q.rank)
    month = [q.amount for q in own[-most:] if q.time >= p.time - WINDOWS["30d"]]
    return float(p.amount) / float(median(month)) if month else NAN


def fraud_history(
    p: Payment, theirs: list[Payment], labels: list[Label], most: int, ratios: dict[Payment, float]
) -> dict[str, float]:
    said = verdicts(p, labels)
    frauds = [label for label in said.values() if label.fraud]
    found: dict[str, float] = {}
    for name, window in (("1d", DAY), ("7d", WEEK), ("30d", WINDOWS["30d"])):
        found[f"counterparty_known_frauds_{name}"] = sum(f.known > p.time - window for f in frauds)
        since, until = p.time - WEEK - window, p.time - WEEK
        if len(theirs) >= most and theirs[-most].time >= since:
            since, until = edge(since), edge(until + timedelta(microseconds=1)) - timedelta(microseconds=1)
        old = [q for q in theirs if since <= q.time <= until]
        bad = sum(since <= f.payment.time <= until for f in frauds)
        found[f"counterparty_known_fraud_rate_{name}"] = bad / len(old) if old else NAN
    newest = max((f.payment.time for f in frauds), default=None)
    found["counterparty_days_since_known_fraud"] = NAN if newest is None else (p.time - newest) / DAY
    run: list[Payment] = []
    for q in reversed([q for q in theirs[-most:] if q.time >= p.time - RUN_WINDOW]):
        if q in said and said[q].fraud:
            run.append(q)
        elif q in said or q.time <= p.time - WEEK:
            break
    found["counterparty_fraud_run"] = len(run)
    found["counterparty_fraud_run_days"] = (p.time - run[-1].time) / DAY if run else NAN
    found["counterparty_fraud_run_ratio"] = min(
        (ratios[q] for q in run if not math.isnan(ratios[q])), default=NAN
    )
    return found


def features_of(
    p: Payment,
    known: list[Payment],
    most: int = 10**9,
    labels: list[Label] | None = None,
    ratios: dict[Payment, float] | None = None,
) -> dict[str, float]:
    """Features of a payment; ``known`` and ``labels`` are everything told by then, itself included.

    ``ratios`` are those of earlier payments when they came, where some of ``known`` came later.
    """
    earlier = sorted((q for q in known if q.rank < p.rank), key=lambda q: q.rank)
    own = [q for q in earlier if q.account == p.account]
    theirs = [q for q in earlier if q.counterparty == p.counterparty]

    def recent(events: list[Payment], name: str) -> list[Payment]:
        return [q for q in events[-most:] if q.time >= p.time - WINDOWS[name]]

    month = recent(own, "30d")
    found = velocity("account", own, p.time, most) | velocity("counterparty", theirs, p.time, most)
    amount = float(p.amount)
    found["amount_value"] = amount
    found["amount_over_account_mean"] = amount / found["account_mean_30d"]
    found["amount_over_account_max"] = amount / found["account_max_30d"]
    middle = float(median(q.amount for q in month)) if month else NAN
    found["amount_over_account_median"] = amount / middle
    found["seconds_since_last"] = (p.time - own[-1].time).total_seconds() if own else NAN
    found["is_new_counterparty"] = p.counterparty not in {q.counterparty for q in month}
    found["is_new_country"] = p.country not in {q.country for q in month}
    found["is_new_device"] = NAN if p.device is None else p.device not in {q.device for q in month}
    for name in ("1h", "24h", "7d", "30d"):
        partners = {q.counterparty for q in recent(own, name)}
        found[f"account_distinct_counterparties_{name}"] = len(partners)
        payers = {q.account for q in recent(theirs, name)}
        found[f"counterparty_distinct_accounts_{name}"] = len(payers)
        if name != "1h":
            found[f"account_distinct_countries_{name}"] = len({q.country for q in recent(own, name)})
    if not own:
        found["country_speed_kmh"] = NAN
    elif own[-1].country == p.country:
        found["country_speed_kmh"] = 0
    elif p.time == own[-1].time:
        found["country_speed_kmh"] = 100_000
    else:
        hours = found["seconds_since_last"] / 3600
        found["country_speed_kmh"] = min(kilometres(own[-1].country, p.country) / hours, 100_000)
    day = recent(own, "24h")
    deposits = [q.amount for q in day if q.type == "DEPOSIT"]
    found["account_inflow_24h"] = float(sum(deposits, Decimal(0)))
    found["account_inflow_count_24h"] = len(deposits)
    found["account_outflow_24h"] = float(sum((q.amount for q in day if q.type != "DEPOSIT"), Decimal(0)))
    found["account_small_count_1h"] = sum(q.amount <= 5 for q in recent(own, "1h"))
    found["counterparty_small_count_1h"] = sum(q.amount <= 5 for q in recent(theirs, "1h"))
    found["account_near_threshold_count_7d"] = sum(9000 <= q.amount < 10000 for q in recent(own, "7d"))
    found["hour_of_day"] = p.time.hour
    found["is_night"] = night(p)
    found["is_weekend"] = weekend(p)
    found["share_of_night_30d"] = sum(map(night, month)) / len(month) if month else NAN
    found["share_of_weekend_30d"] = sum(map(weekend, month)) / len(month) if month else NAN
    if ratios is None:
        ratios = {q: ratio(q, known, most) for q in theirs} if labels else {}
    found |= fraud_history(p, theirs, labels or [], most, ratios)
    large = [q for q in month if float(q.amount) > 2.5 * middle]
    found["account_large_count_30d"] = len(large)
    found["account_large_count_7d"] = sum(q.time >= p.time - WEEK for q in large)
    found |= {f"is_type_{name.lower()}": p.type == name for name in TRANSACTION_TYPES}
    found |= {f"is_channel_{name.lower()}": p.channel == name for name in CHANNELS}
    return {name: float(found[name]) for name in FEATURE_NAMES}


def assert_same(features: pa.Table, expected: list[dict[str, float]]) -> None:
    assert features.column_names == list(FEATURE_NAMES)
    assert features.num_rows == len(expected)
    for i, (row, wanted) in enumerate(zip(features.to_pylist(), expected, strict=True)):
        for name, value in wanted.items():
            got = row[name]
            same = (
                math.isnan(got) if math.isnan(value) else math.isclose(got, value, rel_tol=1e-9, abs_tol=1e-9)
            )
            assert same, f"row {i}, {name}: expected {value}, got {got}"
