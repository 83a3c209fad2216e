"""Evidence that disagrees: another count, measure, day or outcome than the answer gives."""

from __future__ import annotations

from collections.abc import Sequence

from rag.answer_types import answer_type
from rag.conflicts.counts import of_counts
from rag.conflicts.days import of_days
from rag.conflicts.measures import of_measures
from rag.conflicts.outcomes import of_outcomes
from rag.conflicts.sides import Conflict
from rag.recency import wants_newest
from rag.types import Reading, Sentence

__all__ = ["Conflict", "conflict"]


def conflict(question: str, reading: Reading, best: Sequence[Sentence]) -> Conflict | None:
    """Return what states something else than the answer for what the question asks, beside the answer itself.

    That two briefs differ does not say that one is wrong: later counts are often higher. A question for the latest
    state wants one.

    Args:
        best: the sentences of the answer.
    """
    if not best or wants_newest(question):
        return None
    if answer_type(question) == "when":
        return of_days(question, reading, best)
    return (
        of_counts(question, reading, best)
        or of_measures(question, reading, best)
        or of_outcomes(question, reading, best)
    )
