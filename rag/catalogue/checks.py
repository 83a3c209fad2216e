"""Checks and repairs of the catalogue, for the doctor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import func, select

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
    words = database.words
    held = words.contents.c
    columns: list[Any] = [chunks.c.chunk_id, texts.c.brief_id, texts.c.text_sha256, held.header, held.body]
    statement = select(*columns).select_from(chunks).join(texts).join(words.contents, words.key == chunks.c.id)
    for batch in batches(chunk_ids):
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


def text_faults(database: Database) -> tuple[str, ...]:
    """Check the file's structure and the digest of every text; return what is wrong, in words."""
    with database.transaction() as connection:
        problems = database.words.faults(connection)
        forged = [row.brief_id for row in connection.execute(select(texts)) if sha256(row.text) != row.text_sha256]
    return (*problems, *(f"the text of brief {brief_id!r} does not match its digest" for brief_id in forged))


def chunk_faults(database: Database) -> tuple[str, ...]:
    """Check every chunk against its span in the brief's text; return what is wrong, in words."""
    words = database.words
    columns: list[Any] = [chunks, texts.c.text, words.contents.c.body]
    joined = select(*columns).select_from(chunks).join(texts)
    statement = joined.outerjoin(words.contents, words.key == chunks.c.id)
    with database.transaction() as connection:
        rows = connection.execute(statement.execution_options(yield_per=500))
        wrong = [row.chunk_id for row in rows if row.body != row.text[row.start : row.end]]
    return tuple(f"chunk {name} differs from its span in the brief's text" for name in wrong)
