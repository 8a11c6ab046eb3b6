-- id: structuring_second
-- title: Structuring, second amount
-- typology: structuring
-- severity: MEDIUM
-- owner: aml
-- version: 1
-- action: REVIEW
-- description: The second amount just below the reporting threshold within a week, on an account that otherwise
--   moves much less.
-- reason: the second amount just below 10,000 in 7 days, {amount_over_account_median} times the typical amount
amount >= 9000
AND amount < 10000
AND account_near_threshold_count_7d = 1
AND amount_over_account_median >= 5
