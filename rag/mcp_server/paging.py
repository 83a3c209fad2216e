"""Pages of the list of briefs. A cursor names the last brief shown, so that changes between pages lose nothing."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass

from rag.catalogue import BriefRow
from rag.errors import UsageError
from rag.types import DateInterval

_Place = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and the cursor of the next page; None on the last."""

    rows: tuple[BriefRow, ...]
    next_cursor: str | None


def page_of(rows: Sequence[BriefRow], cursor: str | None, limit: int) -> Page:
    """Return the rows after a cursor, of rows in the catalogue's order: newest first, undated last, then by id.

    Raises:
        UsageError: if the cursor is none.
    """
    after = None if cursor is None else _decoded(cursor)
    rest = [row for row in rows if after is None or _place(row) > after]
    shown = tuple(rest[:limit])
    return Page(shown, _encoded(_place(shown[-1])) if len(rest) > limit else None)


def _place(row: BriefRow) -> _Place:
    """Days before the last one that a date may have; an undated brief comes after every dated one."""
    return (1 if row.date is None else -DateInterval.parse(row.date).end.toordinal(), row.brief_id)


def _encoded(place: _Place) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _decoded(cursor: str) -> _Place:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        days, brief_id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError, RecursionError):
        days = brief_id = None
    if type(days) is not int or not isinstance(brief_id, str):
        raise UsageError(f"{cursor[:100]!r} is no cursor; leave it out to begin again")
    return days, brief_id
