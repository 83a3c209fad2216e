"""The connection to the catalogue: transactions, and errors in words. SQLite is its own file, and the default."""

from __future__ import annotations

import json
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import QueuePool

from rag.catalogue import schema
from rag.catalogue.fts5 import Fts5Words
from rag.catalogue.sqlite import BUSY_TIMEOUT_S, sqlite_engine
from rag.catalogue.words import Words
from rag.errors import IndexCorrupt, IndexLocked, IndexUnusable

FETCH_BATCH = 500
"""Ids in one IN clause, below SQLite's limit of variables."""
POLL_S = 0.25


Id = TypeVar("Id", int, str)


class Database(ABC):
    """Where the catalogue lies. Any number of threads and processes may read while one writes.

    Attributes:
        name: in messages; no secret.
        words: full-text search in it.
    """

    name: str
    words: Words
    _engine: Engine

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection that sees one moment; changes are kept together when the block ends, or not at all."""
        with self._begun(self._engine) as connection:
            yield connection

    @contextmanager
    def _begun(self, engine: Engine) -> Iterator[Connection]:
        try:
            with engine.begin() as connection:
                yield connection
        except DatabaseError as error:
            raise self._explain(error) from error

    def writing(self) -> AbstractContextManager[Connection]:
        """Yield as `transaction` does, to the process that holds the writers' lock."""
        return self.transaction()

    @abstractmethod
    def in_memory(self) -> Database:
        """Return a copy that lives in memory, of one moment. Its transactions follow one another."""

    @abstractmethod
    def compact(self) -> None:
        """Give free pages back."""

    def announce(self, connection: Connection, generation: int) -> None:  # noqa: B027
        """Tell other processes of a new generation, once the transaction is kept."""

    def wait_for_change(self, timeout_s: float) -> None:
        """Return when another process may have changed something, after `timeout_s` at the latest."""
        time.sleep(min(timeout_s, POLL_S))

    @abstractmethod
    def _explain(self, error: DatabaseError) -> Exception: ...


class SqliteDatabase(Database):
    """One SQLite file in WAL mode; who writes is settled by the lock of the index's folder."""

    def __init__(self, path: Path, *, create: bool) -> None:
        """Open the file; `create` makes it where it is missing and brings its schema up to date.

        Raises:
            IndexCorrupt: if the file is no catalogue or is damaged.
            IndexMismatch: if a newer geobrief made it.
        """
        self.name = str(path.parent)
        self.path = path
        self.words = Fts5Words()
        self._engine = _engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_TIMEOUT_S})
        with self.writing() if create else self.transaction() as connection:
            if create:
                schema.migrate(connection, self.words)
            else:
                schema.check_version(connection)

    def writing(self) -> AbstractContextManager[Connection]:
        """Yield as `transaction` does; who else writes is waited for at the beginning, so that what is read holds."""
        return self._begun(self._engine.execution_options(begins="IMMEDIATE"))

    def in_memory(self) -> Database:
        """Return a copy that lives in memory, of one moment. Its transactions follow one another."""
        with self._driver() as mine:
            return SqliteInMemory(self.path, mine)

    def compact(self) -> None:
        """Give free pages back, and empty the write-ahead log.

        Raises:
            IndexLocked: if others read or write for so long that the log still holds what was deleted.
            IndexUnusable: if the disk is full, say.
        """
        with self._driver() as connection:
            connection.execute("VACUUM")
            blocked, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if blocked:
            raise IndexLocked(
                f"the catalogue {self.path} is being read, so that its log still holds what was deleted; "
                "the next ingest clears it, or any other command that writes"
            )

    @contextmanager
    def _driver(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that SQLAlchemy begins no transaction on."""
        try:
            with closing(self._engine.raw_connection()) as pooled:
                yield cast(sqlite3.Connection, pooled.driver_connection)
        except sqlite3.Error as error:
            raise self._in_words(error) from error

    def _explain(self, error: DatabaseError) -> IndexUnusable:
        return self._in_words(error.orig)

    def _in_words(self, error: BaseException | None) -> IndexUnusable:
        cause = str(error)
        if "locked" in cause or "busy" in cause:
            return IndexLocked(f"the catalogue {self.path} is busy ({cause}); try again in a moment")
        if "readonly" in cause or "unable to open" in cause or "full" in cause or "disk I/O" in cause:
            return IndexUnusable(f"the catalogue {self.path} cannot be written ({cause}); check rights and free space")
        return IndexCorrupt(
            f"the catalogue {self.path} is damaged ({cause}); move the index folder away and ingest again"
        )


class SqliteInMemory(SqliteDatabase):
    """A catalogue in memory: a copy of a file, or an empty one."""

    def __init__(self, path: Path, source: Any = None) -> None:
        """Copy the open connection of a file, if one is given; `path` is for messages."""
        self.name = str(path.parent)
        self.path = path
        self.words = Fts5Words()
        held = sqlite3.connect(":memory:", check_same_thread=False)
        self._engine = _engine("sqlite://", creator=lambda: held, poolclass=QueuePool, pool_size=1, max_overflow=0)
        if source is not None:
            source.backup(held)
        else:
            with self.transaction() as connection:
                schema.migrate(connection, self.words)


def now() -> str:
    """Return the time in UTC, as the catalogue writes it."""
    return written(datetime.now(UTC))


def written(moment: datetime) -> str:
    """Return a moment as the catalogue writes it, so that texts of moments sort as the moments do."""
    return in_utc(moment).isoformat(timespec="microseconds")


def in_utc(moment: datetime) -> datetime:
    """Return a moment in UTC; one without a zone is taken for that."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def batches(ids: Sequence[Id]) -> Iterator[list[Id]]:
    """Divide ids into lists that fit in one IN clause."""
    for start in range(0, len(ids), FETCH_BATCH):
        yield list(ids[start : start + FETCH_BATCH])


def as_json(value: object) -> str:
    """Write a value for a JSON column; two databases hold the same characters."""
    return json.dumps(value, ensure_ascii=False)


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _engine(url: str, **how: Any) -> Engine:
    engine = sqlite_engine(url, json_serializer=as_json, hide_parameters=True, **how)

    @event.listens_for(engine, "connect")
    def _add_functions(connection: Any, _record: Any) -> None:
        connection.create_function("lower", 1, _lower, deterministic=True)  # SQLite's own knows ASCII alone

    return engine
