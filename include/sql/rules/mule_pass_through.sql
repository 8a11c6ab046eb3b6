-- id: mule_pass_through
-- title: Mule account, money passed on
-- typology: mule_account
-- severity: CRITICAL
-- owner: aml
-- version: 1
-- action: ALERT
-- description: Money from many sides within a day, and most of it leaves again by transfer within the same day.
-- reason: {account_inflow_count_24h} deposits of {account_inflow_24h} in total within a day, of which {amount}
--   {currency} now leaves by transfer
transaction_type = 'TRANSFER'
AND account_inflow_count_24h >= 4
AND account_distinct_counterparties_24h >= 4
AND account_inflow_24h >= 500
AND account_outflow_24h + amount >= 0.5 * account_inflow_24h
