"""Every threshold of the drift detectors: the one home of the defaults, for live watching and the study."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

#: Features watched: amounts, pace, novelty and what counterparties see, over windows short enough to show a
#: change the same day. Left out are the hour, night and weekend, which differ from one day to the next by
#: nature, the flags of type and channel, which segments stand for, and windows of 30 days, which carry a change
#: along for a month. So are inflows, an account's mean of a week and new counterparties: salaries, rents and
#: standing orders make them leap at every turn of the month (PSI up to .37, .31 and .31 in single segments of the
#: simulated bank).
WATCHED = (
    "amount_value",
    "amount_over_account_mean",
    "amount_over_account_median",
    "amount_over_account_max",
    "seconds_since_last",
    "account_count_10m",
    "account_count_1h",
    "account_count_24h",
    "account_sum_24h",
    "account_count_7d",
    "is_new_device",
    "is_new_country",
    "account_distinct_counterparties_24h",
    "account_distinct_countries_7d",
    "country_speed_kmh",
    "account_small_count_1h",
    "counterparty_count_1h",
    "counterparty_count_24h",
    "counterparty_mean_24h",
    "counterparty_distinct_accounts_24h",
)


class DriftSettings(BaseModel):
    """When a difference is an alarm: it must be large *and* beyond chance.

    With many rows everything is beyond chance, with few everything looks large; only both together are worth
    somebody's attention.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: tuple[str, ...] = WATCHED
    #: Bins between quantiles of the reference: the usual number for PSI.
    bins: int = 10
    #: What is compared is the last so many hours: a whole day, since habits differ by the hour.
    window_hours: int = 24
    #: Segments are watched if the reference has so many rows of them …
    min_segment_rows: int = 3_000
    #: … and compared once a window has so many.
    min_rows: int = 500
    #: PSI of the score from here on is an alarm. 0.1 is the usual border of "moderate" shift; the score is one
    #: number learned from all features, so a moderate shift of it already moves decisions.
    score_psi: float = 0.1
    #: PSI of a feature from here on is an alarm: 0.25, the usual border of "major" shift (Siddiqi 2006). Weekends
    #: alone come to 0.2 in single segments of the simulated bank.
    feature_psi: float = 0.25
    #: The alert rate may be so much above or below the reference's, as a share of it: 50 %.
    alert_rate_change: float = 0.5
    #: Alerts expected or seen before the alert rate is judged.
    min_alerts: int = 30
    #: The share of missing values of a feature or column may change by so much: 10 of 100 rows. A feature is also
    #: missing where nothing happened in its window, and weekends alone move that by 6 of 100 rows.
    missing_change: float = 0.1
    #: Features whose missing values say that no fraud is known, which is a fact and no fault of the data: names
    #: that begin so are left out.
    missing_means_no_fraud: tuple[str, ...] = (
        "counterparty_days_since_known_fraud",
        "counterparty_fraud_run",
        "counterparty_known_fraud_rate",
    )
    #: Values never seen before may have this share of the rows …
    unseen_share: float = 0.005
    #: … and so many rows.
    unseen_rows: int = 20
    #: Probability of chance below which a difference counts, over *all* comparisons of a look together
    #: (Bonferroni).
    significance: float = 0.001
    #: Rows of one account resemble each other: so many count as one independent row in every test.
    rows_alike: float = 3.0
    #: ADWIN's bound on the chance of a false cut, shared by all streams (two of all frauds, and of each segment).
    #: The bound is a generous one: of 150 steady streams of 3,000 frauds, 22 % of them missed, 5 were cut at 0.05,
    #: none at 0.002, its usual value; and at 0.05 a rise is seen a day earlier.
    missed_delta: float = 0.05
    #: A fraud counts as unknown to the model if its score is not among this highest share of the reference's: the
    #: budget of alerts.
    high_share: float = 0.01
    #: Outcomes a stream must have before it is judged.
    missed_min: int = 100
    #: ADWIN looks for a cut after every so many outcomes; 32 by default, which is hours of a bank's frauds.
    missed_clock: int = 4
    #: Newest outcomes kept.
    missed_kept: int = 5_000
