"""Every feature: its name, unit, group, and how it is put to a bank clerk.

The order is part of the contract with the models; any change shows in ``SCHEMA_VERSION``.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from enum import StrEnum

from include.features.clock import WINDOWS
from include.transactions.schema import CHANNELS, TRANSACTION_TYPES


class Unit(StrEnum):
    """What a value is measured in."""

    COUNT = "count"
    AMOUNT = "amount"  # in the transaction's currency
    RATIO = "ratio"  # times
    SHARE = "share"  # 0..1
    FLAG = "flag"  # 1 or 0
    SECONDS = "seconds"
    DAYS = "days"
    KMH = "km/h"
    HOUR = "hour"  # of the day, UTC


class Group(StrEnum):
    """Whose past a feature speaks of."""

    TRANSACTION = "transaction"
    ACCOUNT = "account"
    COUNTERPARTY = "counterparty"


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature of the catalogue."""

    name: str
    unit: Unit
    group: Group
    words: str  # with {value}, and {s} or {y} where it may be a plural; of a flag, what 1 means
    otherwise: str  # for NaN; of a flag, what 0 means

    def in_words(self, value: float) -> str:
        """Say a value of this feature in plain words."""
        if self.unit is Unit.FLAG:
            return "not known" if math.isnan(value) else self.words if value else self.otherwise
        if math.isnan(value):
            return self.otherwise
        return self.words.format(
            value=_said(self.unit, value), s="" if value == 1 else "s", y="y" if value == 1 else "ies"
        )


def _said(unit: Unit, value: float) -> str:
    if unit is Unit.AMOUNT:
        return f"{value:,.2f}"
    if unit is Unit.RATIO:
        return f"{value:,.1f}"
    if unit is Unit.SHARE:
        return f"{value:.0%}"
    if unit is Unit.SECONDS:
        return _duration(value)
    return f"{value:,.0f}"


def _duration(seconds: float) -> str:
    for name, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            whole = int(seconds // length)
            return f"{whole} {name}" + ("" if whole == 1 else "s")
    return f"{seconds:.0f} second" + ("" if round(seconds) == 1 else "s")


_SPOKEN = {"10m": "10 minutes", "1h": "hour", "24h": "24 hours", "7d": "7 days", "30d": "30 days"}
_NO_PAST = "no earlier payment in the last 30 days"


def _velocity(group: Group, whose: str) -> list[Feature]:
    found = []
    for window in WINDOWS:
        last = f"in the last {_SPOKEN[window]}"
        none = f"no payment {whose} {last}"
        for name, unit, words in (
            ("count", Unit.COUNT, f"{{value}} payment{{s}} {whose} {last}"),
            ("sum", Unit.AMOUNT, f"{{value}} in total {whose} {last}"),
            ("mean", Unit.AMOUNT, f"{{value}} on average {whose} {last}"),
            ("max", Unit.AMOUNT, f"{{value}} at most {whose} {last}"),
        ):
            found.append(Feature(f"{group}_{name}_{window}", unit, group, words, none))
    return found


def _distinct(group: Group, what: str, words: str, windows: tuple[str, ...]) -> list[Feature]:
    return [
        Feature(
            f"{group}_distinct_{what}_{window}",
            Unit.COUNT,
            group,
            f"{words} in the last {_SPOKEN[window]}",
            _NO_PAST,
        )
        for window in windows
    ]


def _catalogue() -> list[Feature]:
    own, account, counterparty = Group.TRANSACTION, Group.ACCOUNT, Group.COUNTERPARTY
    usual = "times the account's {} payment of the last 30 days"
    return [
        *_velocity(account, "from this account"),
        Feature("amount_value", Unit.AMOUNT, own, "amount of {value}", "no amount"),
        *(
            Feature(
                f"amount_over_account_{name}",
                Unit.RATIO,
                account,
                f"amount is {{value}} {usual.format(word)}",
                _NO_PAST,
            )
            for name, word in (("mean", "average"), ("median", "typical (median)"), ("max", "largest"))
        ),
        Feature(
            "seconds_since_last", Unit.SECONDS, account, "{value} since the account's last payment", _NO_PAST
        ),
        *(
            Feature(
                f"is_new_{name}",
                Unit.FLAG,
                account,
                f"first {first} in 30 days",
                f"{known} in the last 30 days",
            )
            for name, first, known in (
                ("counterparty", "payment to this counterparty", "counterparty already paid"),
                ("device", "payment from this device", "device already used"),
                ("country", "payment in this country", "country already used"),
            )
        ),
        *_distinct(
            account, "counterparties", "{value} different counterpart{y} paid", ("1h", "24h", "7d", "30d")
        ),
        *_distinct(account, "countries", "payments in {value} different countr{y}", ("24h", "7d", "30d")),
        Feature(
            "country_speed_kmh",
            Unit.KMH,
            account,
            "{value} km/h of travel between this country and that of the payment before",
            "no journey known",
        ),
        Feature(
            "account_inflow_24h", Unit.AMOUNT, account, "{value} paid in within the last 24 hours", _NO_PAST
        ),
        Feature(
            "account_outflow_24h", Unit.AMOUNT, account, "{value} paid out within the last 24 hours", _NO_PAST
        ),
        Feature(
            "account_inflow_count_24h",
            Unit.COUNT,
            account,
            "{value} deposit{s} in the last 24 hours",
            _NO_PAST,
        ),
        Feature(
            "account_small_count_1h",
            Unit.COUNT,
            account,
            "{value} payment{s} of 5 or less in the last hour",
            _NO_PAST,
        ),
        Feature(
            "account_near_threshold_count_7d",
            Unit.COUNT,
            account,
            "{value} payment{s} just below 10,000 in the last 7 days",
            _NO_PAST,
        ),
        Feature("hour_of_day", Unit.HOUR, own, "in the hour from {value}:00 UTC", "no time"),
        Feature("is_night", Unit.FLAG, own, "at night (before 6:00 UTC)", "by day"),
        Feature("is_weekend", Unit.FLAG, own, "at the weekend", "on a working day"),
        Feature(
            "share_of_night_30d", Unit.SHARE, account, "{value} of the account's payments at night", _NO_PAST
        ),
        Feature(
            "share_of_weekend_30d",
            Unit.SHARE,
            account,
            "{value} of the account's payments at weekends",
            _NO_PAST,
        ),
        *(
            Feature(f"is_type_{name.lower()}", Unit.FLAG, own, f"a {_plain(name)}", f"not a {_plain(name)}")
            for name in TRANSACTION_TYPES
        ),
        *(
            Feature(f"is_channel_{name.lower()}", Unit.FLAG, own, f"channel {name}", f"channel not {name}")
            for name in CHANNELS
        ),
        *_velocity(counterparty, "to this counterparty"),
        *_distinct(
            counterparty,
            "accounts",
            "{value} different account{s} paid this counterparty",
            ("1h", "24h", "7d", "30d"),
        ),
        Feature(
            "counterparty_small_count_1h",
            Unit.COUNT,
            counterparty,
            "{value} payment{s} of 5 or less to this counterparty in the last hour",
            _NO_PAST,
        ),
        *_known_frauds(),
    ]


def _known_frauds() -> list[Feature]:
    """What labels say of a counterparty, see :mod:`include.features.fraud_history`; what came with it."""
    counterparty = Group.COUNTERPARTY
    none = "no known fraud at this counterparty"
    spoken = {"1d": "day", "7d": "7 days", "30d": "30 days"}
    return [
        *(
            Feature(
                f"counterparty_known_frauds_{window}",
                Unit.COUNT,
                counterparty,
                f"{{value}} payment{{s}} to this counterparty found to be fraud in the last {words}",
                none,
            )
            for window, words in spoken.items()
        ),
        *(
            Feature(
                f"counterparty_known_fraud_rate_{window}",
                Unit.SHARE,
                counterparty,
                f"{{value}} of this counterparty's payments were fraud in the {words} up to a week ago",
                "no payment to this counterparty that was old enough for its label",
            )
            for window, words in spoken.items()
        ),
        Feature(
            "counterparty_days_since_known_fraud",
            Unit.DAYS,
            counterparty,
            "{value} day{s} since the last known fraud at this counterparty",
            none,
        ),
        Feature(
            "counterparty_fraud_run",
            Unit.COUNT,
            counterparty,
            "last {value} payment{s} to this counterparty with a known outcome fraud",
            none,
        ),
        Feature(
            "counterparty_fraud_run_days",
            Unit.DAYS,
            counterparty,
            "nothing but fraud known at this counterparty for {value} day{s}",
            none,
        ),
        Feature(
            "counterparty_fraud_run_ratio",
            Unit.RATIO,
            counterparty,
            "the most ordinary of these frauds was {value} times its payer's typical (median) payment",
            none,
        ),
        *(
            Feature(
                f"account_large_count_{window}",
                Unit.COUNT,
                Group.ACCOUNT,
                f"{{value}} payment{{s}} far above the account's typical one in the last {_SPOKEN[window]}",
                _NO_PAST,
            )
            for window in ("7d", "30d")
        ),
    ]


def _plain(name: str) -> str:
    return name.replace("_", " ").lower().replace("atm", "cash-machine")


#: Every feature by name, in the fixed order.
FEATURES: dict[str, Feature] = {feature.name: feature for feature in _catalogue()}
FEATURE_NAMES: tuple[str, ...] = tuple(FEATURES)

#: Changes when a name, its place or its unit does; models record what they were trained on.
SCHEMA_VERSION = hashlib.sha256(
    "\n".join(f"{feature.name}:{feature.unit}" for feature in FEATURES.values()).encode()
).hexdigest()[:12]
