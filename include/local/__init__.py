"""The embedded stack: every server on this machine, without Docker."""
