"""Rows of the catalogue as the rest of geobrief sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.documents import Document
from sqlalchemy import Row

from rag.types import Brief, Chunk, Unit


@dataclass(frozen=True, slots=True)
class SourceRow:
    """What the index knows of a source file."""

    path: str
    root: str
    sha256: str
    complete: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """What the catalogue holds of a brief that is about to be ingested.

    Attributes:
        owner: path of the source that the present brief of that id comes from.
        same: the present version has exactly this text and metadata.
        removed: a brief with this text was removed and must not come back.
    """

    owner: str | None
    same: bool
    removed: bool


@dataclass(frozen=True, slots=True)
class Publication:
    """A source that is ready to be switched to its staged briefs.

    Attributes:
        briefs: all readable briefs of the source; those that did not change keep their version.
        withdraw: ids that the source no longer holds.
    """

    source: SourceRow
    briefs: Sequence[Brief]
    withdraw: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class PendingChunk:
    """A chunk that is staged but not yet in the vector store as it should be."""

    chunk_id: str
    embedded: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version of a brief: `metadata` holds its front matter, `text` its text."""

    brief_id: str
    text_sha256: str
    source_path: str
    source_sha256: str
    metadata: Mapping[str, Any]
    text: str
    ingested_at: str
    superseded_at: str | None


@dataclass(frozen=True, slots=True)
class BriefRow:
    """A present brief as lists show it."""

    brief_id: str
    title: str
    date: str | None
    source: str | None
    regions: tuple[str, ...]
    topics: tuple[str, ...]
    source_path: str
    chunks: int


def brief_row(row: Row[Any]) -> BriefRow:
    """Read a row of `versions` with the column `n_chunks`."""
    data = row.metadata
    return BriefRow(
        row.brief_id,
        data["title"],
        data["date"],
        data["source"],
        tuple(data["region"]),
        tuple(data["topics"]),
        row.source_path,
        row.n_chunks,
    )


def version_row(row: Row[Any]) -> VersionRow:
    """Read a row of `versions` joined with its text."""
    return VersionRow(
        row.brief_id,
        row.text_sha256,
        row.source_path,
        row.source_sha256,
        row.metadata,
        row.text,
        row.ingested_at,
        row.superseded_at,
    )


def chunk_id(brief_id: str, text_sha256: str, ordinal: int) -> str:
    """Return the id of a chunk: it names the brief, the version of its text, and the position."""
    return f"{brief_id}@{text_sha256[:8]}#{ordinal}"


def chunk_values(text_id: int, brief: Brief, chunk: Chunk) -> dict[str, Any]:
    """Return the columns of a new row of `chunks`."""
    return {
        "chunk_id": chunk_id(brief.id, brief.text_sha256, chunk.ordinal),
        "text_id": text_id,
        "ordinal": chunk.ordinal,
        "start": chunk.start,
        "end": chunk.end,
        "heading": chunk.heading,
        "page": chunk.page,
        "units": [_unit_values(unit) for unit in chunk.units],
    }


def passage(row: Row[Any]) -> Document:
    """Read a row of `chunks` joined with version and text, as a passage with plain JSON metadata.

    Metadata: brief_id, chunk_id, title, date, source, url, region, topics, heading, page, start, end, sha256 (of
    the source file), text_sha256, ingested_at, and units: {start, end, kind, context, context_start, context_end}.
    """
    data = row.metadata
    shown = {key: data[key] for key in ("title", "date", "source", "url", "region", "topics")}
    return Document(
        id=row.chunk_id,
        page_content=row.text[row.start : row.end],
        metadata={
            "brief_id": row.brief_id,
            "chunk_id": row.chunk_id,
            **shown,
            "heading": row.heading,
            "page": row.page,
            "start": row.start,
            "end": row.end,
            "sha256": row.source_sha256,
            "text_sha256": row.text_sha256,
            "ingested_at": row.ingested_at,
            "units": [_unit_metadata(row.text, *values) for values in row.units],
        },
    )


def _unit_values(unit: Unit) -> list[Any]:
    context = unit.context
    return [unit.start, unit.end, unit.kind, context and context.start, context and context.end]


def _unit_metadata(
    text: str, start: int, end: int, kind: str, context_start: int | None, context_end: int | None
) -> dict[str, Any]:
    return {
        "start": start,
        "end": end,
        "kind": kind,
        "context": None if context_start is None else text[context_start:context_end],
        "context_start": context_start,
        "context_end": context_end,
    }
