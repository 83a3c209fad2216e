"""The lock of the one process that writes to an index, with a note of who holds it."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from rag.catalogue.database import now
from rag.errors import IndexLocked, IndexMismatch, IndexUnusable, UsageError

LOCK_FILE = "write.lock"
HOLDER_FILE = "write.lock.json"


@contextmanager
def locked(folder: Path, timeout_s: float) -> Iterator[bool]:
    """Hold the lock of an index folder; yield whether the run that held it before was cut short.

    The note of a holder stays behind when it is killed or fails, until a run after it succeeds: one that is refused
    for its settings or its request leaves a note only where it found one.

    Raises:
        IndexLocked: naming the holder, when another process still has it after `timeout_s`.
        IndexUnusable: if the folder cannot be written.
    """
    holder = folder / HOLDER_FILE
    lock = FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(timeout=timeout_s)
    except Timeout as error:
        raise IndexLocked(
            f"the index {folder} is being written by {_holder(holder)}; waited {timeout_s:g} s; "
            "try again later, or wait longer with --lock-timeout"
        ) from error
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        cut_short = holder.exists()
        _note(holder)
        try:
            yield cut_short
        except (UsageError, IndexMismatch):
            if not cut_short:
                holder.unlink(missing_ok=True)
            raise
        holder.unlink(missing_ok=True)
    finally:
        lock.release()


def _note(holder: Path) -> None:
    details = {"pid": os.getpid(), "host": socket.gethostname(), "since": now()}
    try:
        holder.write_text(json.dumps(details), encoding="utf-8")
    except OSError as error:
        raise _unwritable(holder.parent, error) from error


def _holder(path: Path) -> str:
    for _ in range(3):
        try:
            details = json.loads(path.read_text(encoding="utf-8"))
            return f"process {details['pid']} on {details['host']} since {details['since'][:19]} UTC"
        except (OSError, ValueError, KeyError):
            time.sleep(0.05)
    return "another process"


def _unwritable(folder: Path, error: OSError) -> IndexUnusable:
    return IndexUnusable(f"the index {folder} cannot be written ({error.strerror}); check rights and free space")
