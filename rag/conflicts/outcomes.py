"""A brief that denies what another one says: "reached an agreement" and "ended without an agreement"."""

from __future__ import annotations

from collections.abc import Sequence

from rag.agreement import opposition
from rag.conflicts.sides import Conflict, differ, elsewhere, is_on, of_one_time, quote_of
from rag.types import Reading, Sentence

MIN_SHARED = 4
"""Words that two clauses share of which one denies what the other says."""
MAX_DAYS = 31
"""Days between two briefs that may speak of one state of things: what is open now may be closed later."""


def of_outcomes(question: str, reading: Reading, best: Sequence[Sentence]) -> Conflict | None:
    """Return what another brief of the same time says to the contrary of the answer's first sentence."""
    mine = best[0].text
    for unit, other in elsewhere(reading, best, least=0.0):
        if (
            unit.unit.kind == "sentence"
            and is_on(question, other)
            and of_one_time(best[0].citations[0].passage, other, days=MAX_DAYS)
            and max(opposition(mine, unit.text), opposition(unit.text, mine)) >= MIN_SHARED
        ):
            sides = [(one, f"[{one.citations[0].n}]") for one in (best[0], quote_of(unit, reading))]
            return differ("Two briefs contradict each other", sides, beside=best)
    return None
