"""The local Chroma folder, opened so that it sees what other processes wrote.

A client of chromadb 1.5.9 that is open keeps querying the index as it was when it opened, and so does a new client in
the same process, until the shared system cache is cleared. So the store is opened anew for each generation of the
catalogue.

Chroma saves its graph of vectors in place, in several files, every thousand writes. Who loads them in that moment, or
after a process was killed in it, has them refused, crashes, or gets wrong neighbours without a word. So loading and
writing exclude each other, and files are loaded only as the last write that ended left them (rag.seal).
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import chromadb
from chromadb.api.shared_system_client import SharedSystemClient
from chromadb.config import Settings as ChromaSettings
from chromadb.errors import ChromaError
from filelock import FileLock, Timeout
from langchain_chroma import Chroma
from langchain_core.embeddings import Embeddings

from rag.errors import IndexCorrupt, IndexLocked, IndexUnusable
from rag.seal import blank_unused, is_sealed, seal
from rag.types import sha256
from rag.vectors.ranking import Vectors, by_id, ranked

COLLECTION = "chunks"
FULL_TEXT = "embedding_fulltext_search"
LIST_BATCH = 5000
COMPARE_LIMIT = 20_000
"""Vectors up to which a query compares all of them: 2.5 ms a query, 1 s and 30 MB to load on two cores."""
SAVE_TIMEOUT_S = 60.0
"""A batch is written in less than a second; saving 100,000 vectors takes as long."""
_FAILURES = (ChromaError, ValueError, RuntimeError, OSError, KeyError, TypeError, AttributeError, sqlite3.Error)
_READS = frozenset(["get", "query", "count"])
_WRITES = frozenset(["upsert", "delete"])

# The table of chromadb's systems belongs to the process, and clearing it while a client is made breaks that client.
_OPENING = threading.RLock()


class ChromaVectors:
    """The vector store of an index. Derived: all of it can be made again from the catalogue. Safe for threads."""

    def __init__(self, folder: Path, embeddings: Embeddings) -> None:
        self._folder = folder
        self._embeddings = embeddings
        self._opened: tuple[int, Chroma] | None = None
        self._compared: tuple[int, tuple[list[str], Vectors] | None] | None = None

    def at(self, generation: int) -> Chroma:
        """Return the store, opened no earlier than this generation of the catalogue.

        Raises:
            IndexCorrupt: if the folder cannot be opened.
        """
        with _OPENING:
            if self._opened is None or self._opened[0] != generation:
                with exclusive(self._folder):
                    self._opened = (generation, self._load())
            return self._opened[1]

    def closest(self, generation: int, vector: Sequence[float], *, k: int) -> list[str]:
        """Return the ids of the `k` chunks closest to a vector, best first; ties in the order of the ids.

        Up to `COMPARE_LIMIT` vectors each one is compared. Chroma's graph is not the same from one build to the next,
        and now and then leaves a vector without a way in: of 132 near-alike texts one or two were not found by their
        own text in 9 of 80 builds, and in 1 of 80 with twice the links.
        """
        held = self._all(generation)
        if held is None:
            # Without texts and metadata, which took ten times as long and are not given for more than 32,766.
            found = self.at(generation)._collection.query(query_embeddings=list(vector), n_results=k, include=[])
            return list(found["ids"][0])
        return ranked(*held, vector, k=k)

    def _all(self, generation: int) -> tuple[list[str], Vectors] | None:
        """Return ids, in their order, and vectors `(n, dimension)`; None if there are more than are compared."""
        with _OPENING:
            if self._compared is None or self._compared[0] != generation:
                self._compared = (generation, _held(self.at(generation)))
            return self._compared[1]

    def exact(self, generation: int, vector: Sequence[float], texts: Sequence[str], *, k: int) -> list[str]:
        """Return the ids of the `k` chunks of these texts that are closest to a vector, each one compared.

        A filtered query of Chroma walks the graph of all vectors, where a chunk that lies apart from a dense cluster
        can have no way in, so that it is never found; and it took 40 ms at 100,000 vectors. Cost here: about 0.1 ms a
        chunk of the texts.
        """
        if not texts:
            return []
        chosen: dict[str, Any] = {"text_sha256": {"$in": list(texts)}}
        try:
            held = self.at(generation).get(where=chosen, include=["embeddings"])
        except IndexCorrupt:
            self.close()  # a text that was published since then has vectors that the open store does not know
            held = self.at(generation).get(where=chosen, include=["embeddings"])
        return ranked(*by_id(held), vector, k=k)

    def ids(self, generation: int) -> list[str]:
        """Return the ids of all vectors, after reading each vector anew from the disk.

        Raises:
            IndexCorrupt: if one cannot be read, or the files are not as the last writer left them.
        """
        found: list[str] = []
        with _OPENING, exclusive(self._folder):
            store = self._load()
            self._opened = (generation, store)
            while batch := store.get(include=["embeddings"], limit=LIST_BATCH, offset=len(found))["ids"]:
                found += batch
        return found

    def digests(self, generation: int, ids: Sequence[str]) -> dict[str, str]:
        """Return, by id, the sha256 of the text that each vector was made of; unknown ids are left out."""
        return {str(held.id): sha256(held.page_content) for held in self.at(generation).get_by_ids(ids)}

    def close(self) -> None:
        """Forget the open store, so that the next `at` opens it anew."""
        with _OPENING:
            self._opened = self._compared = None
            SharedSystemClient.clear_system_cache()

    def reset(self) -> None:
        """Delete every vector, and the folder with them."""
        with _OPENING, exclusive(self._folder):
            self.close()
            if self._folder.is_dir():
                shutil.rmtree(self._folder, ignore_errors=True)
            else:
                self._folder.unlink(missing_ok=True)

    def compact(self, deleted: Sequence[str]) -> None:
        """Remove what is left of deleted entries from the disk.

        Chroma keeps the text of an entry in its log after the entry was deleted, and its words in the full-text
        segments until they are merged (1.5.9).
        """
        path = self._folder / "chroma.sqlite3"
        with _OPENING, exclusive(self._folder), reported(self._folder):
            self.close()
            with closing(sqlite3.connect(path, isolation_level=None)) as connection:
                rows = [(chunk_id,) for chunk_id in deleted]
                connection.executemany("UPDATE embeddings_queue SET metadata = '{}' WHERE id = ?", rows)
                connection.execute(f"INSERT INTO {FULL_TEXT}({FULL_TEXT}) VALUES ('optimize')")
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _load(self) -> Chroma:
        if not is_sealed(self._folder):
            raise _corrupt(self._folder, "the last write was cut short")
        with reported(self._folder):
            SharedSystemClient.clear_system_cache()
            settings = ChromaSettings(anonymized_telemetry=False, is_persistent=True)
            client = chromadb.PersistentClient(path=str(self._folder), settings=settings)
            store = _Store(
                collection_name=COLLECTION,
                embedding_function=self._embeddings,
                client=client,
                collection_configuration={"hnsw": {"space": "cosine"}},
            )
            # A system is part of a reference cycle: without this, a reader keeps a dozen files and threads open for
            # each generation until the garbage collector comes by.
            weakref.finalize(store, SharedSystemClient._identifier_to_system[str(self._folder)].stop).atexit = False
            store.folder = self._folder
            store.get(limit=1, include=["embeddings"])
            blank_unused(self._folder)
            if not is_sealed(self._folder):
                seal(self._folder)  # loading finishes a save that a killed process had not begun
            return store


def _held(store: Chroma) -> tuple[list[str], Vectors] | None:
    return None if store._collection.count() > COMPARE_LIMIT else by_id(store.get(include=["embeddings"]))


class _Store(Chroma):
    """A Chroma store whose failures are geobrief's, and whose files are sealed after each write."""

    folder: Path | None = None

    @property
    def _collection(self) -> Any:
        collection = super()._collection
        return collection if self.folder is None else _Reported(collection, self.folder)


class _Reported:
    """A collection of Chroma whose calls raise `IndexUnusable`."""

    def __init__(self, collection: chromadb.Collection, folder: Path) -> None:
        self._collection = collection
        self._folder = folder

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._collection, name)
        if name not in _READS | _WRITES:
            return value

        def call(*args: Any, **kwargs: Any) -> Any:
            with reported(self._folder):
                if name in _READS:
                    return value(*args, **kwargs)
                with exclusive(self._folder):
                    result = value(*args, **kwargs)
                    seal(self._folder)
                    return result

        return call


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Keep other processes and threads from loading or writing a Chroma folder meanwhile.

    Raises:
        IndexLocked: when another process does so for longer than `SAVE_TIMEOUT_S`.
    """
    lock = FileLock(folder.with_name(f"{folder.name}.lock"))
    try:
        lock.acquire(timeout=SAVE_TIMEOUT_S)
    except Timeout as error:
        raise IndexLocked(
            f"the vectors in {folder} are being saved by another process; try again in a moment"
        ) from error
    except OSError:
        pass  # where this process may not write, it cannot keep others out, only read
    try:
        yield
    finally:
        lock.release()


@contextmanager
def reported(folder: Path) -> Iterator[None]:
    """Turn what Chroma raises into `IndexUnusable`: `IndexCorrupt` unless the disk or another process is to blame."""
    try:
        yield
    except _FAILURES as error:
        raise _explained(folder, error) from error
    except BaseException as error:
        # A panic of Chroma's Rust core arrives as a BaseException of this name.
        if type(error).__name__ != "PanicException":
            raise
        raise _explained(folder, error) from error


def _explained(folder: Path, error: BaseException) -> IndexUnusable:
    cause = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    said = str(error).lower()
    if "is full" in said or "no space" in said or "readonly" in said or "permission denied" in said:
        return IndexUnusable(f"the vectors in {folder} cannot be written ({cause}); check rights and free space")
    if "is locked" in said:
        return IndexLocked(f"the vectors in {folder} are busy ({cause}); try again in a moment")
    return _corrupt(folder, cause)


def _corrupt(folder: Path, cause: str) -> IndexCorrupt:
    return IndexCorrupt(f"the vectors in {folder} cannot be used ({cause}); run `geobrief doctor --repair`")
