"""Checks and repairs of the catalogue, for the doctor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, func, select, text

from rag.catalogue.database import Database, batches
from rag.catalogue.rows import PendingChunk
from rag.catalogue.schema import chunks, texts, versions
from rag.types import Brief, sha256


def chunk_digests(database: Database) -> dict[str, str | None]:
    """Return, by chunk id, the digest of what the vector store should hold; None when not embedded yet."""
    with database.transaction() as connection:
        rows = connection.execute(select(chunks.c.chunk_id, chunks.c.embedded_sha256))
        return {row.chunk_id: row.embedded_sha256 for row in rows}


def pending_chunks(database: Database, chunk_ids: Sequence[str]) -> Iterator[PendingChunk]:
    """Yield chunks with what is to be embedded for them, from the full-text table."""
    columns: list[Any] = [chunks.c.chunk_id, texts.c.brief_id, texts.c.text_sha256, text("header"), text("body")]
    joined = select(*columns).select_from(chunks).join(texts)
    for batch in batches(chunk_ids):
        statement = joined.join(text("chunks_fts"), text("chunks_fts.rowid = chunks.id"))
        with database.transaction() as connection:
            rows = connection.execute(statement.where(chunks.c.chunk_id.in_(batch))).all()
        for row in rows:
            content = f"{row.header}\n{row.body}" if row.header else row.body
            yield PendingChunk(row.chunk_id, content, {"brief_id": row.brief_id, "text_sha256": row.text_sha256})


def all_briefs(database: Database) -> Iterator[Brief]:
    """Yield every text that a version uses, as a brief with the metadata of its newest version."""
    with database.transaction() as connection:
        newest = select(func.max(versions.c.id)).group_by(versions.c.text_id)
        ids = list(connection.scalars(newest))
    for version_id in ids:
        with database.transaction() as connection:
            statement = select(versions.c.metadata, texts.c.text).join(texts).where(versions.c.id == version_id)
            row = connection.execute(statement).one()
        yield Brief(text=row.text, **row.metadata)


def unused_texts(database: Database) -> int:
    """Return how many texts no version uses: what an interrupted ingest left."""
    with database.transaction() as connection:
        statement = select(func.count()).select_from(texts).where(texts.c.id.not_in(select(versions.c.text_id)))
        return connection.scalar(statement) or 0


def faults(database: Database) -> tuple[str, ...]:
    """Check the file's structure, every digest and every span; return what is wrong, in words."""
    problems: list[str] = []
    with database.transaction() as connection:
        verdict = connection.scalar(text("PRAGMA integrity_check"))
        if verdict != "ok":
            problems.append(f"the catalogue's file is damaged: {verdict}")
        for row in connection.execute(select(texts)):
            if sha256(row.text) != row.text_sha256:
                problems.append(f"the text of brief {row.brief_id!r} does not match its digest")
            problems += _wrong_chunks(connection, row.id, row.text)
    return tuple(problems)


def _wrong_chunks(connection: Connection, text_id: int, content: str) -> list[str]:
    statement = select(chunks, text("body")).where(chunks.c.text_id == text_id)
    joined = statement.outerjoin(text("chunks_fts"), text("chunks_fts.rowid = chunks.id"))
    wrong = [row.chunk_id for row in connection.execute(joined) if row.body != content[row.start : row.end]]
    return [f"chunk {name} differs from its span in the brief's text" for name in wrong]
