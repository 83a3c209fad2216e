"""Briefs out of the catalogue, in parts and in lists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set

from rag.catalogue import BriefRow, Catalogue, VersionRow
from rag.errors import UsageError
from rag.machine_talk import speaks_to_machines
from rag.mcp_server.arguments import ListArguments, ReadArguments
from rag.mcp_server.paging import page_of
from rag.mcp_server.records import BriefItemRecord, BriefListRecord, BriefPartRecord, SpanRecord
from rag.mcp_server.text import uri_of
from rag.printable import printable

MAX_PART_CHARS = 20_000
"""About 5,000 tokens; what is longer is read in parts."""
_LINE = re.compile(r"[^\n]*\S[^\n]*")


def part_of(catalogue: Catalogue, asked: ReadArguments, *, max_chars: int = MAX_PART_CHARS) -> BriefPartRecord:
    """Return the part of a brief that is asked for, as much of it as `max_chars`.

    Raises:
        UsageError: if there is no such brief, version or span.
    """
    row = _version(catalogue, asked.id, asked.text_sha256)
    total = len(row.text)
    until = total if asked.end is None else asked.end
    if not asked.start < until <= total:
        raise UsageError(f"brief {asked.id!r} has no characters {asked.start} to {until}: it has {total}, from 0")
    end = _end_of_part(row.text, asked.start, until, max_chars)
    exact = row.text[asked.start : end]
    text = printable(exact)
    known = row.metadata
    return BriefPartRecord(
        id=row.brief_id,
        uri=uri_of(row.brief_id),
        title=known["title"],
        date=known["date"],
        source=known["source"],
        url=known["url"],
        regions=list(known["region"]),
        topics=list(known["topics"]),
        text=text,
        start=asked.start,
        end=end,
        total=total,
        next_start=end if end < until else None,
        text_sha256=row.text_sha256,
        sha256=row.source_sha256,
        machine_talk=_machine_talk(catalogue, row, asked.start, end),
        hidden=sum(shown != there for shown, there in zip(text, exact, strict=True)),
        remark=f"This version was replaced or removed on {row.superseded_at[:10]}." if row.superseded_at else "",
    )


def listed(catalogue: Catalogue, asked: ListArguments) -> BriefListRecord:
    """Return a page of the briefs of a scope. Raises a `UsageError` as `page_of` and the scope do."""
    rows = catalogue.briefs(asked.scope())
    page = page_of(rows, asked.cursor, asked.limit)
    return BriefListRecord(briefs=list(map(_item, page.rows)), total=len(rows), next_cursor=page.next_cursor)


def _version(catalogue: Catalogue, brief_id: str, text_sha256: str | None) -> VersionRow:
    versions = catalogue.versions(brief_id)
    if not versions:
        raise UsageError(f"there is no brief {brief_id[:200]!r}; list_briefs shows the ids of those there are")
    if text_sha256:
        found = next((row for row in versions if row.text_sha256 == text_sha256), None)
        if found is None:
            raise UsageError(f"brief {brief_id!r} has no version whose text has sha256 {text_sha256}")
        return found
    present = next((row for row in versions if row.superseded_at is None), None)
    if present is None:
        raise UsageError(
            f"brief {brief_id!r} was removed on {str(versions[0].superseded_at)[:10]}; its last version can be read "
            f"with text_sha256={versions[0].text_sha256}"
        )
    return present


def _end_of_part(text: str, start: int, until: int, max_chars: int) -> int:
    """Cut at the end of a paragraph, line or word where one ends in the last fifth of the part."""
    if until - start <= max_chars:
        return until
    end = start + max_chars
    for mark in ("\n\n", "\n", " "):
        cut = text.rfind(mark, end - max_chars // 5, end)
        if cut >= 0:
            return cut + len(mark)
    return end


def _machine_talk(catalogue: Catalogue, row: VersionRow, start: int, end: int) -> list[SpanRecord]:
    """Find units that speak to machines, and lines that do so without such a unit."""
    spans = {span for span in _candidates(catalogue, row, start, end) if speaks_to_machines(row.text[slice(*span)])}
    return [SpanRecord(start=one[0], end=one[1]) for one in sorted(spans) if not _holds_another(one, spans)]


def _holds_another(span: tuple[int, int], spans: Set[tuple[int, int]]) -> bool:
    return any(span[0] <= first and last <= span[1] for first, last in spans - {span})


def _candidates(catalogue: Catalogue, row: VersionRow, start: int, end: int) -> Iterator[tuple[int, int]]:
    if row.superseded_at is None:
        for passage in catalogue.passages_of([row.brief_id]):
            for unit in passage.metadata["units"]:
                if unit["start"] < end and unit["end"] > start:
                    yield unit["start"], unit["end"]
    for line in _LINE.finditer(row.text, start, end):
        yield line.span()


def _item(row: BriefRow) -> BriefItemRecord:
    return BriefItemRecord(
        id=row.brief_id,
        uri=uri_of(row.brief_id),
        title=row.title,
        date=row.date,
        source=row.source,
        regions=list(row.regions),
        topics=list(row.topics),
        chunks=row.chunks,
    )
