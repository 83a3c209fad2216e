"""The catalogue in PostgreSQL: for several servers that answer and one process at a time that writes."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, Table, create_engine, delete, event, func, insert, select, text
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, NoSuchModuleError

from rag.catalogue import schema
from rag.catalogue.database import Database, SqliteInMemory, as_json, now
from rag.catalogue.postgres_words import PostgresWords, chunk_words
from rag.catalogue.schema import meta
from rag.catalogue.words import ChunkWords
from rag.errors import IndexCorrupt, IndexLocked, IndexMismatch, IndexMissing, IndexUnusable, UsageError

CHANNEL = "geobrief_generation"
WRITER = "writer"
"""Key in `meta` of the process that writes. It stays behind when that is killed, until a later run succeeds."""
COPY_ROWS = 1000
LOCK_POLL_S = 0.1
POOL_SIZE = 5
CONNECT_TIMEOUT_S = 10
_WRITER_LOCK, _SCHEMA_LOCK = "geobrief writer", "geobrief schema"


class PostgresDatabase(Database):
    """A database of a PostgreSQL server, 12 or newer; in it, the first schema of the connection's search path.

    Each transaction sees one moment. One advisory lock keeps writers apart; each of their transactions checks that
    nobody has taken the lock since, as may happen when the server was restarted in between.
    """

    def __init__(self, url: str, *, create: bool) -> None:
        """Connect; `create` makes the tables where they are missing and brings them up to date.

        Raises:
            UsageError: if the address is none, or the package for PostgreSQL is missing.
            IndexMissing: if the database holds no catalogue and `create` is off.
            IndexMismatch: if a newer geobrief made it.
            IndexUnusable: if the server cannot be reached or refuses.
        """
        self.words = PostgresWords()
        self._engine = _engine(url)
        self.name = _name(self._engine)
        self._listening: list[Any] = []
        # A connection that the garbage collector ends is a warning.
        weakref.finalize(self, _end, self._engine, self._listening)
        self._token: str | None = None
        self._waiting = threading.Lock()
        try:
            with self.transaction() as connection:
                if not create and schema.schema_version(connection) == 0:
                    raise IndexMissing(f"there is no index in {self.name}; make one with `geobrief ingest PATH...`")
                if not create or schema.is_present(connection):
                    schema.check_version(connection)
                    return
            with self._autocommit() as held, _alone(held, _SCHEMA_LOCK), self.transaction() as connection:
                schema.migrate(connection, self.words)
        except Exception:
            self._engine.dispose()
            raise

    def close(self) -> None:
        """Close every connection."""
        with self._waiting:
            _end(self._engine, self._listening)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield as `transaction` does.

        Raises:
            IndexLocked: if another process has taken the writers' lock since this one got it.
        """
        with self.transaction() as connection:
            if self._token is not None:
                holder = select(meta.c.value).where(meta.c.key == WRITER).with_for_update()
                if connection.scalar(holder) != self._token:
                    raise IndexLocked(f"the lock on {self.name} was lost to another process; run this again")
            yield connection

    @contextmanager
    def locked(self, timeout_s: float) -> Iterator[bool]:
        """Hold the lock of the one process that writes; yield whether the run that held it before was cut short.

        Raises:
            IndexLocked: naming the holder, when another process still has it after `timeout_s`.
        """
        with self._autocommit() as connection:
            self._acquire(connection, timeout_s)
            try:
                cut_short = connection.scalar(select(meta.c.value).where(meta.c.key == WRITER)) is not None
                self._token = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": now()})
                _put_writer(connection, self._token)
                try:
                    yield cut_short
                except (UsageError, IndexMismatch):
                    if not cut_short:
                        _put_writer(connection, None)
                    raise
                _put_writer(connection, None)
            finally:
                self._token = None
                if not connection.invalidated:  # else the lock went with the connection
                    connection.execute(_lock(func.pg_advisory_unlock, _WRITER_LOCK))

    def in_memory(self) -> Database:
        """Return a copy that lives in memory, in SQLite, of one moment. Its transactions follow one another."""
        copy = SqliteInMemory(Path(self.name))
        with self.transaction() as mine, copy.transaction() as its:
            its.execute(delete(meta))
            for table in schema.tables.sorted_tables:
                _copy_rows(mine, its, table)
            rows = mine.execute(select(chunk_words), execution_options={"yield_per": COPY_ROWS})
            for part in rows.partitions():
                copy.words.put(its, [ChunkWords(row.id, row.header, row.body) for row in part])
        return copy

    def compact(self) -> None:
        """Free the space of deleted rows; their bytes stay on the server's disk until others overwrite them."""
        with self._autocommit() as connection:
            connection.execute(text("VACUUM"))

    def announce(self, connection: Connection, generation: int) -> None:
        """Tell other processes of a new generation, once the transaction is kept."""
        connection.execute(select(func.pg_notify(CHANNEL, str(generation))))

    def wait_for_change(self, timeout_s: float) -> None:
        """Return once another process has announced a generation, after `timeout_s` at the latest.

        What was announced since the call before counts, too. One thread at a time; others wait for it.
        """
        with self._waiting:
            try:
                if not self._listening:
                    self._listening.append(_own_connection(self._engine))
                    self._listening[0].execute(f"LISTEN {CHANNEL}")
                    return  # what was announced before is not known
                for _ in self._listening[0].notifies(timeout=timeout_s, stop_after=1):
                    pass
            except (DBAPIError, self._engine.dialect.loaded_dbapi.Error, OSError) as error:
                _hang_up(self._listening)
                raise IndexUnusable(f"the catalogue {self.name} cannot be listened to ({_cause(error)})") from error

    @contextmanager
    def _autocommit(self) -> Iterator[Connection]:
        try:
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                yield connection
        except DatabaseError as error:
            raise self._explain(error) from error

    def _acquire(self, connection: Connection, timeout_s: float) -> None:
        until = time.monotonic() + timeout_s
        while not connection.scalar(_lock(func.pg_try_advisory_lock, _WRITER_LOCK)):
            if time.monotonic() >= until:
                raise IndexLocked(
                    f"the index in {self.name} is being written by {_holder(connection)}; waited {timeout_s:g} s; "
                    "try again later, or wait longer with --lock-timeout"
                )
            time.sleep(LOCK_POLL_S)

    def _explain(self, error: DatabaseError) -> IndexUnusable:
        state, cause = str(getattr(error.orig, "sqlstate", None) or ""), _cause(error.orig)
        if error.connection_invalidated or state[:2] in ("", "08", "28", "3D", "53", "57"):
            return IndexUnusable(
                f"the catalogue {self.name} cannot be used ({cause}); see that PostgreSQL runs there and catalogue.url "
                "names database, user and password"
            )
        if state[:2] in ("40", "55"):
            return IndexLocked(f"the catalogue {self.name} is busy ({cause}); try again in a moment")
        if state in ("25006", "42501"):
            return IndexUnusable(f"the catalogue {self.name} cannot be written ({cause}); check the user's rights")
        return IndexCorrupt(f"the catalogue {self.name} is damaged ({cause}); put a copy back, or ingest into another")


def _engine(url: str) -> Engine:
    try:
        address = make_url(url)
        if address.get_backend_name() not in ("postgresql", "postgres"):
            raise ArgumentError
        _check_at_signs(address)
        address = address.set(drivername="postgresql+psycopg")
        engine = create_engine(
            address,
            isolation_level="REPEATABLE READ",
            pool_pre_ping=True,
            pool_size=POOL_SIZE,
            max_overflow=-1,
            json_serializer=as_json,
            hide_parameters=True,
            connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
        )
    except (ArgumentError, ValueError):  # from nothing: the cause of a ValueError shows what stands before the port
        raise UsageError("catalogue.url is no address such as postgresql://user:password@host:5432/database") from None
    except (ModuleNotFoundError, NoSuchModuleError):
        raise UsageError('catalogue.url needs PostgreSQL\'s client; run `pip install "geobrief[postgres]"`') from None

    @event.listens_for(engine, "connect")
    def _options(connection: Any, _record: Any) -> None:
        connection.prepare_threshold = None  # so that a pooler between may serve statements by different connections

    return engine


def _check_at_signs(address: URL) -> None:
    """Refuse an address in which part of the password is taken for the host or the database, which messages name."""
    if "@" in (address.host or "") or (address.password and "@" in (address.database or "")):
        raise UsageError("catalogue.url has an @ too many; write @ in user and password as %40")


def _own_connection(engine: Engine) -> Any:
    """Return a connection of psycopg that is in no pool and in no transaction."""
    pooled = engine.raw_connection()
    connection: Any = pooled.driver_connection
    pooled.detach()
    connection.set_autocommit(True)
    return connection


def _hang_up(listening: list[Any]) -> None:
    while listening:
        with suppress(Exception):
            listening.pop().close()


def _end(engine: Engine, listening: list[Any]) -> None:
    _hang_up(listening)
    engine.dispose()


def _name(engine: Engine) -> str:
    """Return how messages name the database: without user and password."""
    url = engine.url
    return f"{url.host or 'localhost'}:{url.port or 5432}/{url.database}"


def _cause(error: BaseException | None) -> str:
    """Return the first line of what PostgreSQL said, which names no password."""
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__


def _lock(function: Any, name: str) -> Select[Any]:
    """Call a function of advisory locks; each schema of a database has locks of its own."""
    return select(function(func.hashtextextended(func.concat(name, " in ", func.current_schema()), 0)))


@contextmanager
def _alone(connection: Connection, name: str) -> Iterator[None]:
    connection.execute(_lock(func.pg_advisory_lock, name))
    try:
        yield
    finally:
        connection.execute(_lock(func.pg_advisory_unlock, name))


def _put_writer(connection: Connection, token: str | None) -> None:
    connection.execute(delete(meta).where(meta.c.key == WRITER))
    if token is not None:
        connection.execute(insert(meta).values(key=WRITER, value=token))


def _holder(connection: Connection) -> str:
    try:
        details = json.loads(connection.scalar(select(meta.c.value).where(meta.c.key == WRITER)) or "")
        return f"process {details['pid']} on {details['host']} since {details['since'][:19]} UTC"
    except (ValueError, KeyError, TypeError):
        return "another process"


def _copy_rows(source: Connection, target: Connection, table: Table) -> None:
    rows = source.execute(select(table), execution_options={"yield_per": COPY_ROWS})
    for part in rows.mappings().partitions():
        target.execute(insert(table), [dict(row) for row in part])
