"""Passages to evidence: which units answer the question, and whether anything does.

`rag.measure` chooses the units and scores them, and small logistic models weigh all of it: one orders the units, one
orders the best of them anew by what a larger cross-encoder says of these, one says how surely anything here answers,
one how surely the first unit does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import TypeVar

from langchain_core.documents import Document

from rag.answer import Reading, ScoredUnit
from rag.lexicon import analyse
from rag.measure import MAX_TOKENS, MAX_UNITS, Measured, Scorers, choose, read_closely, score_units, tie
from rag.recency import NewestFirst
from rag.signal_weights import ANSWERS, ANSWERS_SCALE, ANSWERS_SHIFT, CLOSE_RANK, HERE, RANK, RIGHT
from rag.signals import (
    Asked,
    ask,
    countable_stems,
    coverage,
    header,
    log_sum,
    logistic,
    missing,
    odds_of_both,
    probability,
    weigh,
)

FIRST_UNITS = 12
PLAIN_LEAD = 1.0
"""Lead of the best of the first units, in log-odds of the ranking model, at which the others are not read.

Chosen with `FIRST_UNITS` on the dev questions by folds that part no story (`evals/README.md`, the early stop).
"""

CLOSE_UNITS = 6
"""How many units are read closely, those that come first by all the other signals."""

NEAR = 0.75
"""What a unit of a brief that was spoken of last has over others, in log-odds (DECISIONS.md, 79)."""

One = TypeVar("One")
Weighed = tuple[float, Measured]
DocumentFrequency = Callable[[Sequence[str]], tuple[Mapping[str, int], int]]


@dataclass(frozen=True)
class SignalReader:
    """Scores the units of passages against a question.

    The score of the best unit is the calibrated probability that it answers; a unit e times less likely by the model
    that ranked it has a score e times lower.

    Attributes:
        document_frequency: for stems, in how many chunks of the index each stands, and the number of chunks.
        max_units: most units that are scored.
        newest: how newer briefs are preferred by questions that want the latest word.
        max_tokens: most tokens of the units that are scored, with their contexts.
        first_units: units that are scored first; where one of them leads plainly, no others are.
    """

    scorers: Scorers
    document_frequency: DocumentFrequency
    max_units: int = MAX_UNITS
    newest: NewestFirst = field(default_factory=NewestFirst)
    max_tokens: int = MAX_TOKENS
    first_units: int = FIRST_UNITS

    def read(self, question: str, passages: Sequence[Document], *, near: Collection[str] = ()) -> Reading:
        """Order the passages and their units by how well they answer.

        Args:
            near: ids of briefs that were spoken of last, whose units are likelier to answer.

        Cost: one call of each scorer; a second for the less promising units where the first leave it open. One call of
        the closer reader, of `CLOSE_UNITS` pairs at most.
        """
        asked = ask(question, *self.document_frequency(countable_stems(question)))
        chosen = choose(asked, passages, max_units=self.max_units, max_tokens=self.max_tokens)
        if not chosen:
            return _reading(passages, [], answerable=0.0)
        preferred = self._preferred(question, chosen, near)
        measured = score_units(asked, chosen[: self.first_units], self.scorers)
        weighed = in_order(measured, RANK, preferred)
        if len(chosen) > len(measured) and not is_plain(weighed):
            measured += score_units(asked, chosen[self.first_units :], self.scorers)
            weighed = in_order(measured, RANK, preferred)
        if self.scorers.closer:
            again = read_closely(asked, [m for _, m in weighed[:CLOSE_UNITS]], self.scorers.closer)
            weighed = anew(weighed, in_order(again, CLOSE_RANK, preferred))
        best = weighed[0][0]
        signals = answer_signals(asked, [m for _, m in weighed], [rank for rank, _ in weighed])
        right = probability(signals, RIGHT)
        scored = [(right * math.exp(rank - best), m) for rank, m in weighed]
        return _reading(passages, scored, answerable=answerable(signals))

    def _preferred(self, question: str, chosen: Sequence[Measured], near: Collection[str]) -> dict[str, float]:
        """Return what to add to the log-odds of each brief's units: for being new, where that is asked for, or near."""
        briefs = {m.candidate.passage.metadata["brief_id"]: m.candidate.passage.metadata["date"] for m in chosen}
        newer = self.newest.preferences(question, list(briefs.values()))
        return {brief: new + NEAR * (brief in near) for brief, new in zip(briefs, newer, strict=True)}


def in_order(
    measured: Sequence[Measured], weights: Mapping[str, float], preferred: Mapping[str, float]
) -> list[Weighed]:
    """Weigh units by a ranking model and by what is preferred of their briefs; best first."""
    weighed = [(weigh(m.signals, weights) + preferred[m.candidate.passage.metadata["brief_id"]], m) for m in measured]
    return sorted(weighed, key=lambda pair: (-pair[0], *tie(pair[1].candidate)))


def anew(weighed: Sequence[tuple[float, One]], again: Sequence[tuple[float, One]]) -> list[tuple[float, One]]:
    """Put what was weighed again in the place of the first, and keep the rest below it, as far apart as it was.

    The levels of two ranking models cannot be compared: the rest is moved by what lies between the last of the first
    and the last of those weighed again.
    """
    n = len(again)
    moved = again[-1][0] - weighed[n - 1][0]
    return [*again, *((score + moved, one) for score, one in weighed[n:])]


def is_plain(weighed: Sequence[Weighed]) -> bool:
    """Whether the best of several units leads so clearly that less promising ones need no reading."""
    return len(weighed) > 1 and weighed[0][0] - weighed[1][0] >= PLAIN_LEAD


def answerable(signals: Mapping[str, float]) -> float:
    """Return the calibrated probability that anything answers: what is asked about is here, and is answered.

    The first tells a subject of which nothing is written, the second a near miss (`DECISIONS.md`, 84).
    """
    odds = odds_of_both(weigh(signals, HERE), weigh(signals, ANSWERS))
    return logistic(ANSWERS_SCALE * odds + ANSWERS_SHIFT)


def answer_signals(asked: Asked, measured: Sequence[Measured], ranks: Sequence[float]) -> dict[str, float]:
    """Tell what bears on whether anything answers: what the readers say, the best unit's lead, what is missing.

    Where there is no closer reader, the reader speaks for it.

    Args:
        asked: the question.
        measured: units, best first.
        ranks: their scores by the ranking model.
    """
    passages = {id(m.candidate.passage): m.candidate.passage for m in measured}.values()
    texts = [[analyse(text) for text in (p.page_content, *header(p))] for p in passages]
    everything = [text for passage in texts for text in passage]
    names, numbers = ([t for t in asked.terms if getattr(t, kind)] for kind in ("name", "number"))
    odds = [m.signals["reader"] for m in measured if "reader" in m.signals]
    closer = [m.signals["closer"] for m in measured if "closer" in m.signals] or odds
    return {
        "bias": 1.0,
        "rank": ranks[0] / 10,
        "lead": min(ranks[0] - ranks[1], 4.0) / 4 if len(ranks) > 1 else 1.0,
        "similarity_max": max(m.signals["similarity"] for m in measured),
        "matched_max": max(m.signals.get("matched", 0.0) for m in measured),
        "names_passage": coverage(names, *texts[0]),
        "numbers_passage": coverage(numbers, *texts[0]),
        "missing_all": missing(asked.terms, *everything),
        "strangers": sum(missing([t], *everything) > 0 for t in names) / 2,
        "numbers_all": coverage(numbers, *everything),
        "terms": math.log1p(len(asked.terms)),
        **({"reader": measured[0].signals["reader"], "reader_any": log_sum(odds)} if odds else {}),
        **({"closer": closer[0]} if closer else {}),
    }


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


def in_turn(own: Sequence[Document], whole: Sequence[Document]) -> list[Document]:
    """Take passages from two lists in turn, as many as the longer list has; each once, as the first list has it."""
    mine = {_chunk(passage): passage for passage in own}
    found: dict[str, Document] = {}
    for passage in (p for pair in zip_longest(own, whole) for p in pair if p is not None):
        found.setdefault(_chunk(passage), mine.get(_chunk(passage), passage))
    return list(found.values())[: max(len(own), len(whole))]


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
