"""The connection to the file of kept conversations: pragmas, transactions, errors in words."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from rag.catalogue.sqlite import BUSY_TIMEOUT_S, sqlite_engine
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
        self._engine = sqlite_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_TIMEOUT_S}, max_overflow=-1)
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
