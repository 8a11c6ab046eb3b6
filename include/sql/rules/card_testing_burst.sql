-- id: card_testing_burst
-- title: Card testing
-- typology: card_testing
-- severity: HIGH
-- owner: card-fraud
-- version: 1
-- action: ALERT
-- description: A stolen card is tried out with a series of tiny online payments. Three within the hour before a
--   fourth is far beyond what a customer with a few payments a day does.
-- reason: {account_small_count_1h} small payments in the last hour, and one more of {amount} {currency}
transaction_type = 'CARD_PAYMENT'
AND channel = 'ONLINE'
AND amount <= 5
AND account_small_count_1h >= 3
