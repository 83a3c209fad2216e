"""Evidence that disagrees: another figure for what a question counts, another day for what it asks the date of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from langchain_core.documents import Document

from rag.answer_types import answer_type
from rag.cite import quoted
from rag.dates_in_text import StatedDate, dates_told, may_be_one, without_dates
from rag.lexicon import STOP_WORDS, analyse, kin, present
from rag.numbers_in_text import quantities
from rag.recency import wants_newest
from rag.types import Reading, ScoredUnit, Sentence, Span

MIN_SHARE = 0.03
"""Least score, as a share of the best unit's, of another figure. The event is told by names, so little is enough."""
MAX_FIGURES = 2
MIN_SHARE_DATE = 0.3
"""The same for another date: events near each other have dates of their own."""
MIN_SAID = 0.6
"""Least share of the question's own words that a sentence with another date says."""

_COUNTS = re.compile(
    r"\b(?:how (?:many|much|large|big|high|long|far|old)|number of|what (?:number|share|toll|count))\b", re.I
)
_ASKS_BOTH = re.compile(
    r"\b(?:clash\w*|conflicting|competing|contradict\w*|contrary|disagree\w*|discrepan\w*|diverg\w*|rival"
    r"|(?:differ|different|differing|two|both|other) (?:\w+ )?(?:counts?|figures?|numbers?|tolls?|estimates?|versions?"
    r"|accounts?|sources?|bodies))\b",
    re.IGNORECASE,
)
# What is counted of people, in the words of news: a figure of one kind is none of another.
_KINDS = {
    "dead": r"\b(?:dead|deaths?|died?|dying|killed|killings?|fatal\w*|lost (?:their )?li(?:ves|fe)"
    r"|li(?:ves|fe) lost|toll|perished|slain|massacred|victims)\b",
    "hurt": r"\b(?:wounded|injur\w+|hurt|maimed)\b",
    "displaced": r"\b(?:displaced|displacement|uproot\w*|fled|flee\w*|refugees?|driven from|left (?:their )?homes?)\b",
    "held": r"\b(?:arrest\w*|detain\w*|held|captur\w+|hostages?|abduct\w*|kidnap\w*|prisoners?|imprisoned)\b",
    "missing": r"\b(?:missing|unaccounted)\b",
}
_NOUN = re.compile(r"\b(?:how many|number of)\s+(?:[a-z-]+ (?:of )?(?:the )?)?([a-z]{3,}s)\b", re.IGNORECASE)
_VAGUE = frozenset("days weeks months years hours times cases sources others things percents was his".split())
_KIND_PATTERNS = {kind: re.compile(words, re.IGNORECASE) for kind, words in _KINDS.items()}


@dataclass(frozen=True, slots=True)
class Conflict:
    """Figures that differ, the newest first, and how to say so."""

    sentences: tuple[Sentence, ...]
    note: str


def conflict(question: str, reading: Reading, best: Sequence[Sentence]) -> Conflict | None:
    """Return what states another figure or day than the answer for what the question asks, beside the answer itself.

    Figures: both must speak of what is counted, as a noun ("countries") or a kind ("killed"), in passages that hold the
    names of the question. Days: another brief with those names says most of what the question says, of another day or
    month. That they differ does not say that one is wrong: later counts are often higher.

    Args:
        best: the sentences of the answer.
    """
    if not best or wants_newest(question):
        return None
    if answer_type(question) == "when":
        return _of_dates(question, reading, best)
    counted = _counted(question)
    if counted and _ASKS_BOTH.search(question):
        return _both(question, reading, counted)
    if not counted or not _COUNTS.search(question):
        return None
    known = {figure for sentence in best for figure in _figures(sentence.text, counted)}
    if not known:
        return None
    others = [unit for unit in reading.units if _differs(unit, known, question, counted, reading)]
    briefs = {sentence.citations[0].passage.metadata["brief_id"] for sentence in best}
    elsewhere = [u for u in others if reading.evidence[u.n - 1].metadata["brief_id"] not in briefs]
    others = (elsewhere or ([] if counted & _KINDS.keys() else others))[: MAX_FIGURES - 1]
    if not others:
        return None
    found = [_quote(unit, reading) for unit in others]
    return _figures_differ([*best, *found], counted)


def _both(question: str, reading: Reading, counted: frozenset[str]) -> Conflict | None:
    """Answer a question that says itself that figures differ: the best unit of two briefs, with one figure first."""
    chosen: list[ScoredUnit] = []
    for unit in sorted(reading.units, key=lambda unit: len(_figures(unit.text, counted)) != 1):
        briefs = {reading.evidence[one.n - 1].metadata["brief_id"] for one in chosen}
        if counted & _KINDS.keys() and reading.evidence[unit.n - 1].metadata["brief_id"] in briefs:
            continue
        known = {figure for one in chosen for figure in _figures(one.text, counted)}
        if _differs(unit, known, question, counted, reading):
            chosen.append(unit)
        if len(chosen) == MAX_FIGURES:
            return _figures_differ([_quote(unit, reading) for unit in chosen], counted)
    return None


def _figures_differ(sentences: Sequence[Sentence], counted: frozenset[str]) -> Conflict:
    ordered = tuple(sorted(sentences, key=_date_of, reverse=True))
    told = "; ".join(_told(sentence, counted) for sentence in ordered if _figures(sentence.text, counted))
    return Conflict(ordered, f"The briefs give different figures: {told}.")


def _quote(unit: ScoredUnit, reading: Reading) -> Sentence:
    return quoted(unit.n, reading.evidence[unit.n - 1], Span(unit.unit.start, unit.unit.end))


def _of_dates(question: str, reading: Reading, best: Sequence[Sentence]) -> Conflict | None:
    passage = best[0].citations[0].passage
    known = _days(best[0].text, passage)
    matter = _matter(question)
    for unit in reading.units if known and matter else ():
        other = reading.evidence[unit.n - 1]
        days = _days(unit.text, other)
        if other.metadata["brief_id"] == passage.metadata["brief_id"] or not days:
            continue
        if unit.score < MIN_SHARE_DATE * reading.units[0].score:
            break
        apart = not any(may_be_one(one, day) for one in known for day in days)
        words = analyse(unit.text)
        said = sum(present(stem, words) > 0 for stem in matter) / len(matter)
        if apart and said >= MIN_SAID and _is_on(question, other):
            found = _quote(unit, reading)
            ordered = tuple(sorted([*best, found], key=_date_of, reverse=True))
            told = "; ".join(_dated(sentence) for sentence in sorted((best[0], found), key=_date_of, reverse=True))
            return Conflict(ordered, f"The briefs give different dates: {told}.")
    return None


def _days(text: str, passage: Document) -> tuple[StatedDate, ...]:
    return tuple(day for day in dates_told(text, passage.metadata["date"] or "") if day.month)


def _dated(sentence: Sentence) -> str:
    days = _days(sentence.text, sentence.citations[0].passage)
    told = " and ".join(dict.fromkeys(sentence.text[day.start : day.end] for day in days))
    return f"{told} ({_source(sentence)})"


def _matter(question: str) -> list[str]:
    """Return the stems of a question that are no names, numbers or stop words."""
    words = analyse(question)
    names = {word.stem for run in words.names for word in run}
    return [
        word.stem
        for word in words.words
        if word.stem not in names and word.text.lower() not in STOP_WORDS and not word.text.isdigit()
    ]


def _differs(unit: ScoredUnit, known: set[Decimal], question: str, counted: frozenset[str], reading: Reading) -> bool:
    if unit.score < MIN_SHARE * reading.units[0].score or unit.unit.kind == "list":
        return False
    figures = _figures(unit.text, counted)
    return bool(figures) and not figures & known and _is_on(question, reading.evidence[unit.n - 1])


def _counted(question: str) -> frozenset[str]:
    """What a question counts: the kinds it names, else the stem of the noun after "how many" unless that is vague."""
    kinds = frozenset(kind for kind, pattern in _KIND_PATTERNS.items() if pattern.search(question))
    match = _NOUN.search(question)
    if kinds or match is None:
        return kinds
    noun = analyse(match[1]).words[0]
    return frozenset() if noun.text.lower() in _VAGUE else frozenset([noun.stem])


def _figures(text: str, counted: frozenset[str]) -> set[Decimal]:
    """Return the figures of a sentence that speaks of what is counted; none where it speaks of another kind."""
    kinds = counted & _KINDS.keys()
    plain = without_dates(text)
    if kinds:
        if not any(_KIND_PATTERNS[kind].search(text) for kind in kinds):
            return set()
        return {q.value for q in quantities(plain) if q.unit is None}
    return {
        q.value for q in quantities(plain) if q.noun and any(kin(q.noun, noun) or q.noun == noun for noun in counted)
    }


def _is_on(question: str, passage: Document) -> bool:
    """Whether a passage, with its title, holds the names of the question, but for years."""
    words = analyse(f"{passage.metadata['title']}. {passage.page_content}")
    names = {word.stem for run in analyse(question).names for word in run if word.text.lower() not in STOP_WORDS}
    return all(present(name, words) > 0 for name in names)


def _date_of(sentence: Sentence) -> str:
    return str(sentence.citations[0].passage.metadata["date"] or "")


def _told(sentence: Sentence, counted: frozenset[str]) -> str:
    figures = " and ".join(f"{figure.normalize():,f}" for figure in sorted(_figures(sentence.text, counted)))
    return f"{figures} ({_source(sentence)})"


def _source(sentence: Sentence) -> str:
    data = sentence.citations[0].passage.metadata
    return ", ".join(filter(None, [data["date"] or "undated", data["source"] or data["title"]]))
