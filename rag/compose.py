"""The readings of a question's parts to one answer in quotes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rag.answer import SILENT, Reading, Sentence
from rag.conflicts import SecondReader, conflict
from rag.further import FurtherReader, brief_of
from rag.quote import quote


class BesideReader(SecondReader, FurtherReader, Protocol):
    """Knows what else answers a question beside a quoted unit: the same otherwise, or more of it."""


@dataclass(frozen=True, slots=True)
class Composed:
    """What is quoted, the reason for each part that nothing answers, how figures differ, and what must not be lost."""

    quoted: tuple[Sentence, ...]
    silent: Mapping[str, str]
    differ: tuple[str, ...]
    kept: tuple[Sentence, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said beside the quotes."""
        return (*self.differ, *(f"“{part}” {reason}" for part, reason in self.silent.items()))

    @property
    def reason(self) -> str | None:
        """Why parts are silent: the one reason of all, or each with its parts; None without any."""
        parts: dict[str, list[str]] = {}
        for part, reason in self.silent.items():
            parts.setdefault(reason, []).append(f"“{part}”")
        if len(parts) < 2:
            return next(iter(parts), None)
        own = (f"{reason.removeprefix(f'{SILENT}: ').rstrip('.')} ({', '.join(of)})" for reason, of in parts.items())
        return f"{SILENT}: {'; '.join(own)}."


def compose(
    asked: Sequence[str],
    readings: Sequence[Reading],
    *,
    threshold: float,
    max_sentences: int,
    reader: BesideReader | None,
) -> Composed:
    """Quote what answers each part, nothing twice, and what states another figure.

    Args:
        asked: the parts, each with its reading; the readings number one evidence.
        threshold: probability that anything answers below which nothing is quoted for a part.
        max_sentences: most sentences for a part.
        reader: knows what else answers, and what answers otherwise; without it rules alone find both.
    """
    said: list[Sentence] = []
    silent: dict[str, str] = {}
    differ: list[str] = []
    kept: list[Sentence] = []
    for part, reading in zip(asked, readings, strict=True):
        quoted, reason = quote(part, reading, threshold=threshold, max_sentences=max_sentences, reader=reader)
        found = conflict(part, reading, quoted, limit=max_sentences, reader=reader)
        if found:
            quoted = found.sentences
            differ += [found.note] if found.note else []
        kept += quoted if found else [one for one in quoted if _is_best(one, reading)]
        said += quoted
        if reason:
            silent[part] = reason
    once = _once(said)
    return Composed(once, silent, tuple(differ), tuple(s for s in once if any(_is_inside(k, s) for k in kept)))


def _is_best(quoted: Sentence, reading: Reading) -> bool:
    cited, best = quoted.citations[0], reading.units[0]
    return _brief_id(quoted) == brief_of(best, reading.evidence) and cited.start <= best.unit.start < cited.end


def _once(said: Sequence[Sentence]) -> tuple[Sentence, ...]:
    """Leave out what is quoted twice, from two passages that overlap too, and what stands in something else quoted."""
    wider = [s for s in said if not any(_is_inside(s, other) and not _is_inside(other, s) for other in said)]
    return tuple(s for i, s in enumerate(wider) if not any(_is_inside(s, before) for before in wider[:i]))


def _is_inside(sentence: Sentence, other: Sentence) -> bool:
    """Whether a sentence is a part of what another one quotes, or the same."""
    mine, theirs = sentence.citations[0], other.citations[0]
    return _brief_id(sentence) == _brief_id(other) and theirs.start <= mine.start and mine.end <= theirs.end


def _brief_id(sentence: Sentence) -> str:
    return str(sentence.citations[0].passage.metadata["brief_id"])
