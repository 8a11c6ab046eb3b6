"""A fitted scikit-learn forest as an XGBoost model: the same trees, read in milliseconds.

skops reads a forest of a hundred trees object by object, which took a third of scoring a small batch.
XGBoost's own format holds the same trees as a few arrays.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost as xgb

Floats = npt.NDArray[np.float64]

_NO_PARENT = 2147483647  # as XGBoost writes it


def booster_of(trees: list[Any], leaf_values: list[Floats], features: int) -> xgb.Booster:
    """A booster whose margin is the sum, over the trees, of the value of the leaf a row falls into.

    Parameters
    ----------
    trees
        ``sklearn.tree._tree.Tree`` objects.
    leaf_values
        For each tree, shape (nodes,): what a row gets that ends in the node; read at leaves only.
    features
        Number of features.

    Notes
    -----
    scikit-learn goes left where ``x <= t``, XGBoost where ``x < t``; both compare 32-bit features, so the
    next 32-bit number above ``t`` makes the two the same. Rows must not hold NaN.
    """
    template = json.loads(_empty(features).save_raw("json"))
    model = template["learner"]["gradient_booster"]["model"]
    model["trees"] = [
        _tree(number, tree, values, features)
        for number, (tree, values) in enumerate(zip(trees, leaf_values, strict=True))
    ]
    model["tree_info"] = [0] * len(trees)
    model["iteration_indptr"] = list(range(len(trees) + 1))
    model["gbtree_model_param"]["num_trees"] = str(len(trees))
    booster = xgb.Booster()
    booster.load_model(bytearray(json.dumps(template), "utf-8"))
    return booster


def _empty(features: int) -> xgb.Booster:
    """A trained booster of one tree, as a form to fill in."""
    rows = xgb.DMatrix(np.zeros((2, features)), label=np.zeros(2))
    parameters = {"objective": "reg:squarederror", "base_score": 0.0, "max_depth": 1, "verbosity": 0}
    return xgb.train(parameters, rows, 1)


def _tree(number: int, tree: Any, values: Floats, features: int) -> dict[str, Any]:
    order = _siblings_side_by_side(tree)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    left, right = tree.children_left[order], tree.children_right[order]
    leaf = left < 0
    inner = np.flatnonzero(~leaf)
    left, right = (np.where(leaf, -1, place[children]) for children in (left, right))
    parents = np.full(len(order), _NO_PARENT)
    parents[left[inner]] = inner
    parents[right[inner]] = inner
    threshold = tree.threshold[order]
    at_or_below = threshold.astype(np.float32)
    at_or_below = np.where(
        at_or_below > threshold, np.nextafter(at_or_below, np.float32(-np.inf)), at_or_below
    )
    below = np.nextafter(at_or_below, np.float32(np.inf))
    values = np.where(leaf, values[order], 0.0)
    zeros = [0] * len(order)
    return {
        "id": number,
        "tree_param": {
            "num_deleted": "0", "num_feature": str(features), "num_nodes": str(len(order)), "size_leaf_vector": "1",
        },
        "left_children": left.tolist(),
        "right_children": right.tolist(),
        "parents": parents.tolist(),
        "split_indices": np.where(leaf, 0, tree.feature[order]).tolist(),
        "split_conditions": np.where(leaf, values, below).tolist(),
        "split_type": zeros,
        "default_left": zeros,
        "base_weights": values.tolist(),
        "loss_changes": [0.0] * len(order),
        "sum_hessian": tree.weighted_n_node_samples[order].tolist(),
        "categories": [], "categories_nodes": [], "categories_segments": [], "categories_sizes": [],
    }  # fmt: skip


def _siblings_side_by_side(tree: Any) -> npt.NDArray[np.int64]:
    """The nodes, level by level: XGBoost takes a right child to be the neighbour of the left one."""
    order = [0]
    for node in order:
        if tree.children_left[node] >= 0:
            order += [tree.children_left[node], tree.children_right[node]]
    return np.array(order)
