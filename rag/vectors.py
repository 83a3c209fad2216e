"""The local Chroma folder, opened so that it sees what other processes wrote.

A client of chromadb 1.5.9 that is open keeps querying the index as it was when it opened, and so does a new client in
the same process, until the shared system cache is cleared. So the store is opened anew for each generation of the
catalogue.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import chromadb
from chromadb.api.shared_system_client import SharedSystemClient
from chromadb.config import Settings as ChromaSettings
from chromadb.errors import ChromaError
from langchain_chroma import Chroma
from langchain_core.embeddings import Embeddings

from rag.errors import IndexCorrupt

COLLECTION = "chunks"
FULL_TEXT = "embedding_fulltext_search"
LIST_BATCH = 5000
_FAILURES = (ChromaError, ValueError, RuntimeError, OSError, KeyError, TypeError, sqlite3.Error)


class ChromaVectors:
    """The vector store of an index. Derived: all of it can be made again from the catalogue."""

    def __init__(self, folder: Path, embeddings: Embeddings) -> None:
        self._folder = folder
        self._embeddings = embeddings
        self._lock = threading.Lock()
        self._opened: tuple[int, Chroma] | None = None

    def at(self, generation: int) -> Chroma:
        """Return the store, opened no earlier than this generation of the catalogue.

        Raises:
            IndexCorrupt: if the folder cannot be opened.
        """
        with self._lock:
            if self._opened is None or self._opened[0] != generation:
                self._opened = (generation, self._open())
            return self._opened[1]

    def ids(self, generation: int) -> Iterator[str]:
        """Yield the ids of all vectors."""
        store = self.at(generation)
        offset = 0
        with reported(self._folder):
            while batch := store.get(include=[], limit=LIST_BATCH, offset=offset)["ids"]:
                yield from batch
                offset += len(batch)

    def close(self) -> None:
        """Forget the open store, so that the next `at` opens it anew."""
        with self._lock:
            self._opened = None
            SharedSystemClient.clear_system_cache()

    def reset(self) -> None:
        """Delete every vector, and the folder with them."""
        self.close()
        with self._lock:
            shutil.rmtree(self._folder, ignore_errors=True)

    def compact(self, deleted: Sequence[str]) -> None:
        """Remove what is left of deleted entries from the disk.

        Chroma keeps the text of an entry in its log after the entry was deleted, and its words in the full-text
        segments until they are merged (1.5.9).
        """
        self.close()
        path = self._folder / "chroma.sqlite3"
        with self._lock, reported(self._folder), closing(sqlite3.connect(path, isolation_level=None)) as connection:
            rows = [(chunk_id,) for chunk_id in deleted]
            connection.executemany("UPDATE embeddings_queue SET metadata = '{}' WHERE id = ?", rows)
            connection.execute(f"INSERT INTO {FULL_TEXT}({FULL_TEXT}) VALUES ('optimize')")
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _open(self) -> Chroma:
        with reported(self._folder):
            SharedSystemClient.clear_system_cache()
            settings = ChromaSettings(anonymized_telemetry=False, is_persistent=True)
            client = chromadb.PersistentClient(path=str(self._folder), settings=settings)
            return Chroma(
                collection_name=COLLECTION,
                embedding_function=self._embeddings,
                client=client,
                collection_configuration={"hnsw": {"space": "cosine"}},
            )


@contextmanager
def reported(folder: Path) -> Iterator[None]:
    """Turn what Chroma raises on a damaged folder into `IndexCorrupt`."""
    try:
        yield
    except _FAILURES as error:
        raise _corrupt(folder, error) from error
    except BaseException as error:
        # A panic of Chroma's Rust core arrives as a BaseException of this name.
        if type(error).__name__ != "PanicException":
            raise
        raise _corrupt(folder, error) from error


def _corrupt(folder: Path, error: BaseException) -> IndexCorrupt:
    first = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return IndexCorrupt(f"the vectors in {folder} cannot be used ({first}); run `geobrief doctor --repair`")
