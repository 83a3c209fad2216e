"""Limits that a question sets on the dates of briefs: "as of May 2023", "since March 2024", "in the last two weeks".

Only what bears on when a brief was published becomes a limit. "In May 2024" and "before June" speak of events, which
later briefs may tell of; the reader weighs such dates. What happened since a day cannot stand in a brief of before.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from rag.lexicon import MONTHS, NUMBER_WORDS
from rag.types import DateInterval, Scope

_MONTH = "|".join(sorted({name for month in MONTHS for name in (month, month[:3])} | {"sept"}, key=len, reverse=True))
_PLURAL = r"(?!(?:as|does|has|his|is|its|this|was)\b)[a-z]{2,}s|people|men|women|children"
_BARE = rf"(?!\w| ?(?:GMT|UTC|hours|hrs)\b| local time\b| (?-i:{_PLURAL})\b)"
"""What follows a year: no noun that it counts, and nothing that makes an hour of it."""
_YEAR = r"(?:1[5-9]|20)\d\d"
_DATE = (
    rf"(?:(?P<iso>{_YEAR}(?:-\d{{1,2}}(?:-\d{{1,2}})?|{_BARE}))(?![\d-])"
    rf"|(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? )?(?P<month>{_MONTH})\.?"
    rf"(?: (?:the )?(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?)?,?(?: of)? (?P<year>{_YEAR})(?!\d))"
)
_PART = r"(?:(?P<part>early|mid|late|start|beginning|middle|end)(?:-| of )? ?)"
_COUNT = r"(?P<count>\d{1,3}|a|an|one|two|three|four|five|six|seven|eight|nine|ten|twelve|few|couple of)"
_UNIT = r"(?P<unit>day|week|month|year)s?"
_NOT_OF_AN_EVENT = rf"(?!['’]s\b| (?:of|before|until)\b| in\b(?! (?:the )?(?!(?:{_MONTH})\b)(?-i:[A-Z])))"
"""The last week of July, the last two weeks before a vote and last week's attack are not counted from today."""
_SHARES = {"early": (4, 10), "start": (4, 10), "beginning": (4, 10), "mid": (8, 20), "middle": (8, 20)}
"""The last month of a part of a year, and the last day of one of a month; a late part ends with the whole."""
_OPENS = {"mid": (5, 11), "middle": (5, 11), "late": (9, 21), "end": (12, 21)}
"""The first month of a part of a year, and the first day of one of a month; an early part begins with the whole."""
_AS_OF_WORDS = r",? ?\b(?:as of|as at|as it stood (?:on|in|at)|as known (?:on|in)|as things stood (?:on|in))"
_AS_OF = re.compile(rf"{_AS_OF_WORDS} (?:the )?{_PART}?{_DATE}", re.IGNORECASE)
_AS_OF_PERIOD = re.compile(
    rf"{_AS_OF_WORDS} (?:the end of )?(?:yesterday|(?P<which>last|this) (?P<unit>week|month|year))\b{_NOT_OF_AN_EVENT}",
    re.IGNORECASE,
)
_SINCE = re.compile(rf",? ?\b(?:ever since|since) (?:the )?{_PART}?{_DATE}(?!\s*[-–])", re.IGNORECASE)
_RECENT = re.compile(
    r",? ?\b(?:(?:in|within|over|during|for|from) )?(?:the )?"
    rf"(?:(?:last|past|previous) {_COUNT} {_UNIT}|(?:past|previous) (?P<one>day|week|month|year))\b{_NOT_OF_AN_EVENT}",
    re.IGNORECASE,
)
_THIS = re.compile(
    r",? ?\b(?:(?:since )?yesterday"
    r"|(?:(?:since|in|within|during|over|from) )?(?:the )?(?P<which>last|this) (?P<unit>week|month|year))\b"
    rf"{_NOT_OF_AN_EVENT}",
    re.IGNORECASE,
)
_ENDS = re.compile(
    r"(?:\b(?:as of|as at|as (?:it|known|things)(?: stood)? (?:on|in|at)|before|until|till|by|prior to|than|up to|to"
    r"|through|with|his|her|its|their)|['’]s?)(?: the (?:start|beginning|middle|end) of)?(?: the)?$",
    re.IGNORECASE,
)
"""What makes an end, something compared or somebody's own of the recent time that follows."""
_DAYS = {"day": 1, "week": 7, "month": 31, "year": 366}


@dataclass(frozen=True, slots=True)
class DateLimit:
    """A limit on the dates of briefs that a question sets.

    Attributes:
        words: the words that set it, as they stand in the question.
        rest: the question without them.
        told_by: title of the brief that gives the day of the event that they name, if they name one.
    """

    words: str
    rest: str
    date_from: date | None = None
    as_of: date | None = None
    told_by: str | None = None

    def within(self, scope: Scope) -> Scope:
        """Narrow a scope by it: of two limits the stricter counts."""
        froms = [day for day in (scope.date_from, self.date_from) if day]
        ends = [day for day in (scope.as_of, self.as_of) if day]
        return replace(scope, date_from=max(froms, default=None), as_of=min(ends, default=None))

    def __str__(self) -> str:
        if self.as_of:
            return f"briefs published by {self.as_of}"
        return f"briefs dated from {self.date_from}" + (
            f", the day that “{self.told_by}” gives" if self.told_by else ""
        )


def date_limit(question: str, *, today: date) -> DateLimit | None:
    """Return the limit that a question sets on the dates of briefs, or None.

    "Who ruled Niger as of May 2023?" -> published by 2023-05-31
    "Who ruled Niger as of early 2023?" -> published by 2023-04-30
    "Who ruled Niger as of last week?", on 2024-05-20 -> published by 2024-05-19
    "What has Chad done since March 2024?" -> dated from 2024-03-01
    "What happened in the last two weeks?", on 2024-05-20 -> dated from 2024-05-06
    "Who was president in May 2024?" -> None
    """
    makers: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], date], dict[str, date] | None]], ...] = (
        (_AS_OF, _as_of),
        (_AS_OF_PERIOD, _as_of_period),
        (_SINCE, _since),
        (_RECENT, _recent),
        (_THIS, _this),
    )
    for pattern, make in makers:
        match = pattern.search(question)
        found = _made(make, match, today) if match else None
        if match and found:
            rest = " ".join(f"{question[: match.start()]} {question[match.end() :]}".split()).lstrip(", ")
            return DateLimit(
                match.group().strip(" ,"),
                re.sub(r" (?=[?.!,])", "", rest),
                date_from=found.get("date_from"),
                as_of=found.get("as_of"),
            )
    return None


def _made(
    make: Callable[[re.Match[str], date], dict[str, date] | None], match: re.Match[str], today: date
) -> dict[str, date] | None:
    try:
        return make(match, today)
    except OverflowError:
        return None  # before the year 1


def _as_of(match: re.Match[str], today: date) -> dict[str, date] | None:
    named = _named(match)
    return {"as_of": _end_of(match["part"], named)} if named else None


def _end_of(part: str | None, named: DateInterval) -> date:
    """Return the last day of a part of a year or a month: of "early 2023" the end of April."""
    month, day = _SHARES.get((part or "").lower(), (0, 0))
    if not month or named.start == named.end:
        return named.end
    if named.start.month == named.end.month:
        return named.start.replace(day=day)
    return date(named.start.year, month + 1, 1) - timedelta(days=1)


def _as_of_period(match: re.Match[str], today: date) -> dict[str, date] | None:
    if not match["which"]:
        return {"as_of": today - timedelta(days=1)}
    this = match["which"].lower() == "this"
    return {"as_of": today if this else _first_of(match["unit"], today) - timedelta(days=1)}


def _since(match: re.Match[str], today: date) -> dict[str, date] | None:
    named = _named(match)
    return {"date_from": _start_of(match["part"], named)} if named else None


def _start_of(part: str | None, named: DateInterval) -> date:
    """Return the first day of a part of a year or a month: of "late 2023" the first of September."""
    month, day = _OPENS.get((part or "").lower(), (1, 1))
    if named.start == named.end:
        return named.start
    return named.start.replace(day=day) if named.start.month == named.end.month else named.start.replace(month=month)


def _recent(match: re.Match[str], today: date) -> dict[str, date] | None:
    if _ENDS.search(match.string[: match.start()]):
        return None
    said = (match["count"] or "one").lower()
    number = NUMBER_WORDS.get(said, {"a": "1", "an": "1", "few": "3", "couple of": "2"}.get(said, said))
    unit = (match["unit"] or match["one"]).lower()
    return {"date_from": today - timedelta(days=int(number) * _DAYS[unit])}


def _this(match: re.Match[str], today: date) -> dict[str, date] | None:
    if _ENDS.search(match.string[: match.start()]):
        return None
    if not match["which"]:
        return {"date_from": today - timedelta(days=1)}
    first = _first_of(match["unit"], today)
    last = match["which"].lower() == "last"
    return {"date_from": _first_of(match["unit"], first - timedelta(days=1)) if last else first}


def _first_of(unit: str, day: date) -> date:
    """Return the first day of the week, month or year of a day."""
    if unit.lower() == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit.lower() == "month" else day.replace(month=1, day=1)


def _named(match: re.Match[str]) -> DateInterval | None:
    try:
        if match["iso"]:
            return DateInterval.parse(match["iso"])
        month = next(i for i, name in enumerate(MONTHS, 1) if name.startswith(match["month"].lower()[:3]))
        day = match["day"] or match["day2"]
        return DateInterval.parse(f"{match['year']}-{month:02d}" + (f"-{int(day):02d}" if day else ""))
    except ValueError:
        return None
