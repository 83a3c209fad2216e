"""Examples from labelled questions: SQuAD's on the training articles, and NQ's training half."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evals.training.passages import Text
from evals.training.reader.examples import Asked
from evals.training.reader.swaps import cased, dated, names_in, swap
from evals.training.reader.units import UnitInContext, UnitSearch
from evals.training.readings import holds
from rag.lexicon import analyse
from rag.signals import ask, coverage

NEAR_BEST = 0.8
POOL = 20
"""Units kept for an example, of which training draws its candidates."""

# Shares of the answerable questions that also give a null example of each kind; with the unanswerable ones of SQuAD a
# quarter of the nulls are near misses.
REMOVED, SWAPPED, DATED, OUTSIDE = 0.3, 0.4, 0.5, 0.1

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Article:
    """The units of what belongs together (a SQuAD article, all of NQ) with a search over them.

    Attributes:
        others: units of other articles to draw from.
        names: two lists of names to swap in: those of the article's own questions, and those of others.
        strangers: questions of other articles.
    """

    search: UnitSearch
    by_doc: Mapping[str, tuple[UnitInContext, ...]]
    others: Sequence[UnitInContext]
    names: tuple[Sequence[str], Sequence[str]]
    strangers: Sequence[str]


def article_of(
    own: Sequence[Text], asked: Sequence[str], others: Sequence[UnitInContext], strangers: Sequence[str],
    units: Mapping[str, tuple[UnitInContext, ...]],
) -> Article:  # fmt: skip
    """Make the article of its own texts and questions, beside units and questions of others."""
    by_doc = {text.id: units[text.id] for text in own}
    return Article(search_of(own, units), by_doc, others, (names_in(asked), names_in(strangers)), strangers)


def search_of(texts: Sequence[Text], units: Mapping[str, tuple[UnitInContext, ...]]) -> UnitSearch:
    """Make the units of texts searchable."""
    return UnitSearch([unit for text in texts for unit in units[text.id]])


def normalised(question: str) -> str:
    """Write a question so that equal ones are equal: its words in lower case."""
    return " ".join(w.text.lower() for w in analyse(question).words)


def right_units(question: str, units: Sequence[UnitInContext], answers: Collection[str]) -> list[UnitInContext]:
    """Choose of the units that hold an accepted answer those that share most of the question's content words.

    The best by lexical coverage, title and what is before left out, and all within `NEAR_BEST` of it.
    """
    holding = [unit for unit in units if any(holds(unit.text, answer) for answer in answers)]
    terms = ask(question, {}, 0).terms
    shared = [coverage(terms, analyse(unit.text)) for unit in holding]
    return [unit for unit, share in zip(holding, shared, strict=True) if share >= NEAR_BEST * max(shared)]


def squad_examples(
    row: Mapping[str, Any], article: Article, rng: random.Random, *, name: str = "squad"
) -> Iterator[Asked]:
    """Make the training examples of one SQuAD question, of kinds that begin with a name."""
    gold = article.by_doc[row["doc_ids"][0]]
    if not row["answerable"]:
        wrong = _pool(gold, _others(gold, article, rng))
        yield Asked(row["id"], f"{name}/unanswerable", "train", row["question"], (), wrong)
        return
    right = right_units(row["question"], gold, row["answers"])
    if right:
        yield from _answerable(name, row, right, gold, article, rng)


def nq_examples(row: Mapping[str, Any], article: Article, rng: random.Random) -> Iterator[Asked]:
    """Make the training examples of one NQ question; every unit of its passages that holds an answer is right."""
    gold = [unit for doc in row["doc_ids"] for unit in article.by_doc[doc]]
    right = [unit for unit in gold if any(holds(unit.text, answer) for answer in row["answers"])]
    if right:
        yield from _answerable("nq", row, right, gold, article, rng)


def dev_example(row: Mapping[str, Any], article: Article) -> Asked | None:
    """Make a development example: the question over all units of its paragraph. None if no unit holds the answer."""
    gold = article.by_doc[row["doc_ids"][0]]
    right = tuple(unit for unit in gold if any(holds(unit.text, a) for a in row["answers"] if row["answerable"]))
    if row["answerable"] and not right:
        return None
    kind = "squad" if row["answerable"] else "squad/unanswerable"
    return Asked(row["id"], kind, "dev", row["question"], right, tuple(u for u in gold if u not in right))


def _answerable(
    name: str, row: Mapping[str, Any], right: Sequence[UnitInContext], gold: Sequence[UnitInContext],
    article: Article, rng: random.Random,
) -> Iterator[Asked]:  # fmt: skip
    question, answers = row["question"], row["answers"]
    near = [unit for unit in gold if not any(holds(unit.text, a) for a in answers)]
    found = article.search.best(question, k=12, without=frozenset(gold))
    hard = [unit for unit in found if not any(holds(unit.text, a) for a in answers)]
    others = _others((*gold, *found), article, rng)
    whole = Asked(row["id"], name, "train", question, tuple(right), _pool(near, hard, others))
    yield whole
    if rng.random() < REMOVED and whole.wrong:
        yield replace(whole, kind=f"{name}/removed", right=())
    shown = _pool((*right, *near), others)
    other = _swapped(question, gold, article, rng) if rng.random() < SWAPPED else None
    if other:
        yield Asked(row["id"], f"{name}/swapped", "train", other, (), shown)
    pair = dated(question, right[0].text, answers, rng) if rng.random() < DATED else None
    if pair:
        yield replace(whole, kind=f"{name}/dated", question=pair.right)
        yield Asked(row["id"], f"{name}/swapped", "train", pair.wrong, (), shown)
    if rng.random() < OUTSIDE:
        yield _outside(name, row, gold, article, rng)


def _outside(
    name: str, row: Mapping[str, Any], gold: Sequence[UnitInContext], article: Article, rng: random.Random
) -> Asked:
    question = rng.choice(article.strangers)
    found = article.search.best(question, k=8, without=frozenset(gold))
    return Asked(row["id"], f"{name}/outside", "train", question, (), _pool(found, gold, ()))


def _swapped(question: str, gold: Sequence[UnitInContext], article: Article, rng: random.Random) -> str | None:
    """Swap in a name that the gold passage does not hold, from the same article or another; a year or number alike."""
    text = " ".join(f"{unit.title} {unit.text}" for unit in gold)
    names = [name for name in rng.choice(article.names) if name not in text]
    other = swap(cased(question, text), names or ["Atlantis"], rng)
    return other.lower() if other and question.islower() else other


def _others(shown: Sequence[UnitInContext], article: Article, rng: random.Random) -> list[UnitInContext]:
    """Draw a few units of other articles; of NQ's, which is its own other, none that was looked at already."""
    return [unit for unit in rng.sample(article.others, min(3, len(article.others))) if unit not in shown]


def _pool(*groups: Sequence[UnitInContext]) -> tuple[UnitInContext, ...]:
    """Join groups, each unit once; the last group keeps its place when the whole is cut to `POOL`."""
    joined = list(dict.fromkeys(unit for group in groups[:-1] for unit in group))
    last = [unit for unit in dict.fromkeys(groups[-1]) if unit not in joined]
    return (*joined[: POOL - len(last)], *last)
