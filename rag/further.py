"""Whether a unit of another brief belongs to an answer beside the best: the other half, or what came of it later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from langchain_core.documents import Document

from rag.answer import Reading, ScoredUnit
from rag.lexicon import analyse
from rag.signals import content_stems, log_share, probability, time_apart

MOST_READ = 6
"""Units that are weighed: the best ones of other briefs."""
THRESHOLD = 0.4
"""Least probability of a unit that joins the answer."""

# Fitted by `python -m evals.training.further`, which tells on what and how well.
WEIGHTS: Mapping[str, float] = {
    "bias": -1.33,
    "word": 3.0,
    "gap": 0.49,
    "rank": 2.0,
    "kept": 1.46,
    "alike": 2.14,
    "kin": 1.93,
    "later": 0.24,
    "days": -2.76,
}

_LEAST = -5.0


class FurtherReader(Protocol):
    """Knows what else answers a question; the packaged reader does."""

    def score_further(self, question: str, quoted: str, texts: Sequence[str]) -> Sequence[float]:
        """Return for each text the log-odds that it belongs to an answer beside a quoted one."""
        ...


def signs(question: str, reading: Reading, unit: ScoredUnit, *, place: int, word: float) -> dict[str, float]:
    """Tell what bears on whether a unit answers beside the best one.

    Args:
        place: of the unit among those that are weighed, from 0.
        word: the reader's log-odds that it does.
    """
    best = reading.units[0]
    mine, other = (reading.evidence[u.n - 1] for u in (best, unit))
    asked = frozenset(content_stems(question))
    said, more = analyse(best.text).stems, analyse(unit.text).stems
    return {
        "bias": 1.0,
        "word": max(-10.0, min(10.0, word)) / 10,
        "gap": log_share(unit.score / best.score if best.score > 0 else 0.0, least=_LEAST),
        "rank": 1 / (1 + place),
        "kept": len(said & more & asked) / max(1, len(asked)),
        "alike": len(said & more) / max(1, len(said | more)),
        "kin": min(3, len(_names(mine) & _names(other) - asked)) / 3,
        "later": float(_later(mine, other)),
        "days": time_apart(mine.metadata["date"], other.metadata["date"]),
    }


def elsewhere(reading: Reading) -> list[ScoredUnit]:
    """Return the units that are weighed: the best ones of other briefs than the best unit's."""
    own = brief_of(reading.units[0], reading.evidence)
    return [unit for unit in reading.units if brief_of(unit, reading.evidence) != own][:MOST_READ]


def weighed(question: str, reading: Reading, reader: FurtherReader) -> list[tuple[ScoredUnit, dict[str, float]]]:
    """Return the units that may belong to the answer, with what is seen of each. Cost: one call of the reader."""
    units = elsewhere(reading)
    words = reader.score_further(question, reading.units[0].text, [unit.text for unit in units])
    seen = enumerate(zip(units, words, strict=True))
    return [(unit, signs(question, reading, unit, place=i, word=word)) for i, (unit, word) in seen]


def further(question: str, reading: Reading, reader: FurtherReader) -> list[ScoredUnit]:
    """Return the units of other briefs that are likely to belong to the answer, likeliest first."""
    odds = [(probability(seen, WEIGHTS), unit) for unit, seen in weighed(question, reading, reader)]
    return [unit for p, unit in sorted(odds, key=lambda pair: -pair[0]) if p >= THRESHOLD]


def brief_of(unit: ScoredUnit, evidence: Sequence[Document]) -> str:
    """Return the id of the brief that a unit stands in."""
    return str(evidence[unit.n - 1].metadata["brief_id"])


def _names(passage: Document) -> frozenset[str]:
    return frozenset(word.stem for run in analyse(passage.page_content).names for word in run)


def _later(a: Document, b: Document) -> bool:
    first, second = a.metadata["date"], b.metadata["date"]
    return bool(first and second and first < second)
