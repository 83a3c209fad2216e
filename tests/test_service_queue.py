"""The queue in front of answering, the rates, and keys of adds that are sent twice."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from rag.errors import UsageError
from rag.service.answering import Answering
from rag.service.idempotency import Idempotency
from rag.service.problems import Busy, Refused, TooSlow
from rag.service.rates import Rates, network_of


def test_more_than_may_wait_are_refused_and_told_when_to_return() -> None:
    async def go() -> None:
        answering = Answering(at_once=1, waiting=1)
        hold = threading.Event()
        running = answering.begin(lambda: (hold.wait(10) for _ in range(1)))
        waiting = answering.begin(lambda: iter([2]))
        with pytest.raises(Busy) as told:
            answering.begin(lambda: iter([3]))
        assert int(told.value.headers["Retry-After"]) >= 1
        hold.set()
        assert await running.last()
        assert await waiting.last() == 2
        answering.close()
        assert answering.held == 0

    asyncio.run(go())


def test_no_more_run_at_once_than_may() -> None:
    most = running = 0
    lock = threading.Lock()

    def work() -> int:
        nonlocal most, running
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1
        return 1

    async def go() -> None:
        answering = Answering(at_once=3, waiting=50)
        assert sum(await asyncio.gather(*(answering.once(work) for _ in range(30)))) == 30
        answering.close()

    asyncio.run(go())
    assert most == 3


def test_a_stopped_call_closes_its_generator_and_frees_its_place() -> None:
    closed = threading.Event()
    go_on = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield 1
            go_on.wait(10)
            yield 2
            raise AssertionError("goes on after it was stopped")
        finally:
            closed.set()

    async def go() -> None:
        answering = Answering(at_once=1, waiting=0)
        call = answering.begin(items)
        async for item in call.items():
            assert item == 1
            break
        call.stop()
        with pytest.raises(Busy):  # its thread has not noticed yet
            answering.begin(items)
        go_on.set()
        assert await asyncio.to_thread(closed.wait, 10)
        while answering.held:
            await asyncio.sleep(0.01)
        assert await answering.once(lambda: 3) == 3
        answering.close()

    asyncio.run(go())


def test_a_stopped_call_that_waits_is_never_begun() -> None:
    async def go() -> None:
        answering = Answering(at_once=1, waiting=1)
        hold = threading.Event()
        begun = threading.Event()

        def begin() -> None:
            begun.set()

        running = answering.begin(lambda: (hold.wait(10) for _ in range(1)))
        waiting = answering.begin(lambda: iter([begun.set]))
        waiting.stop()
        assert answering.held == 1
        hold.set()
        await running.last()
        answering.close()
        assert not begun.is_set()

    asyncio.run(go())


def test_what_takes_too_long_is_given_up_and_errors_come_through() -> None:
    def fails() -> int:
        raise UsageError("no")

    async def go() -> None:
        answering = Answering(at_once=2, waiting=2, timeout_s=0.1)
        hold = threading.Event()
        with pytest.raises(TooSlow):
            await answering.once(lambda: hold.wait(10))
        with pytest.raises(UsageError, match="no"):
            await answering.once(fails)
        hold.set()
        answering.close()

    asyncio.run(go())


def test_a_call_says_that_it_is_alive() -> None:
    async def go() -> None:
        answering = Answering(timeout_s=10)
        hold = threading.Event()
        call = answering.begin(lambda: (hold.wait(10) for _ in range(1)))
        beats = 0
        async for item in call.items(beat_s=0.01):
            if item is None:
                beats += 1
                if beats == 3:
                    hold.set()
        assert beats >= 3
        answering.close()

    asyncio.run(go())


def test_a_bucket_gives_its_burst_and_then_one_for_each_period() -> None:
    now = 0.0
    rates = Rates(2.0, 3, clock=lambda: now)
    assert [rates.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert rates.take("b") == 0
    now = 0.5
    assert [rates.take("a") for _ in range(2)] == [0, 0.5]
    now = 1000.0
    assert [rates.take("a") for _ in range(4)] == [0, 0, 0, 0.5]


def test_addresses_of_one_ipv6_site_share_a_bucket() -> None:
    assert network_of("2001:db8:0:1::5") == network_of("2001:db8:0:1:ffff::1") != network_of("2001:db8:0:2::5")
    assert network_of("192.0.2.1") != network_of("192.0.2.2")
    assert network_of("x" * 100) == "x" * 64


def test_a_key_is_done_once_and_fails_for_anything_else() -> None:
    now = 0.0
    kept = Idempotency(clock=lambda: now)
    with kept.turn("ada", "k", "one") as turn:
        with pytest.raises(Refused, match="under way"), kept.turn("ada", "k", "one"):
            pass
        turn.replied = "first"
    with kept.turn("ada", "k", "one") as turn:
        assert turn.replied == "first"
    with pytest.raises(Refused, match="something else"), kept.turn("ada", "k", "two"):
        pass
    with kept.turn("bob", "k", "two") as turn:
        assert turn.replied is None
    now = 86_401.0
    with kept.turn("ada", "k", "two") as turn:
        assert turn.replied is None


def test_a_key_whose_request_failed_may_be_tried_again() -> None:
    kept = Idempotency()
    with pytest.raises(ValueError, match="broken"), kept.turn("ada", "k", "one"):
        raise ValueError("broken")
    with kept.turn("ada", "k", "one") as turn:
        assert turn.replied is None
