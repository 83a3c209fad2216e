"""The connection to the file of kept conversations: pragmas, transactions, errors in words."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DatabaseError

from rag.catalogue.database import BUSY_TIMEOUT_S
from rag.errors import IndexCorrupt, IndexLocked, IndexUnusable, RagError
from rag.userdata.schema import migrate

_REMEDIES: tuple[tuple[tuple[str, ...], type[RagError], str], ...] = (
    (("SQLITE_BUSY", "SQLITE_LOCKED"), IndexLocked, "is busy ({}); try again in a moment"),
    (("SQLITE_FULL",), IndexUnusable, "cannot be written ({}); free some space on the disk"),
    (
        ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_PERM"),
        IndexUnusable,
        "cannot be written ({}); check the rights of file and folder, and free space",
    ),
    (
        ("SQLITE_NOTADB", "SQLITE_CORRUPT"),
        IndexCorrupt,
        "is damaged or holds something else ({}); move it away, or put a copy of it back",
    ),
)
"""What the names of SQLite's errors start with, and what they mean here."""


class Database:
    """One SQLite file in WAL mode, for many threads and several processes."""

    def __init__(self, path: Path) -> None:
        """Open the file; make it, for its owner alone, where it is missing, and bring its schema up to date.

        Raises:
            IndexCorrupt: if the file is no such database or is damaged.
            IndexMismatch: if a newer geobrief made it.
            IndexUnusable: if it cannot be read or written.
        """
        self.path = path
        # SQLite lets waiting writers in by chance, and some wait in vain: those of one process queue here.
        self._writing = threading.Lock()
        _make(path)
        self._engine = _engine(path)
        self._writer = self._engine.execution_options(begins="IMMEDIATE")
        try:
            with self.writing() as connection:
                migrate(connection)
            self.empty_log()
        except RagError:
            self._engine.dispose()
            raise

    def close(self) -> None:
        """Empty the write-ahead log and close every connection."""
        try:
            self.empty_log()
        finally:
            self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection that sees one moment of the file."""
        with self._explained(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield a connection whose changes are kept together when the block ends, or not at all."""
        with self._explained(), self._writing, self._writer.begin() as connection:
            yield connection

    def empty_log(self) -> None:
        """Move the write-ahead log into the file and cut it to nothing, so that it holds no deleted text.

        Where another process reads just then, the log is emptied the next time.
        """
        with self._explained(), self._writing, closing(self._engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (DatabaseError, sqlite3.DatabaseError) as error:
            cause = error.orig if isinstance(error, DatabaseError) else error
            name = getattr(cause, "sqlite_errorname", "")
            for starts, kind, remedy in _REMEDIES:
                if name.startswith(starts):
                    raise kind(f"the file of conversations {self.path} {remedy.format(cause)}") from error
            raise


def _make(path: Path) -> None:
    """Make the file, readable by its owner alone; the files that SQLite lays beside it take over its mode."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise IndexUnusable(
            f"the file of conversations {str(path)!r} cannot be written ({reason}); check the rights of file and folder"
        ) from error


def _engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_TIMEOUT_S}, max_overflow=-1)

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        # The driver would begin a transaction only at the first change, after what was read may have moved on.
        connection.isolation_level = None
        for pragma in ("synchronous = NORMAL", "foreign_keys = ON", "secure_delete = ON"):
            connection.execute(f"PRAGMA {pragma}")
        _use_log(connection)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('begins', 'DEFERRED')}")

    return engine


def _use_log(connection: Any) -> None:
    """Switch the file to WAL.

    SQLite does not always wait for other processes that switch a new file too (of ten at once, in 6 of 1,500 cases one
    was turned away), so this does.
    """
    last_try = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except connection.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > last_try:
                raise
            time.sleep(0.02)
        else:
            return
