-- id: structuring_series
-- title: Structuring
-- typology: structuring
-- severity: HIGH
-- owner: aml
-- version: 1
-- action: ALERT
-- description: The third amount just below the reporting threshold of 10,000 within a week.
-- reason: {account_near_threshold_count_7d} amounts just below 10,000 in the last 7 days, and one more of
--   {amount} {currency}
amount >= 9000
AND amount < 10000
AND account_near_threshold_count_7d >= 2
