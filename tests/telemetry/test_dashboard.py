"""The dashboard and the alert rules ask for metrics that are exposed, with labels these have, and miss none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import promql_parser
import pytest
import yaml

from include.settings import PROJECT
from include.stores.lake.work import Work, observed
from include.telemetry.catalogue import CATALOGUE, Kind, Metric

FOLDER = PROJECT / "docs" / "observability"
BY_SERIES = {series: metric for metric in CATALOGUE for series in metric.series}


def dashboard() -> dict[str, Any]:
    document = json.loads((FOLDER / "grafana-dashboard.json").read_text())
    assert isinstance(document, dict)
    return document


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((FOLDER / "prometheus-rules.yaml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def panel_queries() -> list[tuple[str, str]]:
    return [
        (panel["title"], target["expr"])
        for panel in dashboard()["panels"]
        for target in panel.get("targets", [])
    ]


QUERIES = panel_queries() + [(rule["alert"], rule["expr"]) for rule in rules()]


def selectors(expression: Any) -> Iterator[promql_parser.VectorSelector]:
    """Every selector of a parsed query."""
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression
    elif isinstance(expression, promql_parser.MatrixSelector):
        yield expression.vector_selector
    for name in ("expr", "lhs", "rhs", "param"):
        inner = getattr(expression, name, None)
        if isinstance(inner, promql_parser.Expr):
            yield from selectors(inner)
    for argument in getattr(expression, "args", None) or ():
        yield from selectors(argument)


def grouped_by(expression: Any) -> Iterator[tuple[list[str], set[str]]]:
    """Labels that aggregations keep, and the metrics they are of."""
    if isinstance(expression, promql_parser.AggregateExpr) and expression.modifier is not None:
        yield list(expression.modifier.labels), {one.name for one in selectors(expression.expr)}
    for name in ("expr", "lhs", "rhs"):
        inner = getattr(expression, name, None)
        if isinstance(inner, promql_parser.Expr):
            yield from grouped_by(inner)
    for argument in getattr(expression, "args", None) or ():
        yield from grouped_by(argument)


def labels_of(metric: Metric) -> set[str]:
    return {*metric.labels, *(["le"] if metric.kind is Kind.HISTOGRAM else [])}


@pytest.mark.parametrize(("title", "query"), QUERIES)
def test_a_query_asks_for_what_is_exposed(title: str, query: str) -> None:
    parsed = promql_parser.parse(query)
    found = list(selectors(parsed))
    assert {one.name for one in found} == set(re.findall(r"\btidewatch_\w+", query))
    for selector in found:
        assert selector.name in BY_SERIES, f"{title}: nothing exposes {selector.name}"
        matched = {matcher.name for matcher in selector.matchers.matchers}
        assert matched <= labels_of(BY_SERIES[selector.name]), title
    for labels, names in grouped_by(parsed):
        for name in names:
            assert set(labels) <= labels_of(BY_SERIES[name]), title


def test_every_metric_has_a_panel() -> None:
    shown = {
        BY_SERIES[selector.name].name
        for _, query in panel_queries()
        for selector in selectors(promql_parser.parse(query))
    }
    assert shown == {metric.name for metric in CATALOGUE}


def test_legends_use_labels_that_are_there() -> None:
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            used = set(re.findall(r"{{\s*(\w+)\s*}}", target["legendFormat"]))
            names = {selector.name for selector in selectors(promql_parser.parse(target["expr"]))}
            for name in names:
                assert used <= labels_of(BY_SERIES[name]), panel["title"]


def test_panels_do_not_overlap_and_have_a_source() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
        assert panel["type"] == "row" or panel["datasource"]["uid"] == "${datasource}"
    numbers = [panel["id"] for panel in dashboard()["panels"]]
    assert len(set(numbers)) == len(numbers)


def test_rules_are_whole() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    for rule in rules():
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert len(rule["annotations"]["runbook"]) > 40, rule["alert"]
        assert rule["annotations"]["summary"]
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        if "for" in rule:
            assert promql_parser.parse_duration(rule["for"])


def test_names_follow_the_conventions() -> None:
    units = ("_seconds", "_bytes", "_records", "_batches", "_score")
    for metric in CATALOGUE:
        assert re.fullmatch(r"tidewatch_[a-z][a-z_]*", metric.name)
        assert not metric.name.endswith("_total"), "the kind adds it"
        if metric.kind is Kind.HISTOGRAM:
            assert metric.name.endswith(units)
        assert "le" not in metric.labels
    names = [metric.name for metric in CATALOGUE]
    assert len(set(names)) == len(names)


def test_buckets_tell_apart_what_the_rules_ask_for() -> None:
    """A quantile is only as fine as its buckets: the threshold of the latency rule is a bound."""
    began = datetime(2026, 1, 1).astimezone()
    made = observed({}, {"age_seconds": [Work(began, began).measured(began)["age_seconds"]]})["age_seconds"]
    assert {"10", "60"} <= set(made["bounds"].split())
