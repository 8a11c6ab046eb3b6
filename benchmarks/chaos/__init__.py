"""Faults on purpose, under a steady stream, and afterwards the books: is anything lost, is anything doubled?

``make chaos FAULTS=100 SEED=7`` kills, pauses and cuts off parts of an embedded stack of its own
(:mod:`.faults`), measures how long the flow takes to recover from each (:mod:`.recovery`), and then compares what
was produced with every store (:mod:`.books`).
"""
