"""Adaptation: noticing that the world has changed, and what follows from it.

=================  ==================================================================================
``drift/``         detectors over scored transactions and arriving labels; one algorithm a file
``page``           alarms as an HTML page with a plot each
``retraining``     what to do about an alarm: which retrainings are due, and when
``recalibration``  thresholds for what is scored now, without a label and without training
``study/``         ``make drift-study``: what the detectors and retraining are worth on changed history
``errors``         everything that can go wrong
=================  ==================================================================================
"""
