-- id: blocked_counterparty
-- title: Payment to a blocked counterparty
-- typology: mule_account
-- severity: HIGH
-- owner: aml
-- version: 1
-- action: ALERT
-- description: Money on its way to somebody on the bank's own list of mule accounts and fake shops, unless the account is
--   trusted (a company's own clearing account, for one). The list is kept by the DAG change_list.
-- reason: {amount} {currency} to {counterparty_id}, which is on the list of blocked counterparties
counterparty_is_blocked = 1
AND account_is_trusted = 0
AND transaction_type <> 'DEPOSIT'
