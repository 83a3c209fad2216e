"""A bounded queue in front of what takes long: so many at once in threads, so many waiting, the others refused.

What a call does knows of its request what the caller knows: each runs in the caller's context.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Generic, TypeVar, cast

from rag.service.problems import Busy, TooSlow

T = TypeVar("T")

AT_ONCE = 2
WAITING = 64
TIMEOUT_S = 60.0
MAX_RETRY_S = 60
_WEIGHT = 0.2
"""Of the last call in the mean time of a call."""


class Answering:
    """Threads that answer, and the queue before them. A call that is given up keeps its thread until it notices."""

    def __init__(self, *, at_once: int = AT_ONCE, waiting: int = WAITING, timeout_s: float = TIMEOUT_S) -> None:
        self.at_once = at_once
        self.waiting = waiting
        self.timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="answering")
        self._lock = threading.Lock()
        self._calls: set[Call[Any]] = set()
        self._mean_s = 0.5

    @property
    def held(self) -> int:
        """Calls that run or wait."""
        return len(self._calls)

    def begin(self, make: Callable[[], Iterable[T]]) -> Call[T]:
        """Queue a call, of which each item comes as it is ready. Call it within the event loop that takes the items.

        Raises:
            Busy: if as many wait as may.
        """
        call = Call(make, asyncio.get_running_loop(), self.timeout_s)
        with self._lock:
            if len(self._calls) >= self.at_once + self.waiting:
                raise Busy(self._wait_s())
            self._calls.add(call)
        try:
            future = self._threads.submit(contextvars.copy_context().run, call.work)
        except RuntimeError:  # it is being closed
            self._calls.discard(call)
            raise Busy(MAX_RETRY_S) from None
        call.future = future
        future.add_done_callback(lambda _: self._end(call))
        return call

    async def once(self, work: Callable[[], T]) -> T:
        """Do one thing in a thread and return what it gives.

        Raises:
            Busy: if as many wait as may.
            TooSlow: if it takes too long.
        """
        return await self.begin(lambda: (work() for _ in range(1))).last()

    def close(self) -> None:
        """Stop what runs as soon as it notices, and drop what waits."""
        for call in list(self._calls):
            call.stop()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _wait_s(self) -> int:
        return min(MAX_RETRY_S, max(1, round(self._mean_s * len(self._calls) / self.at_once)))

    def _end(self, call: Call[Any]) -> None:
        with self._lock:
            self._calls.discard(call)
            if call.took_s is not None:
                self._mean_s += _WEIGHT * (call.took_s - self._mean_s)


class Call(Generic[T]):
    """What is done for one request. `stop` ends it between two items."""

    def __init__(self, make: Callable[[], Iterable[T]], loop: asyncio.AbstractEventLoop, timeout_s: float) -> None:
        self.future: Future[None] | None = None
        self.took_s: float | None = None
        self._make = make
        self._loop = loop
        self._timeout_s = timeout_s
        self._due = loop.time() + timeout_s
        self._stopped = threading.Event()
        # Unbounded, so that a slow receiver holds no thread; an answer has few items.
        self._items: asyncio.Queue[tuple[T] | Exception | None] = asyncio.Queue()

    def work(self) -> None:
        """Make the items; runs in a thread."""
        begun = time.monotonic()
        try:
            items = iter(self._make())
            try:
                for item in items:
                    if self._stopped.is_set():
                        break
                    self._put((item,))
            finally:
                if isinstance(items, Generator):
                    items.close()
            self._put(None)
        except Exception as error:
            self._put(error)
        finally:
            self.took_s = time.monotonic() - begun

    def stop(self) -> None:
        """End the call: not begun if it waits, at the next item if it runs."""
        self._stopped.set()
        if self.future is not None:
            self.future.cancel()

    async def items(self, *, beat_s: float | None = None) -> AsyncGenerator[T | None, None]:
        """Yield the items; None where none came for `beat_s`. Whatever the work raises is raised.

        Raises:
            TooSlow: if they are not complete in time.
        """
        while True:
            left_s = self._due - self._loop.time()
            try:
                wait_s = left_s if beat_s is None else min(left_s, beat_s)
                found = await asyncio.wait_for(self._items.get(), max(0.0, wait_s))
            except TimeoutError:
                if self._loop.time() >= self._due:
                    raise TooSlow(self._timeout_s) from None
                yield None
                continue
            if found is None:
                return
            if isinstance(found, Exception):
                raise found
            yield found[0]

    async def last(self) -> T:
        """Return the last item; stops the call where who waits is cancelled. Raises as `items` does."""
        found: list[T | None] = []
        try:
            async for item in self.items():
                found = [item]
        finally:
            self.stop()
        return cast(T, found[0])

    def _put(self, item: tuple[T] | Exception | None) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._items.put_nowait, item)
