-- id: dormant_heavy_use
-- title: Heavy use after a pause
-- typology: dormant_account
-- severity: MEDIUM
-- owner: account-security
-- version: 1
-- action: REVIEW
-- description: Several payments within a day, of much money, on an account with next to nothing in the month
--   before. A new account looks the same, hence a review and no alert.
-- reason: {account_count_24h} payments of {account_sum_24h} in total within a day, {account_count_30d} in the
--   month
transaction_type <> 'DEPOSIT'
AND account_count_24h >= 3
AND account_count_7d = account_count_24h
AND account_count_30d <= account_count_24h + 5
AND account_sum_24h + amount >= 1000
AND amount >= 100
