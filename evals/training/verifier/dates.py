"""Dates and numbers as rules find and change them."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from evals.training.reader.swaps import YEAR, other_year
from rag.lexicon import MONTHS, NUMBER_WORDS

MONTH = "|".join(month.title() for month in MONTHS)
DAY_FIRST = re.compile(rf"(?<![\w,.–-])(?P<day>[0-3]?\d) (?P<month>{MONTH}) (?P<year>(?:1[5-9]|20)\d\d)\b")
MONTH_FIRST = re.compile(rf"\b(?P<month>{MONTH}) (?P<day>[0-3]?\d), (?P<year>(?:1[5-9]|20)\d\d)\b")
SMALL = {word: int(NUMBER_WORDS[word]) for word in "two three four five six seven eight nine ten eleven twelve".split()}
WORDS = {n: word for word, n in SMALL.items()}
_IN_MONTH = re.compile(
    rf"\b(?:{MONTH})\b(?= \d| ?(?:of )?\d{{4}})|(?<=\d )(?:{MONTH})\b|(?<=[io]n )(?:{MONTH})\b(?! [A-Z])"
)
_DAY = re.compile(
    rf"(?<=\b)(?P<day>[12]?\d|3[01])(?= (?:{MONTH})\b)|(?<=[a-y] )(?P<other>[12]?\d|3[01])(?=, (?:1[5-9]|20)\d\d\b)"
)
_NUMBER = re.compile(
    rf"(?<![\w.,/–:-])\d{{1,3}}(?:,\d{{3}})+(?![\w,.]?\d)|(?<![\w.,/–:-])\d+(?:\.\d+)?(?![\w,./:–-]?\d|[-–/]|s\b|st\b|nd\b|rd\b|th\b)"
    rf"|(?<![\w-])(?:{'|'.join(SMALL)}|{'|'.join(word.title() for word in SMALL)})(?![\w-]| [A-Z])"
)


def other_dates(sentence: str, stated: str, rng: random.Random) -> list[str]:
    """Change a year, a month and a day of a sentence, one each time, to what the stated text does not hold."""
    years = set(YEAR.findall(stated))
    made = [(m, other_year(m.group(), years, rng)) for m in YEAR.finditer(sentence)]
    months = [month.title() for month in MONTHS if month.title() not in stated]
    made += [(m, rng.choice(months)) for m in _IN_MONTH.finditer(sentence) if months]
    days = [str(day) for day in range(2, 29) if not re.search(rf"\b{day}\b", stated)]
    made += [(m, rng.choice(days)) for m in _DAY.finditer(sentence) if days]
    return [_put(sentence, match, other) for match, other in made]


def other_numbers(sentence: str, stated: str, rng: random.Random) -> list[str]:
    """Change one number of a sentence each time to what the stated text does not hold; years and dates stay."""
    return [
        _put(sentence, match, other) for match in numbers_in(sentence)
        for other in [_other_number(match.group(), stated, rng)] if other is not None
    ]  # fmt: skip


def numbers_in(sentence: str) -> Sequence[re.Match[str]]:
    """Find the numbers of a sentence, in digits or in words, that are no part of a date."""
    dates = [m.span() for form in (DAY_FIRST, MONTH_FIRST, _DAY, YEAR) for m in form.finditer(sentence)]
    near_month = re.compile(rf"(?:{MONTH}) $")
    return [
        m for m in _NUMBER.finditer(sentence)
        if not any(start <= m.start() < end for start, end in dates) and not near_month.search(sentence[: m.start()])
    ]  # fmt: skip


def _other_number(number: str, stated: str, rng: random.Random) -> str | None:
    if number.lower() in SMALL:
        others = [n for n in range(2, 13) if not _holds(stated, str(n)) and not _holds(stated.lower(), WORDS[n])]
        made = WORDS[rng.choice(others)] if others else None
        return made.title() if made and number[0].isupper() else made
    whole, point, part = number.replace(",", "").partition(".")
    others = [n for n in _near(int(whole)) if not _holds(stated, f"{n:,}") and not _holds(stated, str(n))]
    if not others:
        return None
    n = rng.choice(others)
    return (f"{n:,}" if "," in number else str(n)) + point + part


def _near(n: int) -> list[int]:
    """Numbers that could stand in a number's place, as round as it is."""
    scale = 10 ** (len(str(n)) - len(str(n).rstrip("0"))) if n else 1
    core = n // scale
    shifts = (-3, -2, -1, 1, 2, 3, 5) if core < 30 else (-core // 2, -core // 4, -7, 4, 9, core // 3, core)
    made = {(core + shift) * scale for shift in shifts if core + shift >= 1} - {n}
    return sorted(other for other in made if other >= 2 and (n > 100 or other <= 100))


def _holds(text: str, number: str) -> bool:
    return re.search(rf"(?<![\w.,]){re.escape(number)}(?![\w]|[.,]\d)", text) is not None


def _put(sentence: str, match: re.Match[str], other: str) -> str:
    return sentence[: match.start()] + other + sentence[match.end() :]
