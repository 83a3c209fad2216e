"""Another figure for what a question counts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from rag.conflicts.sides import Conflict, differ, is_on, quote_of
from rag.dates_in_text import without_dates
from rag.lexicon import analyse, kin
from rag.numbers_in_text import quantities
from rag.types import Reading, ScoredUnit, Sentence

MIN_SHARE = 0.03
"""Least score, as a share of the best unit's, of another figure. The event is told by names, so little is enough."""
MAX_FIGURES = 2

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
    "displaced": r"\b(?:displaced|displacement|evacuat\w*|evacuees?|uproot\w*|fled|flee\w*|refugees?"
    r"|driven from|left (?:their )?homes?)\b",
    "held": r"\b(?:arrest\w*|detain\w*|held|captur\w+|hostages?|abduct\w*|kidnap\w*|prisoners?|imprisoned)\b",
    "missing": r"\b(?:missing|unaccounted)\b",
}
_NOUN = re.compile(r"\b(?:how many|number of)\s+(?:[a-z-]+ (?:of )?(?:the )?)?([a-z]{3,}s)\b", re.IGNORECASE)
_VAGUE = frozenset("days weeks months years hours times cases sources others things percents was his".split())
_KIND_PATTERNS = {kind: re.compile(words, re.IGNORECASE) for kind, words in _KINDS.items()}


def of_counts(question: str, reading: Reading, best: Sequence[Sentence]) -> Conflict | None:
    """Return another figure than the answer's for what a question counts, beside the answer itself.

    Both speak of what is counted, as a noun ("countries") or a kind ("killed"), in passages that hold the names of the
    question. A question that says itself that figures differ gets two, whatever the answer is.
    """
    counted = _counted(question)
    if counted and _ASKS_BOTH.search(question):
        return _both(question, reading, counted)
    stating = [sentence for sentence in best if _figures(sentence.text, counted)]
    if not stating or not _COUNTS.search(question):
        return None
    known, brief = _figures(stating[0].text, counted), stating[0].citations[0].passage.metadata["brief_id"]
    others = [unit for unit in reading.units if _differs(unit, known, question, counted, reading)]
    apart = [unit for unit in others if reading.evidence[unit.n - 1].metadata["brief_id"] != brief]
    found = [quote_of(unit, reading) for unit in (apart or ([] if counted & _KINDS.keys() else others))[:1]]
    return _figures_differ([stating[0], *found], counted, beside=best) if found else None


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
            return _figures_differ([quote_of(unit, reading) for unit in chosen], counted)
    return None


def _figures_differ(
    sentences: Sequence[Sentence], counted: frozenset[str], *, beside: Sequence[Sentence] = ()
) -> Conflict:
    sides = [(one, _told(one, counted)) for one in sentences]
    return differ("The briefs give different figures", sides, beside=beside)


def _differs(unit: ScoredUnit, known: set[Decimal], question: str, counted: frozenset[str], reading: Reading) -> bool:
    if unit.score < MIN_SHARE * reading.units[0].score or unit.unit.kind == "list":
        return False
    figures = _figures(unit.text, counted)
    return bool(figures) and not figures & known and is_on(question, reading.evidence[unit.n - 1])


def _counted(question: str) -> frozenset[str]:
    """What a question counts: the kinds it names, and the stem of the noun after "how many" unless that is vague."""
    kinds = frozenset(kind for kind, pattern in _KIND_PATTERNS.items() if pattern.search(question))
    match = _NOUN.search(question)
    noun = analyse(match[1]).words[0] if match else None
    return kinds if noun is None or noun.text.lower() in _VAGUE else kinds | {noun.stem}


def _figures(text: str, counted: frozenset[str]) -> set[Decimal]:
    """Return the figures of a sentence that speaks of what is counted; none where it speaks of another kind."""
    kinds = counted & _KINDS.keys()
    if kinds and not any(_KIND_PATTERNS[kind].search(text) for kind in kinds):
        return set()
    counts = quantities(without_dates(text))
    nouns = counted - kinds
    named = {q.value for q in counts if q.noun and any(kin(q.noun, noun) or q.noun == noun for noun in nouns)}
    return named or ({q.value for q in counts if q.unit is None} if kinds else set())


def _told(sentence: Sentence, counted: frozenset[str]) -> str:
    return " and ".join(f"{figure.normalize():,f}" for figure in sorted(_figures(sentence.text, counted)))
