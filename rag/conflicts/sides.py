"""The two sides of a conflict, and how they are told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from langchain_core.documents import Document

from rag.cite import quoted
from rag.lexicon import STOP_WORDS, analyse, present
from rag.types import DateInterval, Reading, ScoredUnit, Sentence, Span

MIN_SAID = 0.6
"""Least share of the question's own words that a sentence says which disagrees with the answer."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Sentences that differ, the newest first, and how to say so."""

    sentences: tuple[Sentence, ...]
    note: str


def differ(how: str, sides: Sequence[tuple[Sentence, str]], *, beside: Sequence[Sentence] = ()) -> Conflict:
    """Return the sides, the newest first, with how they differ and what each says; other sentences go beside them."""
    ordered = sorted(sides, key=lambda side: _date_of(side[0]), reverse=True)
    told = "; ".join(f"{says} ({source(sentence)})" for sentence, says in ordered if says)
    each = {_place(sentence): sentence for sentence in (*(sentence for sentence, _ in sides), *beside)}
    return Conflict(tuple(sorted(each.values(), key=_date_of, reverse=True)), f"{how}: {told}.")


def quote_of(unit: ScoredUnit, reading: Reading) -> Sentence:
    """Quote a unit."""
    return quoted(unit.n, reading.evidence[unit.n - 1], Span(unit.unit.start, unit.unit.end))


def elsewhere(reading: Reading, best: Sequence[Sentence], *, least: float) -> Iterator[tuple[ScoredUnit, Document]]:
    """Yield units of other briefs than the answer's, with at least a share of the best unit's score, and passages."""
    briefs = {sentence.citations[0].passage.metadata["brief_id"] for sentence in best}
    for unit in reading.units:
        passage = reading.evidence[unit.n - 1]
        if unit.score >= least * reading.units[0].score and passage.metadata["brief_id"] not in briefs:
            yield unit, passage


def of_one_time(one: Document, other: Document, *, days: int) -> bool:
    """Whether the briefs of two passages are dated at most some days apart."""
    if not (one.metadata["date"] and other.metadata["date"]):
        return False
    mine, theirs = (DateInterval.parse(passage.metadata["date"]) for passage in (one, other))
    apart = timedelta(days=days)
    return mine.start - theirs.end <= apart and theirs.start - mine.end <= apart


def is_on(question: str, passage: Document) -> bool:
    """Whether a passage, with its title, holds the names of the question, but for years."""
    words = analyse(f"{passage.metadata['title']}. {passage.page_content}")
    names = {word.stem for run in analyse(question).names for word in run if word.text.lower() not in STOP_WORDS}
    return all(present(name, words) > 0 for name in names)


def matter(question: str) -> list[str]:
    """Return the stems of a question that are no names, numbers or stop words."""
    words = analyse(question)
    names = {word.stem for run in words.names for word in run}
    return [
        word.stem
        for word in words.words
        if word.stem not in names and word.text.lower() not in STOP_WORDS and not word.text.isdigit()
    ]


def says(text: str, stems: Sequence[str]) -> float:
    """Return the share of some stems that a text has."""
    words = analyse(text)
    return sum(present(stem, words) > 0 for stem in stems) / len(stems) if stems else 0.0


def source(sentence: Sentence) -> str:
    """Return date and source of a sentence's brief, as people write them."""
    data = sentence.citations[0].passage.metadata
    return ", ".join(filter(None, [data["date"] or "undated", data["source"] or data["title"]]))


def _date_of(sentence: Sentence) -> str:
    return str(sentence.citations[0].passage.metadata["date"] or "")


def _place(sentence: Sentence) -> tuple[int, int]:
    return sentence.citations[0].n, sentence.citations[0].start
