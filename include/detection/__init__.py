"""Detection: models, the decision that spends the alert budget, reasons, registry.

===================  ==============================================================================
``detectors/``       one algorithm a file; higher score = more suspicious
``calibration``      the booster's log-odds → a probability of fraud
``budget``           thresholds that spend a given share of all transactions
``decision``         ``DecisionPolicy`` and ``decide``: ALLOW, REVIEW or ALERT, severity, typology
``profile``          what each feature usually is; how far a value is from that
``reasons``          why, in words a bank clerk understands
``matrix``           a table of features → the array the detectors read
``manifest``         what a model says about itself: hashes, schema, versions, metrics
``bundle``           ``ModelBundle``: everything a decision needs, saved to and loaded from a directory
``registry``         ``ModelRegistry``: versions in a lake, and which of them is current
``evaluation``       metrics on the held-out tail
``training``         ``train``: history and labels → a bundle
``scored``           the schema of a scored table
``scoring``          ``score_batch``: transactions, features, model, rules → a scored table
``errors``           everything that can go wrong
===================  ==============================================================================

Nothing here starts a thread pool at import time, so a process that has only imported the package may
be forked.
"""
