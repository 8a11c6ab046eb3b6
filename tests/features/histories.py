"""Hypothesis strategies for payment histories that dwell on the edges of windows."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import strategies as st

from include.transactions.schema import CHANNELS, TRANSACTION_TYPES
from tests.features.reference import START, WINDOWS, Label, Payment

MICROSECOND = timedelta(microseconds=1)
SHORT_STEPS = [
    timedelta(0),
    MICROSECOND,
    timedelta(seconds=7),
    timedelta(minutes=3),
    WINDOWS["10m"] - MICROSECOND,
    WINDOWS["10m"],
    timedelta(minutes=25),
    WINDOWS["1h"],
    timedelta(hours=5, minutes=1),
]
LONG_STEPS = [
    WINDOWS["24h"] - MICROSECOND,
    WINDOWS["24h"],
    timedelta(days=3),
    WINDOWS["7d"],
    timedelta(days=23),
    WINDOWS["30d"],
    WINDOWS["30d"] + MICROSECOND,
    timedelta(days=45),
]
AMOUNTS = [
    Decimal(text)
    for text in (
        "0.0001",
        "4.99",
        "5",
        "5.0001",
        "33.3333",
        "8999.9999",
        "9000",
        "9999.9999",
        "10000",
        "1e12",
    )
]


@st.composite
def histories(
    draw: st.DrawFn, steps: list[timedelta], most: int = 25, accounts: str = "ABC", partners: str = "KLM"
) -> list[Payment]:
    """Payments in an order of arrival of their own."""
    payments = []
    time = START
    for i in range(draw(st.integers(1, most))):
        time += draw(st.sampled_from(steps))
        payments.append(
            Payment(
                id=f"tx-{i}",
                time=time,
                account=draw(st.sampled_from(accounts)),
                counterparty=draw(st.sampled_from(partners)),
                amount=draw(st.sampled_from(AMOUNTS)),
                type=draw(st.sampled_from(TRANSACTION_TYPES)),
                channel=draw(st.sampled_from(CHANNELS)),
                country=draw(st.sampled_from(["FR", "DE", "NZ"])),
                device=draw(st.sampled_from([None, "phone", "laptop"])),
            )
        )
    return draw(st.permutations(payments))


DELAYS = [
    timedelta(0),
    timedelta(minutes=4),
    timedelta(hours=6),
    timedelta(days=3),
    WINDOWS["7d"] - MICROSECOND,
    WINDOWS["7d"],
    WINDOWS["7d"] + MICROSECOND,
    timedelta(days=12),
    timedelta(days=50),
]


@st.composite
def labels_of(draw: st.DrawFn, payments: list[Payment]) -> list[Label]:
    """Labels of some of the payments, most of them frauds, some told twice or changed."""
    labels = []
    for payment in payments:
        for _ in range(draw(st.sampled_from([0, 1, 1, 2]))):
            fraud = draw(st.sampled_from([True, True, True, False]))
            labels.append(Label(payment, payment.time + draw(st.sampled_from(DELAYS)), fraud))
    return draw(st.permutations(labels))


def labelled(payments: st.SearchStrategy[list[Payment]]) -> st.SearchStrategy:
    """Payments and labels of them."""
    return payments.flatmap(lambda drawn: st.tuples(st.just(drawn), labels_of(drawn)))
