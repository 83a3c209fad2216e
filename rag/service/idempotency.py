"""Adds that are sent twice under one key are done once. Kept in memory, for a day.

Source: draft-ietf-httpapi-idempotency-key-header-07, but for 409 where it has 422: 422 says here that a body is none.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rag.service.problems import Refused, retry_after

KEPT_KEYS = 10_000
KEPT_S = 86_400.0


@dataclass
class Turn:
    """One request under a key; `replied` is what was answered before, or what to answer the next time."""

    fingerprint: str
    begun: float
    replied: str | None = None


@dataclass
class Idempotency:
    """Requests of the last day, by who sent them and under which key. Safe for threads."""

    clock: Callable[[], float] = time.monotonic
    _turns: OrderedDict[tuple[str, str], Turn] = field(default_factory=OrderedDict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @contextmanager
    def turn(self, owner: str, key: str, fingerprint: str) -> Iterator[Turn]:
        """Yield the turn of a key: with a reply where it was done before, else to be given one. A failure frees it.

        Raises:
            Refused: if the key was used for something else, or the first request is still under way.
        """
        turn, is_mine = self._taken((owner, key), fingerprint)
        try:
            yield turn
        finally:
            if is_mine and turn.replied is None:
                with self._lock:
                    self._turns.pop((owner, key), None)

    def _taken(self, place: tuple[str, str], fingerprint: str) -> tuple[Turn, bool]:
        now = self.clock()
        with self._lock:
            found = self._turns.get(place)
            if found is not None and now - found.begun < KEPT_S:
                if found.fingerprint != fingerprint:
                    raise Refused(409, "key-reused", "This Idempotency-Key was used for something else.")
                if found.replied is None:
                    raise Refused(
                        409, "under-way", "The first request of this key is under way.", headers=retry_after(1)
                    )
                return found, False
            turn = self._turns[place] = Turn(fingerprint, now)
            self._turns.move_to_end(place)
            while len(self._turns) > KEPT_KEYS:
                self._turns.popitem(last=False)
            return turn, True
