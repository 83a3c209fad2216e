"""A report as one HTML page that asks nothing of any network: tables, charts, and every record to browse.

Nothing of a dataset becomes markup: tables are escaped by Jinja, labels of charts by `_label`, and records travel as
JSON that page.js shows as text. The page's content policy also refuses any script but the two it came with.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Callable, Iterable
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from rag.evaluation import tables
from rag.evaluation.charts import figures_of
from rag.evaluation.records import QuestionRecord, Report
from rag.printable import one_line

MOST_RECORDS = 20_000
"""Beyond it the page leaves out questions that were searched and not answered; its tables count them all the same."""

HITS_SHOWN = 10
"""Passages of a record that go into the page: recall is measured to rank 10."""

_NARROWEST_SCALE = 0.2
"""Bars of a column whose intervals all but agree would otherwise look far apart."""


def render_page(report: Report) -> str:
    """Return the page of a report.

    Two of its megabytes are plotly.js, compressed: the package carries the whole bundle only, of 4.8 MB.
    """
    script, charts = _asset("page.js"), get_plotlyjs()
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    title, *facts = tables.heading_of(report)
    return environment.from_string(_asset("page.html.j2")).render(
        title=title,
        facts=facts,
        legend=tables.LEGEND,
        report=report,
        grids=[(grid, [_scale(grid, n) for n in range(len(grid.columns))]) for grid in tables.grids_of(report)],
        notes=tables.notes_of(report),
        policy=_policy(script, charts),
        style=Markup(_asset("page.css")),
        script=Markup(script),
        plotly=Markup(base64.b64encode(gzip.compress(charts.encode(), mtime=0)).decode()),
        figures=_json(figures_of(report)),
        records=_json(browsable(report)),
        place=_place,
        one_line=one_line,
    )


def browsable(report: Report) -> dict[str, object]:
    """Return the records for page.js, each passage and each question once.

    Offsets count code points, as everywhere; `hits` are `[rank, index of the passage]`.
    """
    shown = report.records
    if len(shown) > MOST_RECORDS:
        shown = tuple(record for record in shown if record.said is not None or record.error is not None)
    passages: dict[tuple[object, ...], int] = {}
    questions: dict[str, int] = {}
    systems = {name: n for n, name in enumerate(dict.fromkeys(record.system for record in shown))}
    records = [
        {
            "question": questions.setdefault(_asked(record), len(questions)),
            "system": systems[record.system],
            "hits": [
                [hit.rank, passages.setdefault((hit.doc_id, hit.start, hit.end, hit.text), len(passages))]
                for hit in record.hits[:HITS_SHOWN]
            ],
            "n_hits": len(record.hits),
            **_outcome(record),
        }
        for record in shown
    ]
    return {
        "systems": list(systems),
        "questions": [json.loads(question) for question in questions],
        "passages": [dict(zip(("doc_id", "start", "end", "text"), passage, strict=True)) for passage in passages],
        "records": records,
    }


def _asked(record: QuestionRecord) -> str:
    shared = {"id", "question", "types", "answerable", "n_history", "answers", "gold", "gold_docs"}
    return record.model_dump_json(include=shared)


def _outcome(record: QuestionRecord) -> dict[str, object]:
    kept = {"said", "standalone_question", "confidence", "correct", "scores", "error"}
    outcome: dict[str, object] = json.loads(record.model_dump_json(include=kept))
    return {name: value for name, value in outcome.items() if value is not None}


def _json(value: object) -> Markup:
    """Return JSON that can stand in a script element, whatever it holds."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _scale(grid: tables.Grid, n: int) -> Callable[[float], float]:
    """Return where in percent a value of a column stands in its bars; zero is in the middle where it is signed."""
    spreads = [row.cells[n].interval for row in grid.rows]
    ends = [end for spread in spreads if spread for end in (spread.low, spread.high)]
    if grid.columns[n].signed:
        reach = max(map(abs, ends), default=1.0) or 1.0
        low, width = -reach, 2 * reach
    else:
        low, width = _widened(ends or [0.0, 1.0])
    return lambda value: round(100 * (value - low) / width, 1)


def _widened(ends: Iterable[float]) -> tuple[float, float]:
    ends = list(ends)
    width = max(_NARROWEST_SCALE, max(ends) - min(ends))
    middle = (max(ends) + min(ends)) / 2
    return middle - width / 2, width


def _place(interval: tables.Interval, scale: Callable[[float], float]) -> str:
    left, right = scale(interval.low), scale(interval.high)
    return f"--low:{left}%;--wide:{max(right - left, 1):.1f}%;--at:{scale(interval.value)}%"


def _policy(*scripts: str) -> str:
    """Return a content policy under which only these scripts run, and nothing is fetched."""
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src {allowed}; form-action 'none'"


def _asset(name: str) -> str:
    return (files("rag.evaluation") / name).read_text(encoding="utf-8")
