"""What `second_accounts` and `further` share: an index of stories, what is weighed beside an answer, and folds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from evals.training.head.fitting import fit_logistic, matrix
from evals.training.reader.stories import Story
from rag import Assistant, open_assistant
from rag.build import open_index
from rag.ingest import sync
from rag.settings import Settings
from rag.signals import probability

FOLDS, SEED, DECAY = 5, 0, 1.0


@dataclass(frozen=True)
class Weighed:
    """A question that was answered, with what is weighed beside its answer.

    Attributes:
        signs: what is seen of each unit or account.
        truth: whether each is what is sought.
    """

    story: str
    signs: tuple[dict[str, float], ...]
    truth: tuple[bool, ...]


AnyWeighed = TypeVar("AnyWeighed", bound=Weighed)


def assistant_of(folder: Path, told: Sequence[Story]) -> Assistant:
    """Open an assistant over the briefs of some stories, kept in a folder."""
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for story in told:
        for brief in story.briefs:
            head = f"---\ntitle: {json.dumps(brief.title)}\ndate: {brief.date}\n---\n\n"
            text = brief.text(story.id).text
            (corpus / f"{story.id}-{brief.name}.md").write_text(f"{head}{text}\n", encoding="utf-8")
    settings = Settings(index=folder / "index")
    sync(open_index(settings, create=True), [corpus])
    return open_assistant(settings)


def fit(found: Sequence[Weighed], names: Sequence[str]) -> dict[str, float]:
    """Fit the weights of some signs; whatever is weighed counts the same."""
    rows = matrix([seen for one in found for seen in one.signs], list(names))
    truth = np.array([true for one in found for true in one.truth], dtype=float)
    return fit_logistic(rows, truth, np.ones(len(truth)), list(names), decay=DECAY)


def folds(found: Sequence[AnyWeighed], names: Sequence[str]) -> Iterator[tuple[AnyWeighed, list[float]]]:
    """Yield the questions with the probabilities of models that have seen nothing of their stories."""
    stories = sorted({one.story for one in found})
    fold = dict(zip(stories, np.random.default_rng(SEED).permutation(len(stories)) % FOLDS, strict=True))
    for n in range(FOLDS):
        weights = fit([one for one in found if fold[one.story] != n], names)
        for one in (one for one in found if fold[one.story] == n):
            yield one, [probability(seen, weights) for seen in one.signs]


def rounded(weights: dict[str, float]) -> dict[str, float]:
    """Return weights as they are packaged."""
    return {name: round(weight, 2) for name, weight in weights.items()}
