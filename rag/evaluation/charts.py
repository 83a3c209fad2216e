"""The charts of a report, as plotly takes them: plain JSON values. Labels from a dataset are escaped."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence

from rag.evaluation import tables
from rag.evaluation.records import Measured, Report, SystemSummary
from rag.printable import one_line, shorten

_LABEL_CHARS = 28
_CURVE_POINTS = 300
_HISTOGRAM_BINS = 20
_MOST_TICKS = 6
_COLOURS = 8
_DASHES = ("solid", "dash", "dot", "dashdot")

Figure = dict[str, object]


def figures_of(report: Report) -> dict[str, object]:
    """Return the charts as plotly's data and layout, with "s0" to "s7" and "quiet" for the page's colours."""
    systems = report.systems
    charts = [
        *_type_charts(systems),
        *_risk_coverage_chart(systems),
        *_reliability_charts(systems),
        *_latency_charts(report),
    ]
    return {"systems": [{"name": one_line(s.name), **_stroke(n)} for n, s in enumerate(systems)], "charts": charts}


def _type_charts(systems: Sequence[SystemSummary]) -> Iterator[Figure]:
    for name in dict.fromkeys(filter(None, map(tables.type_measure_of, systems))):
        shown = [(n, s) for n, s in enumerate(systems) if tables.type_measure_of(s) == name]
        types = tables.types_of((s for _, s in shown), name)
        measure = tables.measure_of(name)
        traces = [_type_trace(n, system, name, list(types)) for n, system in shown]
        yield {
            "title": f"By type of question: {tables.arrowed(measure.label, measure)}",
            "about": f"{measure.meaning or name}; whiskers are 95 % intervals",
            "wide": True,
            "height": 90 + len(types) * (14 + 13 * len(shown)),
            "data": traces,
            "layout": {
                "barmode": "group",
                "bargap": 0.25,
                "xaxis": {"range": [0, 1], "tickformat": ".1f"},
                "yaxis": {
                    "autorange": "reversed",
                    "automargin": True,
                    "tickvals": list(range(len(types))),
                    "ticktext": [f"{_label(kind)} ({n})" for kind, n in types.items()],
                    "showgrid": False,
                },
            },
        }


def _type_trace(n: int, system: SystemSummary, name: str, types: Sequence[str]) -> Figure:
    found = [(y, system.by_type[kind][name]) for y, kind in enumerate(types) if name in system.by_type.get(kind, {})]
    return {
        "type": "bar",
        "orientation": "h",
        "name": _label(system.name),
        "x": [round(m.value, 4) for _, m in found],
        "y": [y for y, _ in found],
        "customdata": [[m.low, m.high, m.n] for _, m in found],
        "error_x": {"type": "data", "symmetric": False, "thickness": 1, "width": 2, **_whiskers([m for _, m in found])},
        "hovertemplate": "%{x:.3f} [%{customdata[0]:.3f}, %{customdata[1]:.3f}], n %{customdata[2]}",
        "colour": _stroke(n)["colour"],
    }


def _whiskers(measured: Sequence[Measured]) -> dict[str, list[float]]:
    above = [round(max(0.0, m.high - m.value), 4) for m in measured]
    return {"array": above, "arrayminus": [round(max(0.0, m.value - m.low), 4) for m in measured]}


def _risk_coverage_chart(systems: Sequence[SystemSummary]) -> Iterator[Figure]:
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": _label(system.name),
            "x": _thinned(system.risk_coverage.x),
            "y": _thinned(system.risk_coverage.y),
            "hovertemplate": "answering %{x:.0%}: %{y:.3f} wrong",
            **_stroke(n),
        }
        for n, system in enumerate(systems)
        if system.risk_coverage and system.risk_coverage.x
    ]
    if traces:
        yield {
            "title": "Risk and coverage",
            "about": "share that is wrong of what is answered, when only the most confident share is; lower is better",
            "height": 340,
            "data": traces,
            "layout": {
                "xaxis": {"title": {"text": "coverage"}, "range": [0, 1.02], "tickformat": ".0%"},
                "yaxis": {"title": {"text": "risk"}, "rangemode": "tozero"},
            },
        }


def _reliability_charts(systems: Sequence[SystemSummary]) -> Iterator[Figure]:
    for n, system in enumerate(systems):
        if system.reliability:
            ece = "" if system.ece is None else f", ECE {system.ece:.3f}"
            claim = "" if system.calibrated else "; its confidence does not claim to be a probability"
            yield {
                "title": f"Reliability of {one_line(system.name)}{ece}",
                "about": f"share that was right by stated confidence, with the questions of each bin beneath{claim}",
                "height": 340,
                "data": _reliability_traces(n, system),
                "layout": {
                    "xaxis": {"title": {"text": "confidence"}, "range": [-0.02, 1.02], "anchor": "y2"},
                    "yaxis": {"title": {"text": "right"}, "range": [-0.02, 1.05], "domain": [0.3, 1]},
                    "yaxis2": {"title": {"text": "n"}, "domain": [0, 0.22], "rangemode": "tozero", "nticks": 3},
                },
            }


def _reliability_traces(n: int, system: SystemSummary) -> list[Figure]:
    confidence = [round(b.confidence, 4) for b in system.reliability]
    counts = [b.n for b in system.reliability]
    diagonal = {"x": [0, 1], "y": [0, 1], "hoverinfo": "skip", "colour": "quiet", "dash": "dot"}
    return [
        {"type": "scatter", "mode": "lines", **diagonal},
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": confidence,
            "y": [round(b.accuracy, 4) for b in system.reliability],
            "customdata": counts,
            "hovertemplate": "confidence %{x:.3f}, right %{y:.3f}, n %{customdata}<extra></extra>",
            "colour": _stroke(n)["colour"],
        },
        {
            "type": "bar",
            "x": confidence,
            "y": counts,
            "width": [0.04] * len(counts),
            "text": [str(count) for count in counts],
            "textposition": "outside",
            "cliponaxis": False,
            "yaxis": "y2",
            "hovertemplate": "n %{y}<extra></extra>",
            "colour": _stroke(n)["colour"],
        },
    ]


def _latency_charts(report: Report) -> Iterator[Figure]:
    names = {system.name: n for n, system in enumerate(report.systems)}
    by_stage: dict[str, dict[str, list[float]]] = {}
    for record in report.records:
        for stage, ms in record.timings_ms.items():
            if math.isfinite(ms) and ms > 0 and record.system in names:
                by_stage.setdefault(stage, {}).setdefault(record.system, []).append(ms)
    for stage, by_system in by_stage.items():
        edges = _log_edges([ms for values in by_system.values() for ms in values])
        yield {
            "title": f"Latency: {one_line(stage)}",
            "about": "share of the questions by milliseconds, on a logarithmic scale",
            "height": 240,
            "data": [_histogram(names[name], name, values, edges) for name, values in by_system.items()],
            "layout": {
                "xaxis": {"title": {"text": "ms"}, "type": "log", "tickvals": _ticks(edges), "tickangle": 0},
                "yaxis": {"tickformat": ".0%", "rangemode": "tozero"},
            },
        }


def _log_edges(values: Sequence[float]) -> list[float]:
    """Return the edges of bins that are equally wide on a logarithmic scale and hold all values."""
    low, high = math.log(min(values)), math.log(max(values))
    step = max((high - low) / _HISTOGRAM_BINS, 0.01)
    return [math.exp(low + step * n) for n in range(_HISTOGRAM_BINS + 1)]


def _histogram(n: int, name: str, values: Sequence[float], edges: Sequence[float]) -> Figure:
    low, step = math.log(edges[0]), math.log(edges[1] / edges[0])
    counts = [0] * _HISTOGRAM_BINS
    for value in values:
        counts[min(int((math.log(value) - low) / step), _HISTOGRAM_BINS - 1)] += 1
    shares = [round(count / len(values), 4) for count in counts]
    return {
        "type": "scatter",
        "mode": "lines",
        "shape": "hv",
        "name": _label(name),
        "x": [_significant(edge) for edge in edges],
        "y": [*shares, 0],
        "hovertemplate": "%{y:.1%} from %{x} ms",
        "colour": _stroke(n)["colour"],
    }


def _ticks(edges: Sequence[float]) -> list[float]:
    """Return round numbers within the edges: plotly would crowd a logarithmic axis of less than a decade or two."""
    decades = range(math.floor(math.log10(edges[0])), math.ceil(math.log10(edges[-1])) + 1)
    for steps in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        ticks = [_significant(step * 10.0**n) for n in decades for step in steps]
        shown = [tick for tick in ticks if edges[0] <= tick <= edges[-1]]
        if len(shown) <= _MOST_TICKS:
            break
    return shown


def _significant(value: float) -> float:
    return float(f"{value:.4g}")


def _thinned(values: Sequence[float]) -> list[float]:
    step = max(1, math.ceil(len(values) / _CURVE_POINTS))
    kept = [*values[:-1:step], values[-1]]
    return [round(value, 4) for value in kept]


def _stroke(n: int) -> dict[str, str]:
    """Return how the n-th system is drawn everywhere; a dash tells apart what shares a colour."""
    return {"colour": f"s{n % _COLOURS}", "dash": _DASHES[(n + n // _COLOURS) % len(_DASHES)]}


def _label(text: str) -> str:
    """Escape a text for plotly, which reads tags and entities in labels and `%{...}` in templates."""
    return html.escape(shorten(one_line(text), _LABEL_CHARS), quote=False)
