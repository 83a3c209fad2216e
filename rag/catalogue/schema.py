"""Tables of the catalogue and the numbered migrations that make them.

A *text* is the text of a brief as it once was, with its chunks; a *version* says that a brief had that text and
that metadata from `ingested_at` until `superseded_at`. Texts and versions are only ever added, except by `forget`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

import sqlalchemy
from sqlalchemy import (
    JSON,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    inspect,
    select,
)

from rag.catalogue.words import Words
from rag.errors import IndexCorrupt, IndexMismatch

tables = MetaData()

INDEX_ID = "index.id"
"""Key in `meta` of what tells this index from all others."""

String = sqlalchemy.String().with_variant(sqlalchemy.String(collation="C"), "postgresql")
"""Text that sorts by code point, whatever the locale of the database."""

meta = Table("meta", tables, Column("key", String, primary_key=True), Column("value", String, nullable=False))

sources = Table(
    "sources",
    tables,
    Column("path", String, primary_key=True),
    Column("root", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("complete", Integer, nullable=False, doc="0 when a brief in it failed: it is parsed again"),
)

texts = Table(
    "texts",
    tables,
    Column("id", Integer, primary_key=True),
    Column("brief_id", String, nullable=False),
    Column("text_sha256", String, nullable=False),
    Column("text", Text, nullable=False),
    UniqueConstraint("brief_id", "text_sha256"),
)

chunks = Table(
    "chunks",
    tables,
    Column("id", Integer, primary_key=True),
    Column("chunk_id", String, nullable=False, unique=True),
    Column("text_id", ForeignKey("texts.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("ordinal", Integer, nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("heading", String, nullable=False),
    Column("page", Integer),
    Column("units", JSON, nullable=False, doc="[start, end, kind, context start, context end]"),
    Column("embedded_sha256", String, doc="digest of what the vector store holds for it; NULL when nothing"),
)

versions = Table(
    "versions",
    tables,
    Column("id", Integer, primary_key=True),
    Column("brief_id", String, nullable=False),
    Column("text_id", ForeignKey("texts.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("source_path", String, nullable=False, index=True),
    Column("source_sha256", String, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("source", String),
    Column("date_from", String),
    Column("date_to", String),
    Column("ingested_at", String, nullable=False),
    Column("superseded_at", String, doc="NULL while it is the brief's present version"),
    Index("versions_by_brief", "brief_id", "superseded_at"),
)

tags = Table(
    "tags",
    tables,
    Column("version_id", ForeignKey("versions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", String, nullable=False, doc="region or topic"),
    Column("value", String, nullable=False, doc="in lower case"),
    Index("tags_by_value", "kind", "value"),
)

tombstones = Table(
    "tombstones",
    tables,
    Column("text_sha256", String, primary_key=True),
    Column("brief_id", String, nullable=False),
    Column("removed_at", String, nullable=False),
)

vector_deletions = Table(
    "vector_deletions", tables, Column("chunk_id", String, primary_key=True), Column("asked_at", String, nullable=False)
)


def _create(connection: Connection, words: Words) -> None:
    tables.create_all(connection)
    words.create(connection)
    connection.execute(meta.insert().values(key=INDEX_ID, value=secrets.token_hex(8)))


MIGRATIONS: tuple[Callable[[Connection, Words], None], ...] = (_create,)
"""Migration n brings the schema from version n to n + 1. Forward only; never edit one that was released."""


def migrate(connection: Connection, words: Words) -> None:
    """Bring the schema up to date inside the caller's transaction.

    Raises:
        IndexMismatch: if a newer geobrief made it.
    """
    version = schema_version(connection)
    if version == len(MIGRATIONS):
        return
    check_version(connection, at_least=0)
    for migration in MIGRATIONS[version:]:
        migration(connection, words)
    connection.execute(meta.delete().where(meta.c.key == "schema"))
    connection.execute(meta.insert().values(key="schema", value=str(len(MIGRATIONS))))


def check_version(connection: Connection, *, at_least: int = len(MIGRATIONS)) -> None:
    """Check that this code knows the schema.

    Raises:
        IndexMismatch: if a newer geobrief made it, or an older one that has to be migrated by an ingest.
        IndexCorrupt: if the file holds no catalogue.
    """
    version = schema_version(connection)
    if version == 0 < at_least:
        raise IndexCorrupt("there is no catalogue; move the index folder away and ingest again")
    if version > len(MIGRATIONS):
        raise IndexMismatch(
            f"the catalogue has schema {version}, this geobrief knows {len(MIGRATIONS)}; use the newer geobrief"
        )
    if version < at_least:
        raise IndexMismatch(f"the catalogue has schema {version} of {len(MIGRATIONS)}; run `geobrief ingest` once")


def is_present(connection: Connection) -> bool:
    """Whether the schema is that of this code, or newer."""
    return schema_version(connection) >= len(MIGRATIONS)


def schema_version(connection: Connection) -> int:
    """Return the number of migrations that were applied; 0 for an empty database."""
    if not inspect(connection).has_table("meta"):
        return 0
    value = connection.execute(select(meta.c.value).where(meta.c.key == "schema")).scalar_one_or_none()
    return int(value or 0)
