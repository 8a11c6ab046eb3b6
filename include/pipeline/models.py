"""Where the models and the rules of a lake are."""

from __future__ import annotations

from include.detection.registry import ModelRegistry, PromotionGate
from include.features.catalogue import FEATURE_NAMES
from include.governance.rule_book import RuleBook
from include.rules.columns import rule_columns
from include.stores.lake.files import Lake
from include.stores.lake.names import MODELS


def model_registry(lake: Lake, gate: PromotionGate | None = None) -> ModelRegistry:
    """The registry of a lake's models.

    Parameters
    ----------
    gate
        Asked before a model takes another's place, see ``ModelRegistry``; without it none can.
    """
    return ModelRegistry(lake.uri_of(MODELS), FEATURE_NAMES, gate)


def rule_book(lake: Lake) -> RuleBook:
    """The rule book of a lake."""
    return RuleBook(lake, rule_columns())
