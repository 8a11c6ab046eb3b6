"""The bank and the models of the pipeline's tests serve here too."""

from tests.pipeline.conftest import bank, bundle, make_bank, other_bundle, train_small

__all__ = ["bank", "bundle", "make_bank", "other_bundle", "train_small"]
