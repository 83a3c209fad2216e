"""The corpus as if it were a model of OpenAI's: /v1/chat/completions and /v1/models.

    app.include_router(router(lambda request: assistant))

No model is asked; an answer is what `Assistant.stream` gives, with its numbers and references in the text.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.responses import StreamingResponse

from rag.answer import Answer, Answered, Event, Retrieved
from rag.arguments import by_then
from rag.cited_text import briefs_named
from rag.rewrite import BRIEFS
from rag.service.access import Needs
from rag.service.asking import BEAT_S as SAYS_EVERY_S
from rag.service.asking import WAITING
from rag.service.bodies import MAX_QUESTION_CHARS, MAX_TURNS, json_body
from rag.service.chat_errors import OpenAiRoute, Unsupported, error_record
from rag.service.chat_protocol import (
    ChatMessage,
    CompletionBody,
    CompletionRecord,
    ErrorRecord,
    ModelList,
    ModelRecord,
    inlined,
)
from rag.service.chat_reply import Reply, frame
from rag.service.notes import note
from rag.service.problems import ProblemRecord
from rag.service.replies import json_response
from rag.service.service import Gone, service_of, told
from rag.types import Scope

MODEL = "geobrief"
BEAT_S = 1.0
"""How often it is looked whether the client still waits, while nothing comes."""

_DONE = b"data: [DONE]\n\n"
_STREAM = {
    "text/event-stream": {
        "schema": {"type": "object", "properties": {"data": {"type": "string"}}, "required": ["data"]}
    }
}
_PROBLEM = {"application/problem+json": {"schema": inlined(ProblemRecord)}}
"""What stands before the routes, such as the check of keys, does not know OpenAI's shape."""
_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorRecord, "content": _PROBLEM} for status in (400, 401, 403, 404, 413, 415, 429, 500, 503, 504)
}
_BODY = {"required": True, "content": {"application/json": {"schema": inlined(CompletionBody)}}}
_READ = Depends(json_body(CompletionBody))


class Streams(Protocol):
    """Answers questions; `Assistant` does."""

    def stream(
        self, question: str, *, history: Sequence[BaseMessage] = ..., scope: Scope = ..., dates: bool = ...
    ) -> Generator[Event, None, None]:
        """Yield the answer as it comes about; closing it stops the work."""
        ...


Make = Callable[[], Generator[Event, None, None]]
Run = Callable[[Request, Make], AsyncGenerator[Event | None, None]]
"""Runs what blocks; may yield None while nothing comes: who went away is noticed, and a stream says that it waits."""


async def in_threads(request: Request, make: Make) -> AsyncGenerator[Event | None, None]:
    """Yield the events, each made in a thread of the server's pool."""
    events = make()
    try:
        async for event in iterate_in_threadpool(events):
            yield event
    finally:
        with suppress(ValueError):  # it still runs in a thread, and is closed when that lets go of it
            events.close()


async def in_queue(request: Request, make: Make) -> AsyncGenerator[Event | None, None]:
    """Yield the events, made in the threads of the service behind its bounded queue.

    Raises:
        Busy: if as many wait as may.
        TooSlow: if it takes too long.
    """
    call = service_of(request).begin(make)
    try:
        async for event in call.items(beat_s=BEAT_S):
            yield event
    finally:
        call.stop()


def router(
    assistant_of: Callable[[Request], Streams],
    *,
    model: str = MODEL,
    run: Run = in_threads,
    dependencies: Sequence[Depends] = (),
) -> APIRouter:
    """Return the routes.

    Args:
        assistant_of: gives the assistant for a request; may block, and may refuse by an `HTTPException`.
        model: the name that the corpus has as a model.
        run: runs what blocks.
        dependencies: of each route, such as one that checks a key.
    """
    routes = APIRouter(prefix="/v1", tags=["openai"], route_class=OpenAiRoute, dependencies=list(dependencies))
    known = ModelRecord(id=model, created=int(time.time()))

    @routes.get("/models", responses={200: {"model": ModelList}, **_ERRORS})
    async def models() -> Response:
        """List the models: the corpus."""
        return json_response(ModelList(data=[known]))

    @routes.get("/models/{model_id}", responses={200: {"model": ModelRecord}, **_ERRORS})
    async def one_model(model_id: str) -> Response:
        """Return the corpus as a model."""
        _check_model(model_id, model)
        return json_response(known)

    @routes.post(
        "/chat/completions",
        responses={200: {"model": CompletionRecord, "content": _STREAM}, **_ERRORS},
        openapi_extra={"requestBody": _BODY},
    )
    async def complete(request: Request, body: Annotated[CompletionBody, _READ]) -> Response:
        """Answer the last message from the briefs, in quotes with numbers and, below them, what these stand for."""
        _check_model(body.model, model)
        asked = _asked(body)
        note(request.scope, question=asked.question)
        assistant = await run_in_threadpool(assistant_of, request)
        events = run(request, lambda: _events(assistant, asked, body))
        begun = await _begun(request, events, at_most_s=SAYS_EVERY_S if body.stream else None)
        reply = Reply(model, (asked.question, *(str(m.text) for m in asked.history)))
        if body.stream:
            return StreamingResponse(_frames(request, reply, begun, events, body), media_type="text/event-stream")
        answer = await _answer(request, begun, events)
        return json_response(reply.completion(answer))

    return routes


def service_router() -> APIRouter:
    """Return the routes over the assistant and the queue of the service that they are in, for keys that may read."""
    return router(lambda request: service_of(request).assistant, run=in_queue, dependencies=[Depends(Needs("read"))])


@dataclass(frozen=True, slots=True)
class _Asked:
    """The question of a request, and what was said before it."""

    question: str
    history: tuple[BaseMessage, ...]


def _check_model(given: str, known: str) -> None:
    if given != known:
        message = f"There is no model {given[:100]!r}; there is {known!r}."
        raise Unsupported(message, param="model", kind="model_not_found", status=404)


def _asked(body: CompletionBody) -> _Asked:
    """Return what a request asks, or refuse it."""
    if name := body.unsupported():
        raise Unsupported(f"{name!r} asks for what this model does not do; leave it out.", param=name)
    said = [(m.role, _text(m)) for m in body.messages if m.role in ("user", "assistant")]
    if not said or said[-1][0] != "user":
        message = "The last message must be one of the user: it is the question."
        raise Unsupported(message, param="messages", kind="invalid_value")
    before = [_message(role, text) for role, text in said[:-1][-MAX_TURNS:] if text]
    return _Asked(said[-1][1], tuple(before))


def _text(message: ChatMessage) -> str:
    if not isinstance(message.content, list):
        return message.content or ""
    others = [part.type for part in message.content if part.type != "text"]
    if others and message.role == "user":
        raise Unsupported(f"Parts of type {others[0][:50]!r} are not read; send text.", param="messages")
    return "\n".join(part.text or "" for part in message.content if part.type == "text")


def _message(role: str, text: str) -> BaseMessage:
    if role == "user":
        return HumanMessage(text[:MAX_QUESTION_CHARS])
    return AIMessage(text[:MAX_QUESTION_CHARS], additional_kwargs={BRIEFS: briefs_named(text)})


def _events(assistant: Streams, asked: _Asked, body: CompletionBody) -> Generator[Event, None, None]:
    scope = by_then(body.geobrief.scope.scope(), body.geobrief.as_of)
    yield from assistant.stream(asked.question, history=asked.history, scope=scope, dates=body.geobrief.dates)


async def _begun(
    request: Request, events: AsyncGenerator[Event | None, None], *, at_most_s: float | None
) -> list[Event]:
    """Return the events until the evidence is known: what fails until then still has a status of its own.

    A stream that waits longer than `at_most_s` begins without them, since a client may take silence for a failure.
    """
    begun: list[Event] = []
    since = time.monotonic()
    async for event in events:
        if await request.is_disconnected():
            await events.aclose()
            raise Gone
        if event is not None:
            begun.append(event)
        is_late = at_most_s is not None and time.monotonic() - since >= at_most_s
        if is_late or isinstance(event, Retrieved | Answered):
            break
    return begun


async def _answer(request: Request, begun: Sequence[Event], events: AsyncGenerator[Event | None, None]) -> Answer:
    async with aclosing(events):
        async for event in _joined(begun, events):
            if isinstance(event, Answered):
                note(request.scope, abstained=event.answer.abstained)
                return event.answer
            if await request.is_disconnected():
                raise Gone
    raise AssertionError("stream ends with Answered")


async def _joined(begun: Sequence[Event], events: AsyncGenerator[Event | None, None]) -> AsyncIterator[Event | None]:
    for event in begun:
        yield event
    async for more in events:
        yield more


async def _frames(
    request: Request,
    reply: Reply,
    begun: Sequence[Event],
    events: AsyncGenerator[Event | None, None],
    body: CompletionBody,
) -> AsyncIterator[bytes]:
    """Yield the reply as server-sent events. The server cancels it where the client goes, which stops the work."""
    with_usage = bool(body.stream_options and body.stream_options.include_usage)
    try:
        async with aclosing(events):
            yield reply.chunk({"role": "assistant", "content": ""}, with_usage=with_usage)
            said_at = time.monotonic()
            async for event in _joined(begun, events):
                for piece in reply.pieces(event):
                    yield reply.chunk({"content": piece}, with_usage=with_usage)
                    said_at = time.monotonic()
                if event is None and time.monotonic() - said_at >= SAYS_EVERY_S:
                    yield WAITING
                    said_at = time.monotonic()
                if isinstance(event, Answered):
                    note(request.scope, abstained=event.answer.abstained)
                    for ending in reply.end(event.answer, with_usage=with_usage):
                        yield ending
    except Exception as error:  # the status is sent already: the stream says what went wrong
        problem = told(request, error)
        note(request.scope, error=problem.kind)
        yield frame(error_record(problem).model_dump())
    yield _DONE
