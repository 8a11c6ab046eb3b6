"""Cases: what people do about an alert, from the queue to a disposition.

The alert is evidence and never changes; its *case* is what has been done about it. A case is the sum of its
events, numbered from 1 without gaps; the number is the version it is changed by (compare-and-set), so two
people cannot both decide. Everything else (the row in the queue, the label, the audit record) is derived from
the event after it stands, and derived again by a sweep if the process died in between.

===================  ==================================================================================
``case``             the case, its events, and what a status means
``actions``          what may be done to a case, and what it becomes
``casework``         does it: event, queue, label, audit; and finishes what a killed process began
``queue``            one row of the queue, the questions it can be asked, and its order
``intake``           takes new alerts in: decided once, queued, before anybody is told
``paging``           goes through a queue page by page
``handling``         a new alert: told, joined to an earlier one of the account, or suppressed
``suppressions``     snoozes of an account, counterparty, rule or typology: an end, a reason, an author
``deadlines``        alerts nobody took in time, and cases whose snooze is over
``customer_answer``  "Was this you?": the signed link, and what an answer does
``errors``           what can go wrong
===================  ==================================================================================
"""
