-- id: mule_pass_through
-- title: Mule account, money passed on
-- typology: mule_account
-- severity: CRITICAL
-- owner: aml
-- version: 1
-- action: ALERT
-- description: Money from many sides within a day, and a good part of it leaves again within the same day, to
--   somebody new. Traders have as many deposits, but every day (they are compared with the month), and
--   they pay people they know.
-- reason: {account_inflow_count_24h} deposits of {account_inflow_24h} in total within a day, of which {amount}
--   {currency} now leaves to a new counterparty
transaction_type = 'TRANSFER'
AND is_new_counterparty = 1
AND account_inflow_count_24h >= 3
AND account_inflow_count_24h >= 0.05 * account_count_30d
AND account_distinct_counterparties_24h >= 3
AND account_inflow_24h >= 500
AND account_outflow_24h + amount >= 0.3 * account_inflow_24h
