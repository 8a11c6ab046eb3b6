-- id: dormant_reactivation
-- title: Dormant account used again
-- typology: dormant_account
-- severity: MEDIUM
-- owner: account-security
-- version: 1
-- action: ALERT
-- description: The first payment after more than 25 days (2,160,000 seconds) without any, and not a small one.
-- reason: {amount} {currency} after {seconds_since_last} seconds without a payment
transaction_type <> 'DEPOSIT'
AND transaction_type <> 'DIRECT_DEBIT'
AND seconds_since_last >= 2160000
AND amount >= 150
