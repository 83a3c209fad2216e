"""The connection to the catalogue's file: pragmas, transactions, errors in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DatabaseError

from rag.catalogue import schema
from rag.errors import IndexCorrupt, IndexLocked, IndexUnusable

BUSY_TIMEOUT_S = 10.0
FETCH_BATCH = 500
"""Ids in one IN clause, below SQLite's limit of variables."""


Id = TypeVar("Id", int, str)


class Database:
    """One SQLite file in WAL mode.

    Any number of threads and processes may read while one writes; who writes is settled by the index's lock.
    """

    def __init__(self, path: Path, *, create: bool) -> None:
        """Open the file; `create` makes it where it is missing and brings its schema up to date.

        Raises:
            IndexCorrupt: if the file is no catalogue or is damaged.
            IndexMismatch: if a newer geobrief made it.
        """
        self.path = path
        self._engine = _engine(path)
        with self.transaction() as connection:
            if create:
                schema.migrate(connection)
            else:
                schema.check_version(connection)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection whose changes are kept together when the block ends, or not at all."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except DatabaseError as error:
            raise self._explain(error) from error

    def compact(self) -> None:
        """Give free pages back, and empty the write-ahead log."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM"))
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))

    def _explain(self, error: DatabaseError) -> IndexUnusable:
        cause = str(error.orig)
        if "locked" in cause or "busy" in cause:
            return IndexLocked(f"the catalogue {self.path} is busy ({cause}); try again in a moment")
        if "readonly" in cause or "unable to open" in cause or "full" in cause or "disk I/O" in cause:
            return IndexUnusable(f"the catalogue {self.path} cannot be written ({cause}); check rights and free space")
        return IndexCorrupt(
            f"the catalogue {self.path} is damaged ({cause}); move the index folder away and ingest again"
        )


def now() -> str:
    """Return the time in UTC, as the catalogue writes it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def batches(ids: Sequence[Id]) -> Iterator[list[Id]]:
    """Divide ids into lists that fit in one IN clause."""
    for start in range(0, len(ids), FETCH_BATCH):
        yield list(ids[start : start + FETCH_BATCH])


def _engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args={"timeout": BUSY_TIMEOUT_S},
        json_serializer=lambda value: json.dumps(value, ensure_ascii=False),
    )

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        # Deleted text must not survive in free pages: `forget` promises that it is gone.
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON", "secure_delete = ON"):
            connection.execute(f"PRAGMA {pragma}")

    return engine
