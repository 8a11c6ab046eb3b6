"""Who may change what, and what is on record about it."""
