"""Near misses: questions on the right event with another name, number or year."""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from evals.training.readings import swapped
from rag.answer_types import answer_type
from rag.lexicon import analyse

YEAR = re.compile(r"\b(?:1[5-9]|20)\d\d\b")
_SHIFTS = (-10, -4, -3, -2, -1, 1, 2, 3, 4, 10)


@dataclass(frozen=True, slots=True)
class Dated:
    """A question with the year that its unit states, and with another."""

    right: str
    wrong: str


def other_year(year: str, stated: Collection[str], rng: random.Random) -> str:
    """Return a year near the given one that is not among those stated."""
    choice = [made for shift in _SHIFTS if (made := str(int(year) + shift)) not in stated]
    return rng.choice(choice or [str(int(year) + 17)])


def swap(question: str, names: Sequence[str], rng: random.Random) -> str | None:
    """Swap the question's year if it has one, else a name or number; None if it has none of these."""
    years = list(YEAR.finditer(question))
    if not years:
        return swapped(question, names, rng)
    match = rng.choice(years)
    made = other_year(match.group(), {m.group() for m in years}, rng)
    return question[: match.start()] + made + question[match.end() :]


def dated(question: str, unit: str, answers: Collection[str], rng: random.Random) -> Dated | None:
    """Add the one year that a unit states to a question that has none, and beside it another year.

    Both are made, so that a year at the end of a question does not tell that nothing answers. None where the year is
    the answer, or the unit states several.
    """
    years = set(YEAR.findall(unit))
    if len(years) != 1 or YEAR.search(question) or answer_type(question) == "when":
        return None
    year = years.pop()
    if any(year in answer for answer in answers):
        return None
    stem, mark = (question[:-1], "?") if question.endswith("?") else (question, "")
    return Dated(f"{stem} in {year}{mark}", f"{stem} in {other_year(year, {year}, rng)}{mark}")


def cased(question: str, text: str) -> str:
    """Write the names of a text with their capitals in a question, so that those of a search query are seen."""
    for name in sorted(names_in([text]), key=lambda name: (-len(name), name)):
        question = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", name, question, flags=re.IGNORECASE)
    return question


def names_in(questions: Sequence[str]) -> list[str]:
    """Names that questions hold, each once, sorted."""
    return sorted({" ".join(w.text for w in run) for question in questions for run in analyse(question).names})
