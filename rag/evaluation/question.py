"""What a benchmark is made of: questions with what is known to be right, over a corpus of briefs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote

Form = Literal["briefs", "shared", "beir", "squad"]
GoldMode = Literal["any", "all"]

_NOT_IN_AN_ID = re.compile(r"[\s#@/\\%\x00-\x1f]")


@dataclass(frozen=True, slots=True)
class GoldSpan:
    """Characters `start` to `end` of a gold document's text; `text` is exactly those."""

    doc_id: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier turn of a conversation."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question of a benchmark.

    Attributes:
        place: file and line that it stands in, for messages.
        answerable: whether the corpus answers it; for SQuAD and CLAP NQ, whether the gold passage does.
        answers: accepted answers, any of which is enough.
        items: for questions that ask for several things: alternatives of each; all are wanted.
        doc_ids: gold documents; for an unanswerable question those that it was asked of, if any.
        relevance: grade by document id, where the dataset has grades; otherwise 1 for each of `doc_ids`.
        gold: the spans that answer; with `gold_mode` "any", each alone is enough.
        polar: the right answer of a yes-or-no question.
        wrong_answers: values that are stale, premature or false.
        types: kinds of question, as the dataset names them.
        group: what is resampled together: its story, else its conversation, else its first gold document, else it
            alone.
    """

    id: str
    text: str
    answerable: bool
    answers: tuple[str, ...] = ()
    items: tuple[tuple[str, ...], ...] = ()
    doc_ids: tuple[str, ...] = ()
    relevance: Mapping[str, int] = field(default_factory=dict)
    gold: tuple[GoldSpan, ...] = ()
    gold_mode: GoldMode = "any"
    polar: Literal["yes", "no"] | None = None
    wrong_answers: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    split: str | None = None
    history: tuple[Turn, ...] = ()
    group: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """A claim beside a text: does the premise support the hypothesis?

    Attributes:
        reason: why it does not, where the labels say.
        group: what is never parted when pairs are resampled, such as the document; empty where each stands alone.
        title: of the document that the premise is from; empty where there is none.
        dated: ISO date of that document, whole or in part; empty where it has none.
    """

    id: str
    premise: str
    hypothesis: str
    label: str
    split: str | None = None
    reason: str = ""
    group: str = ""
    title: str = ""
    dated: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A benchmark, checked.

    Attributes:
        corpus: files and folders that `rag.ingest.sync` reads the documents from; the brief id of a document is
            `brief_id_of(document id)`.
        digest: of everything that was read; the same digest means the same questions and documents.
        corpus_digest: of the documents alone.
        extractive: whether accepted answers stand verbatim in a gold document.
        refusal: whether unanswerable means "not from the gold passage" or "not from the whole corpus".
        notes: what a reader of the figures has to know, such as how many answers stand in no gold document.
        n_total: questions in the dataset before a split was taken.
    """

    name: str
    form: Form
    corpus: tuple[Path, ...]
    n_documents: int
    questions: tuple[Question, ...]
    pairs: tuple[Pair, ...]
    digest: str
    corpus_digest: str
    extractive: bool
    refusal: Literal["gold", "corpus"]
    notes: tuple[str, ...]
    n_total: int


def brief_id_of(doc_id: str) -> str:
    """Return the brief id of a document: its own, with what no brief id may hold written as %XX."""
    return _NOT_IN_AN_ID.sub(lambda match: quote(match.group(), safe=""), doc_id)


def doc_id_of(brief_id: str) -> str:
    """Return the document that `brief_id_of` made a brief id of."""
    return unquote(brief_id)
