"""What can be told about a question and a unit at sight: shared words, names, numbers, form of the answer, rank.

Every signal is a plain number, mostly in [0, 1]; `rag.read` weighs them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.documents import Document

from rag.answer_types import AnswerType, answer_type, offers
from rag.lexicon import MONTHS, STOP_WORDS, Words, analyse, initials, present
from rag.rarity import background, rarity
from rag.types import Span, Unit

# Nouns that name the kind of answer; the answer itself seldom repeats them.
_KIND_NOUNS = frozenset(
    [
        "year",
        "date",
        "day",
        "month",
        "time",
        "name",
        "kind",
        "type",
        "number",
        "amount",
        "place",
        "person",
        "thing",
        "word",
    ]
)
_NEGATION = re.compile(r"\b(?:not|never|no|none|nobody|neither|nor|without|cannot)\b|n['’]t\b", re.IGNORECASE)
_LEANS = re.compile(r"[\"“'‘]?(?:he|she|it|they|his|her|its|their|this|that|these|those|both|such)\b", re.IGNORECASE)
_COMPLETE = re.compile(r"[.!?;:][\"”'’)\]]*\s*$")


@dataclass(frozen=True, slots=True)
class Term:
    """A content word of the question.

    Attributes:
        weight: its rarity, from 0 to 1.
        short: initialism of the name it is part of ("=us" for United), which stands for it.
    """

    stem: str
    weight: float
    name: bool
    number: bool
    short: str | None

    def within(self, words: Words) -> float:
        """How surely it stands in a text, from 0 to 1."""
        return 1.0 if self.short in words.stems else present(self.stem, words)


@dataclass(frozen=True, slots=True)
class Asked:
    """An analysed question."""

    text: str
    kind: AnswerType
    terms: tuple[Term, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit of a passage with what stands around it.

    Attributes:
        place: position of its passage among the passages, from 0.
        before: the lead-in or header that it depends on, else the unit before it; empty for the first.
    """

    place: int
    unit: Unit
    text: str
    before: str
    passage: Document

    @property
    def in_context(self) -> str:
        """Title, what stands before, and the unit, as a reader of the brief would see it."""
        return f"{self.passage.metadata['title']}: {self.before} {self.text}".replace("  ", " ")


def content_stems(question: str) -> tuple[str, ...]:
    """Stems of the question's content words, in order and once each."""
    words = analyse(question).words
    return tuple(dict.fromkeys(w.stem for w in words if w.text.lower() not in STOP_WORDS or w.stem[0] == "="))


def ask(question: str, corpus_df: Mapping[str, int], corpus_n: int) -> Asked:
    """Analyse a question, its words weighed by their rarity in the corpus and in the background."""
    words = analyse(question)
    short = {w.stem: "=" + initials(run) for run in words.names if len(run) > 1 for w in run}
    by_stem = {w.stem: w for w in words.words}
    names = background().names
    terms = tuple(
        Term(s, rarity(s, corpus_df, corpus_n) * (0.3 if s in _KIND_STEMS else 1.0),
             by_stem[s].name or s in names, by_stem[s].number is not None, short.get(s))
        for s in content_stems(question)
    )  # fmt: skip
    return Asked(question, answer_type(question), terms, _NEGATION.search(question) is not None)


def candidates(passages: Sequence[Document]) -> list[Candidate]:
    """List the units of passages, each once, in the first passage that holds it."""
    found: dict[tuple[str, int, int], Candidate] = {}
    for place, passage in enumerate(passages):
        before = ""
        for marked in passage.metadata["units"]:
            unit = _unit(marked)
            text = slice_of(passage, unit.start, unit.end)
            key = (passage.metadata["brief_id"], unit.start, unit.end)
            found.setdefault(key, Candidate(place, unit, text, marked.get("context") or before, passage))
            before = text
    return list(found.values())


def slice_of(passage: Document, start: int, end: int) -> str:
    """Text of a span of the brief that lies inside the passage."""
    offset: int = passage.metadata["start"]
    return passage.page_content[start - offset : end - offset]


def cheap_signals(asked: Asked, unit: Candidate) -> dict[str, float]:
    """Measure everything about a unit that needs no model. Cost: about 0.1 ms."""
    words = analyse(unit.text)
    around = (words, analyse(unit.before))
    whole = (analyse(unit.passage.page_content), *map(analyse, header(unit.passage)))
    ranks = unit.passage.metadata.get("ranks", {})
    return {
        "coverage": coverage(asked.terms, words),
        "coverage_before": coverage(asked.terms, *around),
        "coverage_titled": coverage(asked.terms, *around, *whole[1:]),
        "coverage_passage": coverage(asked.terms, *whole),
        "names": coverage(_names(asked), *around),
        "names_passage": coverage(_names(asked), *whole),
        "numbers": coverage(_numbers(asked), *around),
        "numbers_passage": coverage(_numbers(asked), *whole),
        "plain": coverage(_plain(asked), *around),
        "plain_passage": coverage(_plain(asked), *whole),
        "missing": missing(asked.terms, *around, *whole[1:]),
        "missing_passage": missing(asked.terms, *whole),
        "phrases": phrases(asked, words),
        "offers": offers(asked.text, unit.text),
        "negation": float(asked.negated != (_NEGATION.search(unit.text) is not None)),
        "length": min(1.0, math.log1p(len(words.words)) / 4),
        "leans": float(_LEANS.match(unit.text) is not None),
        "complete": float(_COMPLETE.search(unit.text) is not None or unit.unit.kind != "sentence"),
        "asks": float(unit.text.rstrip().endswith("?")),
        "dense": 1 / ranks["dense"] if "dense" in ranks else 0.0,
        "lexical": 1 / ranks["lexical"] if "lexical" in ranks else 0.0,
    }


def coverage(terms: Iterable[Term], *texts: Words) -> float:
    """Share of the terms' weight that stands in any of the texts; 1 when there are no terms.

    sum(w_t * max over texts of present(t)) / sum(w_t)
    """
    chosen = tuple(terms)
    total = sum(term.weight for term in chosen)
    return sum(t.weight * max(t.within(text) for text in texts) for t in chosen) / total if total else 1.0


def missing(terms: Iterable[Term], *texts: Words) -> float:
    """Weight of the rarest term that stands in none of the texts; 0 when all do."""
    return max((t.weight for t in terms if not any(t.within(text) for text in texts)), default=0.0)


def phrases(asked: Asked, words: Words) -> float:
    """Share of neighbouring term pairs of the question that stand within four words of each other."""
    pairs = list(zip(asked.terms, asked.terms[1:], strict=False))
    if not pairs:
        return 0.0
    near = (
        any(abs(i - j) <= 4 for i in words.positions.get(a.stem, ()) for j in words.positions.get(b.stem, ()))
        for a, b in pairs
    )
    return sum(near) / len(pairs)


def header(passage: Document) -> tuple[str, ...]:
    """What stands above a passage: title, heading, and the date in words ("2024-05-16" adds "May 16 2024")."""
    meta = passage.metadata
    parts = str(meta.get("date") or "").split("-")
    month = [MONTHS[int(parts[1]) - 1].title()] if len(parts) > 1 else []
    dated = " ".join([*month, *(str(int(part)) for part in parts[2:]), parts[0]])
    return (meta["title"], meta.get("heading") or "", dated)


def _names(asked: Asked) -> Iterable[Term]:
    return (term for term in asked.terms if term.name)


def _numbers(asked: Asked) -> Iterable[Term]:
    return (term for term in asked.terms if term.number)


def _plain(asked: Asked) -> Iterable[Term]:
    return (term for term in asked.terms if not (term.name or term.number))


def _unit(marked: Mapping[str, Any]) -> Unit:
    has_context = marked.get("context_start") is not None
    context = Span(marked["context_start"], marked["context_end"]) if has_context else None
    return Unit(marked["start"], marked["end"], marked["kind"], context)


_KIND_STEMS = frozenset(stem for noun in _KIND_NOUNS for stem in content_stems(noun))
