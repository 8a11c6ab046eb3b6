"""Readers of the files that describe the project to Astro."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Any

import yaml
from packaging.requirements import Requirement

from include.settings import PROJECT


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """Base image and environment of the Airflow image."""

    image: str
    environment: dict[str, str]
    instructions: frozenset[str]


def dockerfile() -> Dockerfile:
    """The Dockerfile, line continuations joined."""
    text = re.sub(r"^\s*#.*\n", "", (PROJECT / "Dockerfile").read_text(), flags=re.MULTILINE)
    text = re.sub(r"\\\n", " ", text)
    lines = [line.strip().split(maxsplit=1) for line in text.splitlines() if line.strip()]
    environment: dict[str, str] = {}
    for instruction, rest in lines:
        if instruction == "ENV":
            environment |= dict(pair.split("=", 1) for pair in shlex.split(rest))
    (image,) = [rest for instruction, rest in lines if instruction == "FROM"]
    return Dockerfile(image, environment, frozenset(instruction for instruction, _ in lines))


def read_yaml(name: str) -> Any:
    """A YAML file of the project."""
    return yaml.safe_load((PROJECT / name).read_text())


def services() -> dict[str, dict[str, Any]]:
    """Services of docker-compose.override.yml."""
    return dict(read_yaml("docker-compose.override.yml")["services"])


def image_tag(service: str, repository: str) -> str:
    """Tag of a service's image, which must be of the repository."""
    name, _, tag = services()[service]["image"].rpartition(":")
    assert name == repository
    return str(tag)


def spark_options() -> dict[str, str]:
    """Options that the compose file gives to spark-submit; ``--conf`` entries under their own names."""
    (line,) = services()["spark-connect"]["command"]
    words = shlex.split(line.partition("spark-submit")[2])
    options: dict[str, str] = {}
    for option, value in zip(words[::2], words[1::2], strict=True):
        name, _, setting = value.partition("=") if option == "--conf" else (option, "", value)
        options[name] = setting
    return options


def requirements(name: str = "requirements.txt") -> list[Requirement]:
    """Requirements of a file, without the files it includes."""
    lines = [line.split("#")[0].strip() for line in (PROJECT / name).read_text().splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def pin(requirement: Requirement) -> str | None:
    """The one version a requirement allows, or None."""
    exact = [specifier.version for specifier in requirement.specifier if specifier.operator == "=="]
    return exact[0] if len(exact) == 1 and len(requirement.specifier) == 1 else None


def locked() -> dict[str, str]:
    """Versions of requirements.lock by name."""
    return dict(
        re.findall(r"^([a-z0-9-]+)==(\S+)", (PROJECT / "requirements.lock").read_text(), re.MULTILINE)
    )
