"""Alerts: what an alert is, who is told, and how it reaches them exactly once."""
