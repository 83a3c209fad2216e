"""Years that a question counts from what was said before: "in July of the following year"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.lexicon import NUMBER_WORDS

_STEPS = {"previous": -1, "preceding": -1, "before": -1, "same": 0, "that": 0, "next": 1, "following": 1, "after": 1}
_SEASON = r"spring|summer|autumn|fall|winter"
_COUNTED = re.compile(
    r"(?P<at>\b(?:in|of|for|by|from|until|till|since|during|before|after|to|and|or)\s+)?"
    rf"\b(?:(?:the (?P<which>following|next|previous|preceding|same)|that) (?P<span>year|{_SEASON})\b(?! (?:of|that)\b)"
    r"|the year (?P<later>after|before)(?= *(?:[?.,;!]|and\b|$)))",
    re.IGNORECASE,
)
_NUMBERS = "one|two|three|four|five|six|seven|eight|nine|ten"
_LATER = re.compile(
    rf"\b(?P<at>in )?(?<!\bthe )(?P<count>a|half a|a few|several|{_NUMBERS}|\d{{1,2}})"
    r" (?P<unit>day|week|month|year|decade)s? "
    r"(?:(?P<later>later|afterwards|after that|on(?= *(?:[?.,;!]|$)))|earlier|before that)\b(?! than\b)",
    re.IGNORECASE,
)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")


def counts_from_before(question: str) -> bool:
    """Whether a question names a time by one that was spoken of: "that summer", "the year after?", "a month later".

    "Two years later" may be counted from what the question names itself, so it counts only in one without a name.
    """
    later = _LATER.search(question) and not re.search(r"[A-Z]", question[1:])
    return bool(_COUNTED.search(question) or later) and not _YEAR.search(question)


def with_years(question: str, said: Sequence[str]) -> str:
    """Return the question with the years that it counts from the first text that tells of one year alone.

    "who held out in July of the following year?", ["Sweden applied in 2022."] -> "who held out in July of 2023?"

    Args:
        said: what may tell the year, the likeliest first.
    """
    told = (set(_YEAR.findall(text)) for text in said)
    year = next((int(years.pop()) for years in told if len(years) == 1), None)
    if year is None or not counts_from_before(question):
        return question
    counted = _COUNTED.sub(lambda found: _counted(found, year), question)
    return _LATER.sub(lambda found: _years_on(found, year), counted)


def _counted(found: re.Match[str], year: int) -> str:
    step = _STEPS[(found["which"] or found["later"] or "that").lower()]
    season = found["span"] if found["span"] and found["span"].lower() != "year" else ""
    return f"{found['at'] or 'in '}{season} {year + step}".replace("  ", " ")


def _years_on(found: re.Match[str], year: int) -> str:
    said = found["count"].lower()
    count = NUMBER_WORDS.get(said, "1" if said == "a" else said)
    if found["unit"].lower() != "year" or not count.isdigit():
        return found.group()
    return f"in {year + int(count) if found['later'] else year - int(count)}"
