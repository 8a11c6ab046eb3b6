"""``make demo``: the whole chain on a bounded, reproducible stream.

=============  ====================================================================================
``__main__``   the command line
``run``        stack up, stores, first model, stream, drain, record
``stream``     sends the stream from a thread of its own
``progress``   how far every stage has come, and whether it still moves
``facts``      gathers the record from the stores themselves
=============  ====================================================================================
"""
