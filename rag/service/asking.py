"""The addresses that answer: /v1/ask, /v1/ask/stream, /v1/search and /v1/verify."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from langchain_core.documents import Document
from pydantic import BaseModel
from starlette.responses import Response, StreamingResponse

from rag.answer import Answered, Event, Retrieved, Rewritten, Said
from rag.assistant import checked
from rag.export.conversation import ConversationRecord, FileKind
from rag.record import AnswerRecord, EvidenceRecord, SentenceRecord
from rag.service.access import Caller, Needs
from rag.service.answering import Call
from rag.service.bodies import AskBody, SearchBody, json_body, parsed, require_json
from rag.service.notes import note, request_id_of
from rag.service.replies import (
    FoundRecord,
    RetrievedRecord,
    RewrittenRecord,
    VerdictRecord,
    VerifiedRecord,
    documented,
    json_response,
)
from rag.service.service import Served, Service, told
from rag.verify import is_proved, verify_record

BEAT_S = 15.0
"""A stream says so often that it is alive: proxies cut what is silent, and who has gone is noticed."""
WAITING = b": waiting\n\n"
"""What it says then: a comment, which clients pass over. Source: WHATWG HTML, 9.2."""

Reads = Annotated[Caller, Depends(Needs("read"))]
Asked = Annotated[AskBody, Depends(json_body(AskBody))]
Searched = Annotated[SearchBody, Depends(json_body(SearchBody))]

_EVENT = {
    "type": "object",
    "properties": {
        "event": {"enum": ["rewritten", "retrieved", "sentence", "answered", "error"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
    "required": ["event", "data"],
}
_STREAM = {
    "description": (
        "Server-sent events: `rewritten`, `retrieved`, a `sentence` for each checked sentence, and last `answered` "
        "with the whole answer, or `error` with a problem."
    ),
    "content": {"text/event-stream": {"schema": _EVENT}},
}

router = APIRouter(prefix="/v1", tags=["answers"])


@router.post("/ask", responses={200: {"model": AnswerRecord}, **documented(413, 415, 422, 504)})
async def ask(request: Request, caller: Reads, service: Served, body: Asked) -> Response:
    """Answer a question in quotes with citations, or say that the briefs do not answer it."""
    note(request.scope, question=body.question)
    answered = await service.answer(request, lambda: _events(service, body))
    note(request.scope, abstained=answered.answer.abstained)
    return json_response(AnswerRecord.of(answered.answer))


@router.post("/ask/stream", responses={200: _STREAM, **documented(413, 415, 422)}, response_class=StreamingResponse)
async def stream(request: Request, caller: Reads, service: Served, body: Asked) -> Response:
    """Answer a question, and tell it as it happens."""
    note(request.scope, question=body.question)
    checked(body.question, max_chars=service.assistant.max_question_chars)
    call = service.begin(lambda: _events(service, body))
    return StreamingResponse(_frames(request, service, call), media_type="text/event-stream")


@router.post("/search", responses={200: {"model": FoundRecord}, **documented(413, 415, 422, 504)})
async def search(request: Request, caller: Reads, service: Served, body: Searched) -> Response:
    """Return the passages that come closest, without reading or answering."""
    note(request.scope, question=body.question)
    passages = await service.last(request, lambda: iter([_found(service, body)]))
    records = [EvidenceRecord.of(n, passage) for n, passage in enumerate(passages, 1)]
    return json_response(FoundRecord(question=body.question, passages=records))


@router.post("/verify", responses={200: {"model": VerifiedRecord}, **documented(413, 415, 422, 504)})
async def verify(request: Request, caller: Reads, service: Served) -> Response:
    """Check each citation of an answer, or of an exported conversation, again."""
    require_json(request)
    content = await request.body()
    return json_response(await service.last(request, lambda: _verified(service, content)))


def _events(service: Service, body: AskBody) -> Iterator[Event]:
    history = [turn.message() for turn in body.history]
    return service.assistant.stream(body.question, history=history, scope=body.scope.scope(), dates=body.dates)


def _found(service: Service, body: SearchBody) -> list[Document]:
    return service.assistant.search(body.question, scope=body.scope.scope(), k=body.k)


def _verified(service: Service, content: bytes) -> Iterator[VerifiedRecord]:
    """Check sentence after sentence, so that the work can be stopped in between; what comes last holds them all."""
    kept = service.assistant.catalogue.versions
    versions = cache(lambda brief_id: () if "\0" in brief_id else kept(brief_id))
    judge = service.assistant.verifier.judge
    cited: list[VerdictRecord] = []
    holds = True
    yield VerifiedRecord(holds=holds, citations=cited)
    for record in _answers(content):
        for sentence in record.sentences:
            verdicts = verify_record(record.model_copy(update={"sentences": [sentence]}), versions, judge)
            cited += [
                VerdictRecord(verdict=v.verdict, sentence=v.sentence, **v.citation.model_dump()) for v in verdicts
            ]
            holds = holds and is_proved(sentence, verdicts)
            yield VerifiedRecord.model_construct(holds=holds, citations=cited)


def _answers(content: bytes) -> list[AnswerRecord]:
    if parsed(FileKind, content).kind == "conversation":
        return parsed(ConversationRecord, content).answers
    return [parsed(AnswerRecord, content)]


async def _frames(request: Request, service: Service, call: Call[Event]) -> AsyncIterator[bytes]:
    """Yield the events of a question as server-sent ones; stops the question where nobody listens any more."""
    try:
        async for event in call.items(beat_s=BEAT_S):
            yield WAITING if event is None else frame(*_told(event))
            if isinstance(event, Answered):
                note(request.scope, abstained=event.answer.abstained)
    except Exception as error:  # the status is sent already: the stream says what went wrong
        problem = told(request, error)
        note(request.scope, error=problem.kind)
        yield frame("error", problem.record(request_id_of(request.scope)))
    finally:
        call.stop()


def frame(name: str, record: BaseModel) -> bytes:
    """Return one server-sent event; JSON holds no line end. Source: WHATWG HTML, 9.2."""
    return f"event: {name}\ndata: {record.model_dump_json(by_alias=True)}\n\n".encode()


def _told(event: Event) -> tuple[str, BaseModel]:
    return next(tell(event) for kind, tell in _TOLD if isinstance(event, kind))


_TOLD: tuple[tuple[type, Callable[[Any], tuple[str, BaseModel]]], ...] = (
    (
        Rewritten,
        lambda e: (
            "rewritten",
            RewrittenRecord(standalone_question=e.standalone_question, parts=list(e.parts)),
        ),
    ),
    (
        Retrieved,
        lambda e: (
            "retrieved",
            RetrievedRecord(evidence=[EvidenceRecord.of(n, passage) for n, passage in enumerate(e.evidence, 1)]),
        ),
    ),
    (Said, lambda e: ("sentence", SentenceRecord.of(e.sentence))),
    (Answered, lambda e: ("answered", AnswerRecord.of(e.answer))),
)
