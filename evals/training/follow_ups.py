"""Fit the weights of `rag.follow_up`, and tell how well they part follow-ups from questions that stand alone.

    python -m evals.training.follow_ups

Follow-ups are the later turns of the written conversations (`datasets/training/talks`); questions that stand alone are
their first turns, the dev questions of the briefs and conflicts benchmarks that have no history, and the keyword
queries and plain questions on the stories, each after the beginning of some conversation. About one later turn in
fifteen stands alone by intention; some plain questions stand alone only within their story. Figures are by folds.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from evals.training.head.fitting import Array, fit_logistic, matrix
from evals.training.reader.stories import DATED, LISTS, RETOLD, STORIES, read_stories
from evals.training.reader.talks import talks_on
from rag.follow_up import WEIGHTS, refers_back, signs
from rag.rewrite import Turn, said_in

FOLDS, SEED = 5, 0
DECAY = 1.0
SHARES: Mapping[str, float] = {"first": 1.5, "dev": 1.5, "keywords": 0.5, "plain": 0.5, "later": 3.0}
"""How much each set weighs, whatever its count."""

Asked = tuple[str, list[str]]
"""A question, and the turns before it."""

_DATASETS = Path(__file__).parents[1] / "datasets"


def questions() -> dict[str, list[Asked]]:
    """Collect the questions of all sets; those that stand alone are asked after the beginning of another talk."""
    by_id = {story.id: story for story in read_stories(RETOLD)}
    talks = [[Turn(typed.text, typed.answer.split("\n")[0]) for typed in talk] for _, talk in talks_on(by_id)]
    told = [q for folder in (DATED, LISTS, RETOLD, STORIES) for story in read_stories(folder) for q in story.questions]
    alone = {
        "first": [talk[0].question for talk in talks],
        "dev": [*_alone("briefs"), *_alone("conflicts")],
        "keywords": [q.question for q in told if q.kind == "keywords"],
        "plain": [q.question for q in told if q.kind == "plain"],
    }
    rng = random.Random(SEED)
    return {
        **{name: [(text, _other(talks, rng)) for text in found] for name, found in alone.items()},
        "later": [(turn.question, said_in(talk[:i])) for talk in talks for i, turn in enumerate(talk) if i],
    }


def _other(talks: Sequence[Sequence[Turn]], rng: random.Random) -> list[str]:
    talk = rng.choice(talks)
    return said_in(talk[: rng.randint(1, len(talk))])


def _alone(name: str) -> list[str]:
    lines = (_DATASETS / name / "dev.jsonl").read_text(encoding="utf-8").splitlines()
    return [row["question"] for row in map(json.loads, lines) if not row.get("history")]


def fit(rows: Array, sets: Sequence[str]) -> dict[str, float]:
    """Fit the weights on the signs of questions, each with the name of its set."""
    truth = np.array([name == "later" for name in sets], dtype=float)
    share = np.array([SHARES[name] / sets.count(name) for name in sets]) * len(sets) / sum(SHARES.values())
    return fit_logistic(rows, truth, share, list(WEIGHTS), decay=DECAY)


def main() -> None:
    """Print the weights, and by set what share is taken for a follow-up."""
    asked = questions()
    pairs, sets = zip(*((pair, name) for name, found in asked.items() for pair in found), strict=True)
    rows = matrix([signs(*pair) for pair in pairs], list(WEIGHTS))
    fold = np.random.default_rng(SEED).integers(0, FOLDS, len(pairs))
    odds = np.zeros(len(pairs))
    for n in range(FOLDS):
        seen = np.flatnonzero(fold != n)
        weights = fit(rows[seen], [sets[i] for i in seen])
        odds[fold == n] = rows[fold == n] @ np.array([weights[name] for name in WEIGHTS])
    for name in asked:
        mine = np.array(sets) == name
        packaged = np.mean([refers_back(*pair) for pair in asked[name]])
        print(f"{name:9} n={mine.sum():5} by folds {np.mean(odds[mine] > 0):.3f}, as packaged {packaged:.3f}")
    print({name: round(weight, 2) for name, weight in fit(rows, sets).items()})


if __name__ == "__main__":
    main()
