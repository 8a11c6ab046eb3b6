-- id: account_takeover_spree
-- title: Account takeover, further transfers
-- typology: account_takeover
-- severity: HIGH
-- owner: account-security
-- version: 1
-- action: ALERT
-- description: The transfers that follow the first one of a takeover. Device and country are not new any more, but
--   within the hour the account has already paid much more than usual, pays somebody new again, and has
--   been in two countries this week. The typical (median) amount is amount / amount_over_account_median,
--   so the last line says: the largest of the hour was at least 4 times the typical. The median is used
--   because the first large transfer has already moved the mean.
-- reason: {amount} {currency} to a new counterparty is {amount_over_account_median} times the typical amount,
--   after one of {account_max_1h} in the last hour, in a week with {account_distinct_countries_7d}
--   countries
transaction_type = 'TRANSFER'
AND is_new_counterparty = 1
AND amount_over_account_median >= 4
AND account_count_1h >= 1
AND account_distinct_countries_7d >= 2
AND account_count_30d >= 10
AND account_max_1h * amount_over_account_median >= 4 * amount
