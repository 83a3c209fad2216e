"""Another figure for what a question counts or measures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.answer_types import answer_type
from rag.clauses import root
from rag.conflicts.accounts import Account, Asked, apart, hands_over, near, overlap
from rag.conflicts.lookalikes import are_of_two_days, is_lookalike, is_other_event, is_replaced, kinds, sums_up
from rag.conflicts.sides import of_one_time
from rag.conflicts.tellers import denied_words, teller
from rag.conflicts.values import (
    Value,
    alike_nouns,
    comparable,
    is_far,
    is_part,
    named_before,
    place,
    same,
    stands_alone,
    values,
)
from rag.dates_in_text import WEEKDAYS
from rag.lexicon import MONTHS, STOP_WORDS, analyse, stem

MIN_SAID = 0.6
"""Least share of the question's matter, or of the other account's words, that a figure of another brief comes with."""
MIN_HALF = 0.5
MIN_NEAR = 0.3
"""The same of a measure, and of a figure beside the answer, to be shown without a claim that the two differ."""
MAX_DAYS = 60
"""Days between two briefs that may count one thing."""

_SIZE = re.compile(
    r"\bhow (?:many|much|long|far|old|large|big|high|strong|fast|deep|wide|heavy|tall)\b"
    r"|\b(?:numbers?|figures?|share|percentage|proportion|portion|fraction|toll|counts?|price|cost|rate|turnout|length|area"
    r"|size|what part|distance|capacity|volume|magnitude|value|worth|total|amount|sum|estimates?)\b",
    re.IGNORECASE,
)
_FIGURES = re.compile(r"\b(?:numbers|figures|counts|tolls|estimates)\b", re.IGNORECASE)
_DIMENSIONS = tuple(
    (re.compile(rf"\b(?:{words})", re.IGNORECASE), frozenset(dimensions.split()))
    for words, dimensions in (
        (r"(?:share|percent\w*|proportion|portion|fraction|turnout|what part|rate)\b", "share"),
        (r"(?:price|costs?|pay|paid|money|funds|worth|budget|loan|fine)\b", "money"),
        (r"how much\b", "share mass volume area barrels power length time"),
        (r"how long\b", "length time"),
        (r"(?:how (?:far|wide|deep|tall)|distance)\b", "length"),
        (r"how many (?!kilo|met|mile|ton|hour|day|week|month|year|hectare|dollar|euro)", "count"),
    )
)
_TURNOUT = re.compile(r"\bturnout\b", re.IGNORECASE)
_CLAUSE_END = re.compile(r"[,;:] | (?:while|and|but) ")
_DAYS = frozenset(stem(name) for name in (*MONTHS, *WEEKDAYS))
_AFTER_MANY = re.compile(r"\b(?:how many|number of|on how many)((?: [\w'’-]+){1,5})", re.IGNORECASE)
_PLURALS = frozenset("people men women children troops dead wounded personnel".split())


@dataclass(frozen=True, slots=True)
class Other:
    """An account that gives another value, what the two give, and whether it is sure that they disagree."""

    account: Account
    mine: str
    theirs: str
    sure: bool


@dataclass(frozen=True)
class FigureAsked:
    """What figure a question asks for.

    Attributes:
        noun: stem of what is counted, where the question says.
        dimensions: what it may be measured in; empty where any will do.
    """

    asked: Asked
    noun: str | None
    dimensions: frozenset[str]

    def value(self, text: str) -> Value | None:
        """Return the value of a text that answers: of the noun, else the first that may be of it."""
        fitting = [v for v in values(text) if not self.dimensions or v.dimension in self.dimensions]
        named = [v for v in fitting if self.noun and v.noun and v.noun != "point" and alike_nouns(v.noun, self.noun)]
        bare = [v for v in fitting if v.noun is None or v.dimension != "count"]
        return next(iter(named or (bare if self.noun else ()) or fitting), None)

    def said(self, account: Account) -> float:
        """Return the share of the question's matter that an account says; all, where it counts the same of people."""
        return 1.0 if kinds(self.asked.text) & kinds(account.text) else self.asked.said(account)


def figure_asked(asked: Asked) -> FigureAsked | None:
    """Return what figure a question asks for, None where it asks for none."""
    other = answer_type(asked.text) in ("when", "where", "who", "polar") and not _FIGURES.search(asked.text)
    if other or not _SIZE.search(asked.text):
        return None
    dimensions = next((d for pattern, d in _DIMENSIONS if pattern.search(asked.text)), frozenset[str]())
    people = "people" if kinds(asked.text) else None
    return FigureAsked(asked, _noun(asked.text) or people, dimensions)


def other_figure(wanted: FigureAsked, one: Account, other: Account) -> Other | None:
    """Tell whether an account gives another figure than the answer's for what is asked."""
    mine = wanted.value(one.text)
    found = _other_figure(wanted, one, mine, other) if mine and not _is_full_row(other) else None
    return found if found and _may_be_rivals(wanted, one, other) else None


def _other_figure(wanted: FigureAsked, one: Account, mine: Value, other: Account) -> Other | None:
    if corrected := _corrected(other.text, mine):
        return Other(other, mine.told, corrected.told, True)
    theirs = wanted.value(other.text)
    if theirs is None:
        return None
    if not _may_differ(wanted, one, mine, other, theirs):
        return _both_told(wanted, mine, other)
    sure = _is_of_it(wanted, one, mine, other, theirs)
    if sure or _is_near_it(wanted, one, other, theirs):
        sure = sure and _are_of_one(wanted, mine, theirs) and not are_of_two_days(one, other)
        return Other(other, mine.told, theirs.told, sure and not _are_of_two(wanted, one, mine, other, theirs))
    return None


def _may_be_rivals(wanted: FigureAsked, one: Account, other: Account) -> bool:
    if not apart(one, other) or is_lookalike(wanted.asked.text, one, other):
        return False
    return of_one_time(one.passage, other.passage, days=MAX_DAYS, undated=True)


def _may_differ(wanted: FigureAsked, one: Account, mine: Value, other: Account, theirs: Value) -> bool:
    """Whether two figures may be of one thing, and are not one figure, nor a sum and its parts."""
    if same(mine, theirs) or _holds(other, mine) or is_far(mine, theirs) or not _counts_it(wanted, mine, other, theirs):
        return False
    sums = mine.dimension == theirs.dimension == "money"
    if not sums and not _are_of_one(wanted, mine, theirs):
        return False
    if is_part(one.text, mine) != is_part(other.text, theirs):
        return False
    return not (sums_up(values(other.text), mine) or sums_up(values(one.text), theirs))


def _are_of_one(wanted: FigureAsked, mine: Value, theirs: Value) -> bool:
    """Whether two values can be compared: of one kind, or counts of two things that the question names."""
    asked = {wanted.noun, *wanted.asked.matter}
    return comparable(mine, theirs) or (
        mine.dimension == theirs.dimension == "count" and {mine.noun, theirs.noun} <= asked
    )


def _corrected(text: str, mine: Value) -> Value | None:
    """Return the figure that a text puts in the place of another: eight in "eight convictions, not nine"."""
    denied = denied_words(text)
    if not any(place(denied, value, at_once=True) for value in values(denied)[:1] if value.amount == mine.amount):
        return None
    before = text[: text.find(denied)]
    stated = [value for value in values(text) if value.amount != mine.amount and comparable(value, mine)]
    return next((value for value in reversed(stated) if place(before, value)), next(iter(stated), None))


def _both_told(wanted: FigureAsked, mine: Value, other: Account) -> Other | None:
    """Take an account that gives the answer's figure and another one: "the police say 200, the league 1,500"."""
    stated = [v for v in values(other.text) if comparable(v, mine) and stands_alone(other.text, v)]
    others = [v for v in stated if not same(v, mine)]
    named = wanted.noun is not None and wanted.noun in other.content
    if named and len(stated) > 1 and others and len(others) < len(stated):
        return Other(other, mine.told, others[0].told, False)
    return None


def _is_of_it(wanted: FigureAsked, one: Account, mine: Value, other: Account, theirs: Value) -> bool:
    """Whether the other figure is plainly one of what is asked: by the words, by the kind, or because it has none."""
    question = wanted.asked
    if max(question.said(other), overlap(one, other)) >= MIN_SAID:
        return True
    if kinds(question.text) & kinds(one.text) & kinds(other.text) and theirs.dimension == "count":
        return True
    named = named_before(one.text, mine) & named_before(other.text, theirs)
    if named & (question.matter | question.names) or (named and (theirs.dimension != "count" or not wanted.noun)):
        return True
    if not wanted.dimensions or not stands_alone(other.text, theirs):
        return False
    return near(one, other) or (bool(question.matter) and question.carried(other) >= MIN_SAID)


def _are_of_two(wanted: FigureAsked, one: Account, mine: Value, other: Account, theirs: Value) -> bool:
    """Whether two figures are of two subjects: either is of a name that is new, or one is a turnout that none asks."""
    if _is_of_another(wanted, one, mine, other) or _is_of_another(wanted, other, theirs, one):
        return True
    turnouts = [account for account in (one, other) if _TURNOUT.search(account.text)]
    return len(turnouts) == 1 and not _TURNOUT.search(wanted.asked.text)


def _is_of_another(wanted: FigureAsked, one: Account, mine: Value, other: Account) -> bool:
    """Whether before a figure its clause has a name, not of who tells it, that question and other account have not."""
    match = place(one.text, mine)
    before = one.text[: match.start()] if match else ""
    told = teller(before)
    known = wanted.asked.names | other.content | _DAYS | (told.stems if told else frozenset())
    opens = len(before) - len(_CLAUSE_END.split(before)[-1])
    return any(word.start >= opens and root(word) not in known for run in analyse(before).names for word in run)


def _is_near_it(wanted: FigureAsked, one: Account, other: Account, theirs: Value) -> bool:
    """Whether a figure may be one of what is asked: beside the answer, or in a unit of its own and of one matter."""
    said, is_count = wanted.asked.said(other), theirs.dimension == "count"
    if near(one, other):
        noun = theirs.noun is not None and theirs.noun == wanted.noun and theirs.noun != "people"
        return said >= MIN_NEAR or noun or (not is_count and hands_over(one, other))
    if one.brief == other.brief or is_count:
        return False
    return said >= MIN_HALF or bool(named_before(other.text, theirs) & wanted.asked.matter and wanted.dimensions)


def fits(wanted: FigureAsked, one: Account) -> bool:
    """Whether an account may be the answer: it has a value, and counts no other people than the question."""
    asks, has = kinds(wanted.asked.text), kinds(one.text)
    if wanted.value(one.text) is None or (asks and has and not asks & has):
        return False
    return not _is_full_row(one) and not is_other_event(wanted.asked.text, one, one)


def is_final(wanted: FigureAsked, one: Account, known: Sequence[Account]) -> bool:
    """Whether no account gives another figure in the place of an account's, or as the sum of what it counts."""
    return not is_stale(wanted, one, known) and not is_breakdown(wanted, one, known)


def is_stale(wanted: FigureAsked, one: Account, known: Sequence[Account]) -> bool:
    """Whether some account says that another figure takes the place of what an account gives."""
    value = wanted.value(one.text)
    return value is not None and any(is_replaced(other.text, value) for other in known)


def is_breakdown(wanted: FigureAsked, one: Account, known: Sequence[Account]) -> bool:
    """Whether an account counts the parts of what another of its brief gives: "44 from here, three from there"."""
    beside = (other for other in known if other is not one and other.brief == one.brief)
    totals = [wanted.value(other.text) for other in beside if fits(wanted, other)]
    mine = values(one.text)
    return any(total is not None and sums_up(mine, total) for total in totals)


def _is_full_row(account: Account) -> bool:
    """Whether an account is a table's row with several figures, of which the columns tell what they are."""
    return account.text.count("|") > 3


def _counts_it(wanted: FigureAsked, mine: Value, other: Account, theirs: Value) -> bool:
    """Whether the other figure may be of what is asked: of the noun of the question or of the answer, or of none."""
    if theirs.dimension != "count":
        return True
    if theirs.noun is None:
        return (
            wanted.noun is None
            or stands_alone(other.text, theirs)
            or bool(kinds(wanted.asked.text) & kinds(other.text))
        )
    if theirs.noun in wanted.asked.matter:
        return True
    return any(noun is not None and alike_nouns(noun, theirs.noun) for noun in (wanted.noun, mine.noun))


def _holds(other: Account, mine: Value) -> bool:
    """Whether the other account gives the answer's value too, unless to deny it."""
    if re.search(r"\bnot\b|\binstead of\b|\brather than\b|\bbesides\b", other.text):
        return False
    return any(comparable(mine, value) and same(mine, value) for value in values(other.text))


def _noun(question: str) -> str | None:
    match = _AFTER_MANY.search(question)
    for word in match[1].split() if match else ():
        plain = word.lower()
        if plain in STOP_WORDS:
            continue
        if word.islower() and (plain in _PLURALS or (plain.endswith("s") and not plain.endswith(("ss", "us")))):
            return stem("people" if plain == "persons" else plain)
    return None
