"""Texts to vectors by actors of Ray that hold the model. A batch is cut up, and each of them takes the next piece."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.embeddings import Embeddings

from rag.cluster.connection import ATTEMPTS
from rag.cluster.watchdog import watchdog
from rag.errors import ClusterFailed, RagError, UsageError

CPUS_PER_ACTOR = 0.75
START_TIMEOUT_S = 300.0
"""A worker imports torch and loads the model; on a cluster that is busy, it first waits for room."""


class Embedder:
    """Holds the model on a worker."""

    def __init__(self, make: Callable[[], Embeddings], timeout_s: float) -> None:
        self._make = make
        self._timeout_s = timeout_s
        self._model: Embeddings | None = None

    def identity(self) -> str | None:
        """Load the model; return what it calls itself."""
        self.embed(["ready"])
        return getattr(self._model, "identity", None)

    def embed(self, texts: list[str]) -> list[list[float]]:
        """Return the vectors of texts."""
        with watchdog(self._timeout_s):
            self._model = self._model or self._make()
            return self._model.embed_documents(texts)


@dataclass
class EmbedderPool:
    """Actors that embed; those that are still starting join when they are ready.

    Attributes:
        make: gives the model on a worker.
        identity: what the model must call itself there.
    """

    make: Callable[[], Embeddings]
    identity: str | None
    n_actors: int
    timeout_s: float
    _free: list[Any] = field(default_factory=list)
    _starting: dict[Any, Any] = field(default_factory=dict)

    def start(self) -> None:
        """Start the actors, if that was not done; they load the model meanwhile."""
        import ray

        if self._starting or self._free:
            return
        remote = ray.remote(
            num_cpus=CPUS_PER_ACTOR, max_restarts=-1, max_task_retries=ATTEMPTS - 1, scheduling_strategy="SPREAD"
        )
        actor_class: Any = remote(Embedder)
        for _ in range(self.n_actors):
            actor = actor_class.remote(self.make, self.timeout_s)
            self._starting[actor.identity.remote()] = actor

    def embed(self, pieces: Sequence[list[str]]) -> list[list[list[float]]]:
        """Return the vectors of each piece, in order.

        Raises:
            ClusterFailed: if a piece was tried as often as it may be, or no actor gets to work.
            UsageError: if a worker has another model, or none.
        """
        import ray

        waiting = deque(range(len(pieces)))
        running: dict[Any, tuple[Any, int]] = {}
        vectors: dict[int, list[list[float]]] = {}
        while len(vectors) < len(pieces):
            while waiting and self._free:
                actor, n = self._free.pop(), waiting.popleft()
                running[actor.embed.remote(pieces[n])] = actor, n
            (done,), _ = _first(ray.wait([*running, *self._starting], timeout=START_TIMEOUT_S))
            if done in self._starting:
                self._welcome(self._starting.pop(done), self._get(done))
            else:
                actor, n = running.pop(done)
                vectors[n] = self._get(done)
                self._free.append(actor)
        return [vectors[n] for n in range(len(pieces))]

    def _welcome(self, actor: Any, identity: str | None) -> None:
        if identity != self.identity:
            raise UsageError(
                f"a worker of the cluster has the embedding model {identity!r}, this machine {self.identity!r}; "
                "install the same one on each machine"
            )
        self._free.append(actor)

    def _get(self, reference: Any) -> Any:
        import ray
        from ray.exceptions import RayError, RayTaskError

        try:
            return ray.get(reference)
        except RayTaskError as error:
            if isinstance(error.cause, RagError):
                raise error.cause from None
            raise ClusterFailed(
                f"a worker cannot embed ({error.cause!r}); ingest again, or without a cluster"
            ) from error
        except RayError as error:
            raise ClusterFailed(
                f"workers that embed died {ATTEMPTS} times ({type(error).__name__}); give them more memory, and "
                "ingest again: what is done stays done"
            ) from error


def _first(waited: tuple[list[Any], list[Any]]) -> tuple[list[Any], list[Any]]:
    if not waited[0]:
        raise ClusterFailed(
            f"no worker has answered for {START_TIMEOUT_S:g} s; see with `ray status` whether the cluster has room"
        )
    return waited


class ClusterEmbeddings(Embeddings):
    """A model whose documents are embedded by others; all else is the model's own, on this machine."""

    def __init__(self, model: Embeddings, embed: Callable[[Sequence[list[str]]], list[list[list[float]]]], size: int):
        self._model = model
        self._embed = embed
        self._size = size

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed texts in pieces of about equal length, as the model itself batches them, so that bits agree."""
        order = _longest_first(texts)
        pieces = [order[start : start + self._size] for start in range(0, len(order), self._size)]
        made = self._embed([[texts[n] for n in piece] for piece in pieces])
        vectors: dict[int, list[float]] = {}
        for piece, rows in zip(pieces, made, strict=True):
            vectors.update(zip(piece, rows, strict=True))
        return [vectors[n] for n in range(len(texts))]

    def embed_query(self, text: str) -> list[float]:
        """Embed one question, here."""
        return self._model.embed_query(text)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._model, name)


def _longest_first(texts: Sequence[str]) -> list[int]:
    """Return positions in the order in which sentence-transformers takes them: equal lengths included."""
    import numpy as np

    order: list[int] = np.argsort([-len(text) for text in texts]).tolist()
    return order
