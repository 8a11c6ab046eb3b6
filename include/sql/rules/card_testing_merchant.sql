-- id: card_testing_merchant
-- title: Cards tested at a merchant
-- typology: card_testing
-- severity: MEDIUM
-- owner: merchant-risk
-- version: 1
-- action: REVIEW
-- description: A merchant through which cards are tried out: many tiny online payments within the hour, and several
--   from each account. A busy shop with small prices has many accounts with one payment each.
-- reason: {counterparty_small_count_1h} small payments in the last hour from
--   {counterparty_distinct_accounts_1h} accounts
channel = 'ONLINE'
AND amount <= 5
AND counterparty_small_count_1h >= 20
AND counterparty_small_count_1h >= 4 * counterparty_distinct_accounts_1h
