"""How well each word of a question is met by the most alike word of a unit, and the cosine of the whole texts.

Words are compared by their contextual vectors, so that "Riyadh" is near "the Saudi capital" and a word that nothing in
the unit is like stands out. Source: late interaction, Khattab & Zaharia, SIGIR 2020, with the rarity of the question's
terms for weights and vectors that were trained for whole sentences.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from langchain_core.cross_encoders import BaseCrossEncoder
from numpy.typing import NDArray

from rag.lexicon import analyse
from rag.signals import Asked, Term
from rag.types import TokenVectors

Matches = list[tuple[Term, float]]

PADDED_CHARS = 4_000
"""Most characters that a batch takes, padding included: a question's units take 0.6 of the time of one batch."""


@runtime_checkable
class TokenEmbeddings(Protocol):
    """Gives the vectors of a text's tokens; `SentenceTransformerEmbeddings` is one."""

    def embed_tokens(self, texts: list[str]) -> list[TokenVectors]:
        """Encode texts."""
        ...


@dataclass(frozen=True, slots=True)
class AskedVectors:
    """A question's token vectors, and the rows of them that each of its terms takes."""

    tokens: NDArray[np.float32]
    terms: Sequence[tuple[Term, Sequence[int]]]


class TokenScorer(BaseCrossEncoder):
    """Scores pairs by the cosine of whole texts, and tells how the words of a question are met.

    Vectors of texts are kept, the last used `max_cached` of them (about 30 kB for 40 tokens at 384 dimensions).
    """

    def __init__(self, embeddings: TokenEmbeddings, *, max_cached: int = 2_000) -> None:
        self._embeddings = embeddings
        self._max_cached = max_cached
        self._kept: OrderedDict[str, TokenVectors] = OrderedDict()
        self._lock = threading.Lock()

    def score(self, text_pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Return the cosine of each (question, text), in [-1, 1]. Cost: encoding what is not kept."""
        known = self._encode(text for pair in text_pairs for text in pair)
        return [float(known[first].pooled @ known[second].pooled) for first, second in text_pairs]

    def match(self, asked: Asked, texts: Sequence[str]) -> dict[str, Mapping[str, float]]:
        """Return for each text how its words meet those of the question. Cost: encoding what is not kept."""
        known = self._encode((asked.text, *texts))
        question = _of_question(asked, known[asked.text])
        return {text: matched(question, known[text]) for text in dict.fromkeys(texts)}

    def _encode(self, texts: Iterable[str]) -> dict[str, TokenVectors]:
        wanted = dict.fromkeys(texts)
        with self._lock:
            known = {text: self._kept[text] for text in wanted if text in self._kept}
        for batch in batches([text for text in wanted if text not in known]):
            known.update(zip(batch, self._embeddings.embed_tokens(batch), strict=True))
        with self._lock:
            for text in wanted:
                self._kept[text] = known[text]
                self._kept.move_to_end(text)
            while len(self._kept) > self._max_cached:
                self._kept.popitem(last=False)
        return known


def batches(texts: Iterable[str]) -> list[list[str]]:
    """Group texts of like lengths, the shortest first, so that no group of several passes `PADDED_CHARS`."""
    groups: list[list[str]] = []
    for text in sorted(texts, key=lambda text: (len(text), text)):
        if not groups or (len(groups[-1]) + 1) * len(text) > PADDED_CHARS:
            groups.append([])
        groups[-1].append(text)
    return groups


def matched(question: AskedVectors, text: TokenVectors) -> dict[str, float]:
    """Measure how a text meets a question's words; each word counts by the best cosine of its tokens.

    `matched` is the mean over all tokens, `matched_terms` that over the terms by rarity, `matched_names` and
    `matched_plain` over those that are names or numbers and the others (1 where there are none), `unmatched` the
    rarity that the worst met term lacks.
    """
    words = text.vectors[text.words].astype(np.float32)
    if not len(words) or not len(question.tokens):
        return {"matched": 0.0, "matched_terms": 0.0, "matched_names": 0.0, "matched_plain": 0.0, "unmatched": 1.0}
    best = (question.tokens @ words.T).max(axis=1)
    met = [(term, float(best[list(rows)].mean())) for term, rows in question.terms]
    return {
        "matched": float(best.mean()),
        "matched_terms": _mean(met),
        "matched_names": _mean([(term, x) for term, x in met if term.name or term.number]),
        "matched_plain": _mean([(term, x) for term, x in met if not (term.name or term.number)]),
        "unmatched": max((term.weight * (1 - x) for term, x in met), default=0.0),
    }


def _of_question(asked: Asked, vectors: TokenVectors) -> AskedVectors:
    """Find the tokens of each term; of a term that stands twice the last place counts."""
    places = {word.stem: (word.start, word.start + len(word.text)) for word in analyse(asked.text).words}
    spans = [vectors.spans[i] for i in vectors.words]
    terms = []
    for term in asked.terms:
        start, end = places.get(term.stem, (0, 0))
        rows = [i for i, (first, last) in enumerate(spans) if first < end and last > start]
        terms += [(term, rows)] if rows else []
    return AskedVectors(vectors.vectors[vectors.words].astype(np.float32), terms)


def _mean(met: Matches) -> float:
    total = sum(term.weight for term, _ in met)
    return sum(term.weight * x for term, x in met) / total if total else 1.0
