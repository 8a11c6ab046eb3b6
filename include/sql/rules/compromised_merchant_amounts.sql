-- id: compromised_merchant_amounts
-- title: Compromised merchant
-- typology: compromised_merchant
-- severity: LOW
-- owner: merchant-risk
-- version: 1
-- action: REVIEW
-- description: Payments at a terminal have been twice their usual size for a day, from many accounts, and this one
--   is large for its account as well: card data skimmed at the terminal are being used.
-- reason: amounts at this counterparty average {counterparty_mean_24h} today against {counterparty_mean_30d}
--   in the month, from {counterparty_distinct_accounts_24h} accounts
transaction_type = 'CARD_PAYMENT'
AND counterparty_count_30d >= 30
AND counterparty_distinct_accounts_24h >= 4
AND counterparty_mean_24h >= 2 * counterparty_mean_30d
AND amount >= 2 * counterparty_mean_30d
AND amount_over_account_median >= 3
