"""Texts to units in their context, as the index would hold them, and lexical search over units."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from langchain_core.documents import Document
from tokenizers import Tokenizer

from evals.training.passages import Text, with_ranks
from rag.embedding import resolve_model, whole_tokenizer
from rag.encoder import encode
from rag.lexicon import STOP_WORDS, analyse
from rag.signals import candidates
from rag.split import CountTokens, split
from rag.types import Brief

MODEL = "all-MiniLM-L6-v2"

# A chunk so long that a paragraph is one passage and no unit is cut.
_CHUNK_TOKENS = 5_000
_B, _K1 = 0.75, 1.2


@dataclass(frozen=True, slots=True)
class UnitInContext:
    """A sentence, item or row with what the reader is shown beside it.

    Attributes:
        doc: id of its document.
        place: its position in the document, from 0.
        date: of its document, as YYYY, YYYY-MM or YYYY-MM-DD, where it has one.
        before: its lead-in or header, else the unit before it; empty for the first.
    """

    doc: str
    place: int
    title: str
    before: str
    text: str
    date: str | None = None


def packaged_tokenizer() -> Tokenizer:
    """Load the packaged model's tokenizer, without truncation or padding."""
    return whole_tokenizer(resolve_model(MODEL))


def counter(tokenizer: Tokenizer) -> CountTokens:
    """Return what counts the tokens of texts, without special ones."""
    return lambda texts: [len(ids) for ids in encode(tokenizer, texts)]


def passages_of(text: Text, count: CountTokens) -> list[Document]:
    """Cut a text as the index does, into as few passages as headings allow. Lists stand as items, not as a whole.

    The passages carry retrieval's ranks as if each had come first.
    """
    clean = text.text.strip()
    brief = Brief(id=hashlib.sha256(text.id.encode()).hexdigest()[:16], title=text.title[:500] or "-", text=clean)
    made = []
    for chunk in split(brief, count_tokens=count, max_tokens=_CHUNK_TOKENS):
        units: list[dict[str, Any]] = [
            {
                "start": unit.start, "end": unit.end, "kind": unit.kind,
                "context": clean[unit.context.start : unit.context.end] if unit.context else None,
                "context_start": unit.context.start if unit.context else None,
                "context_end": unit.context.end if unit.context else None,
            }
            for unit in chunk.units
            if unit.kind != "list"
        ]  # fmt: skip
        meta = {"brief_id": text.id, "chunk_id": f"{text.id}#{chunk.ordinal}", "title": brief.title,
                "date": text.date, "heading": chunk.heading, "start": chunk.start, "units": units}  # fmt: skip
        passage = Document(id=meta["chunk_id"], page_content=clean[chunk.start : chunk.end], metadata=meta)
        made.append(with_ranks(passage, {"dense": 1, "lexical": 1}, 0.03))
    return made


def units_of(text: Text, count: CountTokens) -> list[UnitInContext]:
    """List a text's units in order, their blank space made single."""
    found = candidates(passages_of(text, count)) if text.text.strip() else []
    return [
        UnitInContext(text.id, place, text.title, " ".join(c.before.split()), " ".join(c.text.split()), text.date)
        for place, c in enumerate(found)
    ]


class UnitSearch:
    """BM25 over units in memory.

    Source: Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009 (k1 1.2, b 0.75).
    """

    def __init__(self, units: Sequence[UnitInContext]) -> None:
        self.units = tuple(units)
        words = [analyse(f"{unit.title} {unit.text}").words for unit in units]
        mean = sum(map(len, words)) / max(1, len(words))
        self._holding: dict[str, dict[int, float]] = {}
        for i, found in enumerate(words):
            norm = _K1 * (1 - _B + _B * len(found) / mean)
            for stem in {w.stem for w in found if w.text.lower() not in STOP_WORDS}:
                self._holding.setdefault(stem, {})[i] = (_K1 + 1) / (1 + norm)

    def best(self, question: str, *, k: int, without: Collection[UnitInContext] = ()) -> list[UnitInContext]:
        """Return the `k` best units that share a word with the question, leaving some out. A word counts once."""
        score: dict[int, float] = {}
        for stem in sorted({w.stem for w in analyse(question).words}):
            held: Mapping[int, float] = self._holding.get(stem, {})
            idf = math.log(1 + (len(self.units) - len(held) + 0.5) / (len(held) + 0.5))
            for i, share in held.items():
                score[i] = score.get(i, 0.0) + idf * share
        order = sorted(score, key=lambda i: (-score[i], i))
        left_out = frozenset(without)
        return list(islice((unit for i in order if (unit := self.units[i]) not in left_out), k))
