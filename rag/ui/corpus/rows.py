"""The table of the corpus: which rows are shown, in which order, and as which HTML."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rag.catalogue import BriefRow
from rag.ui.escape import escaped

PAGE_ROWS = 50
MAX_LABELS = 6
"""Regions or topics of a brief that are shown in its row."""

IsUpload = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked of the table.

    Attributes:
        words: all of which a row must hold, in any case.
        page: from 0.
    """

    words: str = ""
    sort: str = "date"
    descending: bool = True
    page: int = 0

    def pressed(self, sent: Mapping[str, Any]) -> Query:
        """Return the query after a button of the table; what is no button changes nothing."""
        sort, page = sent.get("sort"), sent.get("page")
        if isinstance(sort, str) and sort in COLUMNS:
            first = sort in ("date", "chunks")
            return replace(self, sort=sort, descending=not self.descending if sort == self.sort else first, page=0)
        if isinstance(page, str) and page.isdecimal() and len(page) < 8:
            return replace(self, page=int(page))
        return self


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of the rows that a query finds.

    Attributes:
        found: rows on all pages.
        total: rows of the corpus.
    """

    rows: tuple[BriefRow, ...]
    found: int
    total: int
    page: int

    @property
    def pages(self) -> int:
        """Number of pages, at least one."""
        return max(1, -(-self.found // PAGE_ROWS))


def listed(rows: Sequence[BriefRow], query: Query, is_upload: IsUpload) -> Listed:
    """Find, sort and cut. Rows without the value that is sorted by come last in either direction."""
    words = query.words.casefold().split()
    found = [row for row in rows if not words or _holds(row, words)]
    key = _key(query.sort, is_upload)
    valued = [(value, row) for row in found if (value := key(row)) not in (None, "")]
    valued.sort(key=lambda pair: pair[0], reverse=query.descending)
    ordered = [row for _, row in valued] + [row for row in found if key(row) in (None, "")]
    page = min(query.page, max(0, -(-len(found) // PAGE_ROWS) - 1))
    return Listed(tuple(ordered[page * PAGE_ROWS : (page + 1) * PAGE_ROWS]), len(found), len(rows), page)


def table_html(shown: Listed, query: Query, is_upload: IsUpload, *, chosen: str | None = None) -> str:
    """Return a page of the table. Its buttons tell by data-sort, data-page and data-brief what they do."""
    head = "".join(_heading(name, label, query) for name, label in COLUMNS.items())
    body = "".join(_row(row, is_upload, row.brief_id == chosen) for row in shown.rows)
    return (
        f'<div class="gb-corpus-list"><p class="gb-corpus-count" role="status">{_count(shown)}</p>'
        f'<div class="gb-corpus-scroll" role="region" aria-label="Table of briefs" tabindex="0">'
        f'<table class="gb-corpus-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        f"{_pager(shown)}</div>"
    )


def _holds(row: BriefRow, words: Sequence[str]) -> bool:
    text = "\n".join((row.title, row.brief_id, row.date or "", row.source or "", *row.regions, *row.topics)).casefold()
    return all(word in text for word in words)


COLUMNS: Mapping[str, str] = {
    "title": "Title",
    "date": "Date",
    "source": "Source",
    "regions": "Regions",
    "topics": "Topics",
    "chunks": "Chunks",
    "state": "State",
}


def _key(name: str, is_upload: IsUpload) -> Callable[[BriefRow], Any]:
    keys: Mapping[str, Callable[[BriefRow], Any]] = {
        "title": lambda row: row.title.casefold(),
        "date": lambda row: row.date,
        "source": lambda row: (row.source or "").casefold(),
        "regions": lambda row: ", ".join(row.regions).casefold(),
        "topics": lambda row: ", ".join(row.topics).casefold(),
        "chunks": lambda row: row.chunks,
        "state": lambda row: state_of(row, is_upload),
    }
    return keys[name]


def state_of(row: BriefRow, is_upload: IsUpload) -> str:
    """Say where a brief comes from, and whether its file is still there."""
    if not os.path.lexists(row.source_path):
        return "file is gone"
    return "uploaded" if is_upload(row.source_path) else "from a folder"


def _heading(name: str, label: str, query: Query) -> str:
    order = ("descending" if query.descending else "ascending") if name == query.sort else "none"
    arrow = {"descending": "▼", "ascending": "▲", "none": ""}[order]
    return (
        f'<th scope="col" aria-sort="{order}"><button type="button" data-sort="{name}">{label}'
        f'<span aria-hidden="true"> {arrow}</span></button></th>'
    )


def _row(row: BriefRow, is_upload: IsUpload, is_chosen: bool) -> str:
    current = ' aria-current="true"' if is_chosen else ""
    cells = (
        row.date or "undated",
        row.source or "–",
        _labels(row.regions),
        _labels(row.topics),
        str(row.chunks),
        state_of(row, is_upload),
    )
    names = list(COLUMNS.values())[1:]
    rest = "".join(
        f'<td data-label="{name}"><bdi>{escaped(cell)}</bdi></td>' for name, cell in zip(names, cells, strict=True)
    )
    return (
        f'<tr{current}><th scope="row"><button type="button" data-brief="{escaped(row.brief_id)}">'
        f"<bdi>{escaped(_one_line(row.title))}</bdi></button></th>{rest}</tr>"
    )


def _labels(values: Sequence[str]) -> str:
    more = len(values) - MAX_LABELS
    return (", ".join(map(_one_line, values[:MAX_LABELS])) + (f" and {more} more" if more > 0 else "")) or "–"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _count(shown: Listed) -> str:
    if not shown.total:
        return "The corpus holds no brief yet."
    of_all = "" if shown.found == shown.total else f" of {shown.total:,}"
    briefs = "brief" if shown.found == 1 and not of_all else "briefs"
    return f"{shown.found:,}{of_all} {briefs}"


def _pager(shown: Listed) -> str:
    if shown.pages == 1:
        return ""
    back, on = (
        _step(word, page, shown.pages) for word, page in (("Previous", shown.page - 1), ("Next", shown.page + 1))
    )
    return (
        f'<nav class="gb-corpus-pager" aria-label="Pages of the table">{back}'
        f"<span>Page {shown.page + 1:,} of {shown.pages:,}</span>{on}</nav>"
    )


def _step(word: str, page: int, pages: int) -> str:
    state = "" if 0 <= page < pages else " disabled"
    return f'<button type="button" data-page="{max(0, page)}" data-step="{word}"{state}>{word}</button>'
