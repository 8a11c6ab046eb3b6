-- id: large_amount
-- title: Largest amount by far
-- typology: large_amount
-- severity: LOW
-- owner: payments-risk
-- version: 1
-- action: REVIEW
-- description: Eight times the largest amount of the account in 30 days, whatever the way. Most are a car or a
--   kitchen, hence a review. Deposits are left out (wages), and accounts with little past.
-- reason: {amount} {currency} is {amount_over_account_max} times the largest amount in 30 days
transaction_type <> 'DEPOSIT'
AND amount_over_account_max >= 8
AND amount >= 300
AND account_count_30d >= 10
