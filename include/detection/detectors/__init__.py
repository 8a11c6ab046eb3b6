"""Detectors: one algorithm a file, all behind ``base.Detector``.

=====================  ============================================================================
``base``               the protocol; what every detector promises (``tests/contracts``)
``gradient_boosting``  XGBoost on labelled history, explained by TreeSHAP
``isolation_forest``   how few random cuts set a transaction apart
``one_class_svm``      how far outside the region of ordinary transactions it lies
``peer_clusters``      how far from the nearest group of ordinary behaviour it lies
``preparation``        what the anomaly detectors do to features first: impute, log, standardise
``blocks``             makes matrix products give a row the same bits whatever the batch
``persistence``        skops files with a pinned allow-list; never pickle
=====================  ============================================================================
"""

from __future__ import annotations

from include.detection.detectors.base import AnomalyDetector, Detector
from include.detection.detectors.gradient_boosting import GradientBoosting
from include.detection.detectors.isolation_forest import IsolationForest
from include.detection.detectors.one_class_svm import OneClassSVM
from include.detection.detectors.peer_clusters import PeerClusters

#: The detectors that need no labels, in the order of reasons.
ANOMALY_DETECTORS: tuple[type[IsolationForest] | type[OneClassSVM] | type[PeerClusters], ...] = (
    IsolationForest,
    OneClassSVM,
    PeerClusters,
)

__all__ = [
    "ANOMALY_DETECTORS",
    "AnomalyDetector",
    "Detector",
    "GradientBoosting",
    "IsolationForest",
    "OneClassSVM",
    "PeerClusters",
]
