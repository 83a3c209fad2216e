"""Ask a benchmark many times over for the price of once: what models gave for a text is remembered between runs.

A score then does not depend on the texts beside it in a batch, so that settings are compared and not roundings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.documents import Document

from rag.assistant import Assistant, Reader, Retriever
from rag.build import open_assistant, open_embeddings, open_index, warm_up
from rag.catalogue import Catalogue
from rag.errors import UsageError
from rag.evaluation.dataset import open_dataset
from rag.evaluation.question import Dataset, Question
from rag.evaluation.records import QuestionRecord
from rag.evaluation.run import RANKED, build_site, messages_of
from rag.evaluation.scoring import Outcome, records_of
from rag.read import SignalReader
from rag.settings import Settings
from rag.token_match import TokenEmbeddings, TokenScorer
from rag.types import Scope

KEPT_TEXTS = 20_000
"""Texts whose token vectors are kept: more than the starter corpus has units."""


@dataclass
class Remembered(BaseCrossEncoder):
    """Scores each pair once."""

    model: BaseCrossEncoder
    scores: dict[tuple[str, str], float] = field(default_factory=dict)

    def score(self, text_pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Return the scores of pairs; those not asked before go to the model in one call."""
        new = [pair for pair in dict.fromkeys(text_pairs) if pair not in self.scores]
        self.scores.update(zip(new, self.model.score(new) if new else [], strict=True))
        return [self.scores[first, second] for first, second in text_pairs]


@dataclass
class Found:
    """Searches each question once."""

    retriever: Retriever
    passages: dict[tuple[str, Scope, int | None], list[Document]] = field(default_factory=dict)

    def search(self, question: str, *, scope: Scope = Scope(), k: int | None = None) -> list[Document]:
        """Return what the retriever finds."""
        key = (question, scope, k)
        if key not in self.passages:
            self.passages[key] = self.retriever.search(question, scope=scope, k=k)
        return self.passages[key]


@dataclass(frozen=True)
class Bench:
    """A benchmark's questions over an index of its corpus, and the assistant that is asked."""

    dataset: Dataset
    questions: tuple[Question, ...]
    assistant: Assistant
    reader: SignalReader
    catalogue: Catalogue
    embeddings: TokenEmbeddings

    def remembering(self) -> Bench:
        """Return the same with models and search that remember all that they were asked."""
        reader = self.fresh(self.reader)
        scorers = reader.scorers
        kept, closer = (Remembered(model) if model else None for model in (scorers.reader, scorers.closer))
        assistant = replace(self.assistant, retriever=Found(self.assistant.retriever))
        return replace(
            self, assistant=assistant, reader=replace(reader, scorers=replace(scorers, reader=kept, closer=closer))
        )

    def fresh(self, reader: SignalReader) -> SignalReader:
        """Return a reader to which all texts are new."""
        words = TokenScorer(self.embeddings, max_cached=KEPT_TEXTS)
        return replace(reader, scorers=replace(reader.scorers, similarity=words, matcher=words))

    def ask(self, reader: Reader) -> list[QuestionRecord]:
        """Ask every question with a reader in the place of the assistant's; one record each."""
        assistant = replace(self.assistant, reader=reader)
        return [self._record(assistant, question) for question in self.questions]

    def _record(self, assistant: Assistant, question: Question) -> QuestionRecord:
        answer = assistant.ask(question.text, history=messages_of(question))
        outcome = Outcome(answer.evidence[:RANKED], answer, dict(answer.timings_ms))
        return records_of("full", question, outcome, self.dataset, self.catalogue)[0]


def open_bench(work: Path, *, name: str = "briefs", split: str = "dev", limit: int | None = None) -> Bench:
    """Open a benchmark's split over an index of its corpus, which is made below `work` on first use.

    Raises:
        UsageError: if there is no such dataset, or the embedding model of the settings has no vectors of tokens.
    """
    dataset = open_dataset(name, work=work, split=split)
    settings = Settings()
    embeddings = open_embeddings(settings)
    site, _ = build_site(dataset, settings, embeddings, work=work, progress=lambda what, done, total: None)
    assistant = open_assistant(site.settings, embeddings=embeddings)
    warm_up(assistant)
    catalogue = open_index(site.settings, embeddings=embeddings).catalogue
    reader = assistant.reader
    if not isinstance(reader, SignalReader) or not isinstance(embeddings, TokenEmbeddings):
        raise UsageError(f"{settings.embedding.model!r} gives no vectors of tokens; name a sentence-transformers model")
    return Bench(dataset, dataset.questions[:limit], assistant, reader, catalogue, embeddings)
