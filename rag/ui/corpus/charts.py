"""Briefs by region and by month: charts as plotly takes them, and the same counts as text."""

from __future__ import annotations

import html
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gradio.components.plot import PlotData

from rag.catalogue import BriefRow
from rag.printable import one_line
from rag.ui.escape import escaped

MOST_REGIONS = 15
MOST_MONTHS = 12
"""Months with the most briefs that the text beside the timeline names."""
_LABEL_CHARS = 32
_BAR = "#0284c7"
_INK = "#6f7a8c"
"""Where corpus.css does not put the page's own: a chart does not know whether it lies on light or dark."""

Figure = dict[str, object]

_WHOLE: Figure = {
    "rangemode": "tozero",
    "tickformat": ",d",
    "gridcolor": "rgba(124,135,152,0.25)",
    "nticks": 6,
    "automargin": True,
}
"""The axis of counts."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many briefs there are.

    Attributes:
        regions: by name, the most frequent first; a brief counts in each of its regions.
        months: by YYYY-MM, in order, of those that state the month.
        year_only: briefs that state no more than the year.
    """

    total: int
    regions: Mapping[str, int]
    no_region: int
    months: Mapping[str, int]
    year_only: int
    undated: int


def count(rows: Sequence[BriefRow]) -> Counts:
    """Count the briefs. Region names that differ by case are one."""
    regions: Counter[str] = Counter()
    spelt: dict[str, str] = {}
    for row in rows:
        for region in {spelt.setdefault(name.casefold(), name) for name in row.regions}:
            regions[region] += 1
    months = Counter(row.date[:7] for row in rows if row.date and len(row.date) >= 7)
    ranked = sorted(regions.items(), key=lambda pair: (-pair[1], pair[0].casefold()))
    return Counts(
        len(rows),
        dict(ranked),
        sum(not row.regions for row in rows),
        dict(sorted(months.items())),
        sum(bool(row.date) and len(str(row.date)) < 7 for row in rows),
        sum(not row.date for row in rows),
    )


def region_figure(counts: Counts) -> Figure:
    """Return a bar for each of the most frequent regions. Bars stand at numbers: labels that are alike stay apart."""
    shown = list(counts.regions.items())[:MOST_REGIONS]
    places = list(range(len(shown)))
    labels = [label(name) for name, _ in shown]
    bars: Figure = {
        "type": "bar",
        "orientation": "h",
        "x": [number for _, number in shown],
        "y": places,
        "customdata": labels,
        "hovertemplate": "%{customdata}: %{x}<extra></extra>",
        "marker": {"color": _BAR},
    }
    axis = {"tickvals": places, "ticktext": labels, "autorange": "reversed", "automargin": True, "showgrid": False}
    return _figure([bars], {"yaxis": axis, "xaxis": _WHOLE}, height=70 + 24 * max(3, len(shown)))


def month_figure(counts: Counts) -> Figure:
    """Return a bar for each month that has briefs."""
    bars: Figure = {
        "type": "bar",
        "x": [f"{month}-01" for month in counts.months],
        "y": list(counts.months.values()),
        "xperiod": "M1",
        "xperiodalignment": "middle",
        "hovertemplate": "%{x|%B %Y}: %{y}<extra></extra>",
        "marker": {"color": _BAR},
    }
    axis = {"type": "date", "showgrid": False}
    return _figure([bars], {"xaxis": axis, "yaxis": _WHOLE}, height=260)


def plot(figure: Figure) -> PlotData:
    """Return a chart as gradio's Plot shows it."""
    return PlotData(type="plotly", plot=json.dumps(figure))


def label(name: str) -> str:
    """Return a name as plotly shows it and nothing else: it reads tags, links among them, in every label."""
    line = one_line(name)
    short = line if len(line) <= _LABEL_CHARS else f"{line[: _LABEL_CHARS - 1]}…"
    return html.escape(short).replace("$", "&#36;")


def regions_html(counts: Counts) -> str:
    """Return the briefs by region as a table, the most frequent first."""
    if not counts.regions:
        return '<p class="gb-quiet">No brief states a region.</p>'
    shown = list(counts.regions.items())[:MOST_REGIONS]
    rest = len(counts.regions) - len(shown)
    notes = [f"{rest:,} more regions are not shown." if rest else "", _briefs(counts.no_region, "no region")]
    return _table("Briefs by region", "Region", shown) + _note(notes)


def months_html(counts: Counts) -> str:
    """Return the briefs by month in a sentence and a table of the months that have the most."""
    notes = [_briefs(counts.year_only, "only the year"), _briefs(counts.undated, "no date")]
    if not counts.months:
        return '<p class="gb-quiet">No brief states a month.</p>' + _note(notes)
    months = list(counts.months)
    span = f"From {months[0]} to {months[-1]}; the months with the most briefs:"
    most = sorted(counts.months.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_MONTHS]
    return _note([span]) + _table("Briefs by month", "Month", sorted(most)) + _note(notes)


def _figure(data: list[Figure], axes: Figure, *, height: int) -> Figure:
    layout: Figure = {
        "height": height,
        "margin": {"l": 10, "r": 10, "t": 10, "b": 30},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": _INK, "size": 13, "family": "system-ui, sans-serif"},
        "bargap": 0.3,
        "dragmode": False,
        **axes,
    }
    return {
        "data": data,
        "layout": layout,
        "config": {"displayModeBar": False, "scrollZoom": False, "doubleClick": False},
    }


def _table(caption: str, head: str, pairs: Sequence[tuple[str, int]]) -> str:
    rows = "".join(
        f'<tr><th scope="row"><bdi>{escaped(one_line(name))}</bdi></th><td>{number:,}</td></tr>'
        for name, number in pairs
    )
    return (
        f'<table class="gb-corpus-counts"><caption>{caption}</caption><thead><tr><th scope="col">{head}</th>'
        f'<th scope="col">Briefs</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def _briefs(number: int, state: str) -> str:
    return f"{number:,} {'brief states' if number == 1 else 'briefs state'} {state}." if number else ""


def _note(sentences: Sequence[str]) -> str:
    text = " ".join(filter(None, sentences))
    return f'<p class="gb-quiet">{text}</p>' if text else ""
