"""The MCP server on the address of the service: the same queue, the same counts, the same audit log."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from rag.errors import IndexCorrupt
from rag.mcp_server import OpenCorpus, mcp_app
from rag.service.answering import Answering
from rag.service.audit import AuditLog
from tests.fakes_service import QUESTION, Kept, counted, opened, served, until
from tests.test_service_overload import Held

pytestmark = pytest.mark.slow

HEADERS = {"Accept": "application/json, text/event-stream"}


@contextmanager
def mounted(kept: Kept, lines: list[str], *, questions: bool = False) -> Iterator[httpx.Client]:
    mcp = mcp_app(OpenCorpus(kept.service.assistant, kept.service.uploads), asking=kept.service)
    audit = AuditLog(lines.append, questions=questions)
    app = kept.app(audit=audit, routes=[Route("/mcp", mcp)], lifespans=[mcp.running])
    with served(app) as address, httpx.Client(base_url=address, timeout=30) as client:
        yield client


def call(client: httpx.Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Return the result of one call, as a client reads it."""
    return dict(sent(client, "tools/call", {"name": tool, "arguments": arguments})["result"])


def sent(client: httpx.Client, method: str, params: dict[str, Any]) -> dict[str, Any]:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    reply = client.post("/mcp", json=body, headers=HEADERS)
    assert reply.status_code == 200, reply.text
    data = next(line.removeprefix("data: ") for line in reply.text.splitlines() if line.startswith("data: {"))
    return dict(json.loads(data))


def audited(lines: list[str], n: int) -> list[dict[str, Any]]:
    until(lambda: len(lines) >= n)
    return [json.loads(line) for line in lines]


def test_questions_of_mcp_clients_wait_in_the_queue_of_the_service_and_count_as_its_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        opened(tmp_path, answering=Answering(at_once=1, waiting=0)) as kept,
        mounted(kept, []) as client,
    ):
        until(lambda: kept.service.answering.held == 0)
        held = Held(kept, monkeypatch)
        results: list[dict[str, Any]] = []
        asking = threading.Thread(target=lambda: results.append(call(client, "ask", **QUESTION)))
        asking.start()
        assert held.begun.wait(10)
        refused = call(client, "ask", **QUESTION)
        assert refused["isError"]
        assert refused["content"][0]["text"].startswith("Too many questions wait; try again. Wait ")
        assert call(client, "search_briefs", query="harbour")["isError"]
        assert client.post("/v1/ask", json=QUESTION).status_code == 429
        assert not call(client, "list_briefs").get("isError")
        held.go_on.set()
        asking.join()
        assert not results[0].get("isError")
        assert counted(client, 'geobrief_throttled_total{reason="queue"}') == 3
        assert counted(client, "geobrief_answers_total") == 1


def test_the_audit_log_tells_the_tool_and_whether_it_was_answered(tmp_path: Path) -> None:
    lines: list[str] = []
    with opened(tmp_path) as kept, mounted(kept, lines) as client:
        call(client, "ask", **QUESTION)
        call(client, "search_briefs", query="harbour")
        call(client, "ask", question="?")
        entries = audited(lines, 3)
    told = [(e["path"], e["tool"], e.get("abstained"), e.get("error")) for e in entries]
    assert told == [
        ("/mcp", "ask", False, None),
        ("/mcp", "search_briefs", None, None),
        ("/mcp", "ask", None, "not-usable"),
    ]
    assert "harbour" not in "".join(lines)


def test_the_audit_log_keeps_questions_of_mcp_clients_where_that_is_asked_for(tmp_path: Path) -> None:
    lines: list[str] = []
    with opened(tmp_path) as kept, mounted(kept, lines, questions=True) as client:
        call(client, "ask", **QUESTION)
        call(client, "search_briefs", query="the harbour")
        asked = [entry["question"] for entry in audited(lines, 2)]
    assert asked == [QUESTION["question"], "the harbour"]


@pytest.mark.parametrize(("error", "kind"), [(RuntimeError("x"), "RuntimeError"), (IndexCorrupt("x"), "IndexCorrupt")])
def test_a_failure_in_a_tool_is_counted_and_audited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: str
) -> None:
    lines: list[str] = []
    with opened(tmp_path) as kept, mounted(kept, lines) as client:

        def fails(*_: Any, **__: Any) -> Any:
            raise error
            yield

        monkeypatch.setattr(type(kept.service.assistant), "stream", fails)
        assert call(client, "ask", **QUESTION)["isError"]
        assert counted(client, f'geobrief_errors_total{{kind="{kind}"}}') == 1
        (entry, *_) = audited(lines, 1)
    assert (entry["failure"], entry["status"]) == (kind, 200)


def test_a_failure_to_read_a_resource_is_counted_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path) as kept, mounted(kept, []) as client:

        def fails(*_: Any, **__: Any) -> Any:
            raise RuntimeError("the harbour")

        monkeypatch.setattr(type(kept.service.assistant.catalogue), "briefs", fails)
        told = sent(client, "resources/list", {})
        assert "harbour" not in json.dumps(told)
        assert told["error"]["code"] == -32603
        assert counted(client, 'geobrief_errors_total{kind="RuntimeError"}') == 1


def test_closing_the_server_leaves_the_queue_of_the_service_open(tmp_path: Path) -> None:
    with opened(tmp_path) as kept:
        for _ in range(2):
            with mounted(kept, []) as client:
                assert not call(client, "ask", **QUESTION).get("isError")
