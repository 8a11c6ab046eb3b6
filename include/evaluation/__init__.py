"""Evaluation: how good detection is on historical data, by a protocol that cannot see the future.

===============  ==================================================================================
``dataset``      raw events by a mapping → transactions, truth, and labels as they became known
``protocol``     folds: train some days, skip the label delay, test some days
``ranking``      what a ranking is worth: AUC, average precision, card precision, recall
``experiment``   features once, then every fold through ``include.detection.training``
``leakage``      proof that features know nothing of labels inside the delay
``outcome``      the record behind ``reports/evaluation.json``, and its checks
``charts``       PR and ROC curves as SVG; ``page`` the HTML page
``__main__``     ``make evaluate``
===============  ==================================================================================
"""
