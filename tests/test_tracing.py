"""Spans of a question: which there are, what is in them, and that a stream left anywhere leaves nothing behind."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from opentelemetry.trace import INVALID_SPAN, SpanKind, StatusCode, get_current_span

from rag.answer import Retrieved
from rag.assistant import Assistant
from rag.build import open_assistant
from rag.rewrite_by_model import Rewriter
from rag.tracing import Traced, in_own_context
from rag.types import Scope
from rag.write import Writer
from tests.conftest import Desk
from tests.fakes_tracing import Spans, kept_spans
from tests.test_write import Scripted

FIELDS = "Kenya and Norway will cooperate on fields such as fisheries, shipping and solar power."
QUESTION = "On which fields will Kenya and Norway cooperate?"
NIGER = "Who was detained in Niger?"
STAGES = ["geobrief.rewrite", "geobrief.retrieve", "geobrief.read", "geobrief.answer", "geobrief.verify"]


@pytest.fixture
def spans() -> Iterator[Spans]:
    with kept_spans() as spans:
        yield spans


@pytest.fixture
def assistant(desk: Desk) -> Assistant:
    desk.write("talks.md", FIELDS, title="Kenya and Norway agree", date="2024-03-04", source="Desk A")
    desk.write("coup.md", "Soldiers detained the president of Niger on 26 July 2023.", title="Coup", date="2023-07-27")
    desk.ingest()
    return open_assistant(desk.settings, embeddings=desk.embeddings)


@pytest.fixture(autouse=True)
def clean(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No test leaves a span behind, or has a context undone that was not its own."""
    with caplog.at_level(logging.WARNING):
        yield
    assert get_current_span() is INVALID_SPAN
    assert "detach" not in caplog.text


def test_a_question_is_a_span_with_one_below_it_for_each_stage(assistant: Assistant, spans: Spans) -> None:
    answer = assistant.ask(QUESTION)
    whole = spans.one("geobrief.ask")
    assert whole.parent is None
    assert spans.children(whole) == STAGES
    assert spans.names == [*STAGES, "geobrief.ask"]
    assert spans.attributes("geobrief.ask") == {
        "geobrief.parts": 1,
        "geobrief.passages": len(answer.evidence),
        "geobrief.sentences": 1,
        "geobrief.abstained": False,
        "geobrief.answerable": answer.answerable,
    }
    assert spans.attributes("geobrief.retrieve") == {"geobrief.passages": 2}
    assert spans.attributes("geobrief.read") == {"geobrief.units": 2}


def test_no_text_is_traced_unless_that_is_switched_on(assistant: Assistant, spans: Spans) -> None:
    history = [(NIGER, "The president.")]
    with_model = replace(assistant, writer=Writer(Scripted(pieces=(f"{FIELDS} [1]",)), "fake:small"))
    with_model.ask(QUESTION, history=history)
    assert not [word for word in ("Kenya", "fisheries", "Niger", "president", "Desk A") if word in spans.text()]
    answer = replace(assistant, capture_text=True).ask(QUESTION)
    told = dict(spans.all[-1].attributes or {})
    assert (told["geobrief.question"], told["geobrief.answer"]) == (QUESTION, answer.text)


def test_text_is_captured_of_the_past_too(assistant: Assistant, spans: Spans) -> None:
    scope = Scope(as_known_at=datetime.now(UTC))
    replace(assistant, capture_text=True).ask(QUESTION, scope=scope)
    assert spans.attributes("geobrief.ask")["geobrief.question"] == QUESTION


def test_a_call_of_the_llm_is_a_span_below_writing_with_its_tokens(assistant: Assistant, spans: Spans) -> None:
    replace(assistant, writer=Writer(Scripted(pieces=(f"{FIELDS} [1]",)), "fake:small:3b")).ask(QUESTION)
    assert spans.children(spans.one("geobrief.write")) == ["chat small:3b"]
    called = spans.one("chat small:3b")
    assert called.kind is SpanKind.CLIENT
    assert dict(called.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "fake",
        "gen_ai.request.model": "small:3b",
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 3,
    }


def test_rewriting_by_the_llm_is_traced_with_its_tokens(spans: Spans) -> None:
    class Rewrites(Scripted):
        def invoke(self, *_: Any, **__: Any) -> AIMessage:
            used = {"input_tokens": 4, "output_tokens": 2, "total_tokens": 6}
            return AIMessage("When did they meet?", usage_metadata=used)

    Rewriter(Rewrites(), "a.gguf")("And when?", [HumanMessage("Where did they meet?"), AIMessage("In Nairobi.")])
    attributes = spans.attributes("chat a.gguf")
    assert attributes["gen_ai.usage.input_tokens"] == 4
    assert "gen_ai.provider.name" not in attributes


def test_a_failure_is_recorded_by_its_kind_and_without_its_message(assistant: Assistant, spans: Spans) -> None:
    class Fails:
        def read(self, question: str, passages: Any, **_: Any) -> Any:
            raise RuntimeError(f"cannot read {passages[0].page_content} for {question}")

    with pytest.raises(RuntimeError):
        replace(assistant, reader=Fails()).ask(QUESTION)
    for name in ("geobrief.read", "geobrief.ask"):
        assert spans.attributes(name)["error.type"] == "RuntimeError"
        assert spans.one(name).status.status_code is StatusCode.ERROR
    assert spans.one("geobrief.retrieve").status.status_code is StatusCode.UNSET
    assert "Kenya" not in spans.text()
    assert "cannot read" not in spans.text()


def test_a_model_that_fails_half_way_is_an_error_of_its_call_alone(assistant: Assistant, spans: Spans) -> None:
    model = Scripted(pieces=(f"{FIELDS} [1]", " They"), fails_after=1)
    assert replace(assistant, writer=Writer(model, "m")).ask(QUESTION).sentences
    assert spans.attributes("chat m")["error.type"] == "ConnectionError"
    assert spans.one("geobrief.ask").status.status_code is StatusCode.UNSET


def begun(assistant: Assistant, question: str = QUESTION) -> Any:
    """A stream that is left in the middle of writing, with the span of the call open."""
    model = Scripted(pieces=(f"{FIELDS} [1]", " They met", " again."))
    stream = replace(assistant, writer=Writer(model, "m")).stream(question)
    before = get_current_span()
    while not isinstance(next(stream), Retrieved):
        assert get_current_span() is before
    next(stream)
    assert get_current_span() is before
    return stream


def is_stopped(spans: Spans) -> bool:
    assert {"chat m", "geobrief.write", "geobrief.ask"} <= set(spans.names)
    assert spans.attributes("geobrief.ask")["geobrief.stopped"]
    assert spans.one("geobrief.ask").status.status_code is StatusCode.UNSET
    return spans.children(spans.one("geobrief.write")) == ["chat m"]


def test_a_stream_that_is_closed_ends_its_spans_as_stopped(assistant: Assistant, spans: Spans) -> None:
    begun(assistant).close()
    assert is_stopped(spans)


def test_a_stream_may_be_closed_by_another_thread_with_a_span_of_its_own(assistant: Assistant, spans: Spans) -> None:
    stream = begun(assistant)
    left: list[bool] = []

    def close() -> None:
        with Traced("other") as other:
            stream.close()
            left.append(get_current_span() is other._span)

    thread = threading.Thread(target=close)
    thread.start()
    thread.join()
    assert left == [True]
    assert is_stopped(spans)


def test_a_stream_in_a_cycle_is_left_to_the_garbage_collector_of_any_thread(assistant: Assistant, spans: Spans) -> None:
    held: list[Any] = [begun(assistant)]
    held.append(held)
    del held
    left: list[bool] = []

    def collect() -> None:
        with Traced("other") as other:
            gc.collect()
            left.append(get_current_span() is other._span)

    thread = threading.Thread(target=collect)
    thread.start()
    thread.join()
    assert left == [True]
    assert is_stopped(spans)


def test_two_streams_in_turn_in_one_thread_keep_apart(assistant: Assistant, spans: Spans) -> None:
    with Traced("first") as _:
        one = assistant.stream(QUESTION)
        next(one)
    with Traced("second") as second:
        other = assistant.stream(NIGER)
        for _ in zip(other, one, strict=False):
            assert get_current_span() is second._span
        list(one), list(other)
    assert spans.children(spans.one("first")) == ["geobrief.ask"] == spans.children(spans.one("second"))
    wholes = [span for span in spans.all if span.name == "geobrief.ask"]
    assert [sorted(spans.children(whole)) for whole in wholes] == [sorted(STAGES)] * 2


def test_a_stream_that_goes_on_in_another_thread_keeps_its_parent(assistant: Assistant, spans: Spans) -> None:
    with Traced("asker"):
        stream = begun(assistant)
    with ThreadPoolExecutor(1) as pool, Traced("bystander"):
        pool.submit(list, stream).result()
    whole = spans.one("geobrief.ask")
    assert spans.children(spans.one("asker")) == ["geobrief.ask"]
    assert spans.children(spans.one("bystander")) == []
    assert sorted(spans.children(whole)) == sorted([*STAGES, "geobrief.write"])
    assert spans.children(spans.one("geobrief.write")) == ["chat m"]


def test_twenty_threads_keep_their_spans_apart(assistant: Assistant, spans: Spans) -> None:
    def asks(n: int) -> None:
        with Traced(f"asker {n}"):
            assistant.ask((QUESTION, NIGER)[n % 2])

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(asks, range(20)))
    assert all(spans.children(spans.one(f"asker {n}")) == ["geobrief.ask"] for n in range(20))
    assert len(spans.names) == 20 * (len(STAGES) + 2)


def test_what_is_made_current_across_steps_is_so_in_each_of_them_alone() -> None:
    def steps() -> Any:
        with Traced("inner") as inner:
            for _ in range(3):
                assert get_current_span() is inner._span
                yield inner

    with ThreadPoolExecutor(1) as pool:
        items = in_own_context(steps())
        assert next(items)
        assert get_current_span() is INVALID_SPAN
        assert pool.submit(next, items).result()
        assert pool.submit(get_current_span).result() is INVALID_SPAN
        items.close()


def test_a_span_that_is_left_in_another_context_changes_nothing_there(spans: Spans) -> None:
    def steps() -> Any:
        with Traced("inner"):
            yield 1

    items = steps()
    copy_context().run(next, items)
    with Traced("other") as other:
        items.close()
        assert get_current_span() is other._span
    assert spans.names == ["inner", "other"]
