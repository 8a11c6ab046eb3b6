"""The drift study: what detectors and retraining are worth on history with changes put into it.

===============  ==================================================================================
``changes``      a new modus operandi, amounts inflated, nothing
``settings``     every setting of the study; detectors and retraining have the live defaults
``operation``    a model in use: decides on a day, is watched, is replaced
``loop``         day after day under one policy: static, weekly, triggered
``running``      every change, seed and policy; goes on where it was broken off
``measures``     average precision, recall and alert rate of what was decided
``outcome``      the record behind ``reports/drift-study.json``, and its checks
``page``         the JSON, and an HTML page with plots
``__main__``     ``make drift-study``
===============  ==================================================================================
"""
