"""Features: exact sliding windows over an account's and a counterparty's past.

One implementation serves live scoring, training, back-tests and replay.

- ``catalogue``: every feature with its unit and its plain words; the order models rely on
- ``compute``: batch and states in, features and new states out; says what "before" means
- ``engine``: the same against a state store; ``history``: the same over a whole history
- ``transactions``, ``labels``: batch and labels as NumPy columns; ``packing``: states as bytes
- ``timeline``: past and batch merged in event time; ``writing``: new states cut out of it
- ``buckets``: the bounded past of heavy keys, and what that gives up; ``verdicts``: labels in order
- ``velocity``, ``account``, ``counterparty``, ``fraud_history``, ``moment``: the features themselves
- ``windows``: vectorised sums, maxima, medians and distinct counts; ``clock``: lengths of windows
- ``geography``: country centroids and distances; ``errors``: what can go wrong
"""
