"""Adaptation: noticing that the world has changed, and what follows from it.

===============  ==================================================================================
``drift/``       detectors over scored transactions and arriving labels; one algorithm a file
``page``         alarms as an HTML page with a plot each
``study/``       ``make drift-study``: what the detectors and retraining are worth on changed history
``errors``       everything that can go wrong
===============  ==================================================================================
"""
