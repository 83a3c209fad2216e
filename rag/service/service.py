"""What the service serves: an assistant over an index, and what may change it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, TypeVar

from fastapi import Depends
from starlette.requests import Request

from rag.answer import Answered, Event
from rag.assistant import Assistant
from rag.service.answering import Answering, Call
from rag.service.evaluations import Evaluations
from rag.service.idempotency import Idempotency
from rag.service.listing import Listing
from rag.service.metrics import Metrics
from rag.service.notes import note, request_id_of
from rag.service.problems import Busy, Refused, problem_of
from rag.uploads import Uploads

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Gone(Refused):
    """Nobody waits for the answer any more."""

    def __init__(self) -> None:
        super().__init__(499, "gone", "The client has gone.")


@dataclass(frozen=True)
class Service:
    """The parts that requests are served with."""

    assistant: Assistant
    uploads: Uploads
    evaluations: Evaluations
    answering: Answering = field(default_factory=Answering)
    metrics: Metrics = field(default_factory=Metrics)
    idempotency: Idempotency = field(default_factory=Idempotency)

    @cached_property
    def listing(self) -> Listing:
        """Lists of the briefs."""
        return Listing(self.assistant.catalogue)

    def __post_init__(self) -> None:
        self.metrics.watch(lambda: self.answering.held)

    def begin(self, make: Callable[[], Iterable[T]]) -> Call[T]:
        """Queue what takes long, such as a question; answers among its items are counted. `Call.stop` ends it.

        Raises:
            Busy: if as many wait as may; counted.
        """
        try:
            return self.answering.begin(lambda: self._counted(make))
        except Busy:
            self.metrics.throttle("queue")
            raise

    async def answer(self, request: Request, make: Callable[[], Iterator[Event]]) -> Answered:
        """Return the last event of a question; stops where the client goes.

        Raises:
            Busy: if as many wait as may; counted.
            TooSlow: if it takes too long.
            Gone: if the client goes.
        """
        last = await self.until_gone(request, self.begin(make))
        if not isinstance(last, Answered):
            raise AssertionError("stream ends with Answered")
        return last

    async def last(self, request: Request, make: Callable[[], Iterator[T]]) -> T:
        """Return the last item of what is made in the threads that answer. Raises and stops as `answer` does."""
        return await self.until_gone(request, self.begin(make))

    async def until_gone(self, request: Request, call: Call[T]) -> T:
        """Return the last item of a call whose body was read; stops it where the client goes. Raises as `answer`."""
        gone = asyncio.ensure_future(_gone(request))
        last = asyncio.ensure_future(call.last())
        try:
            await asyncio.wait({gone, last}, return_when=asyncio.FIRST_COMPLETED)
            if not last.done():
                raise Gone
            return last.result()
        finally:
            call.stop()
            gone.cancel()
            last.cancel()

    def close(self) -> None:
        """Stop what runs."""
        self.evaluations.close()
        self.answering.close()

    def _counted(self, make: Callable[[], Iterable[T]]) -> Iterator[T]:
        items = make()
        try:
            for item in items:
                if isinstance(item, Answered):
                    self.metrics.answer(item.answer)
                yield item
        finally:
            if isinstance(items, Generator):
                items.close()


def service_of(request: Request) -> Service:
    """Return what an application serves."""
    service = request.app.state.service
    if not isinstance(service, Service):
        raise AssertionError("the application has no service")
    return service


def told(request: Request, error: Exception) -> Refused:
    """Return the problem that an error is told as; a failure of the service is logged, and counted where there is one.

    What begins a response tells what goes wrong later in the same way: such a failure has no status to be seen by.
    """
    problem = problem_of(error)
    if problem.status >= 500:
        note(request.scope, failure=type(error).__name__)
        service = getattr(getattr(request.scope.get("app"), "state", None), "service", None)
        if isinstance(service, Service):
            service.metrics.error(type(error).__name__)
        _log.error("request %s failed", request_id_of(request.scope), exc_info=error)
    return problem


Served = Annotated[Service, Depends(service_of)]


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
