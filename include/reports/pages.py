"""Pages of HTML and drawings of SVG, self-contained; one look for all of them."""

from __future__ import annotations

from functools import lru_cache

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from include.reports.charts import Chart
from include.reports.checks import said


@lru_cache
def templates(package: str) -> Environment:
    """Templates of a package, which may extend ``base.html.j2`` and include ``checks.html.j2``."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("include.reports")]),
        autoescape=True,
        undefined=StrictUndefined,
    )
    environment.globals["said"] = said
    return environment


def draw(chart: Chart) -> Markup:
    """A chart as SVG, safe to put into a page."""
    environment = templates("include.reports")
    return Markup(environment.get_template("chart.svg.j2").render(chart=chart))  # noqa: S704 - escaped above
