"""A report as tables: what stands in their cells, whatever shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from rag.evaluation.measures import MEASURES, Measure
from rag.evaluation.records import Difference, Measured, Report, SystemSummary
from rag.printable import one_line

ABSENT = "–"
LEGEND = (
    "Mean [95 % interval]. ↓ lower is better; bold: best, where all have the same n; – not scored; "
    "n: scored of how many, where not all were."
)
OTHER = "other measures"
BY_TYPE = ("correct", "passage_recall@5", "doc_recall@5")
"""Types of question are compared by the first of these that a system has; what only ranks, by recall."""

_EVIDENCE = {
    "gold": "a refusal is due where the gold passage does not answer",
    "corpus": "a refusal is due where nothing in the corpus answers",
}


@dataclass(frozen=True, slots=True)
class Interval:
    """A value between the ends of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure.

    Attributes:
        spread: its interval as text.
        note: of how many questions it could be scored, where that is not the column's.
        best: no other of its column is better, and all are scored on equally many questions.
    """

    text: str
    spread: str = ""
    note: str = ""
    best: bool = False
    interval: Interval | None = None

    @property
    def full(self) -> str:
        """The figure with its interval."""
        return f"{self.text} {self.spread}".rstrip()


@dataclass(frozen=True, slots=True)
class Column:
    """A column of figures; `signed` where they are differences, `note` where all are scored of equally many."""

    label: str
    note: str = ""
    meaning: str = ""
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its labels, one for each stub of the grid, and its cells, one for each column."""

    labels: tuple[str, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; `stubs` are the heads of the columns of labels."""

    title: str
    stubs: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


def heading_of(report: Report) -> tuple[str, ...]:
    """Return the title, then what was asked, then what a refusal means and when it was made; all printable."""
    info = report.dataset
    split = f"split {info.split}; " if info.split else ""
    answered = f", {info.n_answered_of} of them answered" if info.n_answered_of < info.n_questions else ""
    asked = f"{info.n_questions} of {info.n_total} questions, {info.n_unanswerable} of them unanswerable{answered}"
    facts = (f"{split}{asked}; {info.n_documents} documents", f"{_EVIDENCE[info.evidence]}; made {report.made_at}")
    return tuple(map(one_line, (info.name, *facts)))


def grids_of(report: Report) -> tuple[Grid, ...]:
    """Return the tables of a report in order; all text in them is printable."""
    grids = [
        *_measure_grids(report.systems),
        *_type_grids(report.systems),
        *_latency_grids(report.systems),
        *_difference_grids(report.differences),
        *_cost_grids(report.systems),
    ]
    return tuple(map(_printable, grids))


def notes_of(report: Report) -> tuple[str, ...]:
    """Return what a reader of the figures has to know."""
    return tuple(map(one_line, (*report.dataset.notes, *report.notes)))


def measure_of(name: str) -> Measure:
    """Return a measure; one of a later version stands under its own name."""
    return MEASURES.get(name) or Measure(name, name, "answers", "")


def arrowed(label: str, measure: Measure) -> str:
    """Mark the label of a measure of which less is better."""
    return f"{label} ↓" if measure.lower_is_better else label


def type_measure_of(system: SystemSummary) -> str | None:
    """Return the measure that a system's types are compared by."""
    known = {name for measures in system.by_type.values() for name in measures}
    return next((name for name in BY_TYPE[system.kind == "ranks" :] if name in known), None)


def types_of(systems: Iterable[SystemSummary], measure: str) -> dict[str, int]:
    """Return the types that a measure is known of, in alphabetical order, with the most questions scored."""
    counts: dict[str, int] = {}
    for system in systems:
        for kind, measures in system.by_type.items():
            if measure in measures:
                counts[kind] = max(counts.get(kind, 0), measures[measure].n)
    return dict(sorted(counts.items()))


def p_text(p: float) -> str:
    """Show a p value."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def difference_cell(difference: Difference) -> Cell:
    """Show a difference with its sign and interval."""
    ends = f"[{_bare(_signed(difference.low))}, {_bare(_signed(difference.high))}]"
    interval = Interval(difference.value, difference.low, difference.high)
    return Cell(_signed(difference.value), ends, interval=interval)


def _measure_grids(systems: Sequence[SystemSummary]) -> Iterator[Grid]:
    known = dict.fromkeys(name for system in systems for name in system.measures)
    groups: dict[str, list[str]] = {}
    for name in sorted(known, key=lambda name: (name not in MEASURES, [*MEASURES, name].index(name))):
        groups.setdefault(MEASURES[name].group if name in MEASURES else OTHER, []).append(name)
    for group, names in groups.items():
        shown = [system for system in systems if any(name in system.measures for name in names)]
        columns = [_measured_column(name, [system.measures.get(name) for system in shown]) for name in names]
        yield _grid(group[0].upper() + group[1:], ("System",), [(system.name,) for system in shown], columns)


def _type_grids(systems: Sequence[SystemSummary]) -> Iterator[Grid]:
    for name in dict.fromkeys(filter(None, map(type_measure_of, systems))):
        shown = [system for system in systems if type_measure_of(system) == name]
        types = types_of(shown, name)
        columns = []
        for system in shown:
            values = [system.by_type.get(kind, {}).get(name) for kind in types]
            cells = [_measured_cell(m, of=n) for m, n in zip(values, types.values(), strict=True)]
            columns.append((Column(system.name), cells))
        label = measure_of(name)
        title = f"By type of question: {label.label}, {label.meaning}"
        yield _grid(title, ("Type", "n"), [(kind, str(n)) for kind, n in types.items()], columns)


def _latency_grids(systems: Sequence[SystemSummary]) -> Iterator[Grid]:
    stages = [(system.name, stage, at) for system in systems for stage, at in system.latency_ms.items()]
    if stages:
        columns = [
            (Column(name), [Cell(_ms(getattr(at, name))) for _, _, at in stages]) for name in ("p50", "p95", "p99")
        ]
        columns.append((Column("n"), [Cell(str(at.n)) for _, _, at in stages]))
        yield _grid("Latency in milliseconds", ("System", "Stage"), [(s, stage) for s, stage, _ in stages], columns)


def _difference_grids(differences: Sequence[Difference]) -> Iterator[Grid]:
    for baseline in dict.fromkeys(difference.baseline for difference in differences):
        shown = [difference for difference in differences if difference.baseline == baseline]
        labels = [(arrowed(d.measure, measure_of(d.measure)), d.system) for d in shown]
        columns = [
            (Column("difference", signed=True), list(map(difference_cell, shown))),
            (Column("p"), [Cell(p_text(d.p)) for d in shown]),
            (Column("n"), [Cell(str(d.n)) for d in shown]),
        ]
        yield _grid(f"Against {baseline}, paired by question", ("Measure", "System"), labels, columns)


def _cost_grids(systems: Sequence[SystemSummary]) -> Iterator[Grid]:
    """Show what only some systems have: calibration error, failures, tokens; nothing where none has any."""
    kinds = dict.fromkeys(kind for system in systems for kind in system.tokens)
    columns: list[tuple[Column, list[Cell]]] = []
    if any(system.ece is not None for system in systems):
        meaning = "expected calibration error"
        cells = [Cell(ABSENT if s.ece is None else f"{s.ece:.3f}") for s in systems]
        columns.append((Column("ECE ↓", meaning=meaning), cells))
    if any(system.n_errors for system in systems):
        columns.append((Column("errors"), [Cell(str(system.n_errors)) for system in systems]))
    for kind in kinds:
        columns.append((Column(f"{kind} tokens"), [Cell(str(s.tokens.get(kind, ABSENT))) for s in systems]))
    if columns:
        yield _grid("Calibration, failures and costs", ("System",), [(system.name,) for system in systems], columns)


def _measured_column(name: str, values: Sequence[Measured | None]) -> tuple[Column, list[Cell]]:
    """Make a column; how many were scored goes to its head where that is the same in all cells."""
    measure = measure_of(name)
    notes = {_scored(value) for value in values if value is not None}
    shared = notes.pop() if len(notes) == 1 and len(values) > 1 else ""
    cells = [replace(cell, note="") if shared else cell for cell in _marked(values, measure)]
    return Column(arrowed(measure.label, measure), shared, measure.meaning), cells


def _marked(values: Sequence[Measured | None], measure: Measure) -> list[Cell]:
    """Make the cells of a column, the best of them marked where they differ and are of equally many questions."""
    shown = {f"{value.value:.3f}" for value in values if value is not None}
    comparable = measure.is_share and len({value.n for value in values if value is not None}) == 1
    best = (min if measure.lower_is_better else max)(shown, key=float) if comparable and len(shown) > 1 else None
    cells = [_measured_cell(value) for value in values]
    return [replace(cell, best=cell.text == best) for cell in cells]


def _measured_cell(measured: Measured | None, *, of: int | None = None) -> Cell:
    """Show a mean with its interval, and how many were scored where that is not all, or not `of`."""
    if measured is None:
        return Cell(ABSENT)
    digits = 3 if measured.high <= 1 else 1
    spread = f"[{_bare(f'{measured.low:.{digits}f}')}, {_bare(f'{measured.high:.{digits}f}')}]"
    note = _scored(measured) if of is None else "" if measured.n == of else f"n {measured.n}"
    interval = Interval(measured.value, measured.low, measured.high)
    return Cell(f"{measured.value:.{digits}f}", spread, note, interval=interval)


def _scored(measured: Measured) -> str:
    return f"n {measured.n}/{measured.n_total}" if measured.n < measured.n_total else ""


def _signed(value: float) -> str:
    text = f"{value:+.3f}"
    return "0.000" if text in ("+0.000", "-0.000") else text.replace("-", "−")


def _bare(text: str) -> str:
    """Leave out the zero before the point."""
    return re.sub(r"^([+−]?)0\.", r"\1.", text)


def _ms(value: float) -> str:
    return f"{value:.1f}" if value >= 0.1 else f"{value:.3f}"


def _grid(
    title: str, stubs: tuple[str, ...], labels: Sequence[tuple[str, ...]], columns: Sequence[tuple[Column, list[Cell]]]
) -> Grid:
    rows = (Row(label, tuple(cells[n] for _, cells in columns)) for n, label in enumerate(labels))
    return Grid(title, stubs, tuple(column for column, _ in columns), tuple(rows))


def _printable(grid: Grid) -> Grid:
    rows = (replace(row, labels=tuple(map(one_line, row.labels))) for row in grid.rows)
    columns = (replace(column, label=one_line(column.label)) for column in grid.columns)
    return replace(grid, title=one_line(grid.title), columns=tuple(columns), rows=tuple(rows))
