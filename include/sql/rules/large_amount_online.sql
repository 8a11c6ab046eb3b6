-- id: large_amount_online
-- title: Large card payment online
-- typology: large_amount
-- severity: HIGH
-- owner: payments-risk
-- version: 1
-- action: ALERT
-- description: A card payment at an online shop new to the account, twenty times its typical amount. Large
--   purchases are usually made where one can look at the thing, or paid by transfer.
-- reason: {amount} {currency} at a new online shop is {amount_over_account_median} times the typical amount
transaction_type = 'CARD_PAYMENT'
AND channel = 'ONLINE'
AND is_new_counterparty = 1
AND amount_over_account_median >= 20
AND amount >= 500
AND account_count_30d >= 10
