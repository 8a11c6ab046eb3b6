"""Detection: models, the decision that spends the alert budget, reasons, registry."""
