"""What a rate needs: costs from what ``make bench`` measured, a plan of machines, and a simulation that checks it."""
