"""Features: exact sliding windows over an account's and a counterparty's past."""
