"""Whether the numbers that a sentence states stand in its source.

Dates are not numbers: texts come here through `dates_in_text.without_dates`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from rag.lexicon import kin
from rag.quantities import MERGED_NOUNS, TIMES, Bound, Quantity, quantities

# Ways of stating one value that are compared, so that no text costs more than its length.
_MOST_READINGS = 64


def numbers_disagree(sentence: str, source: str) -> bool:
    """Whether the sentence states a number that the source does not, or in another unit, of another thing, or bound.

    | sentence | source | disagrees |
    | --- | --- | --- |
    | $1.5bn | 1.5 billion dollars | no |
    | 300 people | at least 300 people | yes |
    | 12 soldiers | 12 ships | yes |
    """
    known: dict[Decimal, dict[Quantity, None]] = {}
    for given in quantities(source, one=True):
        for reading in _readings(replace(given, at=0, end=0)):
            same = known.setdefault(reading.value, {})
            if len(same) < _MOST_READINGS:
                same[reading] = None
    return not all(
        any(_agrees(stated, given) for given in known.get(stated.value, ())) for stated in quantities(sentence)
    )


def _readings(given: Quantity) -> Iterator[Quantity]:
    """Yield a quantity and its other way of writing: a half is 50 per cent."""
    yield given
    if given.unit == "percent":
        yield replace(given, value=given.value / 100, unit="fraction")
    elif given.unit == "fraction":
        yield replace(given, value=given.value * 100, unit="percent")


def _agrees(stated: Quantity, given: Quantity) -> bool:
    return stated.unit == given.unit and _bounds_agree(stated.bound, given.bound) and _nouns_agree(stated, given)


def _bounds_agree(stated: Bound | None, given: Bound | None) -> bool:
    """Whether a bound is kept. "Within two months" may lose its word, and may stand for "no more than two"."""
    return stated == given or {stated, given} in ({None, "within"}, {"upper", "within"})


def _nouns_agree(stated: Quantity, given: Quantity) -> bool:
    mine, theirs = stated.noun, given.noun
    if mine is None or theirs is None or mine == theirs or kin(mine, theirs):
        return True
    return mine == "people" and theirs not in TIMES and theirs not in MERGED_NOUNS
