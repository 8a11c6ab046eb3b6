-- id: impossible_travel_known_country
-- title: Impossible travel to a known country
-- typology: impossible_travel
-- severity: MEDIUM
-- owner: card-fraud
-- version: 2
-- action: REVIEW
-- description: As impossible_travel_new_country, in a country the account has been to. The payment before may have
--   been made online, so only an unusual amount is looked at.
-- reason: shown in {country}, which takes {country_speed_kmh} km/h from the payment before, amount
--   {amount_over_account_median} times the typical
channel IN ('POS', 'ATM')
AND is_new_country = 0
AND country_speed_kmh >= 1000
AND country_speed_kmh * seconds_since_last / 3600 >= 1500
AND amount_over_account_median >= 4
AND account_count_30d >= 10
