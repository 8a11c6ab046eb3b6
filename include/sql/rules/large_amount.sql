-- id: large_amount
-- title: Large amount
-- typology: large_amount
-- severity: HIGH
-- owner: payments-risk
-- version: 1
-- action: ALERT
-- description: Eight times the largest amount of the account in 30 days. Deposits are left out (wages), and
--   accounts with little past.
-- reason: {amount} {currency} is {amount_over_account_max} times the largest amount in 30 days
transaction_type <> 'DEPOSIT'
AND amount_over_account_max >= 8
AND amount >= 300
AND account_count_30d >= 10
