"""Passages to evidence: which units answer the question, and whether anything does.

Cheap signals choose the units, a cross-encoder scores them, and three small logistic models weigh all of it: one orders
the units, one says how surely anything here answers, one how surely the first unit does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Protocol

import numpy as np
from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.documents import Document

from rag.lexicon import analyse
from rag.recency import NewestFirst
from rag.signal_weights import ANSWERS, RANK, RIGHT
from rag.signals import (
    Asked,
    Candidate,
    ask,
    candidates,
    cheap_signals,
    countable_stems,
    coverage,
    header,
    logistic,
    missing,
)
from rag.types import Reading, ScoredUnit

READ_PASSAGES = 10
MAX_UNITS = 24

DocumentFrequency = Callable[[Sequence[str]], tuple[Mapping[str, int], int]]


class Matcher(Protocol):
    """Tells how the words of a question are met; `rag.token_match.TokenScorer` does."""

    def match(self, asked: Asked, texts: Sequence[str]) -> Mapping[str, Mapping[str, float]]:
        """Return signals for each text."""
        ...


@dataclass(frozen=True)
class Scorers:
    """The models that measure units; the weights of the signals must know those that are there.

    Attributes:
        similarity: a cross-encoder of (question, unit): the cosine of their embeddings.
        reader: a cross-encoder of (question, unit in its context) that gives log-odds.
        matcher: tells how the words of the question are met by those of a unit.
    """

    similarity: BaseCrossEncoder
    reader: BaseCrossEncoder | None = None
    matcher: Matcher | None = None


@dataclass(frozen=True)
class SignalReader:
    """Scores the units of passages against a question.

    The score of the best unit is the calibrated probability that it answers; a unit e times less likely by the ranking
    model has a score e times lower.

    Attributes:
        document_frequency: for stems, in how many chunks of the index each stands, and the number of chunks.
        max_units: units that are scored.
        newest: how newer briefs are preferred by questions that want the latest word.
    """

    scorers: Scorers
    document_frequency: DocumentFrequency
    max_units: int = MAX_UNITS
    newest: NewestFirst = field(default_factory=NewestFirst)

    def read(self, question: str, passages: Sequence[Document]) -> Reading:
        """Order the passages and their units by how well they answer. One call of each scorer."""
        asked = ask(question, *self.document_frequency(countable_stems(question)))
        measured = measure(asked, passages, self.scorers, max_units=self.max_units)
        if not measured:
            return Reading(evidence=tuple(passages), units=(), answerable=0.0)
        preferred = self.newest.preferences(question, [m.candidate.passage.metadata["date"] for m in measured])
        weighed = [(weigh(m.signals, RANK) + more, m) for m, more in zip(measured, preferred, strict=True)]
        weighed.sort(key=lambda pair: (-pair[0], *_tie(pair[1].candidate)))
        best = weighed[0][0]
        signals = answer_signals(asked, [m for _, m in weighed], [rank for rank, _ in weighed])
        right = logistic(weigh(signals, RIGHT))
        scored = [(right * math.exp(rank - best), m) for rank, m in weighed]
        return _reading(passages, scored, answerable=logistic(weigh(signals, ANSWERS)))


@dataclass(frozen=True, slots=True)
class Measured:
    """A unit with its signals."""

    candidate: Candidate
    signals: Mapping[str, float]


def measure(asked: Asked, passages: Sequence[Document], scorers: Scorers, *, max_units: int) -> list[Measured]:
    """Measure the units of the first passages: cheap signals for all, scores for the `max_units` most promising."""
    cheap = [Measured(c, cheap_signals(asked, c)) for c in candidates(passages[:READ_PASSAGES])]
    cheap.sort(key=lambda m: (-_promise(m.signals), *_tie(m.candidate)))
    chosen = cheap[:max_units]
    texts = [m.candidate.in_context for m in chosen]
    read = _scores(asked, scorers.reader, texts) if scorers.reader else {}
    close = _scores(asked, scorers.similarity, [text for m in chosen for text in m.candidate.readings])
    met = scorers.matcher.match(asked, [m.candidate.readings[-1] for m in chosen]) if scorers.matcher else {}
    return [
        Measured(
            m.candidate,
            {
                **m.signals,
                **({"reader": read[m.candidate.in_context]} if read else {}),
                **met.get(m.candidate.readings[-1], {}),
                "similarity": max(close[text] for text in m.candidate.readings),
            },
        )
        for m in chosen
    ]


def _scores(asked: Asked, scorer: BaseCrossEncoder, texts: Sequence[str]) -> dict[str, float]:
    """Score each different text once."""
    different = list(dict.fromkeys(texts))
    scores = scorer.score([(asked.text, text) for text in different]) if different else []
    return dict(zip(different, scores, strict=True))


def answer_signals(asked: Asked, measured: Sequence[Measured], ranks: Sequence[float]) -> dict[str, float]:
    """Tell what bears on whether anything answers: the best unit's signals, its lead, and what stands nowhere.

    Args:
        asked: the question.
        measured: units, best first.
        ranks: their scores by the ranking model.
    """
    best = measured[0].signals
    passages = {id(m.candidate.passage): m.candidate.passage for m in measured}.values()
    everything = [analyse(text) for p in passages for text in (p.page_content, *header(p))]
    return {
        **best,
        "bias": 1.0,
        "rank": ranks[0] / 10,
        "lead": min(ranks[0] - ranks[1], 4.0) / 4 if len(ranks) > 1 else 1.0,
        "similarity_max": max(m.signals["similarity"] for m in measured),
        "coverage_max": max(m.signals["coverage_before"] for m in measured),
        "plain_max": max(m.signals["plain"] for m in measured),
        "missing_all": missing(asked.terms, *everything),
        "strangers": sum(t.name and missing([t], *everything) > 0 for t in asked.terms) / 2,
        "numbers_all": coverage((t for t in asked.terms if t.number), *everything),
        "terms": math.log1p(len(asked.terms)),
        **{f"kind_{asked.kind}": 1.0},
        **_of_reader([m.signals["reader"] for m in measured if "reader" in m.signals]),
    }


def _of_reader(odds: Sequence[float]) -> dict[str, float]:
    """Tell how surely the reader finds an answer among the units; nothing where none has read them."""
    if not odds:
        return {}
    best = sorted(odds, reverse=True)
    lead = min(best[0] - best[1], 8.0) if len(best) > 1 else 8.0
    return {"reader_max": best[0], "reader_any": _log_sum(best), "reader_lead": lead}


def _log_sum(odds: Sequence[float]) -> float:
    """Return log sum exp: the log-odds that any unit answers, each against the same "nothing answers"."""
    return float(np.logaddexp.reduce(np.asarray(odds)))


def weigh(signals: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Sum the signals by their weights; a signal that is absent counts nothing."""
    return sum(weight * signals.get(name, 0.0) for name, weight in weights.items())


def _reading(passages: Sequence[Document], scored: Sequence[tuple[float, Measured]], *, answerable: float) -> Reading:
    """Number the passages by their best unit; those without a scored unit follow in their order."""
    by_place: dict[int, list[tuple[float, Measured]]] = {}
    for score, m in scored:
        by_place.setdefault(m.candidate.place, []).append((score, m))
    order = [*by_place, *(place for place in range(len(passages)) if place not in by_place)]
    number = {place: n for n, place in enumerate(order, 1)}
    evidence = tuple(_marked(passages[place], by_place.get(place, [])) for place in order)
    units = tuple(
        ScoredUnit(number[m.candidate.place], m.candidate.unit, m.candidate.text, score, m.signals)
        for score, m in scored
    )
    return Reading(evidence, units, answerable)


def share_evidence(readings: Sequence[Reading]) -> tuple[Reading, ...]:
    """Give the readings of a question's parts one evidence, numbered once: each part's best passage, then the next."""
    if len(readings) < 2:
        return tuple(readings)
    copies: dict[str, list[Document]] = {}
    for passages in zip_longest(*(reading.evidence for reading in readings)):
        for passage in filter(None, passages):
            copies.setdefault(_chunk(passage), []).append(passage)
    number = {chunk: n for n, chunk in enumerate(copies, 1)}
    evidence = tuple(_one(same) for same in copies.values())
    return tuple(
        replace(
            reading,
            evidence=evidence,
            units=tuple(replace(u, n=number[_chunk(reading.evidence[u.n - 1])]) for u in reading.units),
        )
        for reading in readings
    )


def _chunk(passage: Document) -> str:
    return str(passage.metadata["chunk_id"])


def _one(copies: Sequence[Document]) -> Document:
    """Join the copies of a passage: all units that are marked in any, with the signals of the copy that scores best."""
    if len(copies) == 1:
        return copies[0]
    best = max(copies, key=lambda passage: passage.metadata["signals"].get("score", 0.0))
    by_span: dict[tuple[int, int], dict[str, float]] = {}
    for mark in (mark for passage in copies for mark in passage.metadata.get("marked", ())):
        span = mark["start"], mark["end"]
        by_span[span] = max(mark, by_span.get(span, mark), key=lambda m: m["score"])
    marked = sorted(by_span.values(), key=lambda mark: -mark["score"])
    return Document(id=best.id, page_content=best.page_content, metadata={**best.metadata, "marked": marked})


def _marked(passage: Document, scored: Sequence[tuple[float, Measured]]) -> Document:
    """Copy a passage with its best unit's signals and the spans of its units, best first."""
    if not scored:
        return Document(id=passage.id, page_content=passage.page_content, metadata={**passage.metadata, "signals": {}})
    score, best = scored[0]
    marked = [{"start": m.candidate.unit.start, "end": m.candidate.unit.end, "score": s} for s, m in scored]
    added = {"signals": {**best.signals, "score": score}, "marked": marked}
    return Document(id=passage.id, page_content=passage.page_content, metadata={**passage.metadata, **added})


def _promise(signals: Mapping[str, float]) -> float:
    """Cheap estimate of a unit's worth, which decides whether the scorer sees it."""
    rank = max(signals["dense"], signals["lexical"])
    return signals["coverage"] + 0.5 * signals["coverage_before"] + 0.3 * signals["offers"] + 0.3 * rank


def _tie(candidate: Candidate) -> tuple[str, int]:
    """Order of equals, so that the same machine gives the same answer."""
    return str(candidate.passage.metadata["brief_id"]), candidate.unit.start
