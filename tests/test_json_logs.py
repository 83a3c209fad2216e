"""The log as JSON: one object on each line, whatever is logged, printed or raised."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from rag.service.audit import AuditLog, lines_to_log
from rag.service.json_logs import json_logs
from rag.service.notes import request_id
from rag.tracing import Traced
from rag.ui.port import listening_socket
from tests.fakes_service import QUESTION, opened, served, until
from tests.fakes_tracing import kept_spans

pytestmark = pytest.mark.slow

_log = logging.getLogger("rag.test")


class Log:
    """What was written, as objects; fails where a line is none."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def entries(self) -> list[dict[str, Any]]:
        text = self.stream.getvalue()
        assert text.isascii()
        assert not text or text.endswith("\n")
        return [json.loads(line) for line in text.splitlines()]


@contextmanager
def written() -> Iterator[Log]:
    log = Log()
    with json_logs(log.stream):
        yield log


@pytest.fixture
def log() -> Iterator[Log]:
    """For what is not printed: pytest puts its own stdout in place after fixtures."""
    with written() as log:
        yield log


def test_a_line_has_time_level_logger_and_message_and_no_more_outside_of_a_request(log: Log) -> None:
    _log.warning("the index %s is old", "a")
    (entry,) = log.entries
    assert abs((datetime.now(UTC) - datetime.fromisoformat(entry.pop("timestamp"))).total_seconds()) < 60
    assert entry == {"level": "warning", "logger": "rag.test", "message": "the index a is old"}


@pytest.mark.parametrize(
    "text",
    ['a\nb\r\n{"level": "x"}', "\u2028\x1b[31m\x00\ud800", "“quoted”", "%s {}", "\t"],
    ids=["lines", "controls and half a character", "quotes", "formats", "tab"],
)
def test_no_text_ends_its_line_or_is_lost(text: str) -> None:
    with written() as log:  # inside the test, or pytest's own handler sees half a character, which xdist cannot send
        _log.error("%s", text)
    assert [entry["message"] for entry in log.entries] == [text]


def test_an_exception_is_one_field_of_text(log: Log) -> None:
    try:
        raise ValueError("bad\nvalue")
    except ValueError:
        _log.exception("failed")
    (entry,) = log.entries
    assert entry["exception"].startswith("Traceback (most recent call last):\n")
    assert entry["exception"].endswith("ValueError: bad\nvalue")


def test_a_line_names_its_request_and_its_span(log: Log) -> None:
    token = request_id.set("mine-1")
    try:
        with kept_spans(), Traced("here") as here:
            _log.warning("within")
            context = here._span.get_span_context()
    finally:
        request_id.reset(token)
    (entry,) = log.entries
    assert entry["request_id"] == "mine-1"
    assert (int(entry["trace_id"], 16), int(entry["span_id"], 16)) == (context.trace_id, context.span_id)


def printed() -> None:
    print("one\ntwo", file=sys.stderr)
    sys.stderr.write("half")
    sys.stderr.flush()
    print(" and half\n\r50%\r100%", file=sys.stderr)


def warned() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)


def raised_in_thread() -> None:
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()


@pytest.mark.parametrize(
    ("does", "messages"),
    [
        (printed, ["one", "two", "half and half", "50%", "100%"]),
        (lambda: print("ready"), ["ready"]),
        (raised_in_thread, ["uncaught"]),
    ],
)
def test_what_is_printed_or_raised_is_logged(does: Callable[[], None], messages: list[str]) -> None:
    with written() as log:
        does()
    assert [entry["message"] for entry in log.entries] == messages


def test_warnings_are_logged(log: Log) -> None:
    warned()
    (entry,) = log.entries
    assert (entry["logger"], "DeprecationWarning: old" in entry["message"]) == ("py.warnings", True)


def test_threads_that_print_at_once_do_not_mix_their_lines() -> None:
    def prints(n: int) -> None:
        for _ in range(50):
            print(n, "x" * 50, n)

    with written() as log, ThreadPoolExecutor(8) as pool:
        list(pool.map(prints, range(8)))
    expected = [f"{n} {'x' * 50} {n}" for n in range(8) for _ in range(50)]
    assert sorted(entry["message"] for entry in log.entries) == expected


def test_a_stream_that_cannot_be_written_neither_loops_nor_raises() -> None:
    class Full(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(28, "No space left on device")

    with json_logs(Full()):
        _log.warning("lost")
        print("lost, too")


def test_everything_is_put_back(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.excepthook, threading.excepthook, logging.getLogger().handlers[:]
    with json_logs(io.StringIO()):
        pass
    assert (sys.stdout, sys.excepthook, threading.excepthook, logging.getLogger().handlers[:]) == before
    print("here")
    assert capsys.readouterr().out == "here\n"


def test_the_web_server_logs_paths_alone_and_its_errors_as_json(log: Log) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] == "/fails":
            raise RuntimeError("no\nluck")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def main() -> None:
        with listening_socket("127.0.0.1", 0) as listening:
            server = uvicorn.Server(uvicorn.Config(app, log_level="info", lifespan="off"))
            serving = asyncio.create_task(server.serve([listening]))
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}") as client:
                await client.get("/there?token=secret&q=who")
                await client.get("/fails?token=secret")
            server.should_exit = True
            await serving

    asyncio.run(main())
    access = [entry["message"] for entry in log.entries if entry["logger"] == "uvicorn.access"]
    assert [line.partition(" - ")[2] for line in access] == ['"GET /there HTTP/1.1" 200', '"GET /fails HTTP/1.1" 500']
    (failed,) = (entry for entry in log.entries if "exception" in entry)
    assert (failed["logger"], "RuntimeError: no\nluck" in failed["exception"]) == ("uvicorn.error", True)
    assert "secret" not in log.stream.getvalue()


def test_a_request_that_fails_is_logged_with_its_id_and_without_its_question(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as kept:

        def fails(*_: Any, **__: Any) -> Any:
            raise RuntimeError("broken")
            yield

        monkeypatch.setattr(type(kept.service.assistant), "stream", fails)
        with served(kept.app(audit=AuditLog(lines_to_log()))) as address:
            headers = {"X-Request-ID": "mine-2"}
            assert httpx.post(f"{address}/v1/ask", json=QUESTION, headers=headers, timeout=30).status_code == 500
            until(lambda: len([e for e in log.entries if e["logger"] == "geobrief.audit"]) == 1)
    by_logger = {entry["logger"]: entry for entry in log.entries}
    assert by_logger["rag.service.service"]["request_id"] == "mine-2"
    assert "RuntimeError: broken" in by_logger["rag.service.service"]["exception"]
    audit = by_logger["geobrief.audit"]
    assert (audit["message"], audit["level"]) == ("POST /v1/ask 500", "info")
    assert (audit["request_id"], audit["path"], audit["status"]) == ("mine-2", "/v1/ask", 500)
    assert "harbour" not in log.stream.getvalue()


def test_a_log_within_the_threads_that_answer_names_its_request(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as kept:
        real = type(kept.service.assistant).stream

        def warns(assistant: Any, question: str, **how: Any) -> Any:
            _log.warning("answering")
            yield from real(assistant, question, **how)

        monkeypatch.setattr(type(kept.service.assistant), "stream", warns)
        with served(kept.app()) as address:
            for n in range(3):
                httpx.post(f"{address}/v1/ask", json=QUESTION, headers={"X-Request-ID": f"n-{n}"}, timeout=30)
    assert [e["request_id"] for e in log.entries if e["message"] == "answering"] == ["n-0", "n-1", "n-2"]
