"""An endpoint that speaks OpenAI's protocol, reached by the real client: whatever it does, the answer stands."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from rag.answer import Answer
from rag.build import open_assistant
from rag.settings import Settings
from tests.conftest import Desk
from tests.test_writing import QUESTION, TALKS

pytest.importorskip("langchain_openai")

GOOD = "Kenya and Norway agreed to cooperate on fisheries, shipping and solar power. [1]"
QUOTE = "They agreed to cooperate on fisheries, shipping and solar power."


@dataclass
class Endpoint:
    """What the server does, request by request: the last entry goes on for ever."""

    url: str = ""
    plan: list[str] = field(default_factory=lambda: ["good"])
    asked: list[dict[str, Any]] = field(default_factory=list)

    def next(self) -> str:
        return self.plan.pop(0) if len(self.plan) > 1 else self.plan[0]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    told = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            told.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            doing = told.next()
            if doing.isdigit():
                return self.plain(int(doing), {"error": {"message": "no", "type": "x", "code": None}})
            if doing == "hang":
                time.sleep(3)
                return None
            if doing == "page":
                return self.plain(200, "<html>this is no endpoint</html>")
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            text = {"german": "Kenia und Norwegen arbeiten beim Fischfang zusammen. [1]", "empty": ""}.get(doing, GOOD)
            for word in text.split(" ")[: 4 if doing in ("cut", "stall") else None]:
                self.event({"content": f"{word} "})
            if doing == "stall":
                time.sleep(3)
            if doing in ("cut", "stall"):
                self.close_connection = True
                return None
            if doing == "garbage":
                self.wfile.write(b"data: {this is no JSON\n\n")
            self.event({}, finish="stop", usage={"prompt_tokens": 50, "completion_tokens": 20, "total_tokens": 70})
            self.wfile.write(b"data: [DONE]\n\n")
            return None

        def event(self, delta: dict[str, str], *, finish: str | None = None, usage: object = None) -> None:
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            data = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
            self.wfile.write(f"data: {json.dumps({**data, 'usage': usage})}\n\n".encode())
            self.wfile.flush()

        def plain(self, status: int, body: object) -> None:
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if isinstance(body, str) else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.url = f"http://127.0.0.1:{server.server_port}/v1"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield told
    server.shutdown()
    server.server_close()


def ask(desk: Desk, url: str, monkeypatch: pytest.MonkeyPatch, *, retries: int = 2, timeout_s: float = 1.0) -> Answer:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    desk.write("talks.md", TALKS, title="Kenya and Norway agree on three fields", date="2024-03-04")
    desk.ingest()
    limits = {"timeout_s": timeout_s, "max_retries": retries}
    llm = {"model": "openai:small", "base_url": url, "price_in": 1.0, "price_out": 2.0, **limits}
    settings = Settings(**{**desk.settings.model_dump(), "llm": llm, "verifier": {"model": "packaged"}})
    return open_assistant(settings, embeddings=desk.embeddings).ask(QUESTION)


@pytest.mark.parametrize("plan", [["good"], ["429", "good"], ["503", "500", "good"]])
def test_a_written_answer_comes_also_after_a_rate_limit(
    desk: Desk, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, plan: list[str]
) -> None:
    endpoint.plan = list(plan)
    answer = ask(desk, endpoint.url, monkeypatch, timeout_s=20.0)
    assert [s.text for s in answer.sentences] == [GOOD.removesuffix(" [1]")]
    assert len(endpoint.asked) == len(plan)
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.cost) == (50, 20, 90e-6)
    assert "=== " in str(endpoint.asked[-1]["messages"])


@pytest.mark.parametrize("doing", ["429", "500", "401", "hang", "stall", "cut", "garbage", "page", "empty", "german"])
def test_whatever_an_endpoint_does_the_quotes_are_given_and_no_stack_trace(
    desk: Desk, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, doing: str
) -> None:
    endpoint.plan = [doing]
    answer = ask(desk, endpoint.url, monkeypatch, retries=1)
    assert QUOTE in [s.text for s in answer.sentences]
    assert "fisheries" in answer.text
    assert answer.usage is not None
    told = " ".join(answer.notes)
    assert "Traceback" not in told
    assert ("failed" in told) == (doing not in ("empty", "german"))


def test_an_endpoint_that_is_down_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = ask(desk, "http://127.0.0.1:9/v1", monkeypatch, retries=0)
    assert QUOTE in [s.text for s in answer.sentences]
    assert "The language model openai:small failed (OpenAIConnectionError)" in " ".join(answer.notes)
