"""Dates that a text states, and whether those of a sentence stand in its source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

from rag.lexicon import MONTHS
from rag.relative_dates import relative_dates
from rag.types import DateInterval

Part = Literal["early", "mid", "late"]

WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
MONTH_OF = {
    **{name: n for n, name in enumerate(MONTHS, 1)},
    **{name[:3]: n for n, name in enumerate(MONTHS, 1)},
    "sept": 9,
}
_SHORT = "|".join(name[:3].title() for name in MONTHS)
_MONTH = rf"(?P<month>{'|'.join(name.title() for name in MONTHS)}|(?:Sept|{_SHORT})\b\.?)"
_YEAR = r"(?P<year>1[5-9]\d\d|20\d\d)(?!\d|[,.]\d|%)"
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"
_TO_DAY = r"(?:\s?(?:-|–|to|and|or)\s?(?:the )?(?P<until>[0-3]?\d)(?:st|nd|rd|th)?)?"
_FORMS = tuple(
    re.compile(form)
    for form in (
        r"(?<![\w-])(?P<year>1[5-9]\d\d|20\d\d)-(?P<month>[01]\d)(?:-(?P<day>[0-3]\d))?(?![\w-])",
        rf"(?<![\w.,]){_DAY}{_TO_DAY} (?:of )?{_MONTH}(?:,? {_YEAR})?(?!\w)",
        rf"(?<!\w){_MONTH} (?:the )?{_DAY}(?![\d:,.]\d|\d|%){_TO_DAY}(?:,? {_YEAR})?(?!\w)",
        rf"(?<!\w){_MONTH},? (?:of )?{_YEAR}(?!\w)",
        r"(?<![\w.,$€£])(?P<year>1[5-9]\d\d|20\d\d)(?P<decade>['’]?s)(?!\w)",
        r"(?<![\w.,$€£])(?P<year>1[5-9]\d\d|20\d\d)[-–](?P<last>\d\d(?:\d\d)?)(?![\w-])",
        rf"(?<![\d.,$€£]){_YEAR}(?!\w)",
        rf"(?<!\w){_MONTH}(?!\w)",
    )
)
# "May" and "March" open a sentence as other words, and both are names.
_AFTER_MONTH_WORD = frozenset(
    "in since by until till of from early late mid between to and before after during last next this end".split()
)
_COUNTS = re.compile(r" (?:[a-z]+ )?(?:[a-z]{2,}s|people|men|women|children)\b")
_BEFORE_YEAR = frozenset(
    "in the of since by after before and from until till during to between a an s its his their for late early mid "
    "through than or with this as".split()
)
_PARTS: dict[str, Part] = {
    "early": "early", "beginning": "early", "start": "early", "mid": "mid", "middle": "mid", "late": "late",
    "end": "late",
}  # fmt: skip
_RELATIVE = re.compile(
    r"\b(?:yesterday|today|tomorrow|tonight|(?:last|next|this) (?:night|week|weekend|month|year|decade|century|spring|"
    r"summer|autumn|winter|monday|tuesday|wednesday|thursday|friday|saturday|sunday))\b"
)
_WEEKDAY = re.compile(rf"\b(?:{'|'.join(name.title() for name in WEEKDAYS)})\b")
_LAST_WORD = re.compile(r"([A-Za-z]+)\W{0,2}$")
_LAST_WORDS = re.compile(r"(?:([A-Za-z]+)\W{1,2})?(?:([A-Za-z]+)\W{1,2})?([A-Za-z]+)\W{0,2}$")


@dataclass(frozen=True, slots=True)
class StatedDate:
    """A date as precise as a text states it, at characters `start` to `end`.

    Attributes:
        decade: the year stands for ten ("the 2030s").
        part: the part of the year or month that is meant ("early 2024", "the end of May").
    """

    start: int
    end: int
    year: int | None = None
    month: int | None = None
    day: int | None = None
    decade: bool = False
    part: Part | None = None


@lru_cache(maxsize=256)
def dates_in(text: str) -> tuple[StatedDate, ...]:
    """Find the dates of a text in order: days, months, years, decades. A range gives its two ends."""
    found: list[StatedDate] = []
    rest = text
    for form in _FORMS:
        spans = []
        for match in form.finditer(rest):
            if made := tuple(_dates(match, rest)):
                found.extend(made)
                spans.append(match.span())
        rest = _blank(rest, spans)
    return tuple(sorted(found, key=lambda d: d.start))


def dates_told(text: str, dated: str) -> tuple[StatedDate, ...]:
    """Return the dates of a text of that ISO date, those that it tells from there ("yesterday") among them."""
    return (*dates_in(text), *_relative(text, dated))


def may_be_one(one: StatedDate, other: StatedDate) -> bool:
    """Whether two dates may be the same: what both state is equal."""
    pairs = ((one.year, other.year), (one.month, other.month), (one.day, other.day))
    return all(mine is None or theirs is None or mine == theirs for mine, theirs in pairs)


def without_dates(text: str) -> str:
    """Put a bar over every character of a date, so that what is left of digits are numbers."""
    spans = sorted({(found.start, found.end) for found in dates_in(text)})
    return _blank(text, spans)


def dates_disagree(sentence: str, source: str, *, dated: str = "") -> bool:
    """Whether the sentence states a date, weekday or "yesterday" that the source does not give.

    A year that a date of the source leaves out may be the year of `dated`, or the one year that the source names.
    What the source tells from `dated` ("yesterday", "last month") is given by it; `dated` alone gives nothing.

    | sentence | source | dated | disagrees |
    | --- | --- | --- | --- |
    | on 16 May 2024 | on 16 May | 2024-05-20 | no |
    | on 16 May | in May | | yes |
    | on 16 May 2024 | on 16 May | 2023-05-20 | yes |
    | in May 2024 | | 2024-05-16 | yes |
    | on 15 May | yesterday | 2024-05-16 | no |
    """
    given, years = dates_told(source, dated), _years(source, dated)
    if any(not any(_covers(known, stated, years) for known in given) for stated in dates_in(sentence)):
        return True
    return _weekdays_disagree(sentence, source, given, years) or _relative_disagrees(sentence, source)


def _dates(match: re.Match[str], text: str) -> Iterator[StatedDate]:
    """Read one match; nothing when it is no date after all."""
    parts = match.groupdict()
    word = (parts.get("month") or "").rstrip(".").lower()
    month = int(word) if word.isdecimal() else MONTH_OF.get(word)
    year, day = _int(parts.get("year")), _int(parts.get("day"))
    before = _LAST_WORD.search(text[max(0, match.start() - 20) : match.start()])
    last = before.group(1).lower() if before else ""
    if not (1 <= (month or 1) <= 12 and 1 <= (day or 1) <= 31):
        return
    if day is None and None in (year, month) and _another_word(word, last, match, text):
        return
    part = _part(text[max(0, match.start() - 30) : match.start()]) if day is None else None
    yield StatedDate(match.start(), match.end(), year, month, day, bool(parts.get("decade")), part)
    if until := parts.get("until"):
        yield StatedDate(match.start(), match.end(), year, month, int(until))
    if ends := parts.get("last"):
        yield StatedDate(match.start(), match.end(), int(str(year)[: 4 - len(ends)] + ends))


def _another_word(month: str, last: str, match: re.Match[str], text: str) -> bool:
    """Whether a bare month is a verb or a name, or a bare year a count ("killed 2000 people")."""
    if month:
        return month in ("may", "march", "mar", "sun", "jun", "jan", "august") and last not in _AFTER_MONTH_WORD
    return (
        match.group().isdecimal()
        and last not in _BEFORE_YEAR
        and last not in MONTH_OF
        and _COUNTS.match(text, match.end()) is not None
    )


def _part(before: str) -> Part | None:
    match = _LAST_WORDS.search(before)
    words = [word.lower() for word in match.groups() if word] if match else []
    while words and words[-1] in ("of", "the"):
        words.pop()
    return _PARTS.get(words[-1]) if words else None


def _blank(text: str, spans: list[tuple[int, int]]) -> str:
    pieces, last = [], 0
    for start, end in spans:
        pieces += [text[last:start], "|" * (end - max(start, last))]
        last = max(last, end)
    return "".join([*pieces, text[last:]])


def _int(digits: str | None) -> int | None:
    return None if digits is None else int(digits)


def _relative(source: str, dated: str) -> Iterator[StatedDate]:
    """Yield what a source tells as days, months or years from its own date."""
    for found in relative_dates(source, DateInterval.parse(dated)) if dated else ():
        year, month, day = (*map(int, str(found.date).split("-")), None, None)[:3]
        if found.date.end - found.date.start != timedelta(days=6):
            yield StatedDate(found.start, found.end, year, month, day)


def _years(source: str, dated: str) -> frozenset[int]:
    """Years that a date of the source without one may be in."""
    named = {d.year for d in dates_in(source) if d.year is not None and not d.decade}
    own = {DateInterval.parse(dated).start.year} if dated else set()
    return frozenset(own | (named if len(named) == 1 else set()))


def _covers(known: StatedDate, stated: StatedDate, years: frozenset[int]) -> bool:
    """Whether a date of the source gives every part of a stated date."""
    if stated.decade:
        return known.year is not None and known.year // 10 == (stated.year or 0) // 10
    if known.decade or (stated.day is not None and stated.day != known.day):
        return False
    if stated.month is not None and stated.month != known.month:
        return False
    if stated.year is not None and not (stated.year == known.year or (known.year is None and stated.year in years)):
        return False
    return stated.part is None or stated.part in (known.part, _part_of(known, stated))


def _part_of(known: StatedDate, stated: StatedDate) -> Part | None:
    """The third of the stated month or year that a more precise date falls in."""
    if stated.month is None:
        third = None if known.month is None else (known.month - 1) // 4
    else:
        third = None if known.day is None else min(2, (known.day - 1) // 10)
    order: tuple[Part, ...] = ("early", "mid", "late")
    return None if third is None else order[third]


def _weekdays_disagree(sentence: str, source: str, given: tuple[StatedDate, ...], years: frozenset[int]) -> bool:
    stated = set(_WEEKDAY.findall(sentence)) - set(_WEEKDAY.findall(source))
    if not stated:
        return False
    known = {_weekday(d.year or year, d.month, d.day) for d in given for year in (years or {None})}
    return not stated <= known


def _weekday(year: int | None, month: int | None, day: int | None) -> str | None:
    try:
        return WEEKDAYS[date(year or 0, month or 0, day or 0).weekday()].title()
    except ValueError:
        return None


def _relative_disagrees(sentence: str, source: str) -> bool:
    return not set(_RELATIVE.findall(sentence.lower())) <= set(_RELATIVE.findall(source.lower()))
