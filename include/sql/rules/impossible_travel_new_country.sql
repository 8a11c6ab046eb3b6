-- id: impossible_travel_new_country
-- title: Impossible travel
-- typology: impossible_travel
-- severity: HIGH
-- owner: card-fraud
-- version: 2
-- action: ALERT
-- description: The card is shown in a country the account has not been to for 30 days, sooner than one can fly
--   there. The distance (speed times hours) is asked for too: the centres of neighbouring countries are
--   far apart, their borders are not. The next payment at home would be as fast, but home is not a new
--   country.
-- reason: shown in {country}, which takes {country_speed_kmh} km/h from the payment before
channel IN ('POS', 'ATM')
AND is_new_country = 1
AND country_speed_kmh >= 1000
AND (country_speed_kmh * seconds_since_last / 3600 >= 1500 OR country_speed_kmh >= 20000)
AND account_count_30d >= 3
