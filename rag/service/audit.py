"""Who asked what: one line of JSON for each request. No key is ever in it, and questions only if that is asked for."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

MAX_QUESTION_CHARS = 4000
MAX_PATH_CHARS = 300
FIELDS = "geobrief_fields"
"""Attribute of a log record with further fields, which stand in a line of JSON beside those that each has."""


@dataclass
class AuditLog:
    """Writes lines, each whole. What cannot be written is told once and stops no request.

    Attributes:
        write: takes a line without its end; None keeps no log.
        questions: whether the text of questions is kept.
    """

    write: Callable[[str], None] | None = None
    questions: bool = False
    _has_failed: bool = field(default=False, repr=False)

    def record(self, noted: dict[str, Any], **known: object) -> None:
        """Write one request."""
        if self.write is None:
            return
        noted = noted if self.questions else {key: value for key, value in noted.items() if key != "question"}
        if isinstance(question := noted.get("question"), str):
            noted = {**noted, "question": question[:MAX_QUESTION_CHARS]}
        entry = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **known, **noted}
        try:
            self.write(json.dumps(entry, ensure_ascii=True))
        except (OSError, ValueError) as error:
            if not self._has_failed:
                self._has_failed = True
                with suppress(OSError, ValueError):
                    print(f"geobrief: the audit log cannot be written: {error}", file=sys.stderr, flush=True)


def lines_to(stream: TextIO) -> Callable[[str], None]:
    """Return what writes lines to a stream, one thread at a time."""
    lock = threading.Lock()

    def write(line: str) -> None:
        with lock:
            stream.write(line + "\n")
            stream.flush()

    return write


def lines_to_log() -> Callable[[str], None]:
    """Return what logs lines as the fields of records, for a log that is JSON itself."""
    logger = logging.getLogger("geobrief.audit")
    logger.setLevel(logging.INFO)

    def write(line: str) -> None:
        entry = json.loads(line)
        logger.info("%s %s %s", entry["method"], entry["path"], entry["status"], extra={FIELDS: entry})

    return write


def lines_to_file(path: Path) -> Callable[[str], None]:
    """Return what appends lines to a file that its owner alone may read; it may be moved away at any time.

    Raises:
        OSError: if it cannot be made.
    """
    path.touch(mode=0o600)
    if path.is_file():
        with suppress(PermissionError):  # it may be another user's who lets this one write
            path.chmod(0o600)
    lock = threading.Lock()

    def write(line: str) -> None:
        with lock, open(path, "a", encoding="utf-8", opener=_open_private) as file:
            file.write(line + "\n")

    return write


def _open_private(path: str, flags: int) -> int:
    """Open a file; one that is not there is made for its owner alone."""
    return os.open(path, flags, 0o600)
