"""Four sources of readings, none of which the reader was trained on.

- briefs: the dev half of the briefs benchmark over the starter corpus, as a user meets it, with three kinds of refusals
  made by rule beside those that were written: a name, year or number swapped; the whole story taken away.
- squad: the development articles of SQuAD 2.0, on the gold paragraph alone, and in the article without it.
- stories: the questions of the development stories over all of their briefs, and with the story taken away; short ones
  apart.
- factbook: templated questions over sections of the CIA World Factbook, with the country's sections and without.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.documents import Document

from evals.briefs import CORPUS
from evals.training.encoder import KeptEncoder
from evals.training.head.reading import Desk, Read
from evals.training.passages import SmallIndex, Text, chunks, load, with_ranks
from evals.training.reader.prepare import DEV_ARTICLES, allowed, articles, dev_titles, held_out_questions, trained_ids
from evals.training.reader.short import short_development
from evals.training.reader.stories import ACCOUNTS, FOLDERS, REWORDED, RIVALS, SISTERS, development_of, holds_some
from evals.training.reader.swaps import names_in, swap
from evals.training.readings import holds
from rag.build import open_index, open_retriever
from rag.evaluation.citing import reaches
from rag.evaluation.dataset import open_dataset
from rag.evaluation.question import Question
from rag.evaluation.records import Cited
from rag.evaluation.run import messages_of
from rag.ingest import sync
from rag.measure import Scorers
from rag.rewrite import rewrite
from rag.settings import Settings
from rag.signals import Candidate
from rag.types import Scope

SEED = 31
TOLD = (*FOLDERS, ACCOUNTS, SISTERS, REWORDED, RIVALS)


@dataclass(frozen=True)
class Models:
    """What scores units, and what encodes passages."""

    scorers: Scorers | None
    encoder: KeptEncoder


def briefs(models: Models, cache: Path, *, split: str = "dev") -> Iterator[Read]:
    """Read the briefs questions over the starter corpus."""
    settings = Settings(index=cache / "briefs")
    index = open_index(settings, create=True)
    sync(index, [CORPUS])
    retriever = open_retriever(index, settings, models.encoder)
    questions = open_dataset("briefs", work=cache, split=split).questions
    stories: dict[str, set[str]] = {}
    for question in questions:
        stories.setdefault(question.group, set()).update(question.doc_ids)
    every = {row.brief_id for row in index.catalogue.briefs()}
    names = names_in([question.text for question in questions])
    desk = Desk(retriever.search, index.catalogue.document_frequency, models.scorers)
    rng = random.Random(SEED)
    for question in questions:
        text = rewrite(question.text, messages_of(question))
        yield from _kept(_brief(desk, question, text))
        if question.answerable:
            others = Scope(briefs=tuple(sorted(every - stories[question.group])))
            found = retriever.search(text, scope=others)
            yield from _kept(desk.read("briefs/removed", question.group, text, passages=found))
            if other := swap(text, names, rng):
                yield from _kept(desk.read("briefs/swapped", question.group, other))


def _brief(desk: Desk, question: Question, text: str) -> Read | None:
    if not question.answerable:
        return desk.read(f"briefs/{question.types[0]}", question.group, text)

    def right(candidate: Candidate) -> bool:
        unit, doc = candidate.unit, str(candidate.passage.metadata["brief_id"])
        cited = Cited(doc_id=doc, start=unit.start, end=unit.end, quote=candidate.text, valid=True)
        return any(reaches(cited, span) for span in question.gold)

    return desk.read("briefs", question.group, text, right=right, answerable=True)


def squad(models: Models, data: Path, *, n: int) -> Iterator[Read]:
    """Read questions on the development articles."""
    trained = trained_ids()
    texts, rows = load(data / "squad2_dev")
    by_title = articles(texts, allowed(rows, trained["squad2_dev"], held_out_questions(data, trained)))
    rng = random.Random(SEED)
    for title in dev_titles(by_title, DEV_ARTICLES):
        able, unable = ([row for row in by_title[title] if row["answerable"] == truth] for truth in (True, False))
        desk, own, index = _desk(models, [text for text in texts.values() if text.title == title])
        for row in (*_sample(able, n, rng), *_sample(unable, n, rng)):
            yield from _kept(_on_gold(desk, title, row, own[row["doc_ids"][0]]))
        for row in _sample(able, n, rng):
            found = index.search(row["question"], without=frozenset(row["doc_ids"]))
            yield from _kept(desk.read("squad/removed", title, row["question"], passages=found))
        names = names_in([row["question"] for row in by_title[title]])
        for row in _sample(able, n // 2, rng):
            if other := swap(row["question"], names, rng):
                yield from _kept(desk.read("squad/swapped", title, other))


def _on_gold(desk: Desk, title: str, row: dict[str, Any], passages: Sequence[Document]) -> Read | None:
    ranked = [with_ranks(passage, {"dense": 1, "lexical": 1}, 0.03) for passage in passages]
    if not row["answerable"]:
        return desk.read("squad/unanswerable", title, row["question"], passages=ranked)
    return desk.read("squad", title, row["question"], passages=ranked, right=_holder(row["answers"]), answerable=True)


def stories(models: Models, *, every: int = 10, short_every: int = 3, removed: float = 1.0) -> Iterator[Read]:
    """Read every tenth question of the development stories, and every third short one, in an index of these stories."""
    told = development_of(TOLD)
    texts = {story.id: [brief.text(story.id) for brief in story.briefs] for story in told}
    passages = [passage for story in told for text in texts[story.id] for passage in chunks(text)]
    index = SmallIndex(passages, models.encoder)
    desk = Desk(index.search, index.document_frequency, models.scorers)
    rng = random.Random(SEED)
    short = short_development()
    for story in told:
        own = frozenset(text.id for text in texts[story.id])
        asked = [("stories", one) for one in story.questions[::every]]
        asked += [("short", one) for one in short.get(story.id, ())[::short_every]]
        for kind, one in asked:
            right = _says({(f"{story.id}/{brief}", sentence) for brief, sentence in story.sentences(one.right)})
            named = kind if one.right else f"{kind}/{one.kind}"
            yield from _kept(desk.read(named, story.id, one.question, right=right, answerable=bool(one.right)))
            if one.right and rng.random() < removed:
                found = index.search(one.question, without=own)
                yield from _kept(desk.read(f"{kind}/removed", story.id, one.question, passages=found))


def _says(sentences: Collection[tuple[str, str]]) -> Callable[[Candidate], bool]:
    """Tell whether a candidate holds one of the sentences, or stands in it; each with its brief."""
    return lambda candidate: any(
        candidate.passage.metadata["brief_id"] == brief and holds_some(candidate.text, sentence)
        for brief, sentence in sentences
    )


def factbook(models: Models, data: Path, *, n: int) -> Iterator[Read]:
    """Read templated questions over the sections of as many countries, with the country's own and without."""
    texts, rows = load(data / "world_factbook")
    rng = random.Random(SEED)
    asked = rng.sample(rows, n)
    countries = {_country(doc) for row in asked for doc in row["doc_ids"]}
    kept = [text for text in texts.values() if _country(text.id) in countries]
    index = SmallIndex([passage for text in kept for passage in chunks(text)], models.encoder)
    desk = Desk(index.search, index.document_frequency, models.scorers)
    for row in asked:
        country = _country(row["doc_ids"][0])
        right = _holder(row["answers"])
        yield from _kept(desk.read("factbook", country, row["question"], right=right, answerable=True))
        without = frozenset(text.id for text in kept if _country(text.id) == country)
        found = index.search(row["question"], without=without)
        yield from _kept(desk.read("factbook/removed", country, row["question"], passages=found))


def _desk(models: Models, texts: Sequence[Text]) -> tuple[Desk, dict[str, list[Document]], SmallIndex]:
    own = {text.id: chunks(text, max_words=400) for text in texts}
    index = SmallIndex([passage for passages in own.values() for passage in passages], models.encoder)
    return Desk(index.search, index.document_frequency, models.scorers), own, index


def _holder(answers: Sequence[str]) -> Callable[[Candidate], bool]:
    return lambda candidate: any(holds(candidate.text, answer) for answer in answers)


def _country(document: str) -> str:
    return document.split("-")[1]


def _kept(read: Read | None) -> list[Read]:
    return [] if read is None else [read]


def _sample(rows: Sequence[dict[str, Any]], n: int, rng: random.Random) -> list[dict[str, Any]]:
    return rng.sample(list(rows), min(n, len(rows)))
