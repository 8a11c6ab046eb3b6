-- id: account_takeover_new_device
-- title: Account takeover
-- typology: account_takeover
-- severity: CRITICAL
-- owner: account-security
-- version: 1
-- action: ALERT
-- description: A device and a country the account has not used for 30 days, together with an amount above its
--   typical one: a traveller with a new phone starts small. Accounts with hardly any past are left out,
--   since everything is new to them.
-- reason: new device in a new country ({country}), {amount} {currency} is {amount_over_account_median} times
--   the typical amount
is_new_device = 1
AND is_new_country = 1
AND amount_over_account_median >= 2
AND account_count_30d >= 5
AND transaction_type <> 'DEPOSIT'
