"""Fill an index by geobrief's own writer, and tell what each part of it took."""

from __future__ import annotations

import dataclasses
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from langchain_core.documents import Document

from evals.bench.scale.texts import WordVectors
from rag.build import open_index
from rag.catalogue import Publication, SourceRow
from rag.index import Index, IndexWriter, WritableVectors
from rag.settings import Settings
from rag.types import Brief

PARTS = ("catalogue", "words", "vectors", "splitting", "making")
"""`making` is the benchmark's own: texts and their vectors."""


class Clock:
    """Seconds by part; what runs within another part counts for itself alone."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._within: list[str] = []
        self._since = 0.0

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        """Count the time of the block for a part."""
        self._turn()
        self._within.append(part)
        try:
            yield
        finally:
            self._turn()
            self._within.pop()

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, counted for a part."""

        def call(*args: Any, **kwargs: Any) -> Any:
            with self(part):
                return function(*args, **kwargs)

        return call

    def _turn(self) -> None:
        now = time.perf_counter()
        if self._within:
            self.seconds[self._within[-1]] += now - self._since
        self._since = now


class Filler:
    """An index that is being filled.

    Attributes:
        n_chunks: chunks in it.
        n_briefs: briefs in it.
        clock: what that took.
    """

    def __init__(self, settings: Settings, briefs: Iterator[Brief]) -> None:
        self.clock = Clock()
        self.n_chunks = self.n_briefs = 0
        self._briefs = briefs
        self._embeddings = WordVectors()
        embed = self.clock.timed("making", self._embeddings.embed_documents)
        self._embeddings.embed_documents = embed  # type: ignore[method-assign]
        self._index = _timed_index(open_index(settings, create=True, embeddings=self._embeddings), self.clock)

    def up_to(self, n_chunks: int, *, until: float) -> None:
        """Add briefs until there are so many chunks, or the monotonic clock has passed `until`."""
        before = self.n_chunks
        with self._index.writing(timeout_s=30) as writer, self.clock("catalogue"):
            writer.record_identity()
            while before + writer.chunks_embedded < n_chunks and time.monotonic() < until:
                self._add(writer)
            writer.flush()
            self.n_chunks = before + writer.chunks_embedded

    def first_question(self) -> float:
        """Return the seconds until vectors answer for the first time after all that was written."""
        catalogue, started = self._index.catalogue, time.perf_counter()
        with self.clock("vectors"):
            self._index.vectors.closest(catalogue.generation(), self._embeddings.embed_query("first question"), k=1)
        return time.perf_counter() - started

    def close(self) -> None:
        """Let go of the files and the servers."""
        self._index.vectors.close()
        self._index.catalogue.database.close()

    def _add(self, writer: IndexWriter) -> None:
        with self.clock("making"):
            brief = next(self._briefs)
        path = f"/generated/{brief.id}.md"
        self._index.catalogue.source(path)
        self._index.catalogue.standing(brief)
        source = SourceRow(path, "/generated", brief.text_sha256, complete=True)
        writer.replace(Publication(source, [brief]), [brief])
        self.n_briefs += 1


def _timed_index(index: Index, clock: Clock) -> Index:
    words = index.catalogue.database.words
    words.put = clock.timed("words", words.put)  # type: ignore[method-assign]
    connect = index.connect
    return dataclasses.replace(
        index,
        split=clock.timed("splitting", index.split),
        connect=lambda: cast(WritableVectors, _TimedVectors(connect(), clock)),
    )


class _TimedVectors:
    """Counts what writing to a vector store takes."""

    def __init__(self, vectors: WritableVectors, clock: Clock) -> None:
        self._vectors = vectors
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._vectors, name)

    def at(self, generation: int) -> _TimedVectors:
        return _TimedVectors(cast(WritableVectors, self._vectors.at(generation)), self._clock)

    def add_documents(self, documents: Sequence[Document], **kwargs: Any) -> object:
        with self._clock("vectors"):
            return cast(Any, self._vectors).add_documents(documents, **kwargs)
