"""Readers of deploy/kubernetes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from include.settings import PROJECT

FOLDER = PROJECT / "deploy" / "kubernetes"
DOCUMENT = PROJECT / "docs" / "kubernetes.md"
#: Kinds of Kubernetes itself; the others are custom resources, whose schemas are the operators'.
CORE = {"v1", "apps/v1", "batch/v1", "networking.k8s.io/v1", "rbac.authorization.k8s.io/v1"}

Manifest = dict[str, Any]


def files() -> list[Path]:
    """Every file with manifests; neither Helm's values nor kustomize's own."""
    return sorted(
        path
        for path in FOLDER.rglob("*.yaml")
        if path.name not in ("airflow-values.yaml", "kustomization.yaml")
    )


def manifests() -> list[Manifest]:
    """Every manifest, and the pod that is written inside a ConfigMap."""
    found = [document for path in files() for document in yaml.safe_load_all(path.read_text())]
    return [*found, yaml.safe_load(one(found, "ConfigMap", "spark-connect")["data"]["executor.yaml"])]


def one(among: list[Manifest], kind: str, name: str) -> Manifest:
    """The manifest of this kind and name."""
    (found,) = [each for each in among if each["kind"] == kind and each["metadata"].get("name") == name]
    return found


def of_kind(kind: str) -> dict[str, Manifest]:
    """Manifests of a kind, by name."""
    return {each["metadata"]["name"]: each for each in manifests() if each["kind"] == kind}


def values() -> Manifest:
    """What Helm's chart for Airflow is given."""
    return dict(yaml.safe_load((FOLDER / "airflow-values.yaml").read_text()))


def variables() -> dict[str, str]:
    """Variables of every Airflow container that have a value here, as Kubernetes makes them.

    A secret's value is its reference, ``<secret:key>``; ``$(NAME)`` is replaced by what came before it.
    """
    given = values()
    known: dict[str, str] = {each["name"]: each["value"] for each in given["env"]}
    known |= {each["envName"]: f"<{each['secretName']}:{each['secretKey']}>" for each in given["secret"]}
    for each in yaml.safe_load(given["extraEnv"]):
        known[each["name"]] = re.sub(r"\$\((\w+)\)", lambda found: known[found.group(1)], each["value"])
    return known


def connections() -> dict[str, Manifest]:
    """Connections that variables of the values make, by id; not those of a Secret alone."""
    return {
        name.removeprefix("AIRFLOW_CONN_").lower(): json.loads(value)
        for name, value in variables().items()
        if name.startswith("AIRFLOW_CONN_") and value.startswith("{")
    }


def spark_settings() -> dict[str, str]:
    """Settings of Spark Connect, continued lines joined."""
    text = of_kind("ConfigMap")["spark-connect"]["data"]["spark.conf"]
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    pairs = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    return dict(pairs)


def walk(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key and its value, at whatever depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)
