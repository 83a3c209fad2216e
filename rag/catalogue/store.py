"""What may be read of the catalogue. Every public method is one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain_core.documents import Document
from sqlalchemy import Select, func, select

from rag.catalogue.database import Database, SqliteDatabase, batches
from rag.catalogue.rows import BriefRow, SourceRow, Standing, VersionRow, brief_row, passage, version_row
from rag.catalogue.schema import INDEX_ID, chunks, meta, sources, texts, tombstones, vector_deletions, versions
from rag.catalogue.scoping import in_scope
from rag.catalogue.words import plain_words
from rag.types import Brief, Scope


class Catalogue:
    """The readable side of the catalogue; safe for threads, and for processes beside one writer."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    def open(cls, path: Path, *, create: bool = False) -> Catalogue:
        """Open a catalogue's file. Raises as `Database` does."""
        return cls(SqliteDatabase(path, create=create))

    @property
    def name(self) -> str:
        """What names it in messages."""
        return self.database.name

    # What the index was made with

    def identity(self) -> dict[str, str]:
        """Return the recorded identity: embedding model, dimension, splitter; empty for a new catalogue."""
        with self.database.transaction() as connection:
            rows = connection.execute(select(meta.c.key, meta.c.value).where(meta.c.key.startswith("identity.")))
            return {key.removeprefix("identity."): value for key, value in rows}

    def index_id(self) -> str:
        """Return what tells this index from all others: 16 hex digits."""
        with self.database.transaction() as connection:
            return str(connection.scalar(select(meta.c.value).where(meta.c.key == INDEX_ID)) or "0" * 16)

    def generation(self) -> int:
        """Return a number that moves whenever what readers may see has changed."""
        with self.database.transaction() as connection:
            return generation(connection)

    # Sources and briefs, for ingest

    def source(self, path: str) -> SourceRow | None:
        """Return what is known of a source file."""
        with self.database.transaction() as connection:
            row = connection.execute(select(sources).where(sources.c.path == path)).one_or_none()
            return None if row is None else SourceRow(row.path, row.root, row.sha256, bool(row.complete))

    def source_paths(self) -> tuple[str, ...]:
        """Return the paths of all sources, in order."""
        with self.database.transaction() as connection:
            return tuple(connection.scalars(select(sources.c.path).order_by(sources.c.path)))

    def brief_ids(self, source_path: str) -> tuple[str, ...]:
        """Return the present briefs of a source, in order of ingest."""
        with self.database.transaction() as connection:
            return tuple(connection.scalars(present(versions.c.brief_id, versions.c.source_path == source_path)))

    def standing(self, brief: Brief) -> Standing:
        """Tell what the catalogue holds of a brief, by id and by text."""
        mine = present(versions, versions.c.brief_id == brief.id).join(texts).add_columns(texts.c.text_sha256)
        grave = select(tombstones.c.brief_id).where(tombstones.c.text_sha256 == brief.text_sha256)
        with self.database.transaction() as connection:
            row = connection.execute(mine).one_or_none()
            alive = row is not None and row.text_sha256 == brief.text_sha256
            same = alive and row is not None and row.metadata == brief.metadata()
            removed = not alive and connection.execute(grave).first() is not None  # a twin may be buried
            return Standing(None if row is None else row.source_path, same, removed)

    def vector_deletions(self) -> tuple[str, ...]:
        """Return the chunk ids whose vectors are still to be deleted."""
        with self.database.transaction() as connection:
            return tuple(connection.scalars(select(vector_deletions.c.chunk_id)))

    # Retrieval

    def search(self, words: Sequence[str], *, k: int, scope: Scope = Scope()) -> tuple[str, ...]:
        """Rank chunks that hold any of the words by BM25; return at most `k` chunk ids, best first.

        Words are matched as words, never as query syntax.
        """
        wanted = plain_words(words)
        if not wanted:
            return ()
        with self.database.transaction() as connection:
            return self.database.words.ranked(connection, wanted, among=in_scope(scope), k=k)

    def admitted(self, chunk_ids: Sequence[str], scope: Scope = Scope()) -> list[str]:
        """Return those of the chunk ids that the scope admits, in the order given."""
        known: set[str] = set()
        columns = select(chunks.c.chunk_id).join(versions, versions.c.text_id == chunks.c.text_id)
        with self.database.transaction() as connection:
            for batch in batches(chunk_ids):
                known.update(connection.scalars(columns.where(chunks.c.chunk_id.in_(batch), in_scope(scope))))
        return [chunk_id for chunk_id in chunk_ids if chunk_id in known]

    def passages(self, chunk_ids: Sequence[str], scope: Scope = Scope()) -> tuple[Document, ...]:
        """Return the chunks that the scope admits, in the order given; ids it does not know are left out."""
        found: dict[str, Document] = {}
        with self.database.transaction() as connection:
            for batch in batches(chunk_ids):
                statement = _passages().where(chunks.c.chunk_id.in_(batch), in_scope(scope))
                found |= {row.chunk_id: passage(row) for row in connection.execute(statement)}
        return tuple(found[chunk_id] for chunk_id in chunk_ids if chunk_id in found)

    def passages_of(self, brief_ids: Sequence[str], scope: Scope = Scope()) -> tuple[Document, ...]:
        """Return all chunks of briefs that the scope admits, in the order of the briefs and of their texts."""
        found: list[Document] = []
        with self.database.transaction() as connection:
            for brief_id in brief_ids:
                statement = _passages().where(versions.c.brief_id == brief_id, in_scope(scope))
                found += [passage(row) for row in connection.execute(statement.order_by(chunks.c.ordinal))]
        return tuple(found)

    def mentioning(self, words: Sequence[str], scope: Scope = Scope()) -> tuple[str, ...]:
        """Return the briefs of a scope of which one chunk holds all the words, in order of their ids."""
        wanted, full_text = plain_words(words), self.database.words
        if not wanted:
            return ()
        statement = (
            select(versions.c.brief_id)
            .distinct()
            .select_from(full_text.contents)
            .join(chunks, chunks.c.id == full_text.key)
            .join(versions, versions.c.text_id == chunks.c.text_id)
            .where(full_text.having_all(wanted), in_scope(scope))
            .order_by(versions.c.brief_id)
        )
        with self.database.transaction() as connection:
            return tuple(connection.scalars(statement))

    def texts_in_scope(self, scope: Scope, *, limit: int) -> tuple[str, ...] | None:
        """Return the text digests that a scope admits, or None when there are more than `limit`."""
        statement = select(texts.c.text_sha256).join(versions).where(in_scope(scope)).limit(limit + 1)
        with self.database.transaction() as connection:
            digests = tuple(connection.scalars(statement))
        return None if len(digests) > limit else digests

    def document_frequency(self, stems: Sequence[str]) -> tuple[dict[str, int], int]:
        """Return in how many chunks each Porter stem occurs, and the number of chunks."""
        counts: dict[str, int] = {}
        with self.database.transaction() as connection:
            for batch in batches(list(dict.fromkeys(stems))):
                counts |= self.database.words.frequencies(connection, batch)
            total = connection.scalar(select(func.count()).select_from(chunks)) or 0
        return counts, total

    # Lists and single briefs

    def briefs(self, scope: Scope = Scope()) -> tuple[BriefRow, ...]:
        """Return the briefs of a scope, newest first, undated last."""
        count = select(func.count()).where(chunks.c.text_id == versions.c.text_id).scalar_subquery()
        statement = select(versions, count.label("n_chunks")).where(in_scope(scope))
        statement = statement.order_by(versions.c.date_to.desc().nulls_last(), versions.c.brief_id)
        with self.database.transaction() as connection:
            return tuple(brief_row(row) for row in connection.execute(statement))

    def versions(self, brief_id: str) -> tuple[VersionRow, ...]:
        """Return every version of a brief, the newest first; empty when it is unknown."""
        statement = select(versions, texts.c.text, texts.c.text_sha256).join(texts)
        statement = statement.where(versions.c.brief_id == brief_id).order_by(versions.c.id.desc())
        with self.database.transaction() as connection:
            return tuple(version_row(row) for row in connection.execute(statement))

    def count_undated(self) -> int:
        """Return the number of present briefs without a date."""
        statement = select(func.count()).where(versions.c.superseded_at.is_(None), versions.c.date_to.is_(None))
        with self.database.transaction() as connection:
            return connection.scalar(statement) or 0

    def oldest_date(self) -> str | None:
        """Return the first day of the oldest dated present brief as YYYY-MM-DD; None where most are undated."""
        columns = func.min(versions.c.date_from), func.count(versions.c.date_from), func.count()
        with self.database.transaction() as connection:
            oldest, dated, total = connection.execute(select(*columns).where(versions.c.superseded_at.is_(None))).one()
        return str(oldest) if oldest and 2 * dated > total else None

    def newest_date(self) -> str | None:
        """Return the last day of the newest dated present brief as YYYY-MM-DD; None where none is dated."""
        with self.database.transaction() as connection:
            newest = connection.scalar(select(func.max(versions.c.date_to)).where(versions.c.superseded_at.is_(None)))
        return str(newest) if newest else None

    def count_chunks(self) -> int:
        """Return the number of chunks of present briefs."""
        statement = select(func.count()).select_from(chunks).join(versions, versions.c.text_id == chunks.c.text_id)
        with self.database.transaction() as connection:
            return connection.scalar(statement.where(versions.c.superseded_at.is_(None))) or 0


def _passages() -> Select[Any]:
    columns: list[Any] = [chunks, versions, texts.c.text, texts.c.text_sha256]
    return select(*columns).select_from(chunks).join(texts).join(versions, versions.c.text_id == texts.c.id)


def present(column: Any, condition: Any) -> Select[Any]:
    """Select a column of the present versions that meet a condition, in order of ingest."""
    statement = select(column).select_from(versions).where(condition, versions.c.superseded_at.is_(None))
    return statement.order_by(versions.c.id)


def generation(connection: Any) -> int:
    """Return the generation number."""
    return int(connection.scalar(select(meta.c.value).where(meta.c.key == "generation")) or 0)
