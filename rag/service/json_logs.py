"""The log of the process as JSON, one object on one line for each record."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

from opentelemetry.trace import format_span_id, format_trace_id, get_current_span
from uvicorn.config import LOGGING_CONFIG

from rag.service.audit import FIELDS
from rag.service.notes import request_id

MAX_LINE_CHARS = 20_000
"""Of what is printed; the rest of a longer line is left out."""


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON, in ASCII: nothing in it can end the line or move a terminal's cursor."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        entry = {
            **getattr(record, FIELDS, {}),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        if current := request_id.get():
            entry["request_id"] = current
        span = get_current_span().get_span_context()
        if span.is_valid:
            entry |= {"trace_id": format_trace_id(span.trace_id), "span_id": format_span_id(span.span_id)}
        if record.exc_info and record.exc_info[0] is not None:
            entry["exception"] = self.formatException(record.exc_info)
        elif record.exc_text:
            entry["exception"] = record.exc_text
        if record.stack_info:
            entry["stack"] = record.stack_info
        return json.dumps(entry, ensure_ascii=True, default=str)


def _message(record: logging.LogRecord) -> str:
    args = record.args
    if record.name == "uvicorn.access" and isinstance(args, tuple) and len(args) == 5:
        client, method, path, version, status = args
        return str(record.msg) % (client, method, str(path).partition("?")[0], version, status)
    return record.getMessage()


@contextmanager
def json_logs(stream: TextIO) -> Iterator[None]:
    """Write all logs to a stream as JSON meanwhile: those of libraries, of the web server, warnings, what is printed.

    Enter it before the web server is configured.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    before = root.handlers[:]
    root.handlers[:] = [handler]
    logging.captureWarnings(True)
    hooks = sys.excepthook, threading.excepthook
    sys.excepthook, threading.excepthook = _uncaught, _uncaught_in_thread
    out, err = _Printed("stdout", logging.INFO, stream), _Printed("stderr", logging.WARNING, stream)
    try:
        with _uvicorn_by_root(), redirect_stdout(out), redirect_stderr(err):
            yield
    finally:
        sys.excepthook, threading.excepthook = hooks
        logging.captureWarnings(False)
        root.handlers[:] = before


@contextmanager
def _uvicorn_by_root() -> Iterator[None]:
    """Have uvicorn leave its lines to the handlers of the root, whoever makes its configuration."""
    loggers = LOGGING_CONFIG["loggers"]
    before = {name: dict(options) for name, options in loggers.items()}
    for options in loggers.values():
        options |= {"handlers": [], "propagate": True}
    try:
        yield
    finally:
        for name, options in before.items():
            loggers[name].clear()
            loggers[name].update(options)


def _uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    logging.getLogger(__name__).critical("uncaught", exc_info=(kind, error, traceback))


def _uncaught_in_thread(given: threading.ExceptHookArgs) -> None:
    if given.exc_value is not None and not issubclass(given.exc_type, SystemExit):
        _uncaught(given.exc_type, given.exc_value, given.exc_traceback)


class _Printed(io.TextIOBase):
    """Logs what is printed, line by line; the states of a progress bar are lines, too."""

    def __init__(self, name: str, level: int, stream: TextIO) -> None:
        self._logger = logging.getLogger(f"geobrief.{name}")
        self._logger.setLevel(level)
        self._level = level
        self._stream = stream
        self._held = threading.local()

    def write(self, text: str) -> int:
        *lines, rest = (getattr(self._held, "text", "") + text).replace("\r", "\n").split("\n")
        self._held.text = rest[:MAX_LINE_CHARS]
        for line in lines:
            self._log(line)
        return len(text)

    def flush(self) -> None:
        """Do nothing: what has no line end yet is logged with the rest of its line."""

    def fileno(self) -> int:
        return self._stream.fileno()

    def _log(self, line: str) -> None:
        # logging tells its own failures on stderr, which is this.
        if line.strip() and not getattr(self._held, "busy", False):
            self._held.busy = True
            try:
                self._logger.log(self._level, line[:MAX_LINE_CHARS])
            finally:
                self._held.busy = False
