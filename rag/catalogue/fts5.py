"""Full-text search by SQLite's FTS5."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    String,
    bindparam,
    column,
    literal_column,
    select,
    table,
    text,
)

from rag.catalogue.schema import chunks, versions
from rag.catalogue.words import ChunkWords

TOKENIZER = "porter unicode61 remove_diacritics 2"


class Fts5Words:
    """The words of chunks in an FTS5 table."""

    contents = table("chunks_fts", column("rowid", Integer), column("header", String), column("body", String))
    key: ColumnElement[int] = contents.c.rowid

    def create(self, connection: Connection) -> None:
        """Make the tables."""
        connection.execute(text(f"CREATE VIRTUAL TABLE chunks_fts USING fts5(header, body, tokenize = '{TOKENIZER}')"))
        connection.execute(text("CREATE VIRTUAL TABLE chunks_terms USING fts5vocab(chunks_fts, row)"))

    def put(self, connection: Connection, rows: Sequence[ChunkWords]) -> None:
        """Write the words of chunks, instead of those they had."""
        self.drop(connection, [row.id for row in rows])
        values = [{"id": row.id, "header": row.header, "body": row.body} for row in rows]
        if values:
            insertion = "INSERT INTO chunks_fts(rowid, header, body) VALUES (:id, :header, :body)"
            connection.execute(text(insertion), values)

    def drop(self, connection: Connection, ids: Sequence[int]) -> None:
        """Delete the words of chunks, if they have any."""
        if ids:
            connection.execute(text("DELETE FROM chunks_fts WHERE rowid = :id"), [{"id": one} for one in ids])

    def having_all(self, words: Sequence[str]) -> ColumnElement[bool]:
        """Return the condition that a row of `contents` holds all these words."""
        return _match(words, " AND ")

    def ranked(
        self, connection: Connection, words: Sequence[str], *, among: ColumnElement[bool], k: int
    ) -> tuple[str, ...]:
        """Return the ids of the `k` best chunks that hold any of the words. Source: FTS5's bm25()."""
        statement = (
            select(chunks.c.chunk_id)
            .select_from(self.contents)
            .join(chunks, chunks.c.id == self.key)
            .join(versions, versions.c.text_id == chunks.c.text_id)
            .where(_match(words, " OR "), among)
            .order_by(text("bm25(chunks_fts)"), chunks.c.chunk_id)
            .limit(k)
        )
        return tuple(connection.scalars(statement))

    def frequencies(self, connection: Connection, stems: Sequence[str]) -> dict[str, int]:
        """Return in how many chunks each stem occurs; one that occurs in none is left out."""
        statement = text("SELECT term, doc FROM chunks_terms WHERE term IN :terms")
        rows = connection.execute(statement.bindparams(bindparam("terms", list(stems), expanding=True)))
        return {row.term: int(row.doc) for row in rows}

    def optimize(self, connection: Connection) -> None:
        """Remove what is left of deleted words within the tables."""
        connection.execute(text("INSERT INTO chunks_fts(chunks_fts) VALUES ('optimize')"))

    def faults(self, connection: Connection) -> list[str]:
        """Check the structure of the whole file, the words' included."""
        verdict = connection.scalar(text("PRAGMA integrity_check"))
        return [] if verdict == "ok" else [f"the catalogue's file is damaged: {verdict}"]


def _match(words: Sequence[str], joined_by: str) -> ColumnElement[bool]:
    """Return a condition on the full-text table; the words are in quotes, so that none is query syntax."""
    return literal_column("chunks_fts").op("MATCH")(joined_by.join(f'"{word}"' for word in words))
