"""Manifests: well-formed, without secrets, and with no rights a container does not need."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.astro.files import dockerfile, image_tag
from tests.kubernetes.manifests import (
    CORE,
    DOCUMENT,
    FOLDER,
    Manifest,
    files,
    manifests,
    of_kind,
    values,
    variables,
    walk,
)

ROLES = {f"tidewatch-cassandra-{role}" for role in ("admin", "pipeline", "desk", "reader")}
#: The version of the schemas; Strimzi's releases want 1.32 or later.
KUBERNETES = "1.34"


def _label(manifest: Manifest) -> str:
    return f"{manifest['kind']}/{manifest['metadata'].get('name', 'in a template')}"


@pytest.mark.parametrize("manifest", [each for each in manifests() if each["apiVersion"] in CORE], ids=_label)
def test_core_kinds_are_as_their_schema_wants_them(manifest: Manifest) -> None:
    assert kubernetes_validate.validate(manifest, KUBERNETES, strict=True) == KUBERNETES


def test_the_schema_is_one_that_refuses() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": "none"}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(pod, KUBERNETES, strict=True)
    pod["spec"] = {"containers": [{"name": "a", "image": "b", "imagine": "c"}]}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(pod, KUBERNETES, strict=True)


def test_every_file_is_applied_by_somebody() -> None:
    listed = {
        path.parent / name
        for path in FOLDER.rglob("kustomization.yaml")
        for name in yaml.safe_load(path.read_text())["resources"]
    }
    assert listed == set(files())
    generated = yaml.safe_load((FOLDER / "pools-and-variables" / "kustomization.yaml").read_text())
    (maker,) = generated["configMapGenerator"]
    assert all((FOLDER / "pools-and-variables" / name).exists() for name in maker["files"])


def test_custom_resources_are_of_versions_their_operators_serve() -> None:
    custom = {(each["apiVersion"], each["kind"]) for each in manifests() if each["apiVersion"] not in CORE}
    strimzi = {
        ("kafka.strimzi.io/v1", kind) for kind in ("Kafka", "KafkaNodePool", "KafkaTopic", "KafkaUser")
    }
    assert custom == {*strimzi, ("cassandra.datastax.com/v1beta1", "CassandraDatacenter")}


def test_no_secret_is_in_any_file() -> None:
    assert "Secret" not in {each["kind"] for each in manifests()}
    with_values = {
        key: value
        for key, value in walk([*manifests(), values()])
        if re.search(r"password|token|secretkey|fernetkey|jwtsecret$", key, re.IGNORECASE)
        and isinstance(value, str)
        and not key.endswith(("SecretName", "secretKey"))
    }
    assert with_values == {}
    for name, value in variables().items():
        if re.search(r"PASSWORD|TOKEN|KEYS", name):
            assert re.fullmatch(r"<[a-z-]+:[a-z-]+>", value), name
    for value in variables().values():
        assert set(re.findall(r'"password": "([^"<]*)', value)) <= {""}


def _references() -> Iterator[tuple[str, str | None]]:
    """Secrets that are asked for, and the key if it is named."""
    given = values()
    for key, value in walk([*manifests(), given, yaml.safe_load(given["extraEnvFrom"])]):
        if key in ("secretKeyRef", "secretRef") and isinstance(value, dict):
            yield value["name"], value.get("key")
        elif key == "secret" and isinstance(value, dict):
            name = value.get("secretName") or value["name"]
            for item in value.get("items") or [{}]:
                yield name, item.get("key")
        elif key.lower().endswith("secretname") and isinstance(value, str):
            yield value, None
    for each in given["secret"]:
        yield each["secretName"], each["secretKey"]


def test_every_secret_that_is_asked_for_is_in_the_document() -> None:
    asked = {name for name, _ in _references()}
    by_strimzi = {*of_kind("KafkaUser"), "tidewatch-cluster-ca-cert"}
    told = set(re.findall(r"create secret \w+ ([a-z0-9-]+)", DOCUMENT.read_text()))
    (roles,) = re.findall(r"for role in ([a-z ]+);", DOCUMENT.read_text())
    told |= {f"tidewatch-cassandra-{role}" for role in roles.split()}
    assert asked - by_strimzi == told
    # Whom no container is: people, for what they do by hand.
    assert by_strimzi - asked == {"kafka-reader"}
    assert "`kafka-reader`" in DOCUMENT.read_text()


@pytest.mark.parametrize(("name", "key"), sorted({(n, k) for n, k in _references() if k}))
def test_the_document_makes_every_key(name: str, key: str) -> None:
    if name in of_kind("KafkaUser"):
        assert key == "password"  # by Strimzi, as is the next
    elif name == "tidewatch-cluster-ca-cert":
        assert key == "ca.crt"
    else:
        plain = DOCUMENT.read_text().replace("\\\n", " ")
        if name in ROLES:
            plain = plain.replace('"tidewatch-cassandra-$role"', name)
        (command,) = re.findall(rf"create secret \w+ {name} (.*)", plain)
        assert re.search(rf"--from-(literal|file)={re.escape(key)}[= ]", f"{command} "), command


def _containers(node: Any, pod: Any = None) -> Iterator[tuple[Any, Any]]:
    """Every container with the pod it is in, also in what an operator makes a pod of."""
    if isinstance(node, dict):
        here = node if isinstance(node.get("containers"), list) else pod
        for kind in ("initContainers", "containers"):
            for container in node.get(kind) or []:
                yield container, here
        for inner in node.values():
            yield from _containers(inner, here)
    elif isinstance(node, list):
        for inner in node:
            yield from _containers(inner, pod)


def _operators_templates() -> Iterator[tuple[Any, Any]]:
    """Strimzi's templates: a container each, and one for their pod."""
    for key, template in walk(manifests()):
        if key == "template" and isinstance(template, dict) and "pod" in template:
            for name, container in template.items():
                if name.endswith("Container"):
                    yield {"name": name, **container}, template["pod"]


ALL = [*_containers(manifests()), *_operators_templates()]


def test_no_container_escapes_the_look() -> None:
    found = {container["name"] for container, _ in ALL}
    assert found == {
        "airflow", "spark", "tls", "executor", "cassandra", "server-system-logger", "server-config-init",
        "server-config-init-base", "kafkaContainer", "topicOperatorContainer", "userOperatorContainer",
    }  # fmt: skip


@pytest.mark.parametrize(("container", "pod"), ALL, ids=[container["name"] for container, _ in ALL])
def test_runs_without_rights(container: Any, pod: Any) -> None:
    around, own = pod["securityContext"], container["securityContext"]
    assert around["runAsNonRoot"] is True
    assert around["seccompProfile"] == {"type": "RuntimeDefault"}
    assert own["allowPrivilegeEscalation"] is False
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert 0 not in (around.get("runAsUser"), own.get("runAsUser"))
    assert not own.get("privileged")


def test_airflow_runs_without_rights() -> None:
    given = values()
    for pod, container in (
        (given["securityContexts"]["pod"], given["securityContexts"]["containers"]),
        (given["redis"]["securityContexts"]["pod"], given["redis"]["securityContexts"]["container"]),
    ):
        assert pod["runAsNonRoot"] is True
        assert pod["runAsUser"] > 0
        assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert given["securityContexts"]["pod"]["runAsUser"] == given["uid"]


def test_every_container_says_what_it_needs_and_how_much_memory_it_may_have() -> None:
    ours = [container for container, _ in ALL if "image" in container]
    assert {container["name"] for container in ours} == {"airflow", "spark", "tls"}
    for container in ours:
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert "memory" in container["resources"]["limits"]


def test_images_are_pinned_and_those_of_the_other_ways_of_running() -> None:
    images = {container["image"] for container, _ in ALL if "image" in container}
    assert all(re.fullmatch(r"[\w./-]+:\d[\w.-]*", image) for image in images)
    spark = image_tag("spark-connect", "apache/spark")
    text = (FOLDER / "Dockerfile.spark").read_text()
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {f"apache/spark:{spark}"}
    assert f"ARG CONNECTOR={spark}" in text
    assert text.split("USER ")[-1].strip() == "spark"
    kafka, cassandra = of_kind("Kafka")["tidewatch"], of_kind("CassandraDatacenter")["datacenter1"]
    assert kafka["spec"]["kafka"]["version"] == image_tag("kafka", "apache/kafka")
    assert cassandra["spec"]["serverVersion"] == image_tag("cassandra", "cassandra")


def test_airflow_is_one_image_everywhere_and_that_of_the_dockerfile() -> None:
    given = values()["images"]["airflow"]
    (job,) = of_kind("Job").values()
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"{given['repository']}:{given['tag']}"
    minor = ".".join(values()["airflowVersion"].split(".")[:2])
    assert re.search(rf":{re.escape(minor)}-\d+$", dockerfile().image)
    home = values()["airflowHome"]
    assert dockerfile().environment["PYTHONPATH"].startswith(home)


def test_no_line_is_long() -> None:
    long = [
        f"{path.name}:{number}"
        for path in [*FOLDER.rglob("*.yaml"), FOLDER / "Dockerfile.spark"]
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > 120
    ]
    assert long == []
