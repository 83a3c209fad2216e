"""What questions and texts have in common in training: which articles are fitted on, what holds an answer, swaps."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence

from rag.lexicon import analyse

SQUAD_SEED, NQ_SEED = 13, 14


def in_fitting_order(titles: Iterable[str], rng: random.Random) -> list[str]:
    """Return the articles in the order of which every second one, from the second on, is fitted on."""
    ordered = sorted(titles)
    rng.shuffle(ordered)
    return ordered


def holds(text: str, answer: str) -> bool:
    """Whether an accepted answer stands in a text as whole words, in any case."""
    return re.search(rf"(?<!\w){re.escape(answer.lower())}(?!\w)", text.lower()) is not None


def swapped(question: str, names: Sequence[str], rng: random.Random) -> str | None:
    """Swap a name of the question for another, or move a year or number; None if it has neither."""
    words = analyse(question)
    numbers = [w for w in words.words if w.text.isdigit()]
    if numbers and (not words.names or rng.random() < 0.5):
        word = rng.choice(numbers)
        other = str(int(word.text) + rng.choice([-7, -3, -2, -1, 1, 2, 3, 4, 9]))
        return question[: word.start] + other + question[word.start + len(word.text) :]
    if not words.names:
        return None
    run = rng.choice(words.names)
    return question[: run[0].start] + rng.choice(names) + question[run[-1].start + len(run[-1].text) :]
