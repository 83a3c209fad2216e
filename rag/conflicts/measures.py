"""Another share, sum or measure for what a question asks the size of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal

from rag.conflicts.sides import MIN_SAID, Conflict, differ, elsewhere, is_on, matter, of_one_time, quote_of, says
from rag.dates_in_text import without_dates
from rag.numbers_in_text import Quantity, quantities
from rag.types import Reading, Sentence

MIN_SHARE = 0.03
"""Least score, as a share of the best unit's, of another measure."""
MAX_DAYS = 60
"""Days between two briefs that may measure one thing: of later ones more has passed."""

_ASKS = re.compile(
    r"\bhow (?:much|large|big|high|long|far|wide|deep|heavy)\b"
    r"|\b(?:what|which) (?:\w+ )?(?:share|percentage|proportion|rate|turnout|price|cost|sum|amount|volume|length"
    r"|area|size|distance|capacity)\b|\bwhat (?:was|is) the (?:\w+ )?(?:turnout|rate|price|cost|share)\b",
    re.IGNORECASE,
)
_NO_MEASURE = frozenset("ordinal clock vague fraction".split())


def of_measures(question: str, reading: Reading, best: Sequence[Sentence]) -> Conflict | None:
    """Return another brief's measure in the unit of the answer's, beside the answer.

    The other brief is of the same time and has the names of the question, and the sentence most of what the question
    says.
    """
    known = _measures(best[0].text) if _ASKS.search(question) else {}
    asked = _measured(question)
    for unit, other in elsewhere(reading, best, least=MIN_SHARE) if known else ():
        found = _measures(unit.text)
        shared = known.keys() & found.keys()
        if (
            shared
            and not any(known[one] & found[one] for one in shared)
            and says(unit.text, asked) >= MIN_SAID
            and of_one_time(best[0].citations[0].passage, other, days=MAX_DAYS)
            and is_on(question, other)
        ):
            sides = [(one, _told(one, shared)) for one in (best[0], quote_of(unit, reading))]
            return differ("The briefs give different figures", sides, beside=best)
    return None


def _measured(question: str) -> list[str]:
    """Return the words of a question that a sentence with its answer would say."""
    return matter(re.sub(r"\b(?:share|percentage|proportion|amount|sum|size|volume|rate|cost)\b", "", question))


def _measures(text: str) -> dict[str, set[Decimal]]:
    """Return the values of a text by unit, or by noun where there is none."""
    found: dict[str, set[Decimal]] = {}
    for quantity in quantities(without_dates(text)):
        if key := _key(quantity):
            found.setdefault(key, set()).add(quantity.value)
    return found


def _key(quantity: Quantity) -> str | None:
    return (quantity.unit or quantity.noun) if quantity.unit not in _NO_MEASURE else None


def _told(sentence: Sentence, units: Iterable[str]) -> str:
    found = _measures(sentence.text)
    return " and ".join(f"{value.normalize():,f}" for unit in sorted(units) for value in sorted(found.get(unit, ())))
