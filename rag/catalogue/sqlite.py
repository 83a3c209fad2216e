"""Connections to SQLite whose transactions see one moment, and leave no deleted text behind."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import Engine

BUSY_TIMEOUT_S = 10.0


def sqlite_engine(url: str, **how: Any) -> Engine:
    """Return an engine for a file in WAL mode, or for memory.

    A transaction begins with the first statement; with the execution option `begins="IMMEDIATE"` it waits for other
    writers first.

    Args:
        how: as `create_engine` takes it.
    """
    engine = create_engine(url, **how)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        # The driver would begin a transaction only at the first change, after what was read may have moved on.
        connection.isolation_level = None
        # Deleted text must not survive in free pages: `forget` promises that it is gone.
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
