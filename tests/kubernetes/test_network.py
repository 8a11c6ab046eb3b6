"""Network policies: nobody by default, and whoever has to."""

from __future__ import annotations

from typing import Any

from tests.kubernetes.manifests import Manifest, manifests, of_kind, values

AIRFLOW = {
    part: {"tier": "airflow", "component": part}
    for part in ("worker", "api-server", "triggerer", "scheduler")
}
DRIVER = {
    "app.kubernetes.io/name": "spark-connect", "app.kubernetes.io/component": "spark",
    "app.kubernetes.io/part-of": "tidewatch",
}  # fmt: skip
NODE = {"cassandra.datastax.com/cluster": "tidewatch", "cassandra.datastax.com/datacenter": "datacenter1"}


def _executor() -> dict[str, str]:
    (pod,) = [each for each in manifests() if each["kind"] == "Pod"]
    return dict(pod["metadata"]["labels"])


def _selects(selector: Manifest, labels: dict[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        rule["operator"] == "In" and labels.get(rule["key"]) in rule["values"]
        for rule in selector.get("matchExpressions", [])
    )


def _may(caller: dict[str, str], called: dict[str, str], port: int) -> bool:
    """Whether a policy of ours lets a pod of the namespace reach a port of another."""
    return any(
        _selects(policy["spec"]["podSelector"], called)
        and any(_selects(peer["podSelector"], caller) for peer in rule["from"] if "podSelector" in peer)
        and port in {each["port"] for each in rule["ports"]}
        for policy in of_kind("NetworkPolicy").values()
        for rule in policy["spec"].get("ingress", [])
    )


def test_labels_are_those_the_pods_have() -> None:
    template = of_kind("Deployment")["spark-connect"]["spec"]["template"]
    assert template["metadata"]["labels"] == DRIVER
    assert (
        of_kind("CassandraDatacenter")["datacenter1"]["spec"]["clusterName"]
        == NODE["cassandra.datastax.com/cluster"]
    )


def test_nobody_is_reached_unless_named() -> None:
    policy = of_kind("NetworkPolicy")["nobody-unless-named"]["spec"]
    assert policy == {"podSelector": {}, "policyTypes": ["Ingress"]}
    stranger = {"app": "something else"}
    pods: list[tuple[dict[str, str], int]] = [
        (NODE, 9042),
        (DRIVER, 15443),
        (DRIVER, 7078),
        (_executor(), 7079),
    ]
    assert [called for called, port in pods if _may(stranger, called, port)] == []


def test_those_who_have_to_may() -> None:
    for part in ("worker", "api-server", "triggerer"):
        assert _may(AIRFLOW[part], NODE, 9042)
        assert _may(AIRFLOW[part], DRIVER, 15443)
    assert _may(NODE, NODE, 7001)
    assert _may(_executor(), DRIVER, 7078)
    assert _may(_executor(), DRIVER, 7079)
    assert _may(DRIVER, _executor(), 7079)


def test_the_others_may_not() -> None:
    assert not _may(AIRFLOW["scheduler"], NODE, 9042)
    assert not _may(_executor(), NODE, 9042)
    # The port without TLS is the proxy's alone: on the pod's own loopback interface, and in no policy.
    assert not any(_may(caller, DRIVER, 15002) for caller in (*AIRFLOW.values(), _executor(), DRIVER))
    assert not _may(AIRFLOW["worker"], DRIVER, 7078)


def test_kafka_is_reached_by_airflow_and_spark() -> None:
    (listener,) = of_kind("Kafka")["tidewatch"]["spec"]["kafka"]["listeners"]
    peers = [peer["podSelector"] for peer in listener["networkPolicyPeers"]]
    for labels in (*AIRFLOW.values(), DRIVER, _executor()):
        assert any(_selects(peer, labels) for peer in peers)
    assert not any(_selects(peer, NODE) for peer in peers)


def test_the_api_server_is_reached_by_tasks_and_the_proxy() -> None:
    given = values()
    assert given["networkPolicies"]["enabled"] is True
    # Without `from` the chart's policy lets nobody in.
    peers: list[dict[str, Any]] = given["apiServer"]["networkPolicy"]["ingress"]["from"]
    assert any(_selects(peer["podSelector"], AIRFLOW["worker"]) for peer in peers if "podSelector" in peer)
    assert len([peer for peer in peers if "namespaceSelector" in peer]) == 2
