"""Threads for what blocks, with a bounded queue; a caller that goes away is told to the work."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from rag.errors import RagError

_Result = TypeVar("_Result")


class Busy(RagError):
    """More is asked than can wait."""


class Abandoned(Exception):
    """Nobody waits for the result any more."""


class Workers:
    """Runs blocking work for coroutines, so many at a time; `max_waiting` more wait, others are refused."""

    def __init__(self, threads: int, *, max_waiting: int, name: str) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._limit = threads + max_waiting
        self._taken = 0
        self._lock = threading.Lock()

    async def run(self, work: Callable[[threading.Event], _Result]) -> _Result:
        """Run `work` in a thread. It is given an event that is set when the caller is cancelled.

        Work that has not begun by then never does.

        Raises:
            Busy: if too much waits already.
        """
        abandoned = threading.Event()
        try:
            return await asyncio.wrap_future(self.submit(lambda: work(abandoned)))
        except asyncio.CancelledError:
            abandoned.set()
            raise

    def submit(self, work: Callable[[], _Result]) -> Future[_Result]:
        """Run `work` in a thread, in the caller's context. Raises as `run` does."""
        with self._lock:
            if self._taken >= self._limit:
                raise Busy("the server has too many questions waiting; ask again in a few seconds")
            self._taken += 1
        try:
            future = self._executor.submit(contextvars.copy_context().run, work)
        except RuntimeError as error:
            self._free()
            raise Busy("the server is stopping") from error
        future.add_done_callback(self._free)
        return future

    def close(self) -> None:
        """Take no more work, and drop what has not begun."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _free(self, _future: Future[Any] | None = None) -> None:
        with self._lock:
            self._taken -= 1
