-- id: large_amount_transfer
-- title: Large transfer to somebody new
-- typology: large_amount
-- severity: HIGH
-- owner: payments-risk
-- version: 1
-- action: ALERT
-- description: A transfer of twenty times the typical amount to somebody the account has not paid for 30 days.
--   Transfers handed in at a branch are left out: somebody has looked at the customer and the papers.
-- reason: {amount} {currency} to a new counterparty is {amount_over_account_median} times the typical amount
transaction_type = 'TRANSFER'
AND channel <> 'BRANCH'
AND is_new_counterparty = 1
AND amount_over_account_median >= 20
AND amount >= 500
AND account_count_30d >= 10
