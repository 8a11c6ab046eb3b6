-- id: large_amount_for_account
-- title: Large amount for this account
-- typology: large_amount
-- severity: MEDIUM
-- owner: payments-risk
-- version: 1
-- action: REVIEW
-- description: Where wages have raised the largest amount of the month, large_amount is blind: 40 times the typical
--   amount and still twice the largest.
-- reason: {amount} {currency} is {amount_over_account_median} times the typical amount
transaction_type <> 'DEPOSIT'
AND amount_over_account_median >= 40
AND amount_over_account_max >= 2
AND amount >= 1000
AND account_count_30d >= 10
