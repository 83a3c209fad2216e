"""Vectors in a collection of a Chroma server, for an index that several machines ask.

A server answers each query from all that was written before, whoever wrote it: nothing is opened anew for a generation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, cast

import chromadb
from chromadb.api import ClientAPI
from chromadb.api.collection_configuration import CreateCollectionConfiguration
from langchain_chroma import Chroma
from langchain_core.embeddings import Embeddings

from rag.errors import IndexUnusable, UsageError
from rag.types import sha256
from rag.vectors.connection import Connection
from rag.vectors.failures import Refusal
from rag.vectors.ranking import by_id, ranked

EMBEDDED_SHA256 = "embedded_sha256"
CONFIGURATION: CreateCollectionConfiguration = {
    "hnsw": {"space": "cosine", "ef_construction": 400, "ef_search": 1000, "max_neighbors": 64}
}
"""With Chroma's defaults a graph leaves vectors without a way in. Of near-alike texts, one or more were not found by
their own text in 40 of 80 builds of 132 texts and in 15 of 20 of 1,000 (`chroma run`, chromadb 1.5.9); with `ef_search`
1000 alone in 36 of 80; with 32 neighbours in 3 of 400; with these in 0 of 400 and 0 of 20."""
PAGE = 1000
"""Vectors read or written at once: 1000 of 4,096 numbers are 22 MB, and a server takes 40."""
SPARE = 10
"""So many more are asked for than wanted, to see whether there are others that are as close."""


class ServerVectors:
    """The vector store of an index on a Chroma server. Derived, as the local one is. Safe for threads.

    No text goes to the server: an entry is an id, a vector, and digests. What was deleted can no longer be read through
    the server's API. Nothing more is promised of its files (`chroma run` of chromadb 1.5.9 was looked into): the log
    keeps ids, vectors and digests of deleted entries until it is cut, every thousand writes or so; the files of a graph
    keep vectors of deleted entries, and stay when the collection is deleted; freed pages of the database are not
    blanked. Words were found there too, also those of entries that had been overwritten with blanks before they were
    deleted: so none are sent.

    A server that is restarted, or whose collection another process deleted, is asked again without being told.
    """

    def __init__(
        self,
        url: str,
        embeddings: Embeddings,
        *,
        collection: str = "geobrief",
        tenant: str | None = None,
        database: str | None = None,
        token: str | None = None,
        timeout_s: float = 30.0,
    ) -> None:
        """Read the address; nothing is sent before the first use.

        Args:
            url: http or https, with a path where a proxy wants one; user and password are sent to that proxy.
            token: sent as the header `x-chroma-token`.
            timeout_s: without any byte from the server.

        Raises:
            UsageError: if one of these cannot be used.
        """
        if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9._-]{1,510}[a-zA-Z0-9]", collection):
            raise UsageError(
                f"store.collection {collection!r} is no name of a collection; use 3 or more letters, digits, '_', '-'"
            )
        self._connection = Connection(url, tenant=tenant, database=database, token=token, timeout_s=timeout_s)
        self._name = collection
        self._embeddings = embeddings
        self._opened: Chroma | None = None

    def at(self, generation: int) -> Chroma:
        """Return the store, which holds what was written to the server up to each call. Its documents have no text.

        Raises:
            IndexUnusable: if the server cannot be used.
        """
        opened = self._opened
        if opened is None:
            opened = self._opened = Chroma(
                collection_name=self._name,
                embedding_function=self._embeddings,
                client=cast(ClientAPI, _Client(self._connection)),
                collection_configuration=CONFIGURATION,
            )
        return opened

    def closest(self, generation: int, vector: Sequence[float], *, k: int) -> list[str]:
        """Return the ids of the `k` chunks closest to a vector, best first; ties in the order of the ids."""
        asked_for = k + SPARE
        while True:
            found = self._held(generation).query(
                query_embeddings=[list(vector)], n_results=asked_for, include=["distances"]
            )
            nearest = sorted(zip(found["distances"][0], found["ids"][0], strict=True))
            if len(nearest) < asked_for or nearest[-1][0] > nearest[k - 1][0]:
                return [chunk_id for _, chunk_id in nearest[:k]]
            asked_for *= 4  # which of equally close ones are given is open: take them all, and choose by id

    def exact(self, generation: int, vector: Sequence[float], texts: Sequence[str], *, k: int) -> list[str]:
        """Return the ids of the `k` chunks of these texts that are closest to a vector, each one compared."""
        if not texts:
            return []
        held: dict[str, list[Any]] = {"ids": [], "embeddings": []}
        for page in self._pages(generation, where={"text_sha256": {"$in": list(texts)}}):
            held["ids"] += page["ids"]
            held["embeddings"] += list(page["embeddings"])
        return ranked(*by_id(held), vector, k=k)

    def ids(self, generation: int) -> list[str]:
        """Return the ids of all vectors, after reading each vector anew from the server."""
        found = (page["ids"] for page in self._pages(generation))
        return list(dict.fromkeys(chunk_id for ids in found for chunk_id in ids))

    def digests(self, generation: int, ids: Sequence[str]) -> dict[str, str]:
        """Return, by id, the sha256 of the text that each vector was made of; unknown ids are left out."""
        return {str(held.id): held.metadata.get(EMBEDDED_SHA256, "") for held in self.at(generation).get_by_ids(ids)}

    def close(self) -> None:
        """Forget the open collection, so that the next `at` asks for it anew. Calls that are under way go on."""
        self._opened = None

    def reset(self) -> None:
        """Delete the collection with every vector; others on the server stay."""
        self.close()
        self._connection.delete_collection(self._name)

    def compact(self, deleted: Sequence[str]) -> None:
        """Check that nothing of deleted entries can be read any more. What stays in the server's files: see the class.

        Raises:
            IndexUnusable: if the server still gives one.
        """
        collection = self._held(0)
        for part in _slices(len(deleted), PAGE):
            left = collection.get(ids=list(deleted[part]), include=[])["ids"]
            if left:
                raise IndexUnusable(
                    f"the Chroma server {self._connection.url} still gives what was deleted, such as {left[0]!r}; "
                    "run the command again"
                )

    def _pages(self, generation: int, **chosen: Any) -> Iterator[dict[str, Any]]:
        collection, offset = self._held(generation), 0
        while (page := collection.get(include=["embeddings"], limit=PAGE, offset=offset, **chosen))["ids"]:
            yield page
            offset += len(page["ids"])

    def _held(self, generation: int) -> Any:
        return self.at(generation)._collection


class _Client:
    """Gives langchain's Chroma a collection that holds no text."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get_or_create_collection(
        self, name: str, *, configuration: CreateCollectionConfiguration, **_unused: object
    ) -> _Collection:
        return _Collection(self._connection, name, configuration)

    def delete_collection(self, name: str) -> None:
        self._connection.delete_collection(name)

    def get_max_batch_size(self) -> int:
        return self._connection.get_max_batch_size()


class _Collection:
    """A collection of Chroma whose calls raise `IndexUnusable`, and which is made again when it is gone."""

    def __init__(self, connection: Connection, name: str, configuration: CreateCollectionConfiguration) -> None:
        self._connection = connection
        self._name = name
        self._configuration = configuration
        self._opened = self._open()

    def __getattr__(self, name: str) -> Any:
        """Read what else there is of a collection; its methods are called as those below."""
        value = getattr(self._opened, name)
        return partial(self._call, name) if callable(value) else value

    def upsert(
        self,
        *,
        ids: Sequence[str],
        embeddings: Sequence[Sequence[float]],
        documents: Sequence[str],
        metadatas: Sequence[dict[str, Any]] | None = None,
    ) -> None:
        """Write vectors, and of their texts only the digests, in batches that the server takes."""
        digests = [{EMBEDDED_SHA256: sha256(document)} for document in documents]
        origins = [{**origin, **digest} for origin, digest in zip(metadatas or [{}] * len(ids), digests, strict=True)]
        for part in _slices(len(ids), self._batch_size()):
            self._call(
                "upsert",
                ids=list(ids[part]),
                embeddings=list(embeddings[part]),
                documents=[""] * len(ids[part]),
                metadatas=origins[part],
            )

    def delete(self, ids: Sequence[str] | None = None, **chosen: Any) -> None:
        """Delete by id, in batches that the server takes, or as Chroma's own `delete` chooses."""
        if ids is None:
            self._call("delete", **chosen)
            return
        for part in _slices(len(ids), self._batch_size()):
            self._call("delete", ids=list(ids[part]), **chosen)

    def _batch_size(self) -> int:
        limit = self._connection.get_max_batch_size()
        return min(limit, PAGE) if limit > 0 else PAGE

    def _call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call a method of the collection; of the new one, where another process has deleted the one that was open."""
        return self._connection.call(self._call_again, name, *args, **kwargs)

    def _call_again(self, name: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return getattr(self._opened, name)(*args, **kwargs)
        except Refusal as refusal:
            if not refusal.collection_is_gone:
                raise
            self._opened = self._open()
            return getattr(self._opened, name)(*args, **kwargs)

    def _open(self) -> chromadb.Collection:
        return self._connection.get_or_create_collection(self._name, configuration=self._configuration)


def _slices(count: int, size: int) -> list[slice]:
    return [slice(start, start + size) for start in range(0, count, size)]
