"""What happens when too much is asked, when it takes too long, and when nobody waits any more."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from rag.service.answering import Answering
from tests.fakes_service import QUESTION, Kept, counted, is_problem, opened, served, until


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with opened(tmp_path_factory.mktemp("hostile"), answering=Answering(at_once=1, waiting=1, timeout_s=5)) as kept:
        yield kept


@pytest.fixture(scope="module")
def unkeyed(kept: Kept) -> Iterator[httpx.Client]:
    with served(kept.app()) as address, httpx.Client(base_url=address, timeout=30) as client:
        yield client


class Held:
    """Keeps answers from ending until it is let go, and knows whether one was stopped."""

    def __init__(self, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go_on, self.begun, self.closed = threading.Event(), threading.Event(), threading.Event()
        real = type(kept.service.assistant).stream

        def slow(assistant: Any, question: str, **how: Any) -> Iterator[Any]:
            try:
                for event in real(assistant, question, **how):
                    yield event
                    self.begun.set()
                    self.go_on.wait(20)
            finally:
                self.closed.set()

        monkeypatch.setattr(type(kept.service.assistant), "stream", slow)


def test_a_full_queue_is_429_with_when_to_return_and_counted_apart(
    kept: Kept, unkeyed: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(kept, monkeypatch)
    statuses: list[int] = []

    def asks() -> None:
        statuses.append(httpx.post(f"{unkeyed.base_url}/v1/ask", json=QUESTION, timeout=30).status_code)

    threads = [threading.Thread(target=asks) for _ in range(2)]
    for thread in threads:
        thread.start()
    until(lambda: kept.service.answering.held == 2)
    before = counted(unkeyed, 'geobrief_throttled_total{reason="queue"}')
    refused = unkeyed.post("/v1/ask", json=QUESTION)
    assert is_problem(refused, 429)
    assert int(refused.headers["retry-after"]) >= 1
    assert is_problem(unkeyed.post("/v1/ask/stream", json=QUESTION), 429)
    assert unkeyed.get("/v1/briefs").status_code == 200
    assert counted(unkeyed, 'geobrief_throttled_total{reason="queue"}') - before == 2
    held.go_on.set()
    for thread in threads:
        thread.join()
    assert statuses == [200, 200]


@pytest.mark.parametrize("path", ["/v1/ask", "/v1/ask/stream"])
def test_who_hangs_up_stops_the_answer(
    kept: Kept, unkeyed: httpx.Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    before = counted(unkeyed, "geobrief_answers_total")
    held = Held(kept, monkeypatch)
    address = urlsplit(str(unkeyed.base_url))
    body = json.dumps(QUESTION).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((str(address.hostname), int(address.port or 0))) as connection:
        connection.sendall(head.encode() + body)
        assert held.begun.wait(10)
    until(lambda: all(call._stopped.is_set() for call in kept.service.answering._calls))
    held.go_on.set()
    assert held.closed.wait(10)
    until(lambda: kept.service.answering.held == 0)
    assert counted(unkeyed, "geobrief_answers_total") == before


def test_what_takes_too_long_is_504(kept: Kept, unkeyed: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(kept, monkeypatch)
    monkeypatch.setattr(kept.service.answering, "timeout_s", 0.2)
    assert is_problem(unkeyed.post("/v1/ask", json=QUESTION), 504)
    held.go_on.set()
    until(lambda: kept.service.answering.held == 0)
