"""Another day or month for what a question asks the date of."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.documents import Document

from rag.conflicts.sides import MIN_SAID, Conflict, differ, elsewhere, is_on, matter, quote_of, says
from rag.dates_in_text import StatedDate, dates_told, may_be_one
from rag.types import Reading, Sentence

MIN_SHARE = 0.3
"""Least score, as a share of the best unit's, of another date: events near each other have dates of their own."""


def of_days(question: str, reading: Reading, best: Sequence[Sentence]) -> Conflict | None:
    """Return another brief's day or month for what a question asks the date of, beside the answer.

    The other brief has the names of the question, and the sentence most of what the question says.
    """
    passage = best[0].citations[0].passage
    known = _days(best[0].text, passage)
    asked = matter(question)
    for unit, other in elsewhere(reading, best[:1], least=MIN_SHARE) if known and asked else ():
        days = _days(unit.text, other)
        apart = not any(may_be_one(one, day) for one in known for day in days)
        if days and apart and says(unit.text, asked) >= MIN_SAID and is_on(question, other):
            sides = [(one, _told(one)) for one in (best[0], quote_of(unit, reading))]
            return differ("The briefs give different dates", sides, beside=best)
    return None


def _days(text: str, passage: Document) -> tuple[StatedDate, ...]:
    return tuple(day for day in dates_told(text, passage.metadata["date"] or "") if day.month)


def _told(sentence: Sentence) -> str:
    days = _days(sentence.text, sentence.citations[0].passage)
    return " and ".join(dict.fromkeys(sentence.text[day.start : day.end] for day in days))
