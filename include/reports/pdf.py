"""A document as PDF: headings, paragraphs, tables, figures to be read first, and charts as vector drawings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from fpdf import FPDF
from fpdf.enums import TableBordersLayout, XPos, YPos
from fpdf.fonts import FontFace

from include.reports.charts import Chart
from include.reports.layout import Layout, Section, Table, Tile
from include.reports.pdf_text import printable

_FONT = "Helvetica"
_INK, _QUIET, _RULE, _SHADE = (34, 34, 34), (105, 105, 105), (205, 205, 205), (244, 246, 248)
_ALARM = (176, 0, 32)
_MARGIN = 16
_SIZE = 9.5
_LONGEST_CELL = 300  # characters; in the narrowest column that is still less than a page
_MOST_LINES = 12


class _Paper(FPDF):
    """A4 with a foot on each page."""

    def __init__(self, foot: str) -> None:
        super().__init__(format="A4")
        self.core_fonts_encoding = "cp1252"
        self._foot = foot

    def footer(self) -> None:
        """Called by the library at the end of each page."""
        self.set_y(-12)
        self.set_font(_FONT, size=7.5)
        self.set_text_color(*_QUIET)
        self.cell(0, 5, f"{self._foot}    page {self.page_no()} of {{nb}}", align="R")
        self.set_text_color(*_INK)


def pdf(layout: Layout, made_at: datetime) -> bytes:
    """The document; the same layout and moment give the same bytes."""
    paper = _Paper(printable(layout.foot).replace("\n", " "))
    paper.set_margin(_MARGIN)
    paper.set_auto_page_break(True, 18)
    paper.set_title(printable(layout.title))
    paper.set_creator("Tidewatch")
    paper.set_creation_date(made_at)
    paper.add_page()
    _text(paper, layout.title, 18, bold=True, after=1)
    for line in layout.about:
        _text(paper, line, _SIZE, colour=_QUIET, after=0.5)
    for line in layout.warnings:
        _text(paper, line, _SIZE, bold=True, colour=_ALARM, after=0.5)
    paper.ln(2)
    if layout.tiles:
        _tiles(paper, layout.tiles)
    for section in layout.sections:
        _section(paper, section)
    return bytes(paper.output())


def _section(paper: FPDF, section: Section) -> None:
    if paper.will_page_break(34):
        paper.add_page()
    paper.ln(3)
    _text(paper, section.title, 13, bold=True, after=0.5)
    paper.set_draw_color(*_RULE)
    paper.line(_MARGIN, paper.get_y(), paper.w - _MARGIN, paper.get_y())
    paper.ln(1.5)
    for line in section.words:
        _text(paper, line, _SIZE, after=1)
    _charts(paper, section.charts)
    for table in section.tables:
        _table(paper, table)


def _text(
    paper: FPDF,
    text: str,
    size: float,
    *,
    bold: bool = False,
    colour: tuple[int, int, int] = _INK,
    after: float = 0.0,
) -> None:
    paper.set_font(_FONT, "B" if bold else "", size)
    paper.set_text_color(*colour)
    paper.multi_cell(
        0, size * 0.48, printable(text), align="L",
        new_x=XPos.LMARGIN, new_y=YPos.NEXT,
    )  # fmt: skip
    paper.set_text_color(*_INK)
    paper.ln(after)


def _tiles(paper: FPDF, tiles: Sequence[Tile]) -> None:
    columns, gap, height = 4, 3.0, 19.0
    width = (paper.epw - gap * (columns - 1)) / columns
    for start in range(0, len(tiles), columns):
        top = paper.get_y()
        for place, tile in enumerate(tiles[start : start + columns]):
            x = _MARGIN + place * (width + gap)
            paper.set_fill_color(*_SHADE)
            paper.rect(x, top, width, height, style="F")
            for text, size, bold, colour, down in (
                (tile.name, 7.5, False, _QUIET, 2.0),
                (tile.value, 13.0, True, _INK, 6.5),
                (tile.note, 7.0, False, _QUIET, 13.0),
            ):
                paper.set_xy(x + 2, top + down)
                paper.set_text_color(*colour)
                paper.set_font(_FONT, "B" if bold else "", size)
                paper.cell(width - 4, 5, _fitting(paper, text, width - 5))
        paper.set_text_color(*_INK)
        paper.set_xy(_MARGIN, top + height + gap)


def _fitting(paper: FPDF, text: str, width: float) -> str:
    """One line, smaller until it fits; cut at the end if it would become too small to read."""
    line = " ".join(printable(text).split())
    while paper.get_string_width(line) > width and paper.font_size_pt > 6.5:
        paper.set_font_size(paper.font_size_pt - 0.5)
    while line and paper.get_string_width(line) > width:
        line = line[:-2].rstrip("…") + "…" if len(line) > 2 else ""
    return line


def _table(paper: FPDF, table: Table) -> None:
    if table.title:
        paper.ln(1)
        _text(paper, table.title, _SIZE + 0.5, bold=True, after=0.5)
    size = 8.5
    paper.set_font(_FONT, size=size)
    paper.set_draw_color(*_RULE)
    paper.set_fill_color(255)  # a table fills its cells with the colour of what was filled last
    columns = len(table.header)
    apart: list[str] = []
    if table.rows:
        with paper.table(
            col_widths=table.widths or (2, *[1] * (columns - 1)),
            text_align=tuple("LEFT" if place < table.texts else "RIGHT" for place in range(columns)),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            headings_style=FontFace(emphasis="BOLD", color=_QUIET, size_pt=7.5),
            line_height=size * 0.5,
            padding=(0.7, 1),
        ) as grid:
            for cells in (table.header, *table.rows):
                row = grid.row()
                for cell in cells:
                    row.cell(_short_enough(printable(cell), apart))
    else:
        _text(paper, "none", _SIZE, colour=_QUIET)
    for text in apart:
        paper.ln(0.5)
        _text(paper, text, 8)
    if table.note:
        paper.ln(0.5)
        _text(paper, table.note, 7.5, colour=_QUIET)
    paper.ln(2)


def _short_enough(cell: str, apart: list[str]) -> str:
    """The cell, or its beginning if its row might not fit on a page; the whole of it is added to ``apart``."""
    lines = cell.split("\n")
    if len(cell) <= _LONGEST_CELL and len(lines) <= _MOST_LINES:
        return cell
    number = len(apart) + 1
    apart.append(f"({number}) {cell}")
    start = "\n".join(lines[:_MOST_LINES])[: _LONGEST_CELL - 20]
    return f"{start}… see ({number}) below"


def _charts(paper: FPDF, charts: Sequence[Chart]) -> None:
    """Two beside each other."""
    gap = 4.0
    for start in range(0, len(charts), 2):
        pair = charts[start : start + 2]
        scale = min((paper.epw - gap) / 2 / max(chart.total_width for chart in pair), 0.22)
        height = max(chart.total_height for chart in pair) * scale
        if paper.will_page_break(height):
            paper.add_page()
        top = paper.get_y()
        for place, chart in enumerate(pair):
            draw_chart(paper, chart, _MARGIN + place * ((paper.epw - gap) / 2 + gap), top, scale)
        paper.set_xy(_MARGIN, top + height + 1)


def draw_chart(paper: FPDF, chart: Chart, left: float, top: float, scale: float) -> None:
    """Draw a chart as ``chart.svg.j2`` does.

    Parameters
    ----------
    left, top
        Of the drawing on the page, millimetres.
    scale
        Millimetres a pixel.
    """
    size = max(5.0, 12 * scale * 72 / 25.4)

    def write(x: float, y: float, text: str, align: str, bold: bool = False) -> None:
        shown = printable(text).replace("\n", " ")
        paper.set_font(_FONT, "B" if bold else "", size)
        wide = paper.get_string_width(shown)
        paper.text(left + x * scale - {"L": 0.0, "C": wide / 2, "R": wide}[align], top + y * scale, shown)

    paper.set_line_width(0.15)
    paper.set_draw_color(153, 153, 153)
    paper.rect(left + chart.left * scale, top + chart.top * scale, chart.width * scale, chart.height * scale)
    write(chart.left, 18, chart.title, "L", bold=True)
    for tick in chart.across_ticks:
        write(tick.place, chart.bottom + 16, tick.text, "C")
    for tick in chart.up_ticks:
        write(chart.left - 6, tick.place + 4, tick.text, "R")
    write(chart.left + chart.width / 2, chart.bottom + 32, chart.across, "C")
    x, y = left + 14 * scale, top + (chart.top + chart.height / 2) * scale
    with paper.rotation(90, x, y):
        paper.set_font(_FONT, size=size)
        shown = printable(chart.up)
        paper.text(x - paper.get_string_width(shown) / 2, y, shown)
    for bar in chart.bars:
        paper.set_fill_color(bar.colour)
        paper.rect(
            left + bar.x * scale, top + bar.y * scale, bar.width * scale, bar.height * scale, style="F"
        )
    for mark in chart.marks:
        paper.set_draw_color(mark.colour)
        with paper.local_context(dash_pattern={"dash": 1, "gap": 0.8, "phase": 0}):
            paper.line(
                *_place(left, top, scale, mark.x1, mark.y1), *_place(left, top, scale, mark.x2, mark.y2)
            )
    for line in chart.lines:
        paper.set_draw_color(line.colour)
        points = [tuple(map(float, pair.split(","))) for pair in line.points.split()]
        paper.polyline([_place(left, top, scale, *point) for point in points])
    for row, entry in enumerate(chart.legend):
        paper.set_text_color(entry.colour)
        write(chart.left, chart.bottom + 52 + 16 * row, entry.name, "L")
    paper.set_text_color(*_INK)
    paper.set_draw_color(*_RULE)


def _place(left: float, top: float, scale: float, x: float, y: float) -> tuple[float, float]:
    return left + x * scale, top + y * scale
