"""The schema of a scored table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from include.transactions.schema import ACCEPTED_SCHEMA, TIME

#: Models and rules spoke.
FULL = "FULL"
#: No model could be loaded; the rules spoke alone.
RULES_ONLY = "RULES_ONLY"
#: The past could not be read: rules on the transaction alone; scored again later, see ``include.pipeline.provisional``.
NO_HISTORY = "NO_HISTORY"


def scored_schema(features: Sequence[str] | None = None) -> Any:
    """Schema (``pyarrow.Schema``) of what ``score_batch`` returns.

    Parameters
    ----------
    features
        Names in the ``features`` struct; the catalogue's by default.
    """
    if features is None:
        from include.features.catalogue import FEATURE_NAMES

        features = FEATURE_NAMES
    return pa.schema(
        [
            *ACCEPTED_SCHEMA,
            pa.field("features", pa.struct([pa.field(name, pa.float64()) for name in features])),
            pa.field("decision", pa.string()),  # ALLOW, REVIEW or ALERT
            pa.field("score", pa.float64()),  # calibrated probability of fraud; null when RULES_ONLY
            pa.field("score_gradient_boosting", pa.float64()),  # the detectors' own scales, higher = more
            pa.field("score_isolation_forest", pa.float64()),  # suspicious; null when RULES_ONLY
            pa.field("score_one_class_svm", pa.float64()),
            pa.field("score_peer_clusters", pa.float64()),
            pa.field("rule_hits", pa.list_(pa.string())),
            pa.field("severity", pa.string()),
            pa.field("typology", pa.string()),  # "" for ALLOW
            pa.field("reasons", pa.list_(pa.string())),  # empty for ALLOW
            pa.field("contributions", pa.string()),  # JSON object; null for ALLOW
            pa.field("level", pa.string()),  # FULL, RULES_ONLY or NO_HISTORY
            pa.field("model_version", pa.string()),  # "" when RULES_ONLY
            pa.field("ruleset_version", pa.string()),
            pa.field("scored_at", TIME),
        ]
    )


def features_of(scored: Any) -> Any:
    """The features of a scored table as a table of float64 columns (``pyarrow.Table``), row by row."""
    return pa.Table.from_struct_array(scored["features"].combine_chunks())
