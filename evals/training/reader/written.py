"""Examples from the written questions: worded unlike what answers them, or close to a text that does not answer."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from evals.training.passages import Text, load, unwrapped
from evals.training.reader.examples import Asked, Split
from evals.training.reader.questions import POOL
from evals.training.reader.units import UnitInContext, UnitSearch, units_of
from rag.split import CountTokens

QUESTIONS = Path(__file__).parents[2] / "datasets" / "training" / "questions.jsonl"
ARCHIVE = QUESTIONS.with_name("archive.jsonl")
"""More of them, on other documents."""

Kind = Literal[
    "paraphrase", "plain", "keywords", "several", "follow_up", "conflict", "control", "near_miss", "false_premise"
]

DEV_EVERY = 12
"""Every so many documents is for development."""

REMOVED = 0.6
"""Most of the answered questions of an opening word that are also asked of the other units alone."""

Window = tuple[UnitInContext, ...]


@dataclass(frozen=True)
class Written:
    """A written question.

    Attributes:
        set: the set that its document is from.
        first: place of the window's first unit in the document, from 0.
        size: number of units of the window.
        units: number of units that the document is cut into: places hold for these alone.
        right: places in the window of the units that answer, from 0; none for a refusal.
    """

    set: str
    doc: str
    first: int
    size: int
    units: int
    right: tuple[int, ...]
    kind: Kind
    question: str


def read_questions(path: Path = QUESTIONS) -> list[Written]:
    """Read the written questions in their order."""
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [Written(**{**row, "right": tuple(row["right"])}) for row in rows]


def written_examples(
    data: Path, questions: Sequence[Written], count: CountTokens, rng: random.Random, *, name: str = "written"
) -> Iterator[Asked]:
    """Make the examples of written questions, the windows of their documents as candidates.

    Args:
        name: of their set.
    """
    shown = windows(data, questions, count)
    search = UnitSearch([unit for window in shown.values() for unit in window])
    inside = {doc: UnitSearch(window) for doc, window in shown.items()}
    dev = dev_documents(questions)
    removed = removed_shares((one.question, bool(one.right)) for one in questions)
    for one in questions:
        split: Split = "dev" if one.doc in dev else "train"
        example = _asked(one, inside[one.doc], search, split, name)
        yield example
        if example.right and split == "train" and rng.random() < removed[opening(one.question)]:
            yield replace(example, kind=f"{name}/removed", right=())


def dev_documents(questions: Sequence[Written]) -> frozenset[str]:
    """Name the documents that are for development."""
    return frozenset(list(dict.fromkeys(one.doc for one in questions))[::DEV_EVERY])


def removed_shares(asked: Iterable[tuple[str, bool]]) -> Mapping[str, float]:
    """Share of the answered questions to ask without their answer, by opening word: so many that it tells nothing.

    Args:
        asked: questions, and whether each is answered.
    """
    counts: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for question, answered in asked:
        counts[answered][opening(question)] += 1
    return {word: min(REMOVED, max(0.0, 1 - counts[False][word] / n)) for word, n in counts[True].items()}


def opening(question: str) -> str:
    """Return the first word of a question."""
    return question.split()[0].lower()


def windows(data: Path, questions: Sequence[Written], count: CountTokens) -> Mapping[str, Window]:
    """Cut the documents that are asked about as the index would, and keep the units of their windows.

    Raises:
        ValueError: if a document is cut otherwise than when it was asked about.
    """
    texts = {name: load(data / name)[0] for name in sorted({one.set for one in questions})}
    asked = {one.doc: one for one in questions}
    return {doc: _window(texts[one.set][doc], one, count) for doc, one in asked.items()}


def _window(text: Text, one: Written, count: CountTokens) -> Window:
    units = units_of(replace(text, text=unwrapped(text.text)), count)
    if len(units) != one.units:
        raise ValueError(f"{one.doc} is cut into {len(units)} units, not {one.units}: move the places of its questions")
    return tuple(units[one.first : one.first + one.size])


def _asked(one: Written, inside: UnitSearch, search: UnitSearch, split: Split, name: str) -> Asked:
    window = inside.units
    right = tuple(window[i] for i in one.right)
    around = sorted((u for i, u in enumerate(window) if i not in one.right), key=lambda u: _distance(u, right))
    close, far = inside.best(one.question, k=6, without=right), search.best(one.question, k=4, without=window)
    wrong = tuple(dict.fromkeys((*close[:2], *around[:2], *close[2:], *far, *around)))[:POOL]
    return Asked(one.doc, name if right else f"{name}/{one.kind}", split, one.question, right, wrong)


def _distance(unit: UnitInContext, right: Sequence[UnitInContext]) -> int:
    return min((abs(unit.place - other.place) for other in right), default=0)
