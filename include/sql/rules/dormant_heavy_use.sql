-- id: dormant_heavy_use
-- title: Heavy use after a long pause
-- typology: dormant_account
-- severity: HIGH
-- owner: account-security
-- version: 1
-- action: ALERT
-- description: The payments after the one that woke a dormant account: all of the week's payments fell within the
--   last day, there were but a few earlier in the month, and the money of the day adds up. A new account
--   has nothing earlier in the month and is left out.
-- reason: {account_count_24h} payments of {account_sum_24h} in total within a day after a pause of a week or
--   more, and {amount} {currency} to a new counterparty
transaction_type NOT IN ('DEPOSIT', 'DIRECT_DEBIT')
AND is_new_counterparty = 1
AND account_count_24h >= 1
AND account_count_7d = account_count_24h
AND account_count_30d > account_count_24h
AND account_count_30d <= account_count_24h + 5
AND account_sum_24h + amount >= 500
