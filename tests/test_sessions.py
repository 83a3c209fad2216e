"""Sessions and tries on a clock of their own."""

from __future__ import annotations

import pytest

from rag.ui.web import sessions
from rag.ui.web.sessions import IDLE_S, MAX_SESSIONS, MAX_TRIES_PER_NAME, WINDOW_S, Sessions, Tries

A_FEW = 12


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MAX_TRIES_PER_ADDRESS", A_FEW)


def test_a_session_ends_after_twelve_hours_without_use() -> None:
    now = [0.0]
    sessions = Sessions(lambda: now[0])
    token = sessions.begin("ada", "stamp")
    for _ in range(3):
        now[0] += IDLE_S - 1
        assert sessions.use(token, lambda _: "stamp") == "ada"
    now[0] += IDLE_S + 1
    assert sessions.use(token, lambda _: "stamp") is None
    assert sessions.use("", lambda _: "stamp") is None
    assert sessions.use(None, lambda _: "stamp") is None


def test_a_user_has_so_many_sessions_and_takes_none_of_others() -> None:
    now = [0.0]
    sessions = Sessions(lambda: now[0])
    bob = sessions.begin("bob", "s")
    tokens = []
    for _ in range(MAX_SESSIONS + 1):
        now[0] += 1
        tokens.append(sessions.begin("ada", "s"))
    known = [sessions.use(token, lambda _: "s") for token in (bob, *tokens)]
    assert known == ["bob", None, *["ada"] * MAX_SESSIONS]


def test_the_token_itself_is_not_kept() -> None:
    sessions = Sessions()
    token = sessions.begin("ada", "stamp")
    assert token not in repr(sessions)


@pytest.mark.usefixtures("strict")
def test_tries_count_by_name_and_by_address_in_a_window_that_slides() -> None:
    now = [0.0]
    tries = Tries(lambda: now[0])
    assert [tries.begin("ada", f"192.0.2.{n}") for n in range(MAX_TRIES_PER_NAME)] == [0] * MAX_TRIES_PER_NAME
    now[0] = 100.0
    assert tries.begin("ADA", "192.0.2.99") == WINDOW_S - 100 + 1
    assert [tries.begin(f"u{n}", "10.0.0.1") for n in range(A_FEW)] == [0] * A_FEW
    assert tries.begin("other", "10.0.0.1") > 0
    assert tries.begin("other", "10.0.0.2") == 0
    now[0] = WINDOW_S + 1.0
    assert tries.begin("ada", "192.0.2.99") == 0


@pytest.mark.usefixtures("strict")
def test_success_forgives_the_name_and_not_the_address() -> None:
    tries = Tries(lambda: 0.0)
    for n in range(A_FEW - 1):
        tries.begin(f"u{n}", "10.0.0.1")
    assert tries.begin("ada", "10.0.0.1") == 0
    tries.succeed("ada", "10.0.0.1")
    assert tries.begin("ada", "10.0.0.1") == 0
    assert tries.begin("ada", "10.0.0.1") > 0


@pytest.mark.usefixtures("strict")
def test_an_ipv6_network_counts_as_one_address() -> None:
    tries = Tries(lambda: 0.0)
    codes = [tries.begin(f"u{n}", f"2001:db8::{n:x}") for n in range(A_FEW + 1)]
    assert codes[-1] > 0
    assert tries.begin("u", "2001:db8:0:1::1") == 0
