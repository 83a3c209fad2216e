"""Evidence that disagrees: another figure, day, name or outcome than the answer gives."""

from __future__ import annotations

from collections.abc import Sequence

from rag.answer import Reading, Sentence
from rag.conflicts.beside import beside
from rag.conflicts.second import SecondReader
from rag.conflicts.sides import Conflict
from rag.recency import wants_newest

__all__ = ["Conflict", "SecondReader", "conflict"]


def conflict(
    question: str, reading: Reading, best: Sequence[Sentence], *, limit: int = 5, reader: SecondReader | None = None
) -> Conflict | None:
    """Return what states something else than the answer for what the question asks, beside the answer itself.

    That two briefs differ does not say that one is wrong: later counts are often higher. A question for the latest
    state wants one.

    Args:
        best: the sentences of the answer.
        limit: most sentences in all; with one there is room for nothing beside it.
        reader: is asked where the rules find nothing.
    """
    if not best or not reading.units or limit < 2:
        return None
    return beside(question, reading, best, limit=limit, one_day=wants_newest(question), reader=reader)
