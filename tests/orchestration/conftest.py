"""The bank of the pipeline's tests serves here too."""

from tests.pipeline.conftest import bank, make_bank

__all__ = ["bank", "make_bank"]
