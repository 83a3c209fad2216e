"""Sizes that a text states, so that two can be compared: shares, sums, lengths, counts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from rag.clauses import is_content, root
from rag.dates_in_text import without_dates
from rag.lexicon import NUMBER_WORDS, analyse, kin, stem
from rag.quantities import PEOPLE, Bound, Quantity, quantities

NEARLY = Decimal("0.02")
"""Relative difference within which one figure in two units is one figure."""
MOST_TIMES = 20
"""How many times the smaller figure the larger one may be, where both are of one thing."""
ROUNDED = Decimal("0.05")
"""Relative difference within which a figure may be the other one rounded."""

_GLUED = (
    (
        re.compile(
            rf"\b(\d[\d,]*|{'|'.join(NUMBER_WORDS)}) (?=(?:killed|injured|missing|displaced|arrested|detained)\b)"
        ),
        r"\1 people ",
    ),
    (re.compile(r"\bbcm\b"), "billion cubicmetres"),
    (re.compile(r"\b(?:square|sq\.?) (?=k?m|kilo|mile|f)", re.IGNORECASE), "square"),
    (re.compile(r"\bcubic (?=m|f)", re.IGNORECASE), "cubic"),
    (re.compile(r"\b(square|cubic)(?:meters?|metres?|m)\b"), r"\1metres"),
    (re.compile(r"\bsquare(?:kilometers?|kilometres?|km)\b|\bkm²"), "squarekilometres"),
)
_UNITS: Mapping[str, tuple[str, str, str]] = {
    stem(word): (dimension, factor, shown)
    for words, shown, dimension, factor in (
        ("km kilometre kilometer", "km", "length", "1000"), ("m metre meter", "m", "length", "1"),
        ("miles", "miles", "length", "1609"), ("ft", "ft", "length", "0.3048"),
        ("feet foot", "feet", "length", "0.3048"),
        ("squarekilometres", "square km", "area", "1000000"), ("squaremetres", "square m", "area", "1"),
        ("squaremiles", "square miles", "area", "2590000"), ("hectares", "hectares", "area", "10000"),
        ("acres", "acres", "area", "4047"), ("cubicmetres", "cubic m", "volume", "1"),
        ("cubicfeet", "cubic feet", "volume", "0.02832"), ("barrels", "barrels", "barrels", "1"),
        ("t tonnes", "tonnes", "mass", "1000"), ("tons", "tons", "mass", "1000"),
        ("kg kilograms kilogrammes", "kg", "mass", "1"), ("minutes", "minutes", "time", "1"),
        ("hours", "hours", "time", "60"), ("days", "days", "time", "1440"), ("weeks", "weeks", "time", "10080"),
        ("months", "months", "time", "43830"), ("years", "years", "time", "525960"),
        ("megawatts mw", "MW", "power", "1"), ("gigawatts gw", "GW", "power", "1000"),
    )
    for word in words.split()
}  # fmt: skip
"""Dimension, factor to its base unit, and how it is told, of units of measure by their stems."""
_DIMENSIONS = frozenset(dimension for dimension, *_ in _UNITS.values())
_CURRENCIES = frozenset(
    stem(word) for word in "crowns dinars kroner kronor dirhams lei zlotys forints baht won rials rands tenge".split()
)
_ALONE = re.compile(
    r"\s*(?:[.,;:)]|$|(?:of (?:them|these|those)|had|have|has|were|was|are|is|in|at|on|as|and|killed|dead|wounded)\b)"
)
_OF_THEM = re.compile(r" of (?:them|these|those|whom)\b")
_OPENS = re.compile(r"(?:^|\bthat|\band|,)\s*(?:at least |some |about |only )?$")
_BEFORE = 60
"""Characters before a number in which stands what it is the size of."""
_SAYING = frozenset(
    stem(w) for w in "put gave gives said says about some came total over least obtained counted".split()
)
_NO_SIZE = frozenset("ordinal clock vague points".split())


@dataclass(frozen=True, slots=True)
class Value:
    """A size as stated.

    Attributes:
        dimension: "share", "money", "count", or what a unit of measure tells: "length", "mass", "time".
        amount: in the dimension's base unit; of money in its own currency, which is the `noun`.
        noun: stem of what is counted, where the text says.
        stated: as the text says it, in digits.
        bound: that it is the least or the most ("lower", "upper", "within"); None where it is the figure itself.
        until: the other end of a range, in the base unit; None where it is no range.
    """

    dimension: str
    amount: Decimal
    noun: str | None
    stated: Decimal
    bound: Bound | None = None
    until: Decimal | None = None

    @property
    def told(self) -> str:
        """The figure as people write it: a share in percent, a measure with its unit."""
        if self.dimension == "share" and self.stated == self.amount:  # a fraction
            return f"{(self.stated * 100).to_integral_value():f}%"
        measure = _UNITS.get(self.noun or "") if self.dimension in _DIMENSIONS else None
        return f"{self.figure}{'%' if self.dimension == 'share' else ''}{f' {measure[-1]}' if measure else ''}"

    @property
    def figure(self) -> str:
        """The number alone, as it is stated."""
        return f"{self.stated.normalize():,f}"


@lru_cache(maxsize=4096)
def values(text: str) -> tuple[Value, ...]:
    """Return the sizes that a text states, in order. Dates, clock times and ordinals are none."""
    plain = without_dates(text)
    for pattern, glued in _GLUED:
        plain = pattern.sub(glued, plain)
    return tuple(_value(quantity) for quantity in quantities(plain) if _is_size(quantity))


def is_far(one: Value, other: Value) -> bool:
    """Whether two sizes are too far from each other to be two accounts of one thing."""
    low, high = sorted((abs(one.amount), abs(other.amount)))
    return high > MOST_TIMES * low


def same(one: Value, other: Value) -> bool:
    """Whether two sizes may be one figure: equal, in other units, one of them rounded, or within what the other allows.

    Of two least or two most figures none says how far the other may go: they are compared as they stand.

    | one | other | same |
    | --- | --- | --- |
    | one third | 33 percent | yes |
    | 10 km | 6.2 miles | yes |
    | 52,000 | 50,000 | yes |
    | between 10,000 and 15,000 | 12,000 | yes |
    | more than 10,000 | 12,000 | yes |
    | fewer than 900 | 8,000 | no |
    | 118 | 109 | no |
    """
    if comparable(one, other) and (_allows(one, other) or _allows(other, one)):
        return True
    high = max(abs(one.amount), abs(other.amount))
    apart = abs(one.amount - other.amount)
    if apart <= high * (
        NEARLY if one.noun != other.noun or (one.dimension == "share" and _is_fraction(one, other)) else 0
    ):
        return True
    return apart <= high * ROUNDED and apart * 2 <= max(_step(one), _step(other))


def _allows(one: Value, other: Value) -> bool:
    """Whether a size is in a range, or on the right side of a bound, that another one states."""
    if one.until is not None:
        low, high = sorted((one.amount, one.until))
        first, last = sorted((other.amount, other.amount if other.until is None else other.until))
        return low <= last and first <= high
    if one.bound is None or one.bound == other.bound:
        return False
    return other.amount >= one.amount if one.bound == "lower" else other.amount <= one.amount


def comparable(one: Value, other: Value) -> bool:
    """Whether two sizes are of one kind: lengths, shares, sums of one currency, counts of one thing.

    A count without a noun may be of anything, and all words for people are one.
    """
    if one.dimension != other.dimension:
        return False
    if one.dimension == "money":
        return one.noun == other.noun
    return one.dimension != "count" or alike_nouns(one.noun, other.noun)


def alike_nouns(one: str | None, other: str | None) -> bool:
    """Whether two counted things may be one."""
    return one is None or other is None or one == other or kin(one, other) or (one in PEOPLE and other in PEOPLE)


def named_before(text: str, value: Value) -> frozenset[str]:
    """Return the roots of the content words shortly before a value: {"magnitud"} in "a magnitude of 6.4"."""
    match = place(text, value)
    before = analyse(text[max(0, match.start() - _BEFORE) : match.start()]).words if match else ()
    return frozenset(root(w) for w in before if is_content(w) and w.number is None and w.stem not in _SAYING)


def stands_alone(text: str, value: Value) -> bool:
    """Whether a count says nothing of what it counts, and so counts what the sentence before did: "lists 74, all"."""
    match = place(text, value)
    return match is not None and value.dimension == "count" and _ALONE.match(text, match.end()) is not None


def is_part(text: str, value: Value) -> bool:
    """Whether a value opens a clause as a part of what the sentence before counts: "that nine of them came from"."""
    match = place(text, value)
    if match is None or not _OF_THEM.match(text, match.end()):
        return False
    return _OPENS.search(text, 0, match.start()) is not None


def place(text: str, value: Value, *, at_once: bool = False) -> re.Match[str] | None:
    """Find where a text states a value, in digits or a word; with `at_once` only where it opens with it."""
    digits = re.escape(value.figure.lstrip("-"))
    words = "".join(f"|{word}" for word, digit in NUMBER_WORDS.items() if digit == f"{value.stated.normalize():f}")
    pattern = rf"(?<![\d,.])\b(?:{digits}{words})(?!\d|[,.]\d)\b"
    return re.match(rf"\s*(?:the |only |just )?{pattern}", text) if at_once else re.search(pattern, text)


def _value(quantity: Quantity) -> Value:
    dimension, factor, noun = _measured(quantity)
    until = None if quantity.until is None else quantity.until * factor
    return Value(dimension, quantity.value * factor, noun, quantity.value, quantity.bound, until)


def _measured(quantity: Quantity) -> tuple[str, Decimal, str | None]:
    """Return the dimension of a quantity, what brings it to the base unit, and its noun or currency."""
    noun, unit = quantity.noun, quantity.unit
    if unit in ("percent", "fraction"):
        return "share", Decimal("0.01") if unit == "percent" else Decimal(1), None
    if unit is not None:
        return "money", Decimal(1), unit
    if noun is not None and noun in _UNITS:
        dimension, factor, _ = _UNITS[noun]
        return dimension, Decimal(factor), noun
    return "money" if noun in _CURRENCIES else "count", Decimal(1), noun


def _is_size(quantity: Quantity) -> bool:
    return quantity.unit not in _NO_SIZE and not (quantity.unit or "").startswith("code")


def _is_fraction(one: Value, other: Value) -> bool:
    return abs(one.stated) < 1 or abs(other.stated) < 1


def _step(value: Value) -> Decimal:
    """Return the place of the last digit that is not 0, in the base unit: 1,000 of 52,000."""
    exponent = value.stated.normalize().as_tuple().exponent
    step = Decimal(10) ** int(exponent)
    return step * value.amount / value.stated if value.stated else step
