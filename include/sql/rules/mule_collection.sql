-- id: mule_collection
-- title: Mule account, money collected
-- typology: mule_account
-- severity: MEDIUM
-- owner: aml
-- version: 1
-- action: ALERT
-- description: The fourth deposit within a day, from different sides, on an account that otherwise has few: the
--   collecting stage of a mule account, before the money has left. Accounts that take deposits every day
--   (a trader) are left out by comparing with their month and with the average day of their week; for
--   that there must be more than a week of history.
-- reason: {account_inflow_count_24h} deposits within a day from many sides, and one more of {amount}
--   {currency}
transaction_type = 'DEPOSIT'
AND account_inflow_count_24h >= 3
AND account_inflow_count_24h >= 0.05 * account_count_30d
AND account_inflow_count_24h >= account_count_7d / 7
AND account_count_30d >= account_count_7d + 5
AND account_distinct_counterparties_24h >= 3
