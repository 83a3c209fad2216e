"""Fit the weights of `rag.conflicts.second`, and tell how well they find a second account.

    python -m evals.training.second_accounts --cache DIR

The questions are those of the development stories whose briefs disagree (`datasets/training/disagreements`,
`accounts`), asked of an index of these stories as a user would; the reader was trained on none of them. Figures are by
folds that part no story.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evals.training.head.fitting import fit_logistic, matrix
from evals.training.reader.stories import (
    ACCOUNTS,
    DISAGREEMENTS,
    Story,
    StoryQuestion,
    development_of,
    holds_some,
)
from rag import Assistant, open_assistant
from rag.build import open_index
from rag.conflicts.accounts import Account, accounts
from rag.conflicts.second import WEIGHTS, probability, weighed
from rag.ingest import sync
from rag.settings import Settings

FOLDS, SEED, DECAY = 5, 0, 1.0
EVERY = 2
"""Every second question of a story is asked: in most stories two rest on one disagreement."""
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


@dataclass(frozen=True)
class Weighed:
    """A question that was answered, with the accounts that are weighed beside its answer.

    Attributes:
        rivals: whether its briefs disagree.
        signs: what is seen of each account.
        truth: whether each is a second account.
    """

    story: str
    rivals: bool
    signs: tuple[dict[str, float], ...]
    truth: tuple[bool, ...]


def collect(cache: Path) -> list[Weighed]:
    """Read the questions."""
    folder = cache / "second"
    told = development_of((DISAGREEMENTS, ACCOUNTS))
    assistant = assistant_of(folder, told)
    found = [_weighed(assistant, story, one) for story in told for one in story.questions[::EVERY] if one.accounts]
    return [one for one in found if one is not None]


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


def _weighed(assistant: Assistant, story: Story, one: StoryQuestion) -> Weighed | None:
    """Weigh the accounts beside the best unit; None where that is no answer."""
    assert assistant.beside is not None
    reading = assistant.reader.read(one.question, assistant.search(one.question))
    known = accounts(one.question, reading) if reading.units else []
    best = reading.units[0] if known else None
    base = next((a for a in known if best and a.n == best.n and a.span.start <= best.unit.start < a.span.end), None)
    told = [[" ".join(text.split()) for _, text in story.sentences(group)] for group in one.accounts]
    mine = [group for group in told if base and _says(base, group)]
    if base is None or not mine:
        return None
    others = [group for group in told if group not in mine] if one.kind == "conflict" else []
    seen = weighed(one.question, base, known, assistant.beside)
    truth = tuple(any(_says(other, group) for group in others) for other, _ in seen)
    return Weighed(story.id, one.kind == "conflict", tuple(signs for _, signs in seen), truth)


def _says(account: Account, sentences: Sequence[str]) -> bool:
    text = " ".join(account.text.split())
    return any(holds_some(text, sentence) for sentence in sentences)


def fit(found: Sequence[Weighed]) -> dict[str, float]:
    """Fit the weights; each account weighs the same."""
    rows = matrix([seen for one in found for seen in one.signs], list(WEIGHTS))
    truth = np.array([true for one in found for true in one.truth], dtype=float)
    return fit_logistic(rows, truth, np.ones(len(truth)), list(WEIGHTS), decay=DECAY)


def folds(found: Sequence[Weighed]) -> Iterator[tuple[Weighed, list[float]]]:
    """Yield the questions with the probabilities of models that have seen nothing of their stories."""
    stories = sorted({one.story for one in found})
    fold = dict(zip(stories, np.random.default_rng(SEED).permutation(len(stories)) % FOLDS, strict=True))
    for n in range(FOLDS):
        weights = fit([one for one in found if fold[one.story] != n])
        for one in (one for one in found if fold[one.story] == n):
            yield one, [probability(seen, weights) for seen in one.signs]


def main() -> None:
    """Print the weights, and how often the likeliest account is a second one and likely enough."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="folder for the index")
    found = collect(parser.parse_args().cache)
    judged = list(folds(found))
    for threshold in THRESHOLDS:
        rivals = [_told(one, odds, threshold) for one, odds in judged if one.rivals]
        alone = [_told(one, odds, threshold) for one, odds in judged if not one.rivals]
        right, wrong = rivals.count(True) / len(rivals), rivals.count(False) / len(rivals)
        print(f"{threshold}: of {len(rivals)} right {right:.3f}, wrong {wrong:.3f}; "
              f"of {len(alone)} with one account {1 - alone.count(None) / len(alone):.3f} get a second")  # fmt: skip
    print({name: round(weight, 2) for name, weight in fit(found).items()})


def _told(one: Weighed, odds: Sequence[float], threshold: float) -> bool | None:
    """Whether the account that is shown is a second one; None where none is likely enough."""
    best = max(range(len(odds)), key=lambda i: odds[i], default=None)
    return None if best is None or odds[best] < threshold else one.truth[best]


if __name__ == "__main__":
    main()
