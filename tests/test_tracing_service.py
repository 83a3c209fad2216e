"""Traces of the service: a span for each request, below that of its client, and sent to a real collector."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode
from starlette.routing import Route

from rag.errors import IndexCorrupt
from rag.mcp_server import OpenCorpus, mcp_app
from rag.service.chat_completions import service_router
from tests.fakes_service import QUESTION, Kept, opened, served, until
from tests.fakes_tracing import Spans, kept_spans

pytestmark = pytest.mark.slow

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with opened(tmp_path_factory.mktemp("traced")) as kept:
        yield kept


@pytest.fixture(scope="module")
def address(kept: Kept) -> Iterator[str]:
    mcp = mcp_app(OpenCorpus(kept.service.assistant, kept.service.uploads), asking=kept.service)
    app = kept.app(routers=[service_router()], routes=[Route("/mcp", mcp)], lifespans=[mcp.running])
    with served(app) as address:
        yield address


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=30) as client:
        yield client


@pytest.fixture
def spans() -> Iterator[Spans]:
    with kept_spans() as spans:
        yield spans


def server_span(spans: Spans, path: str) -> ReadableSpan:
    def found() -> list[ReadableSpan]:
        return [s for s in spans.all if s.kind is SpanKind.SERVER and (s.attributes or {}).get("url.path") == path]

    until(found)
    (one,) = found()
    return one


def is_below(spans: Spans, lower: str, upper: ReadableSpan) -> bool:
    span, by_id = spans.one(lower), {s.context.span_id: s for s in spans.all if s.context}
    while span.parent and span.parent.span_id in by_id:
        span = by_id[span.parent.span_id]
        if span is upper:
            return True
    return False


def test_a_request_is_a_span_below_that_of_its_client(client: httpx.Client, spans: Spans) -> None:
    headers = {"traceparent": TRACEPARENT, "X-Request-ID": "mine-1"}
    assert client.post("/v1/ask?token=secret", json=QUESTION, headers=headers).status_code == 200
    span = server_span(spans, "/v1/ask")
    assert span.name == "POST /v1/ask"
    assert span.parent
    assert span.context
    assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, PARENT)
    assert dict(span.attributes or {}) == {
        "http.request.method": "POST",
        "url.path": "/v1/ask",
        "http.route": "/v1/ask",
        "http.response.status_code": 200,
        "geobrief.request_id": "mine-1",
    }
    assert spans.children(span) == ["geobrief.ask"]
    assert not [word for word in ("harbour", "secret") if word in spans.text()]


def test_every_request_has_one_span_and_the_framework_adds_none(client: httpx.Client, spans: Spans) -> None:
    paths = ["/v1/briefs", "/v1/briefs/nope", "/v1/nothing", "/healthz"]
    for path in paths:
        client.get(path)
    until(lambda: len(spans.all) >= len(paths))
    names = [span.name for span in spans.all if (span.attributes or {}).get("url.path") in paths]
    assert names == ["GET /v1/briefs", "GET /v1/briefs/{brief_id}", "GET", "GET /healthz"]


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "x",
        "00-" + "0" * 32 + f"-{PARENT}-01",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}",
        TRACEPARENT * 1000,
    ],
)
def test_a_traceparent_that_is_none_is_passed_over(client: httpx.Client, spans: Spans, sent: str) -> None:
    headers = {"traceparent": sent, "tracestate": "a=b," * 500}
    assert client.get("/v1/eval", headers=headers).status_code == 200
    assert server_span(spans, "/v1/eval").parent is None


def test_a_streamed_answer_is_below_its_request_too(client: httpx.Client, spans: Spans) -> None:
    assert "event: answered" in client.post("/v1/ask/stream", json=QUESTION).text
    assert spans.children(server_span(spans, "/v1/ask/stream")) == ["geobrief.ask"]


def test_a_completion_is_below_its_request_too(client: httpx.Client, spans: Spans) -> None:
    body = {"model": "geobrief", "messages": [{"role": "user", "content": QUESTION["question"]}], "stream": True}
    assert "[DONE]" in client.post("/v1/chat/completions", json=body).text
    assert spans.children(server_span(spans, "/v1/chat/completions")) == ["geobrief.ask"]


def test_a_question_of_an_mcp_client_is_below_its_request_too(client: httpx.Client, spans: Spans) -> None:
    call = {"name": "ask", "arguments": QUESTION}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    told = client.post("/mcp", json=body, headers={"Accept": "application/json, text/event-stream"})
    assert "ended in June" in told.text
    assert is_below(spans, "geobrief.ask", server_span(spans, "/mcp"))
    assert "harbour" not in spans.text()


@pytest.mark.parametrize(
    ("error", "kind"), [(RuntimeError("the harbour"), "RuntimeError"), (IndexCorrupt("x"), "IndexCorrupt")]
)
@pytest.mark.parametrize("path", ["/v1/ask", "/v1/ask/stream"])
def test_a_failure_marks_the_span_of_its_request(
    kept: Kept,
    client: httpx.Client,
    spans: Spans,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    kind: str,
    path: str,
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise error
        yield

    monkeypatch.setattr(type(kept.service.assistant), "stream", fails)
    client.post(path, json=QUESTION)
    span = server_span(spans, path)
    assert (span.attributes or {})["error.type"] == kind
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert "harbour" not in spans.text()


def test_what_is_wrong_with_a_request_is_no_failure_of_the_server(client: httpx.Client, spans: Spans) -> None:
    assert client.post("/v1/ask", json={}).status_code == 422
    assert server_span(spans, "/v1/ask").status.status_code is StatusCode.UNSET
