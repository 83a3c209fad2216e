"""The index: catalogue and vectors kept in step, one writer at a time.

Order of a write: stage text and chunks in the catalogue, embed into the vector store, and last switch the source to
its new versions in one transaction. A crash in between leaves staged text that nobody sees and the next write uses.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from langchain_core.documents import Document
from langchain_core.vectorstores import VectorStore

from rag.catalogue import Catalogue, CatalogueWriter, PendingChunk, Publication
from rag.errors import IndexMismatch
from rag.types import Brief, Chunk


class WritableVectors(Protocol):
    """A vector store that can be opened anew, listed and emptied."""

    def at(self, generation: int) -> VectorStore:
        """Return the store, opened no earlier than this generation of the catalogue."""
        ...

    def closest(self, generation: int, vector: Sequence[float], *, k: int) -> list[str]:
        """Return the ids of the `k` chunks that are closest to a vector."""
        ...

    def exact(self, generation: int, vector: Sequence[float], texts: Sequence[str], *, k: int) -> list[str]:
        """Return the ids of the `k` chunks of these texts that are closest to a vector."""
        ...

    def ids(self, generation: int) -> Sequence[str]:
        """Return the ids of all vectors, after reading each vector anew."""
        ...

    def digests(self, generation: int, ids: Sequence[str]) -> Mapping[str, str]:
        """Return, by id, the sha256 of the text that each vector was made of; unknown ids are left out."""
        ...

    def close(self) -> None:
        """Forget the open store, so that the next `at` opens it anew."""
        ...

    def reset(self) -> None:
        """Delete every vector."""
        ...

    def compact(self, deleted: Sequence[str]) -> None:
        """Remove what is left of deleted entries from the disk."""
        ...


@dataclass(frozen=True)
class Index:
    """A catalogue and vectors.

    Attributes:
        lock: holds the lock of the one process that writes, waiting so many seconds for it at most; yields whether the
            run that held it before was cut short.
        connect: makes the vector store; called when it is first needed.
        split: cuts a brief into chunks.
        embedded: what is embedded for a chunk of a brief.
        identity: what the index must have been made with: embedding model, dimension, splitter.
        recover: puts right the vectors after a run that was killed, before anything else is written.
        batch_chunks: chunks embedded together.
    """

    catalogue: Catalogue
    lock: Callable[[float], AbstractContextManager[bool]]
    connect: Callable[[], WritableVectors]
    split: Callable[[Brief], Sequence[Chunk]]
    embedded: Callable[[Brief, Chunk], str]
    identity: Mapping[str, str]
    recover: Callable[[IndexWriter], None]
    batch_chunks: int = 512

    @functools.cached_property
    def vectors(self) -> WritableVectors:
        """The vector store."""
        return self.connect()

    def check_identity(self) -> None:
        """Check that the index was made with the model and splitter of the settings.

        Raises:
            IndexMismatch: naming both and the remedy.
        """
        recorded = self.catalogue.identity()
        wrong = {
            key: (recorded[key], value) for key, value in self.identity.items() if recorded.get(key, value) != value
        }
        if wrong:
            parts = "; ".join(f"{key}: index {was!r}, settings {now_!r}" for key, (was, now_) in wrong.items())
            raise IndexMismatch(
                f"the index {self.catalogue.name} was made with other settings ({parts}); "
                "set them as they were, or run `geobrief doctor --repair` to rebuild it"
            )

    @contextmanager
    def writing(self, *, timeout_s: float, check: bool = True, finish: bool = True) -> Iterator[IndexWriter]:
        """Hold the index's lock and yield its writer.

        Args:
            finish: first finish what an interrupted run left, deletions above all.

        Raises:
            IndexLocked: naming the holder, when another process still writes after `timeout_s`.
            IndexMismatch: unless `check` is off, as `check_identity` does.
        """
        with self.lock(timeout_s) as cut_short:
            if check:
                self.check_identity()
            writer = IndexWriter(self)
            if finish and cut_short:
                self.recover(writer)
            elif finish:
                writer.finish_deletions()
            yield writer


@dataclass
class IndexWriter:
    """Writes to an index while its lock is held.

    Attributes:
        chunks_embedded: chunks embedded so far.
        on_embedded: called with that number after each batch.
    """

    index: Index
    chunks_embedded: int = 0
    on_embedded: Callable[[int], None] | None = None
    _buffer: list[PendingChunk] = field(default_factory=list)
    _ready: list[Publication] = field(default_factory=list)

    @property
    def catalogue(self) -> CatalogueWriter:
        """The writable side of the catalogue."""
        return CatalogueWriter(self.index.catalogue.database)

    def replace(self, publication: Publication, changed: Sequence[Brief]) -> None:
        """Stage what changed of a source; it is published when its last chunk has been embedded, by `flush` at latest.

        Args:
            changed: those of its briefs whose text or metadata are not those of their present version.
        """
        for brief in changed:
            self._stage(brief)
            while len(self._buffer) >= self.index.batch_chunks:
                self._embed_batch()
                self._publish_ready()
        self._ready.append(publication)
        if not self._buffer:
            self._publish_ready()

    def flush(self) -> None:
        """Embed what is staged, then publish the sources that wait for it."""
        while self._buffer:
            self._embed_batch()
        self._publish_ready()

    def forget(self, brief_id: str) -> bool:
        """Delete every version of a brief for good, vectors included; False when it is unknown.

        Raises:
            IndexLocked: if others read for so long that traces are left on the disk; the next run that writes removes
                them.
        """
        if not self.catalogue.forget(brief_id):
            return False
        self.finish_deletions()
        return True

    def finish_deletions(self) -> None:
        """Delete what the catalogue lists for deletion, also by an interrupted run, so that no trace is left."""
        ids = self.index.catalogue.vector_deletions()
        if ids:
            self.delete_vectors(ids)
            self.index.vectors.compact(ids)
            self.__dict__.pop("_store", None)
            self.catalogue.compact()
            self.catalogue.clear_vector_deletions(ids)

    def delete_vectors(self, ids: Sequence[str]) -> None:
        """Delete vectors by chunk id."""
        for start in range(0, len(ids), self.index.batch_chunks):
            self._store.delete(ids=list(ids[start : start + self.index.batch_chunks]))

    def embed(self, pending: Sequence[PendingChunk]) -> None:
        """Embed chunks that the catalogue already holds."""
        self._buffer.extend(pending)
        self.flush()

    def record_identity(self) -> None:
        """Record what the index is made with."""
        self.catalogue.record_identity(self.index.identity)

    def _stage(self, brief: Brief) -> None:
        parts = self.index.split(brief)
        embedded = [self.index.embedded(brief, part) for part in parts]
        self._buffer.extend(self.catalogue.stage(brief, parts, embedded))

    def _embed_batch(self) -> None:
        """Embed the next batch into the vector store.

        Parsing and staging the next batch meanwhile in another thread makes it slower: the model computes in step on
        all cores, and waits for the one that is shared (0.76 of the bare model's throughput against 0.88, two cores).
        """
        size = self.index.batch_chunks
        batch, self._buffer = self._buffer[:size], self._buffer[size:]
        documents = [Document(id=c.chunk_id, page_content=c.embedded, metadata=dict(c.metadata)) for c in batch]
        self._store.add_documents(documents, ids=[c.chunk_id for c in batch])
        self.catalogue.mark_embedded(batch)
        self.chunks_embedded += len(batch)
        if self.on_embedded:
            self.on_embedded(self.chunks_embedded)

    def _publish_ready(self) -> None:
        if self._ready:
            self.catalogue.publish(self._ready)
            self._ready.clear()

    @functools.cached_property
    def _store(self) -> VectorStore:
        """The store, opened after the lock was taken: one opened before may not know what others wrote."""
        self.index.vectors.close()
        return self.index.vectors.at(self.index.catalogue.generation())
