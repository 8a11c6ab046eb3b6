-- id: impossible_travel_series
-- title: Payments in two countries within the hour
-- typology: impossible_travel
-- severity: MEDIUM
-- owner: card-fraud
-- version: 1
-- action: ALERT
-- description: The payments that follow the first one of an impossible journey: the country is not new any more and
--   the distance to the payment before is nil, but within the hour the card has been shown twice, within
--   the day in two countries, and now at yet another place for more than usual.
-- reason: shown in {country} as payment number three of the hour, after {account_distinct_countries_24h}
--   countries within a day, {amount_over_account_median} times the typical amount
channel IN ('POS', 'ATM')
AND is_new_country = 0
AND is_new_counterparty = 1
AND account_count_1h >= 2
AND account_distinct_countries_24h >= 2
AND amount_over_account_median >= 1.5
AND account_count_30d >= 10
