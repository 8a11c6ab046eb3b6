-- id: account_takeover_spree
-- title: Account takeover, further payments
-- typology: account_takeover
-- severity: HIGH
-- owner: account-security
-- version: 1
-- action: ALERT
-- description: The payments that follow the first one of a takeover: device and country are not new any more, but
--   the account has been in two countries within the week and pays out several times its typical amount
--   again within a day. The median is used since the first large payment has already moved the mean.
-- reason: {amount} {currency} is {amount_over_account_median} times the typical amount, after one of
--   {account_max_24h} within a day in {account_distinct_countries_7d} countries
channel IN ('ONLINE', 'MOBILE')
AND transaction_type IN ('CARD_PAYMENT', 'TRANSFER')
AND amount_over_account_median >= 6
AND account_max_24h >= 4 * account_mean_30d
AND account_count_24h >= 2
AND account_distinct_countries_7d >= 2
AND account_count_30d >= 10
