"""The desk's sections, in the order of its navigation."""

from __future__ import annotations

from dataclasses import dataclass

from plugins.fraud_desk.access import Role


@dataclass(frozen=True, slots=True)
class Section:
    """An entry of the navigation."""

    key: str
    title: str
    path: str  # below the desk's prefix
    role: Role = Role.VIEWER  # who sees it


SECTIONS: tuple[Section, ...] = (
    Section("overview", "Overview", "/"),
    Section("queue", "Queue", "/queue"),
    Section("suppressions", "Suppressions", "/suppressions"),
    Section("deliveries", "Deliveries", "/deliveries"),
    Section("rules", "Rules", "/rules"),
    Section("models", "Models", "/models"),
    Section("dead-letters", "Dead letters", "/dead-letters"),
    Section("reports", "Reports", "/reports"),
)
