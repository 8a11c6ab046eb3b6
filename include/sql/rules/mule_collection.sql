-- id: mule_collection
-- title: Mule account, money collected
-- typology: mule_account
-- severity: MEDIUM
-- owner: aml
-- version: 1
-- action: ALERT
-- description: The fifth deposit within a day, all from different sides, on an account that belongs to a person:
--   the collecting stage of a mule account, before the money has left. Accounts that take many deposits
--   every day (a shop) are left out by comparing with their month.
-- reason: {account_inflow_count_24h} deposits within a day from many sides, and one more of {amount}
--   {currency}
transaction_type = 'DEPOSIT'
AND account_inflow_count_24h >= 4
AND account_distinct_counterparties_24h >= 4
AND account_inflow_count_24h >= 0.05 * account_count_30d
