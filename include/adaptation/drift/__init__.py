"""Drift: has what is scored, or what fraud looks like, changed since the model was put to use?

Nothing here is kept in memory between two looks. A reference is learned once a model is promoted; every
batch of scored rows becomes counts over the reference's bins, which add up in any order; labels become a
bounded log that is replayed. So a short task can look every few minutes, and a back-test day by day.

===============  ==================================================================================
``settings``     every threshold, with the reason for it; the one home of the defaults
``segments``     all rows, and those of one transaction type, channel or country
``bins``         the edges a feature or the score is counted between
``tally``        counts of rows, alerts, bins, missing and known values
``reference``    what was usual when the model was promoted
``summary``      the same counts of what came since, hour by hour; merged by addition
``finding``      one comparison that was made, and whether it is worth an alarm
``stability``    population stability index (PSI) of scores and features, corrected for its bias
``rates``        alert rate and shares of missing values: two proportions compared
``unseen``       values the reference has never seen
``comparing``    ``compare``: all of these over a reference and a summary
``outcomes``     labelled frauds and whether they had been alerted, as a bounded log
``missed``       ADWIN over that log
``alarm``        what is told
``watching``     ``watch``: reference, summaries and log → alarms with onset and series
===============  ==================================================================================
"""

from include.adaptation.drift.alarm import Alarm, Kind, Point, carry_on
from include.adaptation.drift.comparing import compare
from include.adaptation.drift.finding import Finding
from include.adaptation.drift.outcomes import Outcome, OutcomeLog, outcomes_of
from include.adaptation.drift.reference import Reference
from include.adaptation.drift.settings import DriftSettings
from include.adaptation.drift.summary import Summary, merge, summarise
from include.adaptation.drift.watching import watch

__all__ = [
    "Alarm",
    "DriftSettings",
    "Finding",
    "Kind",
    "Outcome",
    "OutcomeLog",
    "Point",
    "Reference",
    "Summary",
    "carry_on",
    "compare",
    "merge",
    "outcomes_of",
    "summarise",
    "watch",
]
