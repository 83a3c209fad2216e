"""Fit the weights of `rag.conflicts.second`, and tell how well they find a second account.

    python -m evals.training.second_accounts --cache DIR

The questions are those of the development stories whose briefs disagree (`datasets/training/disagreements`,
`accounts`, `rivals`), asked of an index of these stories as a user would; the reader was trained on none of them.
Figures are by folds that part no story.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.training.reader.stories import (
    ACCOUNTS,
    DISAGREEMENTS,
    RIVALS,
    Story,
    StoryQuestion,
    development_of,
    holds_some,
)
from evals.training.weighing import Weighed, assistant_of, fit, folds, rounded
from rag import Assistant
from rag.conflicts.accounts import Account, accounts
from rag.conflicts.second import WEIGHTS, weighed

EVERY = 2
"""Every second question of a story is asked: in most stories two rest on one disagreement."""
THRESHOLDS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8)


@dataclass(frozen=True)
class Answered(Weighed):
    """A question that was answered, with the accounts that are weighed beside its answer.

    Attributes:
        rivals: whether its briefs disagree.
    """

    rivals: bool


def collect(cache: Path) -> list[Answered]:
    """Read the questions."""
    folder = cache / "second"
    told = development_of((DISAGREEMENTS, ACCOUNTS, RIVALS))
    assistant = assistant_of(folder, told)
    found = [_weighed(assistant, story, one) for story in told for one in story.questions[::EVERY] if one.accounts]
    return [one for one in found if one is not None]


def _weighed(assistant: Assistant, story: Story, one: StoryQuestion) -> Answered | None:
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
    return Answered(story.id, tuple(signs for _, signs in seen), truth, rivals=one.kind == "conflict")


def _says(account: Account, sentences: Sequence[str]) -> bool:
    text = " ".join(account.text.split())
    return any(holds_some(text, sentence) for sentence in sentences)


def main() -> None:
    """Print the weights, and how often the likeliest account is a second one and likely enough."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="folder for the index")
    found = collect(parser.parse_args().cache)
    judged = list(folds(found, tuple(WEIGHTS)))
    for threshold in THRESHOLDS:
        rivals = [_told(one, odds, threshold) for one, odds in judged if one.rivals]
        alone = [_told(one, odds, threshold) for one, odds in judged if not one.rivals]
        right, wrong = rivals.count(True) / len(rivals), rivals.count(False) / len(rivals)
        print(f"{threshold}: of {len(rivals)} right {right:.3f}, wrong {wrong:.3f}; "
              f"of {len(alone)} with one account {1 - alone.count(None) / len(alone):.3f} get a second")  # fmt: skip
    print(rounded(fit(found, tuple(WEIGHTS))))


def _told(one: Answered, odds: Sequence[float], threshold: float) -> bool | None:
    """Whether the account that is shown is a second one; None where none is likely enough."""
    best = max(range(len(odds)), key=lambda i: odds[i], default=None)
    return None if best is None or odds[best] < threshold else one.truth[best]


if __name__ == "__main__":
    main()
