"""Numbers that a text states, with their units, what they count, and their bounds.

Dates are not numbers: texts come here through `dates_in_text.without_dates`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from rag.lexicon import NUMBER_WORDS, STOP_WORDS, stem

Bound = Literal["lower", "upper", "within"]

_TOKEN = re.compile(
    r"\d{1,3}(?:[,\u00a0\u202f]\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|[^\W\d_]+|[$€£¥₹%:|;()\[\]\n−-]|[–—.,+]"
)
_ORDINAL_WORDS = {
    **{word: n for n, word in enumerate("first second third fourth fifth sixth seventh eighth ninth tenth".split(), 1)},
    **{word: n for n, word in enumerate("eleventh twelfth thirteenth fourteenth fifteenth sixteenth".split(), 11)},
    "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30, "hundredth": 100,
}  # fmt: skip
LARGEST = Decimal(10) ** 18
"""No number is read that is larger, but by its unit: arithmetic on longer ones is not exact."""
_CARDINALS = {word: int(n) for word, n in NUMBER_WORDS.items() if word not in _ORDINAL_WORDS}
_SCALES = {
    "hundred": 100, "dozen": 12, "thousand": 1000, "k": 1000, "million": 10**6, "mn": 10**6, "billion": 10**9,
    "bn": 10**9, "trillion": 10**12, "tn": 10**12,
}  # fmt: skip
_RANGE_SCALES = {**_SCALES, "m": 10**6, "dozen": 1}
"""Scales that both ends of a range share: "3-4m voters", not "two or three dozen"."""
_VAGUE = frozenset("dozens scores hundreds thousands millions billions trillions".split())
_FRACTIONS = {"third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fifth": 5, "fifths": 5, "tenth": 10, "tenths": 10}
_SIGNS = {"$": "usd", "€": "eur", "£": "gbp", "¥": "jpy", "₹": "inr"}
_DOLLARS = {"us": "usd", "a": "aud", "au": "aud", "c": "cad", "ca": "cad", "australian": "aud", "canadian": "cad",
            "nz": "nzd", "hk": "hkd", "s": "sgd", "usd": "usd"}  # fmt: skip
_CURRENCIES = {
    "dollar": "usd", "dollars": "usd", "usd": "usd", "euro": "eur", "euros": "eur", "eur": "eur", "pound": "gbp",
    "pounds": "gbp", "gbp": "gbp", "yen": "jpy", "jpy": "jpy", "yuan": "cny", "renminbi": "cny", "cny": "cny",
    "rouble": "rub", "roubles": "rub", "ruble": "rub", "rubles": "rub", "rub": "rub", "rupee": "inr",
    "rupees": "inr", "peso": "peso", "pesos": "peso", "franc": "franc", "francs": "franc", "lira": "lira",
    "riyal": "riyal", "riyals": "riyal", "shekel": "shekel", "shekels": "shekel",
}  # fmt: skip
_SAME_NOUN = {
    stem(word): name
    for name, words in {
        "km": "km kilometre kilometer", "m": "m metre meter", "kg": "kg kilogram", "ft": "ft foot feet",
        "t": "t tonne ton", "mw": "mw megawatt", "gw": "gw gigawatt",
        "country": "country state nation", "people": "people person",
    }.items()
    for word in words.split()
}  # fmt: skip
MERGED_NOUNS = frozenset(_SAME_NOUN.values())
"""What several nouns of a thing are taken for."""
_SHORT_NOUNS = frozenset("km m kg ft t mw gw".split())
_SIZED = frozenset("tall high long wide deep thick away".split())
PEOPLE = frozenset(["people"]) | frozenset(
    stem(word)
    for word in "people persons men women children civilians soldiers troops workers labourers refugees prisoners "
    "residents names victims members demonstrators protesters fighters visitors passengers deaths dead casualties "
    "wounded migrants officers guards miners sailors villagers arrivals".split()
)
"""Stems of nouns that count people."""
_COUNTED = PEOPLE | frozenset(
    stem(word) for word in "voters citizens inhabitants households families pupils students users customers".split()
)
_MINUS = frozenset(["-", "−", "minus"])
_PLURALS = frozenset("people men women children police troops feet countries dead wounded personnel".split())
TIMES = frozenset(stem(word) for word in "hour day week month year decade century minute".split())
"""Stems of nouns that count time."""
_BOUNDS: dict[str, Bound] = {
    "at least": "lower", "more than": "lower", "over": "lower", "above": "lower", "no fewer than": "lower",
    "no less than": "lower", "not less than": "lower", "minimum of": "lower", "exceeding": "lower",
    "exceeded": "lower", "exceeds": "lower", "upwards of": "lower", "greater than": "lower", "beyond": "lower",
    "up to": "upper", "fewer than": "upper", "less than": "upper", "under": "upper", "below": "upper",
    "at most": "upper", "no more than": "upper", "not more than": "upper", "maximum of": "upper",
    "as many as": "upper", "as much as": "upper", "within": "within",
}  # fmt: skip
_OPEN_ENDED: dict[str, Bound] = {"more": "lower", "higher": "lower", "fewer": "upper", "less": "upper"}
_JOINS = frozenset(["-", "–", "—", "to", "and", "or"])


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as stated.

    Attributes:
        unit: currency, "percent", "points", "ordinal", "clock", "fraction", "vague", or "code f" for F-16; None for a
            count.
        noun: stem of what is counted, where a plural noun or a hyphenated one follows.
        at: position of its first token, and `end` of the token after it.
        until: the other end of a range: 15 of 10 and 10 of 15 in "10-15", "10 to 15", "between 10 and 15".
    """

    value: Decimal
    unit: str | None
    noun: str | None
    bound: Bound | None
    at: int
    end: int
    until: Decimal | None = None


def quantities(text: str, *, one: bool = False) -> tuple[Quantity, ...]:
    """Read the numbers of a text in order. List markers and [1] are none, nor is "one" unless `one` asks for it."""
    matches = list(_TOKEN.finditer(text))
    tokens, starts = [match.group() for match in matches], [match.start() for match in matches]
    lower = [token.lower() for token in tokens]
    found: list[Quantity] = []
    at = 0
    while at < len(tokens):
        read = None if _is_marker(lower, at) else _read(lower, at, one=one)
        if read is not None:
            found.append(_quantity(tokens, starts, lower, read))
        at = max(found[-1].end if read else 0, at + 1)
    return _ranges(found, lower)


@dataclass(frozen=True, slots=True)
class _Read:
    value: Decimal
    at: int
    end: int
    unit: str | None = None


def _read(lower: Sequence[str], at: int, *, one: bool) -> _Read | None:
    """Read the number that opens at a token, if one does."""
    word = lower[at]
    following = lower[at + 1] if at + 1 < len(lower) else ""
    if word in _VAGUE:
        return _vague(lower, at)
    if word == "half":
        of_scale = following == "a" and at + 2 < len(lower) and lower[at + 2] in _SCALES
        half = Decimal("0.5")
        return _scaled(half, lower, at, at + 2) if of_scale else _Read(half, at, at + 1, "fraction")
    if word in ("a", "an"):
        return _article(lower, at, following)
    if word in _ORDINAL_WORDS:
        return _Read(Decimal(_ORDINAL_WORDS[word]), at, at + 1, "ordinal")
    if word[0].isdecimal():
        value = Decimal(re.sub(r"[^\d.]", "", word)[:40])
        return _digits(value, lower, at, following) if value <= LARGEST else None
    if word in _CARDINALS:
        read = _words(lower, at)
        alone = read.end == at + 1 and word in ("one", *_SCALES)
        return read if one or not alone else None
    return None


def _article(lower: Sequence[str], at: int, following: str) -> _Read | None:
    if following in _SCALES and len(following) > 2:
        return _scaled(Decimal(1), lower, at, at + 1)
    if following in _FRACTIONS and lower[at + 2 : at + 3] == ["of"]:
        return _Read(1 / Decimal(_FRACTIONS[following]), at, at + 2, "fraction")
    return None


def _digits(value: Decimal, lower: Sequence[str], at: int, following: str) -> _Read:
    if following in ("st", "nd", "rd", "th"):
        return _Read(value, at, at + 2, "ordinal")
    if following == ":" and at + 2 < len(lower) and len(lower[at + 2]) == 2 and lower[at + 2].isdecimal():
        return _clock(value, Decimal(lower[at + 2]), lower, at, at + 3)
    if following in ("am", "pm") or lower[at + 1 : at + 4] in (["a", ".", "m"], ["p", ".", "m"]):
        return _clock(value, Decimal(0), lower, at, at + 1)
    return _scaled(value, lower, at, at + 1)


def _clock(hour: Decimal, minute: Decimal, lower: Sequence[str], at: int, end: int) -> _Read:
    half = lower[end : end + 1]
    if half and half[0] in ("p", "pm", "a", "am"):
        hour = hour % 12 + (12 if half[0][0] == "p" else 0)
        end += 1
    return _Read(hour * 60 + minute, at, end, "clock")


def _words(lower: Sequence[str], at: int) -> _Read:
    """Read a number in words: "twenty-one", "one hundred and fifty", "two million"; or "two thirds"."""
    total, current, end = Decimal(0), Decimal(0), at
    while end < len(lower) and end < at + 16:
        word = lower[end]
        if word in _SCALES and len(word) > 2 and current * _SCALES[word] <= LARGEST:
            current = max(current, Decimal(1)) * _SCALES[word]
            total, current = (total + current, Decimal(0)) if _SCALES[word] >= 1000 else (total, current)
        elif word in _CARDINALS and _fits(current, _CARDINALS[word]):
            current += _CARDINALS[word]
        elif not (word in ("-", "and") and end > at and _continues(lower, end, current + total)):
            break
        end += 1
    value = total + current
    return _ended(value, lower, at, end)


def _fits(current: Decimal, more: int) -> bool:
    """Whether "twenty" may be followed by "one", or "hundred" by "fifty"."""
    return current == 0 or (current % 100 == 0 and more < 100) or (current % 10 == 0 and more < 10)


def _continues(lower: Sequence[str], at: int, value: Decimal) -> bool:
    word = lower[at + 1] if at + 1 < len(lower) else ""
    more = _CARDINALS.get(word)
    if lower[at] == "-":
        return more is not None and more < 10 and value % 10 == 0 and 20 <= value % 100 <= 90
    return more is not None and more < 100 <= value and lower[at - 1] in _SCALES


def _ended(value: Decimal, lower: Sequence[str], at: int, end: int) -> _Read:
    """Take in what closes a number in words: an ordinal ("twenty-first") or a fraction ("two-thirds")."""
    hyphen = end + 1 if lower[end : end + 1] == ["-"] else end
    word = lower[hyphen] if hyphen < len(lower) else ""
    if word in _FRACTIONS and (value > 1 or lower[at] == "one") and (word.endswith("s") or value == 1):
        return _Read(value / _FRACTIONS[word], at, hyphen + 1, "fraction")
    if hyphen > end and word in _ORDINAL_WORDS and value % 10 == 0:
        return _Read(value + _ORDINAL_WORDS[word], at, hyphen + 1, "ordinal")
    return _Read(value, at, end)


def _scaled(value: Decimal, lower: Sequence[str], at: int, end: int) -> _Read:
    while end < len(lower):
        word = lower[end + 1] if lower[end] == "-" and end + 1 < len(lower) else lower[end]
        if word not in _SCALES:
            break
        value *= _SCALES[word]
        end += 1 + (lower[end] == "-")
    return _ended(value, lower, at, end)


def _vague(lower: Sequence[str], at: int) -> _Read:
    """Read "hundreds", "hundreds of thousands"."""
    value, end = Decimal(_SCALES.get(lower[at][:-1], 20)), at + 1
    while lower[end : end + 1] == ["of"] and end + 1 < len(lower) and lower[end + 1] in _VAGUE:
        value *= _SCALES.get(lower[end + 1][:-1], 20)
        end += 2
    return _Read(value, at, end, "vague")


def _is_marker(lower: Sequence[str], at: int) -> bool:
    """Whether a number is a list's or a footnote's: "3." at the start of a line, "[1]"."""
    before, after = lower[at - 1] if at else "\n", lower[at + 1] if at + 1 < len(lower) else ""
    return lower[at].isdecimal() and (before == "[" or after == "]" or (before == "\n" and after in (".", ")")))


def _quantity(tokens: Sequence[str], starts: Sequence[int], lower: Sequence[str], read: _Read) -> Quantity:
    """Complete a number with its unit, noun and bound."""
    first, unit = _opening(tokens, starts, read)
    value, end = read.value, read.end
    if lower[end : end + 1] == ["m"] and (unit in _SIGNS.values() or _is_million(tokens, starts, lower, end)):
        value, end = value * 10**6, end + 1
    if unit is None and read.unit is None:
        end, unit = _closing(tokens, starts, lower, end)
    noun = _noun(tokens, lower, end) if unit is None and read.unit is None else None
    if unit is None or not unit.startswith("code"):
        value = -value if _is_negative(lower, starts, first) else value
    return Quantity(value, read.unit or unit, noun, _bound(lower, first, end, noun), first, end)


def _is_million(tokens: Sequence[str], starts: Sequence[int], lower: Sequence[str], at: int) -> bool:
    """Whether an "m" that touches a number counts people in millions: "5m people", not "5m waves" or "2m tall men"."""
    following = lower[at + 1 : at + 2]
    glued = lower[at - 1][0].isdecimal() and _touch(tokens, starts, at - 1)
    return glued and following != [] and following[0] not in _SIZED and _noun(tokens, lower, at + 1) in _COUNTED


def _is_negative(lower: Sequence[str], starts: Sequence[int], first: int) -> bool:
    """Whether a minus stands before a number: the word, or a sign that touches it and nothing before it."""
    if first == 0 or lower[first - 1] not in _MINUS:
        return False
    sign = lower[first - 1] == "minus" or _touch(lower, starts, first - 1)
    return sign and (first == 1 or lower[first - 2] == "(" or not _touch(lower, starts, first - 2))


def _opening(tokens: Sequence[str], starts: Sequence[int], read: _Read) -> tuple[int, str | None]:
    """Read what stands before a number as part of it: "US$", "EUR", "F-". Gives its place and the unit."""
    at = read.at
    before = [tokens[at - back] if at >= back else "" for back in (1, 2)]
    if before[0] in _SIGNS:
        dollar = before[0] == "$" and before[1].lower() in _DOLLARS and _touch(tokens, starts, at - 2)
        return (at - 2, _DOLLARS[before[1].lower()]) if dollar else (at - 1, _SIGNS[before[0]])
    if before[0].isupper() and before[0].lower() in _CURRENCIES:
        return at - 1, _CURRENCIES[before[0].lower()]
    if not tokens[at][0].isdecimal() or not at or not _touch(tokens, starts, at - 1):
        return at, None
    if before[0].isalpha():
        return at, f"code {before[0].lower()}"
    if before[0] == "-" and before[1].isalpha() and _touch(tokens, starts, at - 2):
        is_range = before[1].lower() in _CARDINALS or before[1].lower() in _SCALES
        return at, None if is_range else f"code {before[1].lower()}"
    return at, None


def _touch(tokens: Sequence[str], starts: Sequence[int], at: int) -> bool:
    """Whether a token and the one after it have nothing between them."""
    return at >= 0 and at + 1 < len(tokens) and starts[at] + len(tokens[at]) == starts[at + 1]


def _closing(tokens: Sequence[str], starts: Sequence[int], lower: Sequence[str], end: int) -> tuple[int, str | None]:
    """Read the unit after a number: "per cent", "%", "percentage points", "US dollars", the G of 5G."""
    after = [*lower[end : end + 5], "", "", "", ""]
    if after[0] == "-":
        after = [*after[1:], ""]
    if after[0] == "%" or after[0] in ("percent", "percentage") or after[:2] == ["per", "cent"]:
        width = 2 if after[0] == "per" else 1
        return (end + width + 1, "points") if after[width].startswith("point") else (end + width, "percent")
    if after[0] in ("us", "u") and (dollars := next((n for n in (1, 2, 3, 4) if after[n] in _CURRENCIES), None)):
        return end + dollars + 1, _CURRENCIES[after[dollars]]
    if after[0] in _DOLLARS and after[1] in ("dollar", "dollars"):
        return end + 2, _DOLLARS[after[0]]
    if after[0] in _CURRENCIES:
        return end + 1, _CURRENCIES[after[0]]
    glued = end < len(tokens) and tokens[end].isupper() and tokens[end].isalpha() and _touch(tokens, starts, end - 1)
    return (end + 1, f"code {lower[end]}") if glued and lower[end - 1][0].isdecimal() else (end, None)


def _noun(tokens: Sequence[str], lower: Sequence[str], end: int) -> str | None:
    """Stem of the plural noun within three words, of a unit of measure, or of what a hyphen ties to the number."""
    if lower[end : end + 1] == ["-"] and end + 1 < len(lower) and lower[end + 1].isalpha():
        return None if lower[end + 1] in STOP_WORDS else _same(lower[end + 1])
    for place in range(end, min(end + 3, len(lower))):
        word = lower[place]
        if place == end and word in _SHORT_NOUNS:
            return _same(word)
        if not word.isalpha() or word in STOP_WORDS:
            return None
        if tokens[place] == word and (word in _PLURALS or (word.endswith("s") and not word.endswith(("ss", "us")))):
            return _same(word)
    return None


def _same(noun: str) -> str:
    return _SAME_NOUN.get(stem(noun), stem(noun))


def _bound(lower: Sequence[str], at: int, end: int, noun: str | None) -> Bound | None:
    words = [word for word in lower[max(0, at - 4) : at] if word not in ("a", "an", "the")]
    for width in (3, 2, 1):
        phrase = " ".join(words[-width:])
        if phrase in _BOUNDS:
            return None if phrase == "over" and noun in TIMES else _BOUNDS[phrase]
    after = lower[end : end + 2]
    if after[:1] == ["or"] and len(after) == 2:
        return _OPEN_ENDED.get(after[1])
    return "lower" if after[:1] == ["+"] else None


def _ranges(found: Sequence[Quantity], lower: Sequence[str]) -> tuple[Quantity, ...]:
    """Share the unit and the scale of a range between its ends: "10-15 million dollars", "4 to 5%"."""
    made = list(found)
    for i, second in enumerate(found[1:]):
        first = made[i]
        join = lower[first.end : second.at]
        if len(join) != 1 or join[0] not in _JOINS or first.noun is not None:
            continue
        between = join[0] not in ("and", "or") or lower[max(0, first.at - 1) : first.at] == ["between"]
        unit = first.unit or second.unit
        if unit not in ("percent", "points", *_CURRENCIES.values(), *_DOLLARS.values(), None):
            continue
        scale = _scale_of(lower, second) if between else Decimal(1)
        value = first.value * scale if first.value * scale < second.value else first.value
        ends = (second.value, value) if between else (None, None)
        made[i] = replace(first, value=value, unit=unit, noun=second.noun, until=ends[0])
        made[i + 1] = replace(second, unit=second.unit or unit, noun=None if unit else second.noun, until=ends[1])
    return tuple(made)


def _scale_of(lower: Sequence[str], quantity: Quantity) -> Decimal:
    scaled = (_RANGE_SCALES[word] for word in lower[quantity.at : quantity.end] if word in _RANGE_SCALES)
    return Decimal(next(scaled, 1))
