-- id: dormant_reactivation
-- title: Dormant account used again
-- typology: dormant_account
-- severity: MEDIUM
-- owner: account-security
-- version: 1
-- action: ALERT
-- description: The first payment after more than 25 days (2,160,000 seconds) without any, to somebody new, and not
--   a small one. People who seldom use their account go to the places they know.
-- reason: {amount} {currency} to a new counterparty after {seconds_since_last} seconds without a payment
transaction_type NOT IN ('DEPOSIT', 'DIRECT_DEBIT')
AND seconds_since_last >= 2160000
AND is_new_counterparty = 1
AND amount >= 100
