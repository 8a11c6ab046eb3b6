-- id: card_testing_cash_out
-- title: Card testing, then a larger payment
-- typology: card_testing
-- severity: CRITICAL
-- owner: card-fraud
-- version: 1
-- action: ALERT
-- description: After the tiny trial payments comes the real one. It follows within the hour, online, and is many
--   times larger.
-- reason: {amount} {currency} after {account_small_count_1h} small payments at several places in the last hour
transaction_type = 'CARD_PAYMENT'
AND channel = 'ONLINE'
AND amount >= 20
AND account_small_count_1h >= 3
AND account_distinct_counterparties_1h >= 3
