"""Find passages: a dense and a lexical ranking, fused by reciprocal rank, under a scope."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from rag.catalogue import Catalogue
from rag.types import Scope

EXACT_LIMIT = 1000
"""Texts of a scope that are compared one by one; in a larger scope, over-fetching finds enough."""

FEW_TEXTS = 50
"""Texts that are compared one by one at once: of more, over-fetching may find enough in a tenth of the time."""

OVERFETCH = 10


class HybridRetriever(BaseRetriever):
    """Ranks chunks by meaning (vectors) and by words (BM25), and fuses both rankings.

    Attributes:
        closest: the ids of the chunks closest to a vector, no older than a generation of the catalogue, as
            `ChromaVectors.closest` finds them.
        exact: the same among the chunks of some texts, as `ChromaVectors.exact` finds them.
        words: the words of a question to look for in full text.
        fetch_k: length of each ranking.
        top_k: passages returned.
        scope: which briefs may be used, when called as a langchain retriever.
        steady: compare the texts of every scope one by one, so that no other text has a part in the order.
        rankings: which rankings take part; `dense` alone or `lexical` alone serve evaluation.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    catalogue: Catalogue
    closest: Callable[..., list[str]]
    exact: Callable[..., list[str]]
    embeddings: Embeddings
    words: Callable[[str], Sequence[str]]
    fetch_k: int = 30
    top_k: int = 10
    rrf_k: int = 60
    scope: Scope = Scope()
    steady: bool = False
    rankings: tuple[str, ...] = ("dense", "lexical")

    def search(self, question: str, *, scope: Scope = Scope(), k: int | None = None) -> list[Document]:
        """Return at most `k` passages, best first, each with `ranks` by ranking and its `fused` score.

        Cost: encoding the question, one full-text query, and one vector query, or a few where a scope is narrow.
        """
        finders: Mapping[str, Callable[[str, Scope], Sequence[str]]] = {"dense": self._dense, "lexical": self._lexical}
        ranked = {name: finders[name](question, scope) for name in self.rankings}
        fused = fuse(ranked, k=self.rrf_k)[: k or self.top_k]
        passages = self.catalogue.passages([chunk_id for chunk_id, _ in fused], scope)
        scores = dict(fused)
        places = {name: {chunk_id: rank for rank, chunk_id in enumerate(ids, 1)} for name, ids in ranked.items()}
        return [_scored(passage, scores, places) for passage in passages]

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return self.search(query, scope=self.scope)

    def _lexical(self, question: str, scope: Scope) -> Sequence[str]:
        return self.catalogue.search(self.words(question), k=self.fetch_k, scope=scope)

    def _dense(self, question: str, scope: Scope) -> Sequence[str]:
        """Rank by vectors: filter in the catalogue, and compare the scope's texts one by one when too few are left.

        Few are left also without a scope, where former versions of briefs are closer than present ones.
        """
        generation = self.catalogue.generation()
        vector = self.embeddings.embed_query(question)
        if not self.steady:
            close = self.closest(generation, vector, k=self.fetch_k)
            found = self.catalogue.admitted(close, scope)
            if len(found) >= self.fetch_k // 2 or len(close) < self.fetch_k:
                return found
        texts = self.catalogue.texts_in_scope(scope, limit=EXACT_LIMIT)
        if texts is None or (len(texts) > FEW_TEXTS and not self.steady):
            wide = self._overfetched(generation, vector, scope, once=texts is not None)
            if texts is None or len(wide) == self.fetch_k:
                return wide
        close = self.exact(generation, vector, texts, k=sys.maxsize)  # other briefs may have the same texts
        return self.catalogue.admitted(close, scope)[: self.fetch_k]

    def _overfetched(self, generation: int, vector: Sequence[float], scope: Scope, *, once: bool) -> Sequence[str]:
        """Filter ever more of the closest chunks, unless `once`, until the ranking is full or all were seen."""
        k = self.fetch_k * OVERFETCH
        while True:
            close = self.closest(generation, vector, k=k)
            found = self.catalogue.admitted(close, scope)[: self.fetch_k]
            if once or len(found) == self.fetch_k or len(close) < k:
                return found
            k *= 2


def fuse(ranked: Mapping[str, Sequence[str]], *, k: int = 60) -> list[tuple[str, float]]:
    """Fuse rankings by reciprocal rank: the score of an id is the sum of 1 / (k + rank), ranks from 1.

    Scores are comparable only within one call; ties keep the order of first appearance.
    Source: Cormack, Clarke & Buettcher, SIGIR 2009, k = 60.
    """
    scores: dict[str, float] = {}
    for ids in ranked.values():
        for rank, chunk_id in enumerate(ids, 1):
            scores[chunk_id] = scores.get(chunk_id, 0.0) + 1.0 / (k + rank)
    return sorted(scores.items(), key=lambda pair: -pair[1])


def _scored(passage: Document, scores: Mapping[str, float], places: Mapping[str, Mapping[str, int]]) -> Document:
    chunk_id = str(passage.id)
    ranks = {name: ranks[chunk_id] for name, ranks in places.items() if chunk_id in ranks}
    return passage.model_copy(update={"metadata": {**passage.metadata, "ranks": ranks, "fused": scores[chunk_id]}})
