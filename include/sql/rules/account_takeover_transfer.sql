-- id: account_takeover_transfer
-- title: Large transfer from a new device
-- typology: account_takeover
-- severity: HIGH
-- owner: account-security
-- version: 1
-- action: REVIEW
-- description: A transfer to somebody the account has not paid for 30 days, from a device it has not used, larger
--   than anything in that time.
-- reason: transfer of {amount} {currency} to a new counterparty from a new device, {amount_over_account_max}
--   times the largest so far
transaction_type = 'TRANSFER'
AND is_new_device = 1
AND is_new_counterparty = 1
AND amount_over_account_max >= 1.5
AND account_count_30d >= 10
