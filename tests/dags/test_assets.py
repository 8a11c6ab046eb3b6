"""The asset graph: that of the design, one definition per asset, keys where they belong."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from importlib import import_module

from include.settings import PROJECT
from tests.dags.facts import FILES, Bag, declared_assets, keyed_assets

#: DAG that makes it, asset, DAGs that it starts: the picture of the flow.
FLOW = [
    ("ingest_transactions, resend_dead_letters", "transactions", {"process_transactions"}),
    ("process_transactions", "transaction_batches", {"score_transactions"}),
    ("score_transactions", "scored_batches", {"raise_alerts", "load_cassandra"}),
    ("raise_alerts", "alerts", set()),
    ("load_cassandra", "cassandra.transactions", set()),
    ("initialize_stores", "stores", {"load_customers", "train_models"}),
    ("load_customers", "customers", set()),
    ("approve_model, train_models", "fraud_model", set()),
    ("train_models", "challengers", {"approve_model"}),
    ("monitor_drift", "model_drift", {"train_models"}),
    ("score_shadow", "challenger_evidence", {"approve_model"}),
    ("check_parity", "feature_parity", set()),
    ("collect_labels", "labels", set()),
    ("change_rule", "rules", set()),
    ("change_list", "lists", set()),
    ("build_reports", "reports", set()),
    ("backtest_rules", "rule_backtests", set()),
    ("measure_quality", "detection_quality", set()),
]


def _safety_net(bag: Bag) -> set[str]:
    """DAGs that wake a stage again when its event was lost; they make nothing of their own."""
    return {dag.dag_id for dag in bag.dags if "safety net" in dag.tags}


def test_flow_is_the_picture(bag: Bag) -> None:
    net = _safety_net(bag)
    made = [
        (", ".join(sorted(bag.producers(asset) - net)), asset, bag.consumers(asset)) for _, asset, _ in FLOW
    ]
    assert made == FLOW


def test_safety_net_wakes_every_stage_that_batches_start(bag: Bag) -> None:
    started_by_batches = {
        name for dag in bag.dags if dag.timetable == "PartitionedAssetTimetable" for name in dag.triggers
    }
    caught = {name for dag in bag.dags if dag.dag_id in _safety_net(bag) for name in dag.outlets}
    assert caught == started_by_batches


def test_no_dag_starts_itself(bag: Bag) -> None:
    graph = {dag.dag_id: {p for name in dag.triggers for p in bag.producers(name)} for dag in bag.dags}
    list(TopologicalSorter(graph).static_order())


def test_arrivals_are_watched_after_serialization(bag: Bag) -> None:
    watchers = [watcher for dag in bag.dags for watcher in dag.watchers]
    assert {watcher.asset for watcher in watchers} == {"transactions", "fraud_labels"}
    for watcher in watchers:
        module, _, name = watcher.classpath.rpartition(".")
        trigger = getattr(import_module(module), name)(**watcher.kwargs)
        assert trigger.serialize() == (watcher.classpath, dict(watcher.kwargs))


def test_everything_declared_is_in_the_graph(bag: Bag) -> None:
    declared = declared_assets()
    assert len(set(declared.values())) == len(declared)
    used = {name for dag in bag.dags for name in dag.outlets | set(dag.triggers)}
    assert used == set(declared.values())


def test_assets_are_declared_in_one_module() -> None:
    """A second declaration without its watchers would delete them."""
    makers = {"Asset", "AssetAlias", "AssetWatcher", "Dataset", "asset"}
    found = set()
    for folder in ("dags", "include", "plugins"):
        for path in (PROJECT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in makers:
                    found.add(str(path.relative_to(PROJECT)))
    assert found == {"include/assets.py"}


def test_an_asset_has_keys_from_all_its_makers_or_from_none(bag: Bag) -> None:
    keys = {file.stem: keyed_assets(file) for file in FILES}
    made = {(name, dag.dag_id): name in keys[dag.dag_id] for dag in bag.dags for name in dag.outlets}
    for asset in {name for name, _ in made}:
        assert len({keyed for (name, _), keyed in made.items() if name == asset}) == 1, asset


def test_keyed_assets_start_partitioned_dags_and_others_do_not(bag: Bag) -> None:
    """An event with a key never starts an unpartitioned DAG, nor the reverse."""
    keyed = {asset for file in FILES for asset in keyed_assets(file)}
    started = {
        (dag.dag_id, name): dag.timetable == "PartitionedAssetTimetable"
        for dag in bag.dags
        for name in dag.triggers
    }
    assert started == {(dag_id, name): name in keyed for dag_id, name in started}
