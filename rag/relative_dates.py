"""Dates that a text tells from the day it was published: "yesterday", "last month", "on Monday", "two weeks ago"."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from rag.lexicon import MONTHS, NUMBER_WORDS
from rag.types import DateInterval

_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_ANY_WEEKDAY = "|".join(_WEEKDAYS)
_DAYS = {"yesterday": -1, "last night": -1, "today": 0, "tonight": 0, "this morning": 0, "tomorrow": 1}
_OFFICES = "chair|chairman|chief|commander|governor|head|leader|mayor|minister|premier|president|secretary"
_NAMED = re.compile(
    r"\b(?:the day (?:before|after) )?(?:yesterday|last night|today(?!['’]s)|tonight|this morning|tomorrow)\b", re.I
)
_IN_A_NAME = re.compile(r"\b[A-Z]\w* $")
_COUNTED_FROM_ELSE = "".join(rf"(?<!\b{word}\s)" for word in "the his her its their my our your past".split())
_NEIGHBOUR = re.compile(
    rf"(?<!['’]s\s){_COUNTED_FROM_ELSE}\b(?P<which>last|this|next) (?P<unit>week|month|year)\b"
    rf"(?! (?:of|before|in (?:office|power|{'|'.join(MONTHS)})|as (?:an? )?(?:[a-z]+ )?(?:{_OFFICES}))\b)",
    re.IGNORECASE,
)
"""Not the last week of a war, a last year in office, or the next year of a story."""
_AGO = re.compile(
    rf"(?<![\w,.-])(?P<count>\d{{1,3}}|a|an|{'|'.join(NUMBER_WORDS)}) (?P<unit>day|week|month|year)s? ago\b", re.I
)
_WEEKDAY = re.compile(rf"\b(?P<how>on|last|next) (?P<day>{_ANY_WEEKDAY})\b(?!,? (?:\(?\d|[A-Z][a-z]+ \d))", re.I)
TO_COME = re.compile(
    r"\b(?:will|would|shall|is to|are to|due|plans?|expected|scheduled|until|till|by)\b", re.IGNORECASE
)
"""What marks a sentence that speaks of what is to come."""
_MOST_AGO = 1_000
"""Days, months or years, beyond which nothing is told by counting."""
_STEP = {"last": -1, "this": 0, "next": 1}


@dataclass(frozen=True, slots=True)
class RelativeDate:
    """Words at characters `start` to `end`, and the day, month or year they mean."""

    start: int
    end: int
    words: str
    date: DateInterval


def relative_dates(text: str, published: DateInterval) -> tuple[RelativeDate, ...]:
    """Return the relative dates of a text in order, as far as the date of publication is precise enough to tell.

    In a text of Thursday, 16 May 2024: "yesterday" is 2024-05-15, "on Monday" 2024-05-13, "last month" 2024-04. A
    weekday in a sentence that speaks of what is to come is left open.
    """
    found: list[RelativeDate] = []
    finders: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], DateInterval], DateInterval | None]], ...] = (
        (_NAMED, _named),
        (_NEIGHBOUR, _neighbour),
        (_AGO, _ago),
        (_WEEKDAY, _weekday),
    )
    for pattern, meant in finders:
        for match in pattern.finditer(text):
            if when := _told(meant, match, published):
                found.append(RelativeDate(*match.span(), match.group(), when))
    return tuple(sorted(found, key=lambda one: one.start))


def _told(
    meant: Callable[[re.Match[str], DateInterval], DateInterval | None], match: re.Match[str], published: DateInterval
) -> DateInterval | None:
    try:
        return meant(match, published)
    except (OverflowError, ValueError):
        return None  # before the year 1, or after 9999


def _named(match: re.Match[str], published: DateInterval) -> DateInterval | None:
    words = match.group().lower()
    if match.group()[0].isupper() and _IN_A_NAME.search(match.string, 0, match.start()):
        return None  # "USA Today"
    shift = -1 if words.startswith("the day before") else 1 if words.startswith("the day after") else 0
    word = re.sub(r"^the day (?:before|after) ", "", words)
    return _day(published, _DAYS[word] + shift)


def _neighbour(match: re.Match[str], published: DateInterval) -> DateInterval | None:
    step, unit = _STEP[match["which"].lower()], match["unit"].lower()
    if unit == "year":
        return DateInterval.parse(f"{published.start.year + step:04d}") if _within(published, 4) else None
    if unit == "month":
        return _month(published.start, step) if _within(published, 7) else None
    if published.start != published.end:
        return None
    monday = published.start + timedelta(days=7 * step - published.start.weekday())
    return DateInterval(monday, monday + timedelta(days=6))


def _ago(match: re.Match[str], published: DateInterval) -> DateInterval | None:
    said, unit = match["count"].lower(), match["unit"].lower()
    before = match.string[: match.start()].lower().split()[-1:]
    if before and (before[0] in NUMBER_WORDS or before[0][-1].isdecimal()):
        return None  # "two hundred years ago" is not a hundred
    count = int(NUMBER_WORDS.get(said, "1" if said in ("a", "an") else said))
    if count > _MOST_AGO:
        return None
    if unit == "year":
        return DateInterval.parse(f"{published.start.year - count:04d}") if _within(published, 4) else None
    if unit == "month":
        return _month(published.start, -count) if _within(published, 7) else None
    return _day(published, -count) if unit == "day" else None


def _weekday(match: re.Match[str], published: DateInterval) -> DateInterval | None:
    how, wanted = match["how"].lower(), _WEEKDAYS.index(match["day"].lower())
    if published.start != published.end:
        return None
    since = (published.start.weekday() - wanted) % 7
    if how == "next":
        return _day(published, 7 - since)
    if how == "on" and TO_COME.search(_sentence(match.string, match.start())):
        return None
    return _day(published, -(since or (7 if how == "last" else 0)))


def _sentence(text: str, at: int) -> str:
    start = max(text.rfind(mark, 0, at) for mark in (". ", "! ", "? ", "\n"))
    return text[start + 1 :].split(". ")[0]


def _within(published: DateInterval, precision: int) -> bool:
    """Whether a date is at least as precise as a year (4) or a month (7 characters)."""
    return len(str(published)) >= precision


def _day(published: DateInterval, shift: int) -> DateInterval | None:
    if published.start != published.end:
        return None
    return DateInterval.parse(published.start + timedelta(days=shift))


def _month(day: date, step: int) -> DateInterval:
    year, month = divmod(day.year * 12 + day.month - 1 + step, 12)
    return DateInterval.parse(f"{year:04d}-{month + 1:02d}")


def relative_dates_note(n: int, quote: str, dated: str | None) -> str | None:
    """Say what the relative dates of citation `n` mean, in a brief of that date; None where it has none."""
    found = relative_dates(quote, DateInterval.parse(dated)) if dated else ()
    told = ", ".join(dict.fromkeys(f"“{one.words}” is {_written(one.date)}" for one in found))
    return f"In [{n}], counted from the date of the brief, {told}." if told else None


def _written(interval: DateInterval) -> str:
    week = interval.end - interval.start == timedelta(days=6)
    return f"{interval.start} to {interval.end}" if week else str(interval)
