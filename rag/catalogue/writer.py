"""What may be written to the catalogue, by the one process that holds the index's lock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, update

from rag.catalogue.database import Database, batches, now
from rag.catalogue.rows import PendingChunk, Publication, SourceRow, chunk_values
from rag.catalogue.schema import chunks, meta, sources, tags, texts, tombstones, vector_deletions, versions
from rag.catalogue.store import generation, present
from rag.catalogue.words import ChunkWords, Words
from rag.types import Brief, Chunk, sha256


class CatalogueWriter:
    """The writable side of the catalogue. Every public method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._words = database.words

    def record_identity(self, identity: Mapping[str, str]) -> None:
        """Write the identity that later runs are checked against."""
        with self._database.writing() as connection:
            for key, value in identity.items():
                put_meta(connection, f"identity.{key}", value)

    def stage(self, brief: Brief, parts: Sequence[Chunk], embedded: Sequence[str]) -> tuple[PendingChunk, ...]:
        """Write a text and its chunks, which stay invisible until `publish`; return those without a vector.

        Staging the same text again changes nothing but what is embedded for it.

        Args:
            embedded: what the vector store is to hold for each chunk, header included.
        """
        with self._database.writing() as connection:
            text_id = _text_id(connection, brief)
            if text_id is None:
                text_id = _add_text(connection, brief, parts)
            return tuple(_index_words(self._words, connection, text_id, brief, embedded))

    def restage(self, brief: Brief, parts: Sequence[Chunk], embedded: Sequence[str]) -> tuple[PendingChunk, ...]:
        """Cut a text anew: replace its chunks, all of which are then without a vector."""
        with self._database.writing() as connection:
            text_id = _text_id(connection, brief)
            assert text_id is not None, f"brief {brief.id!r} is not in the catalogue"
            ids = connection.scalars(select(chunks.c.id).where(chunks.c.text_id == text_id))
            self._words.drop(connection, list(ids))
            connection.execute(delete(chunks).where(chunks.c.text_id == text_id))
            _add_chunks(connection, text_id, brief, parts)
            return tuple(_index_words(self._words, connection, text_id, brief, embedded))

    def mark_embedded(self, pending: Sequence[PendingChunk]) -> None:
        """Record that the vector store holds these chunks."""
        statement = update(chunks).where(chunks.c.chunk_id == bindparam("which"))
        rows = [{"which": chunk.chunk_id, "embedded_sha256": sha256(chunk.embedded)} for chunk in pending]
        with self._database.writing() as connection:
            if rows:
                connection.execute(statement, rows)

    def publish(self, publications: Sequence[Publication]) -> None:
        """Switch sources to their staged briefs in one transaction, the last step of their ingest."""
        at = now()
        with self._database.writing() as connection:
            for publication in publications:
                _put_source(connection, publication.source)
                for brief in publication.briefs:
                    _publish_brief(connection, publication.source, brief, at)
                _withdraw(connection, publication.withdraw, at)
            self._next_generation(connection)

    def withdraw_source(self, path: str) -> tuple[str, ...]:
        """Withdraw the briefs of a source that is gone, and the source; return their ids."""
        with self._database.writing() as connection:
            ids = tuple(connection.scalars(present(versions.c.brief_id, versions.c.source_path == path)))
            _withdraw(connection, ids, now())
            connection.execute(delete(sources).where(sources.c.path == path))
            self._next_generation(connection)
            return ids

    def remove(self, brief_id: str) -> bool:
        """Withdraw a brief and remember its text's digest, so that ingest does not bring it back."""
        with self._database.writing() as connection:
            row = connection.execute(
                present(texts.c.text_sha256, versions.c.brief_id == brief_id).join(texts)
            ).one_or_none()
            if row is None:
                return False
            _bury(connection, brief_id, [row.text_sha256])
            _withdraw(connection, [brief_id], now())
            self._next_generation(connection)
            return True

    def restore(self, brief_id: str) -> int:
        """Drop the tombstones of a brief; return how many there were. The next ingest may bring it back.

        A text has one tombstone, which names the brief that was removed last: so those of its former texts go, too.
        """
        former = select(texts.c.text_sha256).where(
            texts.c.brief_id == brief_id,
            texts.c.id.not_in(select(versions.c.text_id).where(versions.c.superseded_at.is_(None))),
        )
        mine = or_(tombstones.c.brief_id == brief_id, tombstones.c.text_sha256.in_(former))
        with self._database.writing() as connection:
            gone = connection.execute(delete(tombstones).where(mine)).rowcount
            if gone:  # its file may have been renamed, or have no version left: all are read again, none is embedded
                connection.execute(update(sources).values(complete=0))
            return gone

    def forget(self, brief_id: str) -> bool:
        """Delete every version of a brief for good; only digests stay, so that ingest does not bring it back.

        The vectors are listed in `vector_deletions` in the same transaction, for the index to delete; until `compact`
        its words may still be in free pages.
        """
        with self._database.writing() as connection:
            digests = list(connection.scalars(select(texts.c.text_sha256).where(texts.c.brief_id == brief_id)))
            if not digests:
                return False
            ids = select(texts.c.id).where(texts.c.brief_id == brief_id)
            _delete_texts(self._words, connection, list(connection.scalars(ids)))
            _bury(connection, brief_id, digests)
            self._next_generation(connection)
            return True

    def compact(self) -> None:
        """Remove what is left of deleted text: in the full-text table, in free pages, in the log.

        Raises as `SqliteDatabase.compact` does.
        """
        with self._database.writing() as connection:
            self._words.optimize(connection)
        self._database.compact()

    def purge_staged(self) -> int:
        """Delete texts that no version uses: what an interrupted ingest left. Returns how many."""
        with self._database.writing() as connection:
            ids = list(connection.scalars(select(texts.c.id).where(texts.c.id.not_in(select(versions.c.text_id)))))
            _delete_texts(self._words, connection, ids)
            return len(ids)

    def touch(self) -> None:
        """Move the generation on, so that readers open the vectors anew."""
        with self._database.writing() as connection:
            self._next_generation(connection)

    def clear_vector_deletions(self, chunk_ids: Sequence[str]) -> None:
        """Record that these vectors are gone."""
        with self._database.writing() as connection:
            for batch in batches(chunk_ids):
                connection.execute(delete(vector_deletions).where(vector_deletions.c.chunk_id.in_(batch)))

    def _next_generation(self, connection: Connection) -> None:
        number = generation(connection) + 1
        put_meta(connection, "generation", str(number))
        self._database.announce(connection, number)


def put_meta(connection: Connection, key: str, value: str) -> None:
    """Write a value of the catalogue as a whole, instead of the one it had."""
    connection.execute(delete(meta).where(meta.c.key == key))
    connection.execute(insert(meta).values(key=key, value=value))


def _put_source(connection: Connection, source: SourceRow) -> None:
    connection.execute(delete(sources).where(sources.c.path == source.path))
    values = {"path": source.path, "root": source.root, "sha256": source.sha256, "complete": int(source.complete)}
    connection.execute(insert(sources).values(values))


def _text_id(connection: Connection, brief: Brief) -> int | None:
    mine = select(texts.c.id).where(texts.c.brief_id == brief.id, texts.c.text_sha256 == brief.text_sha256)
    return connection.scalar(mine)


def _add_text(connection: Connection, brief: Brief, parts: Sequence[Chunk]) -> int:
    values = {"brief_id": brief.id, "text_sha256": brief.text_sha256, "text": brief.text}
    text_id: int = connection.execute(insert(texts).values(values).returning(texts.c.id)).scalar_one()
    _add_chunks(connection, text_id, brief, parts)
    return text_id


def _add_chunks(connection: Connection, text_id: int, brief: Brief, parts: Sequence[Chunk]) -> None:
    if parts:
        connection.execute(insert(chunks), [chunk_values(text_id, brief, part) for part in parts])


def _index_words(
    words: Words, connection: Connection, text_id: int, brief: Brief, embedded: Sequence[str]
) -> list[PendingChunk]:
    """Put chunks whose embedded form changed into the full-text table; return those without their vector."""
    columns = (chunks.c.id, chunks.c.chunk_id, chunks.c.start, chunks.c.end, chunks.c.embedded_sha256)
    rows = connection.execute(select(*columns).where(chunks.c.text_id == text_id).order_by(chunks.c.ordinal)).all()
    changed = [(r, c) for r, c in zip(rows, embedded, strict=True) if r.embedded_sha256 != sha256(c)]
    found = []
    for row, content in changed:
        body = brief.text[row.start : row.end]
        found.append(ChunkWords(row.id, content.removesuffix(body).rstrip("\n"), body))
    words.put(connection, found)
    # Until it is embedded under its new header, what the vector store holds for it is not what is written here.
    stale = [row.id for row, _ in changed if row.embedded_sha256 is not None]
    for batch in batches(stale):
        connection.execute(update(chunks).where(chunks.c.id.in_(batch)).values(embedded_sha256=None))
    origin = {"brief_id": brief.id, "text_sha256": brief.text_sha256}
    return [PendingChunk(row.chunk_id, content, origin) for row, content in changed]


def _publish_brief(connection: Connection, source: SourceRow, brief: Brief, at: str) -> None:
    text_id = _text_id(connection, brief)
    assert text_id is not None, f"brief {brief.id!r} was not staged"
    live = connection.execute(present(versions, versions.c.brief_id == brief.id)).one_or_none()
    provenance = {"source_path": source.path, "source_sha256": source.sha256}
    data = brief.metadata()
    if live is not None and live.text_id == text_id and live.metadata == data:
        connection.execute(update(versions).where(versions.c.id == live.id).values(provenance))
        return
    _withdraw(connection, [brief.id], at)
    values = {
        **provenance,
        "brief_id": brief.id,
        "text_id": text_id,
        "metadata": data,
        "source": brief.source,
        "date_from": brief.date and brief.date.start.isoformat(),
        "date_to": brief.date and brief.date.end.isoformat(),
        "ingested_at": at,
    }
    version_id = connection.execute(insert(versions).values(values).returning(versions.c.id)).scalar_one()
    labels = {("region", value.lower()) for value in brief.region} | {
        ("topic", value.lower()) for value in brief.topics
    }
    if labels:
        rows = [{"version_id": version_id, "kind": kind, "value": value} for kind, value in sorted(labels)]
        connection.execute(insert(tags), rows)


def _withdraw(connection: Connection, brief_ids: Sequence[str], at: str) -> None:
    live = versions.c.superseded_at.is_(None)
    for batch in batches(brief_ids):
        statement = update(versions).where(versions.c.brief_id.in_(batch), live)
        connection.execute(statement.values(superseded_at=at))


def _bury(connection: Connection, brief_id: str, digests: Sequence[str]) -> None:
    connection.execute(delete(tombstones).where(tombstones.c.text_sha256.in_(digests)))
    rows = [{"text_sha256": digest, "brief_id": brief_id, "removed_at": now()} for digest in digests]
    connection.execute(insert(tombstones), rows)


def _delete_texts(words: Words, connection: Connection, text_ids: Sequence[int]) -> None:
    """Delete texts with chunks and versions, and list their vectors for deletion."""
    for text_id in text_ids:
        rows = connection.execute(select(chunks.c.id, chunks.c.chunk_id).where(chunks.c.text_id == text_id)).all()
        words.drop(connection, [row.id for row in rows])
        for row in rows:
            connection.execute(delete(vector_deletions).where(vector_deletions.c.chunk_id == row.chunk_id))
            connection.execute(insert(vector_deletions).values(chunk_id=row.chunk_id, asked_at=now()))
        connection.execute(delete(texts).where(texts.c.id == text_id))
