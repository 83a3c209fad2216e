"""A report as GitHub Markdown."""

from __future__ import annotations

import re

from rag.evaluation.records import Report
from rag.evaluation.tables import LEGEND, Cell, Grid, grids_of, heading_of, notes_of

_MARKDOWN_ACTS = re.compile(r"([\\`*\[\]|~<>&$]|(?<![^\W_])_|_(?![^\W_]))")


def markdown_tables(report: Report) -> str:
    """Return the same tables as GitHub Markdown, with nothing in them that acts as markup."""
    title, *facts = (_markdown_text(line) for line in heading_of(report))
    blocks = [f"**{title}**: {'; '.join(facts)}.", LEGEND]
    for grid in grids_of(report):
        blocks += [f"**{_markdown_text(grid.title)}**", _markdown_table(grid)]
    notes = notes_of(report)
    if notes:
        blocks.append("\n".join(f"- {_markdown_text(note)}" for note in notes))
    return "\n\n".join(blocks) + "\n"


def _markdown_table(grid: Grid) -> str:
    head = [*map(_markdown_text, grid.stubs), *(_markdown_note(_markdown_text(c.label), c.note) for c in grid.columns)]
    rule = ["---"] * len(grid.stubs) + ["---:"] * len(grid.columns)
    body = (
        [*map(_markdown_text, row.labels), *(_markdown_note(_markdown_figure(c), c.note) for c in row.cells)]
        for row in grid.rows
    )
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *body))


def _markdown_figure(cell: Cell) -> str:
    return f"**{cell.text}** {cell.spread}".rstrip() if cell.best else cell.full


def _markdown_note(text: str, note: str) -> str:
    return f"{text}<br><sub>{note}</sub>" if note else text


def _markdown_text(text: str) -> str:
    """Escape what GitHub would act on, HTML and links among it."""
    return _MARKDOWN_ACTS.sub(r"\\\1", text)
