"""An answer under way ends when it is stopped, and only then."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator

import pytest

from rag.ui.chat.stopping import AT_ONCE, Stops, until

WAIT_S = 5.0


def counting(closed: threading.Event, *, hold: threading.Event | None = None) -> Generator[int, None, None]:
    """Count; hold before the second number."""
    try:
        for number in range(1000):
            if number == 1 and hold is not None:
                hold.wait(WAIT_S)
            yield number
    finally:
        closed.set()


def test_all_steps_come_in_order() -> None:
    stopped, closed = threading.Event(), threading.Event()
    assert list(until(stopped, counting(closed))) == list(range(1000))
    assert closed.is_set()
    assert not stopped.is_set()


def test_a_stop_ends_the_wait_for_a_step_that_takes_long() -> None:
    stopped, closed, hold = threading.Event(), threading.Event(), threading.Event()
    steps = until(stopped, counting(closed, hold=hold))
    assert next(steps) == 0
    threading.Timer(0.1, stopped.set).start()
    begun = time.monotonic()
    assert list(steps) == []
    assert time.monotonic() - begun < WAIT_S / 2
    hold.set()
    assert closed.wait(WAIT_S), "what makes the steps is closed once its step is done"


def test_what_is_dropped_half_way_is_closed() -> None:
    closed = threading.Event()
    hold = threading.Event()
    steps = until(threading.Event(), counting(closed, hold=hold))
    assert next(steps) == 0
    steps.close()  # type: ignore[attr-defined]
    hold.set()
    assert closed.wait(WAIT_S)


def test_what_the_steps_raise_is_raised() -> None:
    def failing() -> Generator[int, None, None]:
        yield 1
        raise ValueError("broken")

    steps = until(threading.Event(), failing())
    assert next(steps) == 1
    with pytest.raises(ValueError, match="broken"):
        next(steps)


def test_a_stop_reaches_the_answer_of_its_page_alone() -> None:
    stops = Stops()
    mine, other = stops.begin("mine"), stops.begin("other")
    stops.stop("mine")
    assert mine.is_set()
    assert not other.is_set()
    stops.stop("nobody's")
    stops.end("other", other)
    stops.stop("other")
    assert not other.is_set(), "an answer that is over is not stopped"


def test_a_second_answer_of_a_page_ends_the_first_and_is_not_forgotten_with_it() -> None:
    stops = Stops()
    first = stops.begin("page")
    second = stops.begin("page")
    assert first.is_set()
    assert not second.is_set()
    stops.end("page", first)
    stops.stop("page")
    assert second.is_set()


def test_answers_that_are_stopped_count_until_their_step_is_done() -> None:
    hold, begun = threading.Event(), [threading.Event() for _ in range(2 * AT_ONCE)]

    def step(n: int) -> Generator[int, None, None]:
        begun[n].set()
        hold.wait(WAIT_S)
        yield n

    for n in range(2 * AT_ONCE):
        stopped = threading.Event()
        threading.Timer(0.1, stopped.set).start()
        assert list(until(stopped, step(n))) == []
    assert sum(one.is_set() for one in begun) == AT_ONCE
    hold.set()
    assert list(until(threading.Event(), step(0))) == [0]
