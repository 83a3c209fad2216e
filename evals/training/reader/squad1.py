"""Examples from SQuAD 1.1's training part: 442 Wikipedia articles, none of them in the set that is measured on."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from evals.training.passages import Text
from evals.training.reader.examples import Asked
from evals.training.reader.questions import article_of, normalised, squad_examples
from evals.training.reader.units import units_of
from rag.split import CountTokens

SQUAD1 = Path("squad1_train/train-v1.1.json")
"""Its place in what `evals.training.fetch` writes."""
TOGETHER = 40
"""Articles that lend units and names to each other."""

Row = dict[str, Any]


def squad1_examples(
    path: Path, count: CountTokens, rng: random.Random, *, questions: int, held: frozenset[str] = frozenset()
) -> Iterator[Asked]:
    """Make the examples of so many questions, drawn from all articles alike.

    Args:
        held: normalised questions that are left out.
    """
    articles = json.loads(path.read_text(encoding="utf-8"))["data"]
    rng.shuffle(articles)
    each = -(-questions // len(articles))
    for at in range(0, len(articles), TOGETHER):
        some = [_drawn(article, each, held, rng) for article in articles[at : at + TOGETHER]]
        units = {text.id: tuple(units_of(text, count)) for texts, _ in some for text in texts}
        for i, (texts, rows) in enumerate(some):
            around = [other for j, other in enumerate(some) if j != i]
            foreign = [unit for others, _ in around for text in others for unit in units[text.id]]
            strangers = [row["question"] for _, asked in around for row in asked]
            article = article_of(texts, [row["question"] for row in rows], foreign, strangers, units)
            for row in rows:
                yield from squad_examples(row, article, rng, name="squad1")


def read_articles(path: Path) -> dict[str, Text]:
    """Read whole articles by their title in the set."""
    articles = json.loads(path.read_text(encoding="utf-8"))["data"]
    return {
        article["title"]: Text(
            article["title"], _title(article), "\n\n".join(p["context"].strip() for p in article["paragraphs"])
        )
        for article in articles
    }


def _title(article: Mapping[str, Any]) -> str:
    return unquote(article["title"]).replace("_", " ")


def _drawn(
    article: Mapping[str, Any], questions: int, held: frozenset[str], rng: random.Random
) -> tuple[list[Text], list[Row]]:
    """Return an article's paragraphs and so many of its questions, in the form of the sets."""
    title = _title(article)
    texts = [Text(f"{title}#{i}", title, p["context"]) for i, p in enumerate(article["paragraphs"])]
    rows = [
        {"id": q["id"], "question": q["question"].strip(), "answers": sorted({a["text"] for a in q["answers"]}),
         "doc_ids": [text.id], "answerable": True}
        for text, p in zip(texts, article["paragraphs"], strict=True) for q in p["qas"]
        if normalised(q["question"]) not in held
    ]  # fmt: skip
    return texts, rng.sample(rows, min(questions, len(rows)))
