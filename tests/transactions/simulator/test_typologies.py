"""Each typology shows the pattern it is named after, and honest customers show some of it too."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest

from include.transactions.simulator import SimulatedBank
from include.transactions.simulator.geography import COUNTRIES, FAR
from include.transactions.simulator.typologies import TYPOLOGIES

DAYS = 42


@pytest.fixture(scope="module")
def history() -> pd.DataFrame:
    """42 days of 1,500 customers, with truth, sorted by time."""
    bank = SimulatedBank(4, 1500, start=datetime(2026, 1, 1, tzinfo=UTC))
    frames = []
    for day in map(bank.day, range(DAYS)):
        frame = day.transactions.drop_columns(["extra"]).to_pandas()
        frames.append(frame.assign(typology=day.labels["typology"].to_pandas()))
    table = pd.concat(frames, ignore_index=True)
    return table.assign(amount=table["amount"].astype(float))


@pytest.fixture(scope="module")
def honest(history: pd.DataFrame) -> pd.DataFrame:
    return history[history["typology"] == ""]


def _fraud(history: pd.DataFrame, name: str) -> pd.DataFrame:
    found = history[history["typology"] == name]
    assert len(found) >= 10
    return found


def test_names() -> None:
    assert [typology.name for typology in TYPOLOGIES] == [
        *("card_testing", "account_takeover", "mule_account", "compromised_merchant"),
        *("structuring", "impossible_travel", "dormant_account", "large_amount"),
    ]


def test_card_testing(history: pd.DataFrame) -> None:
    fraud = _fraud(history, "card_testing")
    assert (fraud["channel"] == "ONLINE").all()
    cases = fraud.groupby("device_id")
    whole = cases.filter(lambda case: len(case) >= 7).groupby("device_id")
    assert len(whole) >= 10
    for _, case in whole:
        assert (case["amount"].iloc[:-1] < 5).all()
        assert case["amount"].iloc[-1] > 5
        assert case["counterparty_id"].is_unique
        assert case["occurred_at"].iloc[-2] - case["occurred_at"].iloc[0] <= pd.Timedelta(minutes=40)


def test_account_takeover(history: pd.DataFrame, honest: pd.DataFrame) -> None:
    fraud = _fraud(history, "account_takeover")
    assert (fraud["transaction_type"] == "TRANSFER").all()
    assert not set(fraud["device_id"]) & set(honest["device_id"])
    home = honest[honest["channel"] == "POS"].groupby("account_id")["country"].agg(lambda c: c.mode()[0])
    known = fraud[fraud["account_id"].isin(home.index)]
    assert (known["country"] != known["account_id"].map(home)).mean() > 0.95  # a trip may hide the home


def test_mule_account(history: pd.DataFrame) -> None:
    fraud = _fraud(history, "mule_account")
    incoming = fraud[fraud["transaction_type"] == "DEPOSIT"]
    outgoing = fraud[fraud["transaction_type"] == "TRANSFER"]
    assert 0.8 < outgoing["amount"].sum() / incoming["amount"].sum() < 1.0
    assert incoming["counterparty_id"].nunique() > 0.95 * len(incoming)


def test_compromised_merchant(history: pd.DataFrame, honest: pd.DataFrame) -> None:
    fraud = _fraud(history, "compromised_merchant")
    assert set(fraud["counterparty_id"]) <= set(honest["counterparty_id"])
    assert fraud.groupby("counterparty_id").size().median() >= 8
    ratio = fraud["amount"].median() / honest[honest["channel"] == "POS"]["amount"].median()
    assert 1.5 < ratio < 5


def test_structuring(history: pd.DataFrame) -> None:
    fraud = _fraud(history, "structuring")
    assert fraud["amount"].between(9000, 9999).all()
    assert fraud.groupby("account_id").size().median() >= 4


def test_impossible_travel(history: pd.DataFrame) -> None:
    fraud = _fraud(history, "impossible_travel")
    assert fraud["channel"].isin(["POS", "ATM"]).all()
    assert fraud["country"].isin([COUNTRIES[code] for code in FAR]).all()
    payments = history[(history["typology"] == "") & (history["channel"] == "POS")]
    merged = fraud.merge(payments, on="account_id", suffixes=("", "_home"))
    gap = merged["occurred_at"] - merged["occurred_at_home"]
    near = merged[
        (gap > pd.Timedelta(0))
        & (gap < pd.Timedelta(hours=1))
        & (merged["country"] != merged["country_home"])
    ]
    assert near["transaction_id"].nunique() == len(fraud)


def test_dormant_account(history: pd.DataFrame) -> None:
    late = history[history["occurred_at"] >= pd.Timestamp("2026-02-05", tz="UTC")]
    fraud = _fraud(late, "dormant_account")
    first = fraud.groupby("account_id")["occurred_at"].min()
    honest = history[(history["typology"] == "") & history["account_id"].isin(first.index)]
    last = honest.groupby("account_id")["occurred_at"].max()
    assert len(last) == len(first)  # every one had been seen before
    assert ((first - last[first.index]) > pd.Timedelta(days=25)).all()


def test_large_amount(history: pd.DataFrame, honest: pd.DataFrame) -> None:
    fraud = _fraud(history, "large_amount")
    spending = honest[honest["transaction_type"] == "CARD_PAYMENT"]
    usual = spending.groupby("account_id")["amount"].quantile(0.9)
    known = fraud[fraud["account_id"].isin(usual.index)]
    assert (known["amount"] / known["account_id"].map(usual)).median() > 10


def test_honest_customers_look_odd_too(honest: pd.DataFrame) -> None:
    home = honest.groupby("account_id")["country"].agg(lambda c: c.mode()[0])
    away = honest["country"] != honest["account_id"].map(home)
    assert 0.01 < away.mean() < 0.1
    assert honest["amount"].between(9000, 9999).sum() >= 5
    assert (honest["amount"] > 1000).sum() >= 100
    devices = honest.dropna(subset=["device_id"]).groupby("account_id")["device_id"].nunique()
    assert (devices > 1).mean() > 0.2
    tiny = honest[(honest["amount"] < 5) & (honest["channel"] == "ONLINE")]
    assert tiny.groupby(["account_id", tiny["occurred_at"].dt.floor("h")]).size().max() >= 3


def test_nobody_honest_is_at_two_far_terminals_within_an_hour(honest: pd.DataFrame) -> None:
    there = honest[honest["channel"].isin(["POS", "ATM"])]
    previous = there.groupby("account_id")[["country", "occurred_at"]].shift()
    jump = (previous["country"].notna()) & (previous["country"] != there["country"])
    assert (there["occurred_at"] - previous["occurred_at"])[jump].min() > pd.Timedelta(hours=1)
