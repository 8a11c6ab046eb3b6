"""A seeded bank: customers with habits, fraud typologies, and legitimate look-alikes of fraud.

Any day can be made alone: everything random is drawn from generators keyed by (seed, purpose, day), and what
spans days (trips, fraud episodes) is keyed by its first day and looked up from there.

===================  ==========================================================================
``bank``             ``SimulatedBank``: puts a day together, makes Arrow tables of it
``rows``             columnar rows before they have ids
``population``       customers and their habits
``counterparties``   merchants, cash machines, billers, employers, accounts elsewhere
``geography``        countries the bank's customers live in and travel to
``trips``            who is where on a day
``everyday``         daily spending, with travel, new phones and big purchases
``scheduled``        salaries and direct debits
``lookalikes``       honest behaviour that resembles a typology
``typologies``       fraud, one kind a module
``label_feed``       labels as they become known: late, and by whom
``perturb``          duplicates, late and malformed records, counted
===================  ==========================================================================
"""

from include.transactions.simulator.bank import SimulatedBank, SimulatedDay

__all__ = ["SimulatedBank", "SimulatedDay"]
