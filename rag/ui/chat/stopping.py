"""An answer that can be stopped: the server ends it.

The page's own way to cancel closes the stream over which everything else comes to the page, too: what it brings in that
moment, the reply to the press of "Stop" above all, fails before the reader's eyes (gradio 6.31).
"""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 4
"""Answers that are made at once."""
NOTICE_S = 0.05
"""How long a stop may go unnoticed."""


_AT_ONCE = threading.BoundedSemaphore(AT_ONCE)


@dataclass
class Stops:
    """Tells the answers under way, one a page, when they are wanted no more. Safe for threads."""

    _under_way: dict[str, threading.Event] = field(default_factory=dict)

    def begin(self, page: str) -> threading.Event:
        """Return what is set when the answer that begins now is to end; one that is under way is to end at once."""
        self.stop(page)
        return self._under_way.setdefault(page, threading.Event())

    def end(self, page: str, wanted_no_more: threading.Event) -> None:
        """Forget an answer that is over."""
        if self._under_way.get(page) is wanted_no_more:
            self._under_way.pop(page, None)

    def stop(self, page: str) -> None:
        """Ask for the end of the page's answer, if one is under way."""
        stopped = self._under_way.pop(page, None)
        if stopped is not None:
            stopped.set()


def until(stopped: threading.Event, steps: Generator[T, None, None]) -> Iterator[T]:
    """Yield the steps as they come, and no more once it is stopped or closed; what they raise is raised.

    They are made in a thread, which goes on to the end of the step that it is at and then closes them.
    """
    made: queue.SimpleQueue[tuple[T] | BaseException | None] = queue.SimpleQueue()
    dropped = threading.Event()

    def work() -> None:
        try:
            with _AT_ONCE:  # also of those that are stopped, and go on to the end of a step
                for step in () if stopped.is_set() or dropped.is_set() else steps:
                    if stopped.is_set() or dropped.is_set():
                        break
                    made.put((step,))
                steps.close()
            made.put(None)
        except BaseException as error:
            made.put(error)

    threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True, name="chat").start()
    try:
        while not stopped.is_set():
            try:
                found = made.get(timeout=NOTICE_S)
            except queue.Empty:
                continue
            if found is None:
                return
            if isinstance(found, BaseException):
                raise found
            if stopped.is_set():
                return
            yield found[0]
    finally:
        dropped.set()
