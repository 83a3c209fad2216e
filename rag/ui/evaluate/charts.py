"""Risk-coverage and reliability of a report as SVG, whose colours are those of the page in light and dark."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from rag.evaluation.records import Bin, Curve, Report, SystemSummary
from rag.printable import one_line, shorten
from rag.ui.escape import escaped

_COLOURS = 8
_POINTS = 300
_LABEL_CHARS = 40
_WIDTH, _HEIGHT = 360, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 348, 12, 216
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


def charts_html(report: Report) -> str:
    """Return the charts that the report has values for; nothing where it has none."""
    figures = [*_risk_coverage(report.systems), *_reliability(report.systems)]
    if not figures:
        return ""
    return f'<h3>Confidence</h3><div class="gb-figures">{"".join(figures)}</div>'


def _risk_coverage(systems: Sequence[SystemSummary]) -> Iterable[str]:
    known = [(n, s, s.risk_coverage) for n, s in enumerate(systems) if s.risk_coverage and s.risk_coverage.x]
    if known:
        lines = "".join(_line(_thinned(curve), n) for n, _, curve in known)
        names = "".join(
            f'<li><i class="gb-stroke-{n % _COLOURS}"></i><bdi>{escaped(_label(s.name))}</bdi></li>'
            for n, s, _ in known
        )
        yield _figure(
            "Risk and coverage",
            "Share that is wrong of what is answered, when only the most confident share is. Lower is better.",
            _svg("Risk by coverage", lines, x="coverage", y="risk"),
            f'<ul class="gb-names">{names}</ul>',
        )


def _reliability(systems: Sequence[SystemSummary]) -> Iterable[str]:
    for n, system in enumerate(systems):
        if system.reliability:
            name = _label(system.name)
            ece = "" if system.ece is None else f", ECE {system.ece:.3f}"
            about = "Share that was right by stated confidence; on the dotted line both agree."
            claim = "" if system.calibrated else " The confidence does not claim to be a probability."
            yield _figure(
                f"Reliability of {name}{ece}",
                about + claim,
                _svg(f"Reliability of {name}", _diagonal() + _bins(system.reliability, n), x="confidence", y="right"),
                _bins_table(system.reliability),
            )


def _figure(title: str, about: str, drawing: str, below: str) -> str:
    caption = f'<figcaption><b>{escaped(title)}</b><span class="gb-quiet">{escaped(about)}</span></figcaption>'
    return f'<figure class="gb-card">{caption}{drawing}{below}</figure>'


def _svg(title: str, drawing: str, *, x: str, y: str) -> str:
    """Return a drawing within axes from 0 to 1."""
    grid = "".join(_tick(value) for value in _TICKS)
    middle = (_TOP + _BOTTOM) / 2
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escaped(title)}">{grid}{drawing}'
        f'<text x="{(_LEFT + _RIGHT) / 2}" y="{_HEIGHT - 8}" text-anchor="middle">{escaped(x)}</text>'
        f'<text x="12" y="{middle}" text-anchor="middle" transform="rotate(-90 12 {middle})">{escaped(y)}</text></svg>'
    )


def _tick(value: float) -> str:
    x, y = _x(value), _y(value)
    return (
        f'<path class="gb-gridline" d="M{x} {_TOP}V{_BOTTOM}M{_LEFT} {y}H{_RIGHT}"/>'
        f'<text x="{x}" y="{_BOTTOM + 16}" text-anchor="middle">{value:g}</text>'
        f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{value:g}</text>'
    )


def _line(points: Iterable[tuple[float, float]], n: int) -> str:
    path = " ".join(f"{_x(x)},{_y(y)}" for x, y in points)
    return f'<polyline class="gb-stroke-{n % _COLOURS}" points="{path}"/>'


def _diagonal() -> str:
    return f'<path class="gb-diagonal" d="M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}"/>'


def _bins(bins: Sequence[Bin], n: int) -> str:
    """Draw the bins as a line and dots, the area of a dot as its share of the questions."""
    most = max((b.n for b in bins), default=1) or 1
    dots = "".join(
        f'<circle class="gb-stroke-{n % _COLOURS}" cx="{_x(b.confidence)}" cy="{_y(b.accuracy)}" '
        f'r="{2.5 + 4.5 * math.sqrt(max(b.n, 0) / most):.1f}"/>'
        for b in bins
    )
    return _line(((b.confidence, b.accuracy) for b in bins), n) + dots


def _bins_table(bins: Sequence[Bin]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{b.confidence:.3f}</th><td>{b.accuracy:.3f}</td><td>{b.n}</td></tr>' for b in bins
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("confidence", "right", "questions"))
    return (
        f"<details><summary>As a table</summary><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        "</details>"
    )


def _thinned(curve: Curve) -> list[tuple[float, float]]:
    points = list(zip(curve.x, curve.y, strict=False))
    step = max(1, math.ceil(len(points) / _POINTS))
    return [*points[:-1:step], *points[-1:]]


def _x(value: float) -> float:
    return round(_LEFT + (_RIGHT - _LEFT) * _within(value), 1)


def _y(value: float) -> float:
    return round(_BOTTOM - (_BOTTOM - _TOP) * _within(value), 1)


def _within(value: float) -> float:
    """Return a share within [0, 1]; a file may hold anything."""
    return min(1.0, max(0.0, value)) if math.isfinite(value) else 0.0


def _label(text: str) -> str:
    return shorten(one_line(text), _LABEL_CHARS)
