"""Governance: what decides about transactions changes only by named steps that leave a record.

========================  ==============================================================
"""
