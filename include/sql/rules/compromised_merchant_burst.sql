-- id: compromised_merchant_burst
-- title: Compromised merchant, burst of payments
-- typology: compromised_merchant
-- severity: LOW
-- owner: merchant-risk
-- version: 1
-- action: REVIEW
-- description: A terminal takes in an hour what it usually takes in a day, from many accounts, and this payment is
--   large for its account and for the terminal.
-- reason: {counterparty_count_1h} payments in the last hour at a counterparty that had {counterparty_count_7d}
--   in the week
transaction_type = 'CARD_PAYMENT'
AND counterparty_count_7d >= 30
AND counterparty_count_1h >= 10
AND counterparty_count_1h >= counterparty_count_7d / 7
AND counterparty_distinct_accounts_1h >= 5
AND amount_over_account_median >= 3
AND amount >= 1.5 * counterparty_mean_30d
