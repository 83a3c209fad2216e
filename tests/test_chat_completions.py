"""The corpus as a model, used by OpenAI's own client and by langchain's, over a real server on loopback."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.params import Depends
from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langchain_openai import ChatOpenAI
from openai.types.chat import ChatCompletionMessageParam
from pydantic import SecretStr

from rag.answer import Event, Retrieved, Rewritten, Said, Sentence
from rag.assistant import Assistant
from rag.build import open_assistant
from rag.cited_text import briefs_named, cited_text, inert, web_address
from rag.errors import IndexCorrupt
from rag.record import AnswerRecord
from rag.service import chat_completions
from rag.service.answering import Answering
from rag.service.audit import AuditLog
from rag.service.chat_completions import in_queue, router, service_router
from rag.types import Scope
from tests.conftest import Desk
from tests.fakes_service import keys_in, opened

FIELDS = "Kenya and Norway will cooperate on fields such as fisheries, shipping and solar power."
TALKS = f"The ministers met in Nairobi on 3 March 2024. {FIELDS}"
QUESTION = "On which fields will Kenya and Norway cooperate?"
NIGER = "Soldiers detained the president of Niger on 26 July 2023."
URL = "https://example.org/talks"
TEXT = f"{FIELDS} [1]\n\n[1] Kenya and Norway agree · 2024-03-04 · Desk A · talks, characters 46-132 · {URL}"
HOSTILE = "The envoy of Chad praised ![map](https://evil.invalid/x.png) and [aid](javascript:x) <img src=x> in Chad."


@pytest.fixture
def assistant(desk: Desk) -> Assistant:
    desk.write("talks.md", TALKS, title="Kenya and Norway agree", date="2024-03-04", source="Desk A", url=URL)
    desk.write("coup.md", NIGER, title="Coup in Niger", date="2023-07-27", url="javascript:alert(1)")
    desk.write("chad.md", HOSTILE, title="'Chad <b>bold</b>'", date="2022-01-01")
    desk.ingest()
    return open_assistant(desk.settings, embeddings=desk.embeddings)


@pytest.fixture
def served(assistant: Assistant) -> Iterator[str]:
    yield from serve(lambda request: assistant)


def serve(assistant_of: Any, dependencies: Sequence[Depends] = ()) -> Iterator[str]:
    """Yield the address of a server with the routes."""
    app = FastAPI()
    app.include_router(router(assistant_of, dependencies=dependencies))
    with serving(app) as url:
        yield url


@contextmanager
def serving(app: Any) -> Iterator[str]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        finally:
            server.should_exit = True
            thread.join(20)
    assert not thread.is_alive()


def client_of(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=20)


def user(text: Any) -> ChatCompletionMessageParam:
    return {"role": "user", "content": text}


def test_openai_s_client_gets_the_answer_its_citations_and_the_record(served: str) -> None:
    with client_of(served) as client:
        found = client.chat.completions.create(model="geobrief", messages=[user(QUESTION)])
    message = found.choices[0].message
    assert (message.content, message.role, found.choices[0].finish_reason) == (TEXT, "assistant", "stop")
    assert message.annotations
    cited = message.annotations[0].url_citation
    assert (cited.title, cited.url) == ("Kenya and Norway agree", URL)
    assert TEXT[cited.start_index : cited.end_index] == "[1]"
    record = AnswerRecord.model_validate(found.model_extra["geobrief"]) if found.model_extra else None
    assert record
    assert record.sentences[0].citations[0].quote == FIELDS
    assert found.usage
    assert (found.usage.prompt_tokens, found.usage.total_tokens) == (9, 9 + found.usage.completion_tokens)
    assert (found.object, found.model, found.id[:9]) == ("chat.completion", "geobrief", "chatcmpl-")


@pytest.mark.parametrize(
    "question", [QUESTION, "Who won the 2022 World Cup in Qatar?", "Which briefs do you have?", "What is new on Kenya?"]
)
def test_a_stream_joins_to_the_same_text_and_ends_with_citations_record_and_usage(served: str, question: str) -> None:
    with client_of(served) as client:
        whole = client.chat.completions.create(model="geobrief", messages=[user(question)])
        chunks = list(
            client.chat.completions.create(
                model="geobrief", messages=[user(question)], stream=True, stream_options={"include_usage": True}
            )
        )
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == whole.choices[0].message.content
    assert deltas[0].role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks if c.choices] == [None] * (len(deltas) - 1) + ["stop"]
    annotations = [one.model_dump() for one in whole.choices[0].message.annotations or []]
    assert deltas[-1].model_extra == {"annotations": annotations}
    assert len({chunk.id for chunk in chunks}) == 1
    assert (chunks[-1].choices, chunks[-1].usage) == ([], whole.usage)
    assert all(chunk.usage is None for chunk in chunks[:-1])
    told, expected = ((one.model_extra or {})["geobrief"] for one in (chunks[-2], whole))
    assert {**told, "timings_ms": None} == {**expected, "timings_ms": None}


def test_a_sentence_is_streamed_before_the_references(served: str) -> None:
    body = {"model": "geobrief", "messages": [user(QUESTION)], "stream": True}
    with httpx.stream("POST", f"{served}/chat/completions", json=body, timeout=20) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        frames = [line for line in response.iter_lines() if line]
    assert frames[-1] == "data: [DONE]"
    chunks = [json.loads(frame.removeprefix("data: ")) for frame in frames[:-1]]
    contents = [chunk["choices"][0]["delta"].get("content") for chunk in chunks]
    assert contents[:2] == ["", f"{FIELDS} [1]"]
    assert all("usage" not in chunk for chunk in chunks)


def test_langchain_s_chat_model_asks_and_streams(served: str) -> None:
    model = ChatOpenAI(model="geobrief", base_url=served, api_key=SecretStr("none"), max_retries=0)
    reply = model.invoke([("system", "Be brief."), ("human", QUESTION)])
    assert reply.content == TEXT
    assert reply.usage_metadata
    assert reply.usage_metadata["input_tokens"] == 9
    assert "".join(str(chunk.content) for chunk in model.stream(QUESTION)) == TEXT


def test_earlier_messages_are_the_history_and_those_of_the_system_none(served: str) -> None:
    messages: list[ChatCompletionMessageParam] = [
        {"role": "system", "content": "You are a pirate. Answer about Niger only."},
        user("On which fields will Kenya and Norway cooperate?"),
        {"role": "assistant", "content": TEXT},
        user([{"type": "text", "text": "And"}, {"type": "text", "text": "when?"}]),
        {"role": "system", "content": "Remember to be a pirate."},
    ]
    with client_of(served) as client:
        found = client.chat.completions.create(model="geobrief", messages=messages)
    assert found.model_extra
    assert found.model_extra["geobrief"]["question"] == "And\nwhen?"
    assert found.model_extra["geobrief"]["standalone_question"] == "And\nwhen (Kenya, Norway)?"


def test_a_brief_of_the_answer_before_is_known_from_its_text_alone(served: str) -> None:
    with client_of(served) as client:
        ask = client.chat.completions.create
        first = ask(model="geobrief", messages=[user("Which briefs do you have?")]).choices[0].message.content or ""
        said: list[ChatCompletionMessageParam] = [user("Which?"), {"role": "assistant", "content": first}]
        found = ask(model="geobrief", messages=[*said, user("Summarise the second one")])
    assert briefs_named(first) == ["talks", "coup", "chad"]
    assert "Soldiers detained" in (found.choices[0].message.content or "")


def test_a_scope_and_a_day_are_given_by_the_extension(served: str) -> None:
    with client_of(served) as client:
        for given in ({"as_of": "2023"}, {"scope": {"briefs": ["coup"]}}):
            found = client.chat.completions.create(
                model="geobrief", messages=[user(QUESTION)], extra_body={"geobrief": given}
            )
            assert found.model_extra
            assert found.model_extra["geobrief"]["abstained"], given
        with pytest.raises(openai.BadRequestError, match="as_off"):
            client.chat.completions.create(
                model="geobrief", messages=[user(QUESTION)], extra_body={"geobrief": {"as_off": "2023"}}
            )


def test_text_of_a_brief_neither_loads_nor_links_nor_is_html_where_it_is_rendered(served: str) -> None:
    with client_of(served) as client:
        found = client.chat.completions.create(model="geobrief", messages=[user("What do the briefs say about Chad?")])
    content = found.choices[0].message.content or ""
    assert "praised !\\[map]\\(https://evil.invalid/x.png) and [aid]\\(javascript:x) &lt;img src=x>" in content
    assert "Chad &lt;b>bold&lt;/b> · 2022-01-01 · chad" in content
    assert found.model_extra
    assert found.model_extra["geobrief"]["sentences"][0]["text"] == HOSTILE


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\\![a](b)", "\\!\\[a]\\(b)"),
        ("\\<img src=x>", "\\&lt;img src=x>"),
        ("[a][b] and\n[b]: http://x.invalid", "[a]\\[b] and\n[b]\\: http://x.invalid"),
        ("</p><!-- x --><?x ?>", "&lt;/p>&lt;!-- x -->&lt;?x ?>"),
        ("a \x1b[31mred\u202e", "a �[31mred�"),
        ("3 < 4 and [sic] *so*", "3 < 4 and [sic] *so*"),
    ],
)
def test_what_acts_in_markdown_is_made_inert_and_nothing_else(hostile: str, shown: str) -> None:
    assert inert(hostile) == shown


def test_only_addresses_of_the_web_are_links() -> None:
    assert web_address(URL) == URL
    for url in (None, "", "javascript:alert(1)", "file:///etc/passwd", "https://x.invalid/ [a](b)", "//x.invalid",
                "https://x.invalid![a](https://y.invalid)"):  # fmt: skip
        assert web_address(url) is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (
            "https://x.invalid/![a](https://y.invalid/p.png)",
            "https://x.invalid/%21%5Ba%5D%28https://y.invalid/p.png%29",
        ),
        ("https://x.invalid/Sahel_(town)?q=[1]#a", "https://x.invalid/Sahel_%28town%29?q=%5B1%5D#a"),
        ("http://[::1]:80/a", "http://[::1]:80/a"),
        ("https://x.invalid", "https://x.invalid"),
    ],
)
def test_an_address_holds_nothing_that_acts_in_markdown(url: str, shown: str) -> None:
    assert web_address(url) == shown


def test_an_answer_without_an_address_has_none_in_its_citation(served: str) -> None:
    with client_of(served) as client:
        found = client.chat.completions.create(
            model="geobrief", messages=[user("Who detained the president of Niger?")]
        )
    annotations = found.choices[0].message.annotations or []
    assert [one.url_citation.url for one in annotations] == [None]
    assert "javascript" not in (found.choices[0].message.content or "")


def test_marks_point_at_their_numbers_whatever_stands_before_them(assistant: Assistant) -> None:
    for question in ("What is new on Kenya?", "What do the briefs say about Chad?", "Which briefs do you have?"):
        cited = cited_text(assistant.ask(question))
        assert [cited.text[mark.start : mark.end] for mark in cited.marks] == [f"[{mark.n}]" for mark in cited.marks]


def test_models_are_the_corpus_and_no_other(served: str) -> None:
    with client_of(served) as client:
        assert [model.id for model in client.models.list()] == ["geobrief"]
        assert client.models.retrieve("geobrief").owned_by == "geobrief"
        with pytest.raises(openai.NotFoundError) as caught:
            client.models.retrieve("gpt-4o")
        assert caught.value.code == "model_not_found"
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(model="gpt-4o", messages=[user(QUESTION)])


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"n": 2}, "n"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"logprobs": True}, "logprobs"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages"),
        ({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, "messages"),
        ({"messages": [{"role": "pirate", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": "?!"}]}, None),
        ({"messages": [{"role": "user", "content": "x" * 5000}]}, None),
        ({"messages": "x"}, "messages"),
        ({"stream": "yes"}, "stream"),
        ({"geobrief": {"scope": {"from": "2024-05-01", "to": "2024-04-01"}}}, "geobrief.scope"),
    ],
)
def test_what_is_not_done_is_refused_with_openai_s_error(served: str, more: dict[str, Any], param: str | None) -> None:
    body = {"model": "geobrief", "messages": [user(QUESTION)], **more}
    for streaming in ({}, {"stream": True}):
        response = httpx.post(f"{served}/chat/completions", json={**streaming, **body}, timeout=20)
        error = response.json()["error"]
        assert response.status_code == 400, error
        assert set(error) == {"message", "type", "param", "code"}
        assert (error["type"], error["param"]) == ("invalid_request_error", param)


def test_fields_that_are_not_known_and_neutral_values_are_passed_over(served: str) -> None:
    more = {"temperature": 0.2, "max_tokens": 5, "seed": 1, "x": {"y": []}, "n": 1, "tools": [], "logprobs": False}
    neutral = {"response_format": {"type": "text"}, "tool_choice": "none", "stream": False, "user": None}
    body = {"model": "geobrief", "messages": [user(QUESTION)], **more, **neutral}
    response = httpx.post(f"{served}/chat/completions", json=body, timeout=20)
    assert response.json()["choices"][0]["message"]["content"] == TEXT


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"model":"geobrief","messages":[{"role":"user","content":"\\ud800 who\\u0000 met?"}]}',
    ],
)
def test_no_body_brings_the_server_down(served: str, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    response = httpx.post(f"{served}/chat/completions", content=content, headers=headers, timeout=20)
    assert response.status_code in (200, 400)
    assert ("error" in response.json()) == (response.status_code == 400)


def test_a_conversation_of_a_megabyte_is_answered_soon(served: str) -> None:
    long = [user("Who met whom, and where? " * 100), {"role": "assistant", "content": "[1] " + "a · b " * 400}] * 200
    begun = time.monotonic()
    body = {"model": "geobrief", "messages": [*long, user(QUESTION)]}
    response = httpx.post(f"{served}/chat/completions", json=body, timeout=60)
    assert response.json()["choices"][0]["message"]["content"] == TEXT
    assert time.monotonic() - begun < 10


def test_twenty_clients_at_once_get_their_own_answers(served: str) -> None:
    questions = [QUESTION, "Who detained the president of Niger?"] * 10
    with client_of(served) as client, ThreadPoolExecutor(20) as pool:

        def ask(question: str) -> str:
            found = client.chat.completions.create(model="geobrief", messages=[user(question)])
            return found.choices[0].message.content or ""

        texts = list(pool.map(ask, questions))
    assert [FIELDS in text for text in texts] == [True, False] * 10
    assert [NIGER in text for text in texts] == [False, True] * 10


@dataclass
class Slow:
    """Says a sentence every tenth of a second, 600 times, or fails."""

    fails: Exception | None = None
    fails_late: bool = False
    said: int = 0
    closed: threading.Event = field(default_factory=threading.Event)

    def stream(
        self, question: str, *, history: Sequence[BaseMessage] = (), scope: Scope = Scope(), dates: bool = True
    ) -> Generator[Event, None, None]:
        try:
            yield Rewritten(question, (question,))
            if self.fails and not self.fails_late:
                raise self.fails
            yield Retrieved((Document("x", metadata={"signals": {}}),))
            for _ in range(600):
                yield Said(Sentence("More.", ()))
                if self.fails:
                    raise self.fails
                self.said += 1
                time.sleep(0.1)
        finally:
            self.closed.set()


def _leave_after(slow: Slow, url: str, body: dict[str, Any]) -> None:
    with httpx.stream("POST", url, json=body, timeout=1) as response:
        for _ in response.iter_lines():
            if slow.said > 3:
                raise httpx.ReadTimeout("enough")


@pytest.mark.parametrize("streaming", [True, False])
def test_a_client_that_goes_away_stops_the_work(streaming: bool) -> None:
    slow = Slow()
    for url in serve(lambda request: slow):
        body = {"model": "geobrief", "messages": [user(QUESTION)], "stream": streaming}
        with pytest.raises(httpx.ReadTimeout):
            _leave_after(slow, f"{url}/chat/completions", body)
        assert slow.closed.wait(5)
        assert slow.said < 60


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (IndexCorrupt("the catalogue /secret/place is damaged"), 503, "cannot be used now"),
        (HTTPException(429, "slow down", {"Retry-After": "7"}), 429, "slow down"),
    ],
)
def test_a_failure_before_the_first_word_has_its_status(error: Exception, status: int, told: str) -> None:
    for url in serve(lambda request: Slow(fails=error)):
        body = {"model": "geobrief", "messages": [user(QUESTION)], "stream": True}
        response = httpx.post(f"{url}/chat/completions", json=body, timeout=20)
        assert (response.status_code, told in response.json()["error"]["message"]) == (status, True)
        assert "/secret" not in response.text
        assert response.headers.get("retry-after") == ("7" if status == 429 else "6")


@pytest.mark.parametrize("error", [IndexCorrupt("/secret/place"), ValueError("/secret/place")])
def test_a_failure_within_a_stream_is_told_by_it(error: Exception) -> None:
    for url in serve(lambda request: Slow(fails=error, fails_late=True)):
        with client_of(url) as client:
            chunks = client.chat.completions.create(model="geobrief", messages=[user(QUESTION)], stream=True)
            got: list[str] = []
            with pytest.raises(openai.APIError) as caught:
                got += (chunk.choices[0].delta.content or "" for chunk in chunks)
        assert "log" in caught.value.message
        assert "/secret" not in str(caught.value.body)


def test_who_is_not_let_in_is_told_in_openai_s_shape_and_each_gets_their_own_assistant(assistant: Assistant) -> None:
    asked: list[str | None] = []

    def by_key(request: Request) -> None:
        if request.headers.get("authorization") != "Bearer right":
            raise HTTPException(401, "The key is not known here.", {"WWW-Authenticate": "Bearer"})

    def assistant_of(request: Request) -> Assistant:
        asked.append(request.headers.get("authorization"))
        return assistant

    for url in serve(assistant_of, [Depends(by_key)]):
        with openai.OpenAI(base_url=url, api_key="wrong", max_retries=0) as client:
            with pytest.raises(openai.AuthenticationError, match="not known here"):
                client.chat.completions.create(model="geobrief", messages=[user(QUESTION)])
            with pytest.raises(openai.AuthenticationError):
                client.models.list()
        assert asked == []
        with openai.OpenAI(base_url=url, api_key="right", max_retries=0) as client:
            client.chat.completions.create(model="geobrief", messages=[user(QUESTION)])
        assert asked == ["Bearer right"]


def test_the_routes_are_part_of_the_service_behind_its_keys_its_queue_and_its_audit_log(tmp_path: Path) -> None:
    keys, tokens = keys_in(tmp_path)
    lines: list[str] = []
    question = "What did the two leaders agree to cooperate in?"
    with opened(tmp_path, answering=Answering(at_once=1, waiting=0)) as kept:
        audit = AuditLog(lines.append, questions=True)
        app = kept.app(keys=keys, is_open=False, audit=audit, routers=[service_router()])
        with serving(app) as url:
            with client_of(url) as client, pytest.raises(openai.AuthenticationError):
                client.models.list()
            with openai.OpenAI(base_url=url, api_key=tokens["reader"], max_retries=0) as client:
                found = client.chat.completions.create(model="geobrief", messages=[user(question)])
                release = threading.Event()
                holding = kept.service.answering._threads.submit(release.wait, 20)
                kept.service.answering._calls.add(held := object())  # type: ignore[arg-type]
                with pytest.raises(openai.RateLimitError) as caught:
                    client.chat.completions.create(model="geobrief", messages=[user(question)], stream=True)
                kept.service.answering._calls.discard(held)
                release.set()
                holding.result(20)
                stream = client.chat.completions.create(model="geobrief", messages=[user(question)], stream=True)
                assert "".join(c.choices[0].delta.content or "" for c in stream) == found.choices[0].message.content
    assert caught.value.type == "rate_limit_error"
    assert int(caught.value.response.headers["Retry-After"]) >= 1
    assert [json.loads(line).get("question") for line in lines] == [None, question, question, question]
    assert tokens["reader"] not in "".join(lines)


def test_a_stream_that_waits_says_so_before_and_after_the_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(self: Assistant, *given: Any, **how: Any) -> Generator[Event, None, None]:
        for event in stream(self, *given, **how):
            time.sleep(0.3)
            yield event

    stream = Assistant.stream
    monkeypatch.setattr(Assistant, "stream", slowly)
    monkeypatch.setattr(chat_completions, "BEAT_S", 0.05)
    monkeypatch.setattr(chat_completions, "SAYS_EVERY_S", 0.1)
    messages = [user("What did the two leaders agree to cooperate in?")]
    body = {"model": "geobrief", "messages": messages}
    with opened(tmp_path) as kept, serving(kept.app(routers=[service_router()])) as url:
        streamed = httpx.post(f"{url}/chat/completions", json={**body, "stream": True}, timeout=20).text
        whole = httpx.post(f"{url}/chat/completions", json=body, timeout=20).json()
        with client_of(url) as client:
            chunks = client.chat.completions.create(model="geobrief", messages=messages, stream=True)
            text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    frames = streamed.split("\n\n")
    first_words = next(n for n, one in enumerate(frames) if "leaders agreed" in one)
    assert ": waiting" in frames[1:first_words]
    assert ": waiting" in frames[first_words:]
    assert text == whole["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    ("error", "kind"), [(IndexCorrupt("/secret/place"), "IndexCorrupt"), (ValueError("/secret/place"), "ValueError")]
)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_failure_is_counted_and_audited_also_when_the_response_has_begun(
    tmp_path: Path, error: Exception, kind: str, streamed: bool
) -> None:
    lines: list[str] = []
    failing: Any = Slow(fails=error, fails_late=streamed)
    with opened(tmp_path) as kept:
        routes = [router(lambda request: failing, run=in_queue)]
        with serving(kept.app(audit=AuditLog(lines.append), routers=routes)) as url:
            body = {"model": "geobrief", "messages": [user(QUESTION)], "stream": streamed}
            status = httpx.post(f"{url}/chat/completions", json=body, timeout=20).status_code
            counts = httpx.get(url.replace("/v1", "/metrics")).text
    assert status == (200 if streamed else 503 if kind == "IndexCorrupt" else 500)
    assert f'geobrief_errors_total{{kind="{kind}"}} 1.0' in counts
    entry = json.loads(lines[0])
    assert (entry["failure"], entry.get("error")) == (
        kind,
        ("unavailable" if kind == "IndexCorrupt" else "internal") if streamed else None,
    )
