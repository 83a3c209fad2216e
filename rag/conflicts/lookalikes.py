"""What makes two figures look as if they disagreed: a later total, a part, a plan, another event, another kind."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache

from rag.conflicts.accounts import Account, near
from rag.conflicts.values import Value, comparable, values
from rag.dates_in_text import StatedDate, dates_told, may_be_one
from rag.types import DateInterval

_REPLACES = re.compile(
    r"\b(?:replac\w+|supersed\w+|takes? the place|took the place|up from|down from|rose from|risen from|fell from"
    r"|increased from|grown from|corrected|after an? (?:earlier|first)|previous(?:ly)?"
    r"|earlier (?:count|figure|toll|total)|another \d|further \d|additional|added to|more since)\b",
    re.IGNORECASE,
)
_PART = re.compile(
    r"^\W*(?:of (?:these|them|those|that|this|whom|which|the)\b|among (?:them|these|those)\b)"
    r"|\b(?:of (?:whom|which|these)|among them|including|in all|altogether|combined|alone|each|another)\b",
    re.IGNORECASE,
)
_PLAN = re.compile(
    r"\b(?:plan\w*|promis\w+|pledg\w+|expect\w*|due|foresaw|foreseen|targets?|scheduled|intend\w*|will|would|should"
    r"|(?:is|are|was|were) to\b|asked for|appeal\w*|sought|wants?|needs?|aims?|propos\w+|offer\w*|demand\w*"
    r"|hopes?|hoped|provides? for|allows? (?:up|for)|forecast\w*|projected|ordered|if|required)\b",
    re.IGNORECASE,
)
_PRESCRIBES = re.compile(
    r"\b(?:agreement|accord|deal|treaty|contract|plans?|terms|articles?|provisions?|paper|text|programme|offer)\b", re.I
)
_LATER = re.compile(
    r"\b(?:by|so far|(?<!add )(?<!adds )up to|until|as of|to date|since|now|latest|today|meanwhile)\b", re.IGNORECASE
)
_ORDINAL = re.compile(
    r"\b(first|second|third|fourth|fifth|sixth|previous|last|next|another|other)\s+(?:\w+\s)?(\w{4,})", re.IGNORECASE
)
_SAID_ON = re.compile(
    r"\b(?:said|announced|declared|stated|denied|reported|told \w+(?: \w+)?|claimed|confirmed|wrote)"
    r" (?:\w+ )?(?:on )?(?=\d|[A-Z])[^,;]{3,24}?(?= that\b)"
)
MOST_MONTHS_AHEAD = 6
"""Months ahead of its brief beyond which a day without a year is of the year before."""
PAST_MONTHS = 3
"""Months before its brief from which on what a sentence dates is another event than the brief's."""
KINDS = {
    "dead": r"\b(?:dead|deaths?|died?|dying|killed|killings?|fatal\w*|lost (?:their )?li(?:ves|fe)"
    r"|li(?:ves|fe) lost|(?:death )?toll|perished|slain|massacred|victims|took \w+ lives|bodies)\b",
    "hurt": r"\b(?:wounded|injur\w+|hurt|maimed|treated)\b",
    "displaced": r"\b(?:displaced|displacement|evacuat\w*|evacuees?|uproot\w*|fled|flee\w*|refugees?(?! agency)"
    r"|homeless|driven from|left (?:their )?homes?|lost their homes?)\b",
    "held": r"\b(?:arrest\w*|detain\w*|captive\w*|captur\w+|hostages?|abduct\w*|kidnap\w*|prisoners?|imprisoned)\b",
    "missing": r"\b(?:missing|unaccounted)\b",
}
"""What is counted of people, in the words of news: a figure of one kind is none of another."""
_KIND_PATTERNS = {kind: re.compile(words, re.IGNORECASE) for kind, words in KINDS.items()}


@lru_cache(maxsize=4096)
def kinds(text: str) -> frozenset[str]:
    """Return what a text counts of people."""
    return frozenset(kind for kind, pattern in _KIND_PATTERNS.items() if pattern.search(text))


def is_lookalike(question: str, one: Account, other: Account) -> bool:
    """Whether two accounts with different values need not disagree at all."""
    return (
        _is_part(one, other)
        or is_plan(question, one, other)
        or is_other_event(question, one, other)
        or _kinds_differ(question, one, other)
        or _is_later(one, other)
    )


def is_other_event(question: str, one: Account, other: Account) -> bool:
    """Whether the second account names a day or a number in a row that the question or the first one has otherwise."""
    asked, theirs = _days(question, ""), _dates(other)
    if asked and theirs and not _meet(asked, theirs):
        return True
    if one is not other and _is_of_the_past(one, other):
        return True
    wanted, others = _ordinals(question), _ordinals(other.text)
    told = {**_ordinals(one.text), **wanted} if one is not other else wanted
    return any(noun in told and not nth & told[noun] for noun, nth in others.items())


def days_told(account: Account) -> tuple[StatedDate, ...]:
    """Return the days, months and years that an account gives what it tells, without the day on which it was said."""
    plain = _SAID_ON.sub(lambda match: " " * len(match.group()), account.text)
    return tuple(day for day in dates_told(plain, account.dated) if day.month or day.year)


def are_of_two_days(one: Account, other: Account) -> bool:
    """Whether both accounts give the day, month or year of what they tell, and not the same."""
    mine, theirs = days_told(one), days_told(other)
    return bool(mine and theirs) and not _meet(mine, theirs)


def _is_of_the_past(one: Account, other: Account) -> bool:
    """Whether only one account tells of a time long before its brief; a sentence beside one that does tells on."""
    mine, theirs = dates_told(one.text, one.dated), dates_told(other.text, other.dated)
    if not (_is_past(one, mine) or _is_past(other, theirs)) or _meet(mine, theirs):
        return False
    return bool(theirs) or not near(one, other) or one.place > other.place


def _is_past(account: Account, days: Sequence[StatedDate]) -> bool:
    """Whether an account tells of a time long before its brief."""
    if not account.dated:
        return False
    year, month = int(account.dated[:4]), int(account.dated[5:7] or 12)
    return any((year - d.year) * 12 + month - (d.month or 12) > PAST_MONTHS for d in days if d.year is not None)


def is_replaced(text: str, value: Value) -> bool:
    """Whether a text says that another figure takes the place of one: "replaces the count of 140"."""
    match = _REPLACES.search(text)
    return match is not None and any(
        comparable(value, old) and value.amount == old.amount for old in values(text[match.end() :])
    )


def sums_up(one: Sequence[Value], total: Value) -> bool:
    """Whether several counts of a text add up to another one."""
    counts = [value.amount for value in one if value.dimension == "count"]
    return len(counts) > 1 and (sum(counts) == total.amount or sum(counts[1:]) == total.amount)


def is_ahead(account: Account) -> bool:
    """Whether all days that an account gives are after the date of its brief."""
    if not account.dated or not (days := _dates(account)):
        return False
    published = DateInterval.parse(account.dated).end
    return all((d.year or _year_of(d, published), d.month or 12, d.day or 31) > _parts(published) for d in days)


def _year_of(day: StatedDate, published: date) -> int:
    """Return the year of a day that is given without one: in a brief of January, December is of the year before."""
    return published.year - ((day.month or 0) - published.month > MOST_MONTHS_AHEAD)


def _parts(day: date) -> tuple[int, int, int]:
    return day.year, day.month, day.day


def _is_part(one: Account, other: Account) -> bool:
    """Whether one counts only a part of what the other counts; a count of "41 of them" by another may be a rival's."""
    return bool(_PART.search(one.text)) != bool(_PART.search(other.text))


def is_plan(question: str, one: Account, other: Account) -> bool:
    """Whether one tells what was to be and the other what is; a question for what is to be takes both."""
    return not is_plan_asked(question) and _plans(one) != _plans(other)


def is_plan_asked(question: str) -> bool:
    """Whether a question asks for what is to be."""
    return _PLAN.search(question) is not None


def _plans(account: Account) -> bool:
    """Whether an account tells what is to be: by its words, or as an article of a contract that its lead-in names."""
    return bool(_PLAN.search(account.text) or (account.kind == "item" and _PRESCRIBES.search(account.lead)))


def _kinds_differ(question: str, one: Account, other: Account) -> bool:
    wanted, mine, theirs = kinds(question), kinds(one.text), kinds(other.text)
    if wanted:
        return not theirs & wanted if theirs else not near(one, other)
    return bool(mine and theirs) and not mine & theirs


def _is_later(one: Account, other: Account) -> bool:
    """Whether both say up to when they count, and not up to the same day."""
    return bool(_LATER.search(one.text) and _LATER.search(other.text)) and not _meet(_dates(one), _dates(other))


def _dates(account: Account) -> tuple[StatedDate, ...]:
    return _days(account.text, account.dated)


@lru_cache(maxsize=4096)
def _days(text: str, dated: str) -> tuple[StatedDate, ...]:
    return tuple(day for day in dates_told(text, dated) if day.month)


def _meet(mine: Sequence[StatedDate], theirs: Sequence[StatedDate]) -> bool:
    return any(may_be_one(one, other) for one in mine for other in theirs)


@lru_cache(maxsize=4096)
def _ordinals(text: str) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = {}
    for nth, noun in _ORDINAL.findall(text.lower()):
        found.setdefault(noun.removesuffix("s"), set()).add(nth)
    return found
