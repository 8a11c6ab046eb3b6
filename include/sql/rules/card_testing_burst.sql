-- id: card_testing_burst
-- title: Card testing
-- typology: card_testing
-- severity: HIGH
-- owner: card-fraud
-- version: 1
-- action: ALERT
-- description: A stolen card is tried out with a series of tiny online payments, at one shop after the other. The
--   third within the hour, at a shop new to the account, is far from what customers do; a game or a car
--   park charges several tiny amounts too, but at one and the same shop.
-- reason: {account_small_count_1h} small payments at {account_distinct_counterparties_1h} places in the last
--   hour, and one more of {amount} {currency} at a new one
transaction_type = 'CARD_PAYMENT'
AND channel = 'ONLINE'
AND amount <= 5
AND account_small_count_1h >= 2
AND account_distinct_counterparties_1h >= 2
AND is_new_counterparty = 1
