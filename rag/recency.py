"""Whether a question wants the latest word, and how recent a brief is among those found."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.types import DateInterval

_WANTS_NEWEST = re.compile(
    r"\b(?:now|nowadays|current|currently|at present|presently|latest|newest|most recent(?:ly)?|today|so far|to date"
    r"|meanwhile|up to date|still|these days|at the moment|end(?:s|ed)? up|last known|lately|as things stand"
    r"|any ?more(?=\W*$))\b",
    re.IGNORECASE,
)

_YET = re.compile(r"\byet(?=\W*$)", re.IGNORECASE)
_PAST = re.compile(r"\b(?:was|were|had|did)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NewestFirst:
    """How strongly a question that wants the latest word prefers newer briefs.

    Attributes:
        weight: log-odds that the newest brief found has over one that is very old.
        half_life_days: age, counted from the newest brief found, at which half of that is left.
    """

    weight: float = 2.0
    half_life_days: float = 180.0

    def preferences(self, question: str, dates: Sequence[str | None]) -> list[float]:
        """Return what to add to the log-odds of each text by its brief's date; nothing where the question is timeless.

        Args:
            question: the standalone question.
            dates: of the texts' briefs, as "2024", "2024-05" or "2024-05-16"; None for an undated one, which gets 0.
        """
        days = [None if date is None else DateInterval.parse(date).start.toordinal() for date in dates]
        newest = max((day for day in days if day is not None), default=None)
        if newest is None or not wants_newest(question):
            return [0.0] * len(days)
        return [0.0 if day is None else self.weight * 0.5 ** ((newest - day) / self.half_life_days) for day in days]


def wants_newest(question: str) -> bool:
    """Whether a question asks how things stand: "now", "latest", "still", "has it … yet"."""
    has_yet = _YET.search(question) and not _PAST.search(question)
    return bool(has_yet or _WANTS_NEWEST.search(question))
