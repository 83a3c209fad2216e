"""Questions with the passages read for them: what the weights are fitted on and measured with.

Three ways to meet a question: on its gold paragraph alone ("gold"), in a small index of one article ("article"), and in
an index of many ("open"). Refusals are SQuAD's unanswerable questions (on the gold paragraph only: another may
answer), questions whose name, year or number was swapped ("swapped"), questions of other articles ("outside"), and open
questions whose gold passages were taken away ("removed").
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from langchain_core.documents import Document

from evals.training.encoder import KeptEncoder
from evals.training.passages import SmallIndex, chunks, load, with_ranks
from rag.lexicon import analyse
from rag.read import EmbeddingScorer, Measured, measure
from rag.signals import Asked, ask, candidates, countable_stems

Split = Literal["fit", "held-out"]
SQUAD_SEED, NQ_SEED = 13, 14


@dataclass(frozen=True)
class Read:
    """A question with its measured units.

    Attributes:
        kind: how it was met and, for refusals, of what kind: "gold", "gold/unanswerable", "article/swapped", ...
        right: for each unit, whether an accepted answer stands in it.
    """

    split: Split
    kind: str
    asked: Asked
    answerable: bool
    units: tuple[Measured, ...]
    right: tuple[bool, ...]


@dataclass(frozen=True)
class Reader:
    """Measures questions over one small index."""

    index: SmallIndex
    scorer: EmbeddingScorer
    split: Split

    def read(self, kind: str, question: str, passages: Sequence[Document], answers: Sequence[str]) -> Read | None:
        """Measure a question; None if nothing was found, or the answer stands in no unit that was measured."""
        asked = ask(question, *self.index.document_frequency(countable_stems(question)))
        units = tuple(measure(asked, passages, self.scorer, max_units=24))
        right = tuple(any(holds(m.candidate.text, a) for a in answers) for m in units)
        if not units or (answers and not any(right)):
            return None
        return Read(self.split, kind, asked, bool(answers), units, right)


def in_fitting_order(titles: Iterable[str], rng: random.Random) -> list[str]:
    """Return the articles in the order of which every second one, from the second on, is fitted on."""
    ordered = sorted(titles)
    rng.shuffle(ordered)
    return ordered


def holds(text: str, answer: str) -> bool:
    """Whether an accepted answer stands in a text as whole words, in any case."""
    return re.search(rf"(?<!\w){re.escape(answer.lower())}(?!\w)", text.lower()) is not None


def squad(data: Path, encoder: KeptEncoder, *, paragraphs: int) -> Iterator[Read]:
    """Read the questions on the first paragraphs of each SQuAD article, alone and in an index of the article."""
    texts, questions = load(data / "squad2_dev")
    by_title: dict[str, list[str]] = {}
    for text in texts.values():
        by_title.setdefault(text.title, []).append(text.id)
    rng = random.Random(SQUAD_SEED)
    titles = in_fitting_order(by_title, rng)
    kept = {title: set(rng.sample(by_title[title], min(paragraphs, len(by_title[title])))) for title in titles}
    rows = {title: [row for row in questions if row["doc_ids"][0] in kept[title]] for title in titles}
    passages = {title: [p for i in sorted(kept[title]) for p in chunks(texts[i], max_words=400)] for title in titles}
    asked = [row["question"] for title in titles for row in rows[title]]
    encode_ahead(encoder, [p for title in titles for p in passages[title]], asked)
    for i, title in enumerate(titles):
        index = SmallIndex(passages[title], encoder)
        reader = Reader(index, EmbeddingScorer(encoder), "fit" if i % 2 else "held-out")
        yield from _on_gold(reader, rows[title])
        sample = [row for row in rows[title] if row["answerable"] and rng.random() < 0.5]
        yield from _in_article(reader, sample, rows[titles[(i + 2) % len(titles)]], rng)


def natural_questions(data: Path, encoder: KeptEncoder, *, questions: int, distractors: int) -> Iterator[Read]:
    """Read some NQ-open questions over their gold passages and distractors, with the answering passages and without."""
    texts, rows = load(data / "nq_open_oracle")
    rng = random.Random(NQ_SEED)
    asked = rng.sample(rows, questions)
    kept = sorted({i for row in asked for i in row["doc_ids"]} | set(rng.sample(sorted(texts), distractors)))
    passages = [p for i in kept for p in chunks(texts[i], max_words=400)]
    encode_ahead(encoder, passages, [row["question"] for row in asked])
    index, scorer = SmallIndex(passages, encoder), EmbeddingScorer(encoder)
    for i, row in enumerate(asked):
        reader = Reader(index, scorer, "fit" if i % 2 else "held-out")
        met = [reader.read("open", row["question"], index.search(row["question"]), row["answers"])]
        without = frozenset(i for i in kept if any(holds(texts[i].text, a) for a in row["answers"]))
        found = index.search(row["question"], without=without)
        met.append(reader.read("open/removed", row["question"], found, []))
        yield from filter(None, met)


def encode_ahead(encoder: KeptEncoder, passages: Sequence[Document], questions: Sequence[str]) -> None:
    """Encode in large batches what reading would encode piece by piece."""
    units = candidates(passages)
    encoder.embed_documents([*questions, *(text for c in units for text in c.readings)])


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


def _on_gold(reader: Reader, rows: Sequence[dict[str, Any]]) -> Iterator[Read]:
    by_id: dict[str, list[Document]] = {}
    for passage in reader.index.passages:
        by_id.setdefault(passage.metadata["brief_id"], []).append(with_ranks(passage, {"dense": 1, "lexical": 1}, 0.03))
    for row in rows:
        kind = "gold" if row["answerable"] else "gold/unanswerable"
        found = reader.read(kind, row["question"], by_id[row["doc_ids"][0]], row["answers"])
        if found:
            yield found


def _in_article(
    reader: Reader, rows: Sequence[dict[str, Any]], others: Sequence[dict[str, Any]], rng: random.Random
) -> Iterator[Read]:
    text = " ".join(p.page_content for p in reader.index.passages)
    foreign = sorted({" ".join(w.text for w in run) for row in others for run in analyse(row["question"]).names})
    foreign = [name for name in foreign if name not in text] or ["Atlantis"]
    search = reader.index.search
    for row in rows:
        question = row["question"]
        met = [reader.read("article", question, search(question), row["answers"])]
        other = swapped(question, foreign, rng)
        if other:
            met.append(reader.read("article/swapped", other, search(other), []))
        if rng.random() < 0.5:
            outside = rng.choice(others)["question"]
            met.append(reader.read("article/outside", outside, search(outside), []))
        yield from filter(None, met)
