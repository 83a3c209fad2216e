"""Tables of the kept conversations and the numbered migrations that make them.

The version stands in the file's own header (`user_version`), beside an `application_id` that says whose file it is.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import CheckConstraint, Column, Connection, ForeignKey, Index, Integer, MetaData, String, Table, Text
from sqlalchemy import inspect as inspected

from rag.errors import IndexCorrupt, IndexMismatch

APPLICATION_ID = 0x67627564
"""The letters "gbud"."""

tables = MetaData()

conversations = Table(
    "conversations",
    tables,
    Column("n", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("user", String, nullable=False),
    Column("title", Text, nullable=False),
    Column("title_words", Text, nullable=False, doc="the title as it is searched"),
    Column("created_at", String, nullable=False),
    Column("changed_at", String, nullable=False, doc="when its last turn was added"),
    Index("conversations_by_user", "user", "changed_at"),
)

turns = Table(
    "turns",
    tables,
    Column("n", Integer, primary_key=True, doc="rises within a conversation"),
    Column("id", String, nullable=False, unique=True),
    Column("conversation", ForeignKey("conversations.n", ondelete="CASCADE"), nullable=False, index=True),
    Column("question", Text, nullable=False),
    Column("asked_at", String, nullable=False),
    Column("failure", Text),
    Column("words", Text, nullable=False, doc="question and answer as they are searched"),
    Column("answer", Text, doc="an AnswerRecord as JSON"),
)

feedback = Table(
    "feedback",
    tables,
    Column("turn", ForeignKey("turns.n", ondelete="CASCADE"), primary_key=True),
    Column("verdict", String, CheckConstraint("verdict IN ('up', 'down')"), nullable=False),
    Column("reason", Text),
    Column("given_at", String, nullable=False),
)


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (tables.create_all,)
"""Migration n brings the schema from version n to n + 1. Forward only; never edit one that was released."""


def migrate(connection: Connection) -> None:
    """Bring the schema up to date inside the caller's transaction.

    Raises:
        IndexMismatch: if a newer geobrief made it.
        IndexCorrupt: if the file is a database of something else.
    """
    path = connection.engine.url.database
    version, owner = _pragma(connection, "user_version"), _pragma(connection, "application_id")
    if owner != APPLICATION_ID and (owner or version or inspected(connection).get_table_names()):
        raise IndexCorrupt(f"{path} is a database that holds no conversations; name another file, or move it away")
    if version > len(MIGRATIONS):
        raise IndexMismatch(
            f"the conversations in {path} have schema {version}, this geobrief knows {len(MIGRATIONS)}; "
            "use the newer geobrief"
        )
    if version == len(MIGRATIONS):
        return
    for migration in MIGRATIONS[version:]:
        migration(connection)
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.exec_driver_sql(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
