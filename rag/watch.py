"""Notice what other processes write, so that not a question has to wait for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rag.catalogue import Catalogue
from rag.errors import RagError

WAIT_S = 1.0
"""How long the end may have to wait for a watcher."""
PAUSE_S = 1.0
"""Between two refreshes: an ingest publishes every few files."""
PAUSE_AFTER_FAILURE_S = 10.0

_log = logging.getLogger(__name__)


@contextmanager
def watching(catalogue: Catalogue, refresh: Callable[[], object]) -> Iterator[None]:
    """Call `refresh` in a thread, soon after the generation of a catalogue has moved; a failure is logged.

    Whoever asks meanwhile sees the new generation all the same, and waits for what it takes to open.
    """
    over = threading.Event()
    thread = threading.Thread(target=_watch, args=(catalogue, refresh, over), daemon=True, name="watching")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=2 * WAIT_S)


def _watch(catalogue: Catalogue, refresh: Callable[[], object], over: threading.Event) -> None:
    seen: int | None = None
    while not over.is_set():
        try:
            generation = catalogue.generation()
            if seen is not None and generation != seen:
                refresh()
                over.wait(PAUSE_S)
            seen = generation
            catalogue.database.wait_for_change(WAIT_S)
        except RagError as error:
            _log.warning("what others write is not noticed now: %s", error)
            over.wait(PAUSE_AFTER_FAILURE_S)
