"""Rules: SQL boolean expressions in files, checked when loaded."""
