"""Fit the weights of `rag.further`, and tell how well they find what belongs to an answer beside its best unit.

    python -m evals.training.further --cache DIR

The questions are those of the development stories, asked of an index of these stories as a user would; the reader was
trained on none of them. Figures are by folds that part no story.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from evals.training.reader.stories import (
    DATED,
    LISTS,
    RETOLD,
    REWORDED,
    RIVALS,
    SISTERS,
    STORIES,
    Story,
    StoryQuestion,
    development_of,
    holds_some,
)
from evals.training.weighing import Weighed, assistant_of, fit, folds, rounded
from rag import Assistant
from rag.answer import Reading, ScoredUnit
from rag.further import WEIGHTS, weighed
from rag.parts import parts

SINGLE = 3
"""Of the questions that one brief answers, every third is asked; of the others all."""
THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)


def collect(cache: Path) -> list[Weighed]:
    """Read the questions."""
    told = development_of((STORIES, DATED, LISTS, RETOLD, SISTERS, REWORDED, RIVALS))
    assistant = assistant_of(cache / "further", told)
    found = [_weighed(assistant, story, one) for story in told for one in _asked(story)]
    return [one for one in found if one is not None]


def _asked(story: Story) -> Iterator[StoryQuestion]:
    answered = [one for one in story.questions if one.right and len(parts(one.question)) == 1]
    several = [one for one in answered if len({brief for brief, _ in one.right}) > 1]
    yield from several
    yield from [one for one in answered if one not in several][::SINGLE]


def _weighed(assistant: Assistant, story: Story, one: StoryQuestion) -> Weighed | None:
    """Weigh the units beside the best one; None where that is no answer."""
    reading = assistant.reader.read(one.question, assistant.search(one.question))
    told = [(f"{story.id}-{brief}", " ".join(text.split())) for brief, text in story.sentences(one.right)]
    if not reading.units or not _says(reading.units[0], reading, told):
        return None
    assert assistant.beside is not None
    seen = weighed(one.question, reading, assistant.beside)
    truth = tuple(_says(unit, reading, told) for unit, _ in seen)
    return Weighed(story.id, tuple(signs for _, signs in seen), truth)


def _says(unit: ScoredUnit, reading: Reading, told: Sequence[tuple[str, str]]) -> bool:
    brief, text = reading.evidence[unit.n - 1].metadata["brief_id"], " ".join(unit.text.split())
    return any(brief == name and holds_some(text, sentence) for name, sentence in told)


def main() -> None:
    """Print the weights, and what joins the answers at some thresholds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="folder for the index")
    found = collect(parser.parse_args().cache)
    judged = list(folds(found, tuple(WEIGHTS)))
    due = sum(sum(one.truth) for one, _ in judged)
    alone = sum(not any(one.truth) for one, _ in judged)
    print(f"{len(judged)} answers, {due} units that belong to one, {alone} answers that are complete")
    for threshold in THRESHOLDS:
        joined = [(one, one.truth[i]) for one, odds in judged for i, p in enumerate(odds) if p >= threshold]
        right = sum(truth for _, truth in joined)
        spoilt = len({id(one) for one, _ in joined if not any(one.truth)})
        print(f"{threshold}: {len(joined)} join, {right} rightly; {spoilt} complete answers get one")
    print(rounded(fit(found, tuple(WEIGHTS))))


if __name__ == "__main__":
    main()
