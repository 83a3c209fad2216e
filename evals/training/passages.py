"""Texts to passages for the fitting of the reader, without an index: naive chunks, units, and both retrievals."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sentencex
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from rag.lexicon import analyse

CHUNK_WORDS = 140
RRF_K = 60


@dataclass(frozen=True)
class Text:
    """A document of a benchmark: one brief."""

    id: str
    title: str
    text: str
    date: str | None = None


def load(folder: Path) -> tuple[dict[str, Text], list[dict[str, Any]]]:
    """Read a set's texts by id, and its questions; none where it has no file of them."""
    texts = [Text(row["id"], row["title"], row["text"], row.get("date")) for row in _rows(folder / "corpus.jsonl")]
    questions = folder / "questions.jsonl"
    return {text.id: text for text in texts}, _rows(questions) if questions.exists() else []


def unwrapped(text: str) -> str:
    """Join the lines of a paragraph: speeches are wrapped unevenly, and paragraphs stand apart by an empty line."""
    return "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", text)) if "\n\n" in text else text


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def sentences(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences of a text, line by line."""
    spans: list[tuple[int, int]] = []
    for line in re.finditer(r"[^\n]+", text):
        at = line.start()
        for piece in sentencex.segment("en", line.group()):
            at = text.index(piece, at)
            stripped = piece.strip()
            if stripped:
                start = text.index(stripped, at)
                spans.append((start, start + len(stripped)))
            at += len(piece)
    return spans


def chunks(brief: Text, *, max_words: int = CHUNK_WORDS) -> list[Document]:
    """Cut a text into passages of whole sentences."""
    groups: list[list[tuple[int, int]]] = []
    size = 0
    for start, end in sentences(brief.text):
        n = len(brief.text[start:end].split())
        if not groups or size + n > max_words:
            groups.append([])
            size = 0
        groups[-1].append((start, end))
        size += n
    return [_passage(brief, i, spans) for i, spans in enumerate(groups)]


def _passage(brief: Text, ordinal: int, spans: Sequence[tuple[int, int]]) -> Document:
    start, end = spans[0][0], spans[-1][1]
    digest = hashlib.sha256(brief.text.encode()).hexdigest()
    unit = {"kind": "sentence", "context": None, "context_start": None, "context_end": None}
    meta = {
        "brief_id": brief.id, "chunk_id": f"{brief.id}@{digest[:8]}#{ordinal}", "title": brief.title,
        "date": brief.date, "source": None, "url": None, "heading": "", "page": None, "start": start, "end": end,
        "sha256": digest, "text_sha256": digest, "units": [{"start": s, "end": e, **unit} for s, e in spans],
    }  # fmt: skip
    return Document(id=meta["chunk_id"], page_content=brief.text[start:end], metadata=meta)


class SmallIndex:
    """Dense and BM25 retrieval over passages in memory, fused by reciprocal rank.

    Source: Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009 (k1 1.2, b 0.75);
    Cormack, Clarke & Buettcher, SIGIR 2009 (k 60).
    """

    def __init__(self, passages: Sequence[Document], embeddings: Embeddings) -> None:
        self.passages = list(passages)
        self._embeddings = embeddings
        self._matrix = np.asarray(
            embeddings.embed_documents([f"{p.metadata['title']}\n{p.page_content}" for p in self.passages])
        )
        self._tf = [Counter(w.stem for w in analyse(p.page_content).words) for p in self.passages]
        self._df = Counter(stem for tf in self._tf for stem in tf)
        self._mean = sum(sum(tf.values()) for tf in self._tf) / max(1, len(self._tf))
        self._holding: dict[str, list[int]] = {}
        for i, tf in enumerate(self._tf):
            for stem in tf:
                self._holding.setdefault(stem, []).append(i)

    def document_frequency(self, stems: Sequence[str]) -> tuple[Mapping[str, int], int]:
        """Answer as the catalogue does."""
        return {stem: self._df[stem] for stem in stems}, len(self.passages)

    def search(self, question: str, *, k: int = 10, without: frozenset[str] = frozenset()) -> list[Document]:
        """Return copies of the `k` best passages with ranks and fused score, leaving out briefs named by `without`."""
        dense = self._matrix @ np.asarray(self._embeddings.embed_query(question))
        lists = {"dense": [int(i) for i in np.argsort(-dense)[: 5 * k]], "lexical": self._bm25(question)[: 5 * k]}
        allowed = {n: [i for i in rows if self.passages[i].metadata["brief_id"] not in without][: 2 * k]
                   for n, rows in lists.items()}  # fmt: skip
        ranks: dict[int, dict[str, int]] = {}
        for name, rows in allowed.items():
            for rank, i in enumerate(rows, 1):
                ranks.setdefault(i, {})[name] = rank
        fused = {i: sum(1 / (RRF_K + r) for r in by.values()) for i, by in ranks.items()}
        best = sorted(fused, key=lambda i: (-fused[i], i))[:k]
        return [with_ranks(self.passages[i], ranks[i], fused[i]) for i in best]

    def _bm25(self, question: str) -> list[int]:
        score: Counter[int] = Counter()
        for stem in {w.stem for w in analyse(question).words}:
            df = self._df[stem]
            weight = math.log(1 + (len(self.passages) - df + 0.5) / (df + 0.5))
            for i in self._holding.get(stem, ()):
                tf, length = self._tf[i][stem], sum(self._tf[i].values())
                score[i] += weight * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * length / self._mean))  # type: ignore[assignment]
        return sorted(score, key=lambda i: (-score[i], i))


def with_ranks(passage: Document, ranks: Mapping[str, int], fused: float) -> Document:
    """Copy a passage as the retriever would hand it over."""
    return Document(id=passage.id, page_content=passage.page_content,
                    metadata={**passage.metadata, "ranks": dict(ranks), "fused": fused})  # fmt: skip
