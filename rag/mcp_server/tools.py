"""The tools: what each is called, takes, returns and does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from langchain_core.documents import Document
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from mcp_types import Tool, ToolAnnotations
from pydantic import BaseModel

from rag.answer import Answered, Event
from rag.cited_text import briefs_named
from rag.mcp_server import adding, text
from rag.mcp_server.arguments import (
    AddArguments,
    Arguments,
    AskArguments,
    ListArguments,
    ReadArguments,
    SearchArguments,
)
from rag.mcp_server.corpus import Corpus
from rag.mcp_server.reading import listed, part_of
from rag.mcp_server.records import AddedRecord, BriefListRecord, BriefPartRecord, PassagesRecord
from rag.record import AnswerRecord, EvidenceRecord, ScopeRecord
from rag.rewrite import BRIEFS
from rag.service.answering import Answering, Call

T = TypeVar("T")

_READS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
_ADDS = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)


class Queue(Protocol):
    """A bounded queue for what takes long; that of a service counts, too."""

    def begin(self, make: Callable[[], Iterable[T]]) -> Call[T]:
        """Queue a call. Raises `Busy` if as many wait as may."""
        ...


@dataclass(frozen=True)
class Desk:
    """What the tools work with: the corpus, a queue for questions, and one for what needs no model."""

    corpus: Corpus
    asking: Queue
    looking: Answering


@dataclass(frozen=True, slots=True)
class Reply:
    """What a tool says, and the same as an object.

    Attributes:
        abstained: of an answer.
    """

    text: str
    record: BaseModel
    abstained: bool | None = None


@dataclass(frozen=True, slots=True)
class BriefTool:
    """A tool; `call` is given what `arguments` read."""

    name: str
    title: str
    description: str
    arguments: type[Arguments]
    record: type[BaseModel]
    annotations: ToolAnnotations
    call: Callable[[Desk, Any], Awaitable[Reply]]

    def listed(self) -> Tool:
        """Return the tool as a client sees it."""
        return Tool(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=self.arguments.schema_of(),
            output_schema=self.record.model_json_schema(by_alias=True, mode="serialization"),
            annotations=self.annotations,
        )


async def _ask(desk: Desk, asked: AskArguments) -> Reply:
    scope, history = asked.scope(), _messages(asked.history)

    def events() -> Iterator[Event]:
        assistant = desk.corpus.open_assistant()
        yield from assistant.stream(asked.question, history=history, scope=scope, dates=asked.dates)

    last = await desk.asking.begin(events).last()
    if not isinstance(last, Answered):
        raise AssertionError("stream ends with Answered")
    return Reply(text.answer_text(last.answer), AnswerRecord.of(last.answer), last.answer.abstained)


async def _search(desk: Desk, asked: SearchArguments) -> Reply:
    scope = asked.scope()

    def found() -> Iterator[list[Document]]:
        yield desk.corpus.open_assistant().search(asked.query, scope=scope, k=asked.k)

    passages = await desk.asking.begin(found).last()
    records = [EvidenceRecord.of(n, passage) for n, passage in enumerate(passages, 1)]
    record = PassagesRecord(query=asked.query, scope=ScopeRecord.of(scope), passages=records)
    return Reply(text.passages_text(passages), record)


async def _read(desk: Desk, asked: ReadArguments) -> Reply:
    part = await desk.looking.once(lambda: part_of(desk.corpus.open_catalogue(), asked))
    return Reply(text.part_text(part), part)


async def _list(desk: Desk, asked: ListArguments) -> Reply:
    page = await desk.looking.once(lambda: listed(desk.corpus.open_catalogue(), asked))
    return Reply(text.list_text(page), page)


async def _add(desk: Desk, asked: AddArguments) -> Reply:
    added = await adding.add(desk.corpus, desk.looking, asked)
    return Reply(text.added_text(added), added)


def _messages(history: Sequence[Sequence[str]]) -> list[BaseMessage]:
    """Read pairs of question and answer; an answer tells which briefs it cites, as `rag.rewrite.message_of` does."""
    messages: list[BaseMessage] = []
    for question, answer in history:
        cited = {BRIEFS: briefs_named(answer)}
        messages += [HumanMessage(question), AIMessage(answer, additional_kwargs=cited)]
    return messages


ADD_BRIEF = BriefTool(
    "add_brief",
    "Add a brief",
    "Take a text into the corpus, and answer when it can be asked about. The same text again changes nothing.",
    AddArguments,
    AddedRecord,
    _ADDS,
    _add,
)
TOOLS = (
    BriefTool(
        "ask",
        "Ask the briefs",
        "Answer a question from the corpus of geopolitical briefs. Every sentence is quoted from a brief, or checked "
        "against one, and carries the number of a citation with the exact characters. Where the briefs do not answer, "
        "it says so with a reason. Follow-up questions need `history`.",
        AskArguments,
        AnswerRecord,
        _READS,
        _ask,
    ),
    BriefTool(
        "search_briefs",
        "Search the briefs",
        "Find the passages that come closest to some words, without judging whether they answer anything.",
        SearchArguments,
        PassagesRecord,
        _READS,
        _search,
    ),
    BriefTool(
        "read_brief",
        "Read a brief",
        "Return the text of a brief, whole or from character `start` to `end`. Long briefs come in parts: go on with "
        "start=next_start.",
        ReadArguments,
        BriefPartRecord,
        _READS,
        _read,
    ),
    BriefTool(
        "list_briefs",
        "List the briefs",
        "List the briefs, newest first, all or those within some limits. Go on with cursor=next_cursor.",
        ListArguments,
        BriefListRecord,
        _READS,
        _list,
    ),
    ADD_BRIEF,
)
