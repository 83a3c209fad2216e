"""Settings to a cluster that parses and embeds for an ingest. Ray starts when the first file has changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from langchain_core.embeddings import Embeddings

from rag.build import open_embeddings, open_index
from rag.cluster.connection import Connection, require_ray
from rag.cluster.embedding import ClusterEmbeddings, EmbedderPool
from rag.cluster.parsing import ClusterParser, DatasetRows
from rag.index import Index
from rag.settings import EmbeddingSettings, Settings

TIMEOUT_S = 600.0
"""Longest time for a file, or a piece of a batch; a PDF of 50 MB takes some minutes."""
PIECES_PER_ACTOR = 4
"""Pieces of a batch for each actor, so that the last ones end at about the same time."""
MAX_BATCH_CHUNKS = 4096
"""Chroma takes 5,461 at once; and it is what is embedded again after a crash."""


@dataclass(frozen=True)
class Cluster:
    """Parses and embeds for an ingest with the settings' model.

    Attributes:
        n_actors: how many embed at the same time; None for one a core.
        timeout_s: a task that takes longer is ended and tried again.
    """

    settings: Settings
    connection: Connection
    n_actors: int | None = None
    timeout_s: float = TIMEOUT_S

    @cached_property
    def parse(self) -> ClusterParser:
        """Parses the files of `sync`."""
        return ClusterParser(DatasetRows(self._start, self.timeout_s))

    def open_index(self) -> Index:
        """Open the index of the settings, made where there is none, with vectors from the cluster."""
        index = open_index(self.settings, create=True, embeddings=self.embeddings)
        n_chunks = min(self._n_actors * PIECES_PER_ACTOR * self.settings.embedding.batch_size, MAX_BATCH_CHUNKS)
        return replace(index, batch_chunks=max(index.batch_chunks, n_chunks))

    @cached_property
    def embeddings(self) -> ClusterEmbeddings:
        """The model of the settings, embedding documents on the cluster."""
        return ClusterEmbeddings(self._model, self._embed, self.settings.embedding.batch_size)

    def _embed(self, pieces: Any) -> Any:
        self._start()
        return self._pool.embed(pieces)

    def _start(self) -> None:
        self.connection.start()
        self._pool.start()

    @cached_property
    def _n_actors(self) -> int:
        if self.n_actors:
            return self.n_actors
        if self.connection.address is None:
            return self.connection.n_cpus
        self.connection.start()
        import ray

        resources: Any = ray.cluster_resources()  # type: ignore[no-untyped-call]
        return max(1, int(resources.get("CPU", 1)))

    @cached_property
    def _model(self) -> Embeddings:
        return open_embeddings(self.settings)

    @cached_property
    def _pool(self) -> EmbedderPool:
        chosen = self.settings.embedding
        if dtype := getattr(self._model, "dtype", None):
            chosen = chosen.model_copy(update={"dtype": dtype})
        identity = getattr(self._model, "identity", None)
        return EmbedderPool(partial(worker_model, chosen), identity, self._n_actors, self.timeout_s)


@contextmanager
def open_cluster(settings: Settings, *, address: str | None = None, n_actors: int | None = None) -> Iterator[Cluster]:
    """Yield a cluster, and end what was started for it.

    Args:
        address: "host:port" or "auto" of a Ray that runs; RAY_ADDRESS if not given, else a local one is started.
        n_actors: how many embed at the same time; one a core if not given.

    Raises:
        UsageError: if Ray is not installed, or no cluster answers.
    """
    address = address or os.environ.get("RAY_ADDRESS") or None
    require_ray(address)
    connection = Connection(address, os.cpu_count() or 1)
    try:
        yield Cluster(settings, connection, n_actors)
    finally:
        connection.close()


def worker_model(chosen: EmbeddingSettings) -> Embeddings:
    """Return the model on a worker, by the settings of the driver and nothing that is set on that machine."""
    return open_embeddings(Settings.model_construct(embedding=chosen))
