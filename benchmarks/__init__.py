"""What the system costs, measured; each module is one command of the Makefile."""
