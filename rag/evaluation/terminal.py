"""Reports and comparisons in a terminal, never wider than it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rag.evaluation.compare import Comparison, QuestionChange, SystemComparison
from rag.evaluation.records import Report
from rag.evaluation.tables import (
    LEGEND,
    Cell,
    Column,
    Grid,
    Row,
    arrowed,
    difference_cell,
    grids_of,
    heading_of,
    measure_of,
    notes_of,
    p_text,
)
from rag.printable import one_line, shorten

STUB_CHARS = 16
"""Longer names are broken over lines, so that three columns of figures fit beside them on 80 columns."""

LISTED = 20
_TEXT_CHARS = 160
_BETWEEN_COLUMNS = 3
_TITLES = {
    "Newly failed": "newly_failed",
    "Newly wrong": "newly_wrong",
    "Newly right": "newly_right",
    "Newly refused": "newly_refused",
    "Newly answered": "newly_answered",
    "Answered in other words": "changed_text",
}


def print_report(report: Report, console: Console) -> None:
    """Print the tables, never wider than the console: those that would be are split by columns."""
    title, *facts = heading_of(report)
    console.print(Text(title, style="bold"))
    for line in (*facts, LEGEND):
        console.print(Text(line, style="dim"))
    for grid in grids_of(report):
        print_grid(grid, console)
    notes = notes_of(report)
    if notes:
        console.print(Text("\nNotes", style="bold"))
    for note in notes:
        console.print(Padding(Text(note), (0, 0, 0, 2)))


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print what differs, never wider than the console."""
    a, b = comparison.a, comparison.b
    console.print(Text(one_line(f"{a.dataset}: a, made {a.made_at}, against b, made {b.made_at}"), style="bold"))
    console.print(Text("Differences are a minus b, paired by question, with 95 % intervals.", style="dim"))
    _print_lines(console, "", [*comparison.notes, *_missing(comparison)])
    _print_lines(
        console,
        "What else differs" if comparison.identities else "Code, settings and models are the same.",
        [f"{c.name}: {_or_absent(c.before)} → {_or_absent(c.after)}" for c in comparison.identities],
    )
    for system in comparison.systems:
        print_grid(_changes_grid(system), console)
        for title, kind in _TITLES.items():
            _print_changes(console, title, getattr(system, kind))


def print_grid(grid: Grid, console: Console) -> None:
    """Print one table, in parts where it is wider than the console."""
    console.print(Text(f"\n{grid.title}", style="bold"))
    for n, part in enumerate(_parts(grid, console.width)):
        if n:
            console.print()
        console.print(_rich_table(part))


def _print_changes(console: Console, title: str, changes: Sequence[QuestionChange]) -> None:
    lines = [f"{c.id}  {_short(c.question)}: {_answer(c.before)} → {_answer(c.after)}" for c in changes[:LISTED]]
    if len(changes) > LISTED:
        lines.append(f"and {len(changes) - LISTED} more")
    if lines:
        _print_lines(console, f"{title}: {len(changes)}", lines)


def _print_lines(console: Console, title: str, lines: Sequence[str]) -> None:
    if title:
        console.print(Text(f"\n{title}", style="bold"))
    for line in lines:
        console.print(Padding(Text(one_line(line)), (0, 0, 0, 2)))


def _changes_grid(system: SystemComparison) -> Grid:
    rows = (
        Row(
            (one_line(arrowed(change.difference.measure, measure_of(change.difference.measure))),),
            (
                Cell(f"{change.before:.3f}"),
                Cell(f"{change.after:.3f}"),
                difference_cell(change.difference),
                Cell(p_text(change.difference.p)),
                Cell(str(change.difference.n)),
            ),
        )
        for change in system.measures
    )
    columns = (Column("b"), Column("a"), Column("difference", signed=True), Column("p"), Column("n"))
    title = one_line(f"{system.system}, {system.n_common} common questions")
    return Grid(title, ("Measure",), columns, tuple(rows))


def _missing(comparison: Comparison) -> Iterator[str]:
    for side, names in (("a", comparison.only_in_a), ("b", comparison.only_in_b)):
        if names:
            yield f"only in {side}: {', '.join(names)}"


def _answer(text: str | None) -> str:
    return "no answer" if text is None else f"“{_short(text)}”"


def _short(text: str) -> str:
    return shorten(one_line(text), _TEXT_CHARS)


def _or_absent(value: str | None) -> str:
    return "absent" if value is None else _short(value)


def _parts(grid: Grid, width: int) -> Iterator[Grid]:
    """Yield the grid in groups of columns that fit; a column that alone is too wide gets a part of its own."""
    stubs = sum(_stub_width(grid, n) + _BETWEEN_COLUMNS for n in range(len(grid.stubs)))
    group: list[int] = []
    used = stubs
    for n in range(len(grid.columns)):
        wide = _column_width(grid, n) + (_BETWEEN_COLUMNS if group else 0)
        if group and used + wide > width:
            yield _columns_of(grid, group)
            group, used, wide = [], stubs, _column_width(grid, n)
        group.append(n)
        used += wide
    yield _columns_of(grid, group)


def _columns_of(grid: Grid, chosen: Sequence[int]) -> Grid:
    rows = (Row(row.labels, tuple(row.cells[n] for n in chosen)) for row in grid.rows)
    return replace(grid, columns=tuple(grid.columns[n] for n in chosen), rows=tuple(rows))


def _stub_width(grid: Grid, n: int) -> int:
    return min(STUB_CHARS, max(map(cell_len, (grid.stubs[n], *(row.labels[n] for row in grid.rows)))))


def _column_width(grid: Grid, n: int) -> int:
    column = grid.columns[n]
    figures = (text for row in grid.rows for text in (row.cells[n].full, row.cells[n].note))
    return max(map(cell_len, (column.label[:STUB_CHARS], column.note, *figures)))


def _rich_table(grid: Grid) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="")
    for n, stub in enumerate(grid.stubs):
        table.add_column(Text(stub), max_width=STUB_CHARS, min_width=min(8, _stub_width(grid, n)), overflow="fold")
    for column in grid.columns:
        table.add_column(_with_note(Text(column.label), column.note), justify="right", overflow="fold")
    above: str | None = None
    for row in grid.rows:
        repeated = len(row.labels) > 1 and row.labels[0] == above
        labels = ("" if repeated else row.labels[0], *row.labels[1:])
        table.add_row(*map(Text, labels), *map(_rich_cell, row.cells))
        above = row.labels[0]
    return table


def _rich_cell(cell: Cell) -> Text:
    return _with_note(Text(cell.full, style="bold" if cell.best else ""), cell.note)


def _with_note(text: Text, note: str) -> Text:
    return Text.assemble(text, "\n", (note, "dim")) if note else text
