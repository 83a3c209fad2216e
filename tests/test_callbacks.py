"""Callbacks of langchain, as LangSmith's and Langfuse's are, see what a question retrieves and what a model is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableLambda

from rag.answer import Retrieved
from rag.assistant import Assistant
from rag.build import open_assistant
from rag.write import Writer
from tests.conftest import Desk
from tests.test_write import Scripted

FIELDS = "Kenya and Norway will cooperate on fields such as fisheries, shipping and solar power."
QUESTION = "On which fields will Kenya and Norway cooperate?"


@dataclass
class Run:
    """A run as callbacks see it."""

    kind: str
    parent: UUID | None
    given: Any
    result: Any = None


@dataclass
class Recording(BaseCallbackHandler):
    """Keeps the runs by their ids, and what was streamed."""

    runs: dict[UUID, Run] = field(default_factory=dict)
    pieces: list[str] = field(default_factory=list)
    raise_error = True

    def on_chain_start(
        self, serialized: Any, inputs: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> Any:
        self.runs[run_id] = Run("chain", parent_run_id, inputs)

    def on_tool_start(
        self, serialized: Any, input_str: str, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> Any:
        self.runs[run_id] = Run("tool", parent_run_id, input_str)

    def on_retriever_start(
        self, serialized: Any, query: str, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> Any:
        self.runs[run_id] = Run("retriever", parent_run_id, query)

    def on_retriever_end(self, documents: Sequence[Document], *, run_id: UUID, **kwargs: Any) -> Any:
        self.runs[run_id].result = [document.metadata["brief_id"] for document in documents]

    def on_chat_model_start(
        self,
        serialized: Any,
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> Any:
        self.runs[run_id] = Run("model", parent_run_id, str(messages[0][0].content))

    def on_llm_new_token(self, token: Any, **kwargs: Any) -> Any:
        self.pieces.append(str(token))

    def on_llm_end(self, response: Any, *, run_id: UUID, **kwargs: Any) -> Any:
        self.runs[run_id].result = response.generations[0][0].text

    def under(self, kind: str) -> list[tuple[str, str]]:
        """The runs below the one of a kind, with that of the parent."""
        (top,) = (run_id for run_id, run in self.runs.items() if run.kind == kind)
        return [(run.kind, self.runs[top].kind) for run in self.runs.values() if run.parent == top]

    def of(self, kind: str) -> Run:
        (found,) = (run for run in self.runs.values() if run.kind == kind)
        return found


@pytest.fixture
def assistant(desk: Desk) -> Assistant:
    desk.write("talks.md", FIELDS, title="Kenya and Norway agree", date="2024-03-04")
    desk.ingest()
    model = Scripted(pieces=("Kenya and Norway will cooperate on fisheries", ", shipping and solar power. [1]"))
    return replace(open_assistant(desk.settings, embeddings=desk.embeddings), writer=Writer(model, "fake:small"))


def saw_all(seen: Recording, parent: str) -> bool:
    assert seen.under(parent) == [("retriever", parent), ("model", parent)]
    assert (seen.of("retriever").given, seen.of("retriever").result) == (QUESTION, ["talks"])
    assert FIELDS in seen.of("model").given
    assert seen.of("model").result == "".join(seen.pieces)
    return seen.of("model").result.startswith("Kenya and Norway") and len(seen.pieces) >= 2


def test_the_runnable_has_retrieval_and_model_below_it(assistant: Assistant) -> None:
    seen = Recording()
    assistant.as_runnable().invoke(QUESTION, {"callbacks": [seen]})
    assert saw_all(seen, "chain")


def test_the_streamed_runnable_has_them_below_it_too(assistant: Assistant) -> None:
    seen = Recording()
    list(assistant.as_runnable().stream(QUESTION, {"callbacks": [seen]}))
    assert saw_all(seen, "chain")


def test_the_runnable_streamed_by_asyncio_has_them_below_it_too(assistant: Assistant) -> None:
    seen = Recording()

    async def main() -> None:
        assert [piece async for piece in assistant.as_runnable().astream(QUESTION, {"callbacks": [seen]})]

    asyncio.run(main())
    assert saw_all(seen, "chain")


@pytest.mark.parametrize("is_async", [False, True])
def test_the_tool_has_them_below_it(assistant: Assistant, is_async: bool) -> None:
    seen, tool = Recording(), assistant.as_tool()
    config: Any = {"callbacks": [seen]}
    asked = {"question": QUESTION}
    asyncio.run(tool.ainvoke(asked, config)) if is_async else tool.invoke(asked, config)
    assert saw_all(seen, "tool")


def test_a_plain_question_within_a_chain_is_part_of_its_run(assistant: Assistant) -> None:
    seen = Recording()

    def asks(question: str) -> str:
        return assistant.ask(question).text

    RunnableLambda(asks).invoke(QUESTION, {"callbacks": [seen]})
    assert saw_all(seen, "chain")


def test_a_plain_stream_that_goes_on_in_another_thread_stays_part_of_its_run(assistant: Assistant) -> None:
    seen = Recording()

    def begun(question: str) -> Any:
        stream = assistant.stream(question)
        while not isinstance(next(stream), Retrieved):
            pass
        return stream

    stream = RunnableLambda(begun, name="chain").invoke(QUESTION, {"callbacks": [seen]})
    with ThreadPoolExecutor(1) as pool:
        pool.submit(list, stream).result()
    assert saw_all(seen, "chain")


def test_a_retriever_of_its_own_is_one_run(assistant: Assistant) -> None:
    seen = Recording()
    assistant.as_retriever().invoke(QUESTION, {"callbacks": [seen]})
    assert [run.kind for run in seen.runs.values()] == ["retriever"]


def test_without_callbacks_nothing_is_sent_and_no_connection_is_opened(
    assistant: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2", "LANGSMITH_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    opened: list[Any] = []
    monkeypatch.setattr("socket.socket.connect", lambda *address: opened.append(address))
    seen = Recording()
    assistant.as_runnable().invoke(QUESTION)
    assistant.ask(QUESTION)
    assert not opened
    assert not seen.runs
