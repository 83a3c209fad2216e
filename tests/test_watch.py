"""A server opens what another process wrote before it is asked."""

from __future__ import annotations

import logging
import threading

import pytest

from rag import watch
from rag.catalogue import CatalogueWriter
from rag.errors import IndexUnusable
from rag.watch import watching
from tests.conftest import Desk

WAIT_S = 20.0


def test_a_new_generation_is_refreshed_and_nothing_else(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PAUSE_S", 0.0)
    mine, others = (desk.open().catalogue for _ in range(2))
    refreshed = threading.Semaphore(0)
    with watching(mine, refreshed.release):
        assert not refreshed.acquire(timeout=0.6)
        for _ in range(2):
            CatalogueWriter(others.database).touch()
            assert refreshed.acquire(timeout=WAIT_S)
            assert not refreshed.acquire(timeout=0.6), "once for a generation"
    CatalogueWriter(others.database).touch()
    assert not refreshed.acquire(timeout=0.6), "it is over"


def test_a_failure_is_logged_and_the_watch_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watch, "PAUSE_S", 0.0)
    monkeypatch.setattr(watch, "PAUSE_AFTER_FAILURE_S", 0.05)
    catalogue = desk.open().catalogue
    tries = threading.Semaphore(0)
    failing = [True]

    def refresh() -> None:
        tries.release()
        if failing.pop() if failing else False:
            raise IndexUnusable("the vectors are away")

    with caplog.at_level(logging.WARNING), watching(catalogue, refresh):
        threading.Event().wait(0.6)
        CatalogueWriter(catalogue.database).touch()
        assert tries.acquire(timeout=WAIT_S)
        assert tries.acquire(timeout=WAIT_S), "what failed is tried again"
    assert "the vectors are away" in caplog.text
