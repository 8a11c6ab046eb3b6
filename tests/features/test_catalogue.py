import math

from include.features.catalogue import FEATURE_NAMES, FEATURES, SCHEMA_VERSION, Unit

WINDOWS = ("10m", "1h", "24h", "7d", "30d")


def test_every_feature_of_the_contract_is_there_once():
    contract = {
        f"{key}_{what}_{w}" for key in ("account", "counterparty") for what in VELOCITY for w in WINDOWS
    }
    contract |= {f"account_distinct_counterparties_{w}" for w in WINDOWS[1:]}
    contract |= {f"counterparty_distinct_accounts_{w}" for w in WINDOWS[1:]}
    contract |= {f"account_distinct_countries_{w}" for w in WINDOWS[2:]}
    contract |= set(SINGLE.split())
    assert set(FEATURE_NAMES) == contract
    assert len(FEATURE_NAMES) == len(contract) == 93


VELOCITY = ("count", "sum", "mean", "max")
SINGLE = """
amount_value amount_over_account_mean amount_over_account_median amount_over_account_max seconds_since_last
is_new_counterparty is_new_device is_new_country country_speed_kmh account_inflow_24h account_outflow_24h
account_inflow_count_24h account_small_count_1h account_near_threshold_count_7d hour_of_day is_night
is_weekend share_of_night_30d share_of_weekend_30d
is_type_card_payment is_type_atm_withdrawal is_type_transfer
is_type_direct_debit is_type_deposit is_channel_pos is_channel_online is_channel_atm is_channel_branch
is_channel_mobile counterparty_small_count_1h
counterparty_known_frauds_1d counterparty_known_frauds_7d counterparty_known_frauds_30d
counterparty_known_fraud_rate_1d counterparty_known_fraud_rate_7d counterparty_known_fraud_rate_30d
counterparty_days_since_known_fraud counterparty_fraud_run counterparty_fraud_run_days
counterparty_fraud_run_ratio account_large_count_7d account_large_count_30d
"""


def test_values_are_said_in_plain_words():
    assert FEATURES["account_count_1h"].in_words(12) == "12 payments from this account in the last hour"
    assert FEATURES["account_count_1h"].in_words(1) == "1 payment from this account in the last hour"
    assert (
        FEATURES["counterparty_sum_24h"].in_words(1234.5).startswith("1,234.50 in total to this counterparty")
    )
    assert FEATURES["seconds_since_last"].in_words(7300) == "2 hours since the account's last payment"
    assert FEATURES["is_new_country"].in_words(1) == "first payment in this country in 30 days"
    assert FEATURES["is_new_device"].in_words(math.nan) == "not known"
    assert FEATURES["account_distinct_countries_24h"].in_words(2) == (
        "payments in 2 different countries in the last 24 hours"
    )


def test_every_feature_can_say_any_value():
    for feature in FEATURES.values():
        for value in (0.0, 1.0, 2.5, 1e12, math.nan):
            words = feature.in_words(value)
            assert words
            assert "{" not in words
            assert "nan" not in words


def test_the_version_is_short_and_stable():
    assert SCHEMA_VERSION.lower() == SCHEMA_VERSION
    assert len(SCHEMA_VERSION) == 12
    assert {feature.unit for feature in FEATURES.values()} == set(Unit)
