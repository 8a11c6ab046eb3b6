"""What can be watched from outside: metrics for Prometheus, traces for any OpenTelemetry collector.

Both are read from what the chain has written down (cursors, manifests, outbox, incidents), by a process that has
the time for it; no task ever waits for a collector, and a restart loses no count. Why:
``docs/decisions/0013-telemetry-from-durable-state.md``.

=============  ============================================================================
``catalogue``  every metric there is: name, kind, labels, meaning
``flow``       stages, batches, durations, decisions: from the ledger's cursors
``standing``   broker, outbox, incidents, drift, disks: how things are at this moment
``exposition`` all of them as one text for Prometheus; a part that fails is told as such
``spans``      the trace of a batch, from its manifests
``otlp``       hands traces to a collector
=============  ============================================================================
"""
