"""The tables of a report as HTML. No text of a report is read as markup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rag.evaluation.records import Report
from rag.evaluation.tables import LEGEND, Cell, Column, Grid, Row, grids_of, heading_of, notes_of
from rag.printable import one_line
from rag.ui.escape import escaped

_FIRST = ("Answers", "Refusal", "Citations", "Reading")
"""Tables of the systems that come before the others: what people see of a system, then how it gets there."""
_BY_TYPE = "By type of question: "


def heading_html(report: Report) -> str:
    """Return what was asked, of which corpus, and with which command."""
    title, *facts = heading_of(report)
    command = one_line(report.command)
    how = f'<p class="gb-quiet"><code>{escaped(command)}</code></p>' if command else ""
    return f"<h2><bdi>{escaped(title)}</bdi></h2>{_lines(facts)}{how}"


def tables_html(report: Report) -> str:
    """Return the systems by measure, then their scores by type of question."""
    grids = list(enumerate(grids_of(report)))
    systems = sorted((g for g in grids if _is_main(g[1])), key=lambda g: (_place(g[1]), g[0]))
    types = [(n, replace(g, title=g.title.removeprefix(_BY_TYPE))) for n, g in grids if _is_by_type(g)]
    by_type = f"<h3>By type of question</h3>{_grids_html(types)}" if types else ""
    return f"<h3>Systems by measure</h3>{_lines([LEGEND])}{_grids_html(systems)}{by_type}"


def rest_html(report: Report) -> str:
    """Return the other tables, folded, and what a reader of the figures has to know."""
    others = [(n, g) for n, g in enumerate(grids_of(report)) if not _is_main(g) and not _is_by_type(g)]
    notes = "".join(f"<li>{escaped(note)}</li>" for note in notes_of(report))
    folded = f"<details><summary>Times and differences</summary>{_grids_html(others)}</details>" if others else ""
    return folded + (f"<h3>Notes</h3><ul>{notes}</ul>" if notes else "")


def _is_main(grid: Grid) -> bool:
    return grid.stubs == ("System",)


def _is_by_type(grid: Grid) -> bool:
    return grid.stubs[:1] == ("Type",)


def _place(grid: Grid) -> int:
    return _FIRST.index(grid.title) if grid.title in _FIRST else len(_FIRST)


def _grids_html(grids: Sequence[tuple[int, Grid]]) -> str:
    return f'<div class="gb-grids">{"".join(_grid_html(n, grid) for n, grid in grids)}</div>'


def _grid_html(n: int, grid: Grid) -> str:
    """Return a table in a box in which it scrolls; the box takes the focus, so that keys scroll it."""
    stubs = "".join(f'<th scope="col" class="gb-stub">{escaped(stub)}</th>' for stub in grid.stubs)
    heads = "".join(_head_html(column) for column in grid.columns)
    body = "".join(_row_html(row) for row in grid.rows)
    return (
        f'<section class="gb-grid"><h4 id="gb-grid-{n}">{escaped(grid.title)}</h4>'
        f'<div class="gb-wide" tabindex="0" role="region" aria-labelledby="gb-grid-{n}">'
        f'<table aria-labelledby="gb-grid-{n}">'
        f"<thead><tr>{stubs}{heads}</tr></thead><tbody>{body}</tbody></table></div></section>"
    )


def _head_html(column: Column) -> str:
    title = f' title="{escaped(column.meaning)}"' if column.meaning else ""
    return f'<th scope="col"{title}><bdi>{escaped(column.label)}</bdi>{_small(column.note)}</th>'


def _row_html(row: Row) -> str:
    labels = "".join(f'<th scope="row"><bdi>{escaped(label)}</bdi></th>' for label in row.labels)
    return f"<tr>{labels}{''.join(map(_cell_html, row.cells))}</tr>"


def _cell_html(cell: Cell) -> str:
    value = f"<b>{escaped(cell.text)}</b>" if cell.best else escaped(cell.text)
    return f"<td>{value}{_small(cell.spread)}{_small(cell.note)}</td>"


def _small(text: str) -> str:
    return f"<small>{escaped(text)}</small>" if text else ""


def _lines(lines: Sequence[str]) -> str:
    return "".join(f'<p class="gb-quiet">{escaped(line)}</p>' for line in lines)
