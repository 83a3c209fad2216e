"""Examples from the written questions: worded unlike what answers them, or close to a text that does not answer."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from evals.training.passages import Text, load, unwrapped
from evals.training.reader.examples import Asked, Split
from evals.training.reader.questions import POOL
from evals.training.reader.squad1 import SQUAD1, read_articles
from evals.training.reader.units import UnitInContext, UnitSearch, units_of
from rag.split import CountTokens

QUESTIONS = Path(__file__).parents[2] / "datasets" / "training" / "questions.jsonl"
ARCHIVE, ENCYCLOPEDIA = QUESTIONS.with_name("archive.jsonl"), QUESTIONS.with_name("encyclopedia.jsonl")
"""More of them, on other documents of these sets, and on articles of SQuAD 1.1's training part."""
ARTICLES, SPEECHES = QUESTIONS.with_name("articles.jsonl"), QUESTIONS.with_name("speeches.jsonl")
"""The same for the fourteenth course."""

Kind = Literal[
    "paraphrase", "plain", "keywords", "several", "follow_up", "conflict", "control", "near_miss", "false_premise"
]

DEV_EVERY = 12
"""Every so many documents is for development."""

REMOVED = 0.6
"""Most of the answered questions of an opening word that are also asked of the other units alone."""

Window = tuple[UnitInContext, ...]
Place = tuple[str, int]
"""Document and first unit of a window."""


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

    @property
    def window(self) -> Place:
        """What tells its window from others."""
        return self.doc, self.first


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
    inside = {place: UnitSearch(window) for place, window in shown.items()}
    own: dict[str, list[UnitInContext]] = {}
    for (doc, _), window in shown.items():
        own.setdefault(doc, []).extend(window)
    dev = dev_documents(questions)
    removed = removed_shares((one.question, bool(one.right)) for one in questions)
    for one in questions:
        split: Split = "dev" if one.doc in dev else "train"
        far = search.best(one.question, k=4, without=own[one.doc])  # another window of the document may answer
        example = _asked(one, inside[one.window], far, split, name)
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


def windows(data: Path, questions: Sequence[Written], count: CountTokens) -> Mapping[Place, Window]:
    """Cut the documents that are asked about as the index would, and keep the units of their windows.

    Args:
        data: folder of the sets, and of what `evals.training.fetch` wrote where that is asked about.

    Raises:
        ValueError: if a document is cut otherwise than when it was asked about.
    """
    asked = {one.window: one for one in questions}
    docs: dict[str, set[str]] = {}
    for one in asked.values():
        docs.setdefault(one.set, set()).add(one.doc)
    cut = {text.id: units_of(text, count) for name in docs for text in _texts(data, name, docs[name])}
    return {place: _window(cut[one.doc], one) for place, one in asked.items()}


def _texts(data: Path, name: str, docs: Collection[str]) -> list[Text]:
    """Read documents of a set, with the lines of their paragraphs joined where the set breaks them."""
    if name == SQUAD1.parent.name:
        articles = read_articles(data / SQUAD1)
        return [articles[doc] for doc in docs]
    texts = load(data / name)[0]
    return [replace(texts[doc], text=unwrapped(texts[doc].text)) for doc in docs]


def _window(units: Sequence[UnitInContext], one: Written) -> Window:
    if len(units) != one.units:
        raise ValueError(f"{one.doc} is cut into {len(units)} units, not {one.units}: move the places of its questions")
    return tuple(units[one.first : one.first + one.size])


def _asked(one: Written, inside: UnitSearch, far: Sequence[UnitInContext], split: Split, name: str) -> Asked:
    window = inside.units
    right = tuple(window[i] for i in one.right)
    around = sorted((u for i, u in enumerate(window) if i not in one.right), key=lambda u: _distance(u, right))
    close = inside.best(one.question, k=6, without=right)
    wrong = tuple(dict.fromkeys((*close[:2], *around[:2], *close[2:], *far, *around)))[:POOL]
    return Asked(one.doc, name if right else f"{name}/{one.kind}", split, one.question, right, wrong)


def _distance(unit: UnitInContext, right: Sequence[UnitInContext]) -> int:
    return min((abs(unit.place - other.place) for other in right), default=0)
