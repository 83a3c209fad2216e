"""Vectors compared one by one, in an order that does not depend on how they were stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Vectors = np.ndarray[tuple[int, int], np.dtype[np.float32]]


def by_id(held: Mapping[str, Any]) -> tuple[list[str], Vectors]:
    """Return what Chroma gave in the order of the ids: ids, and vectors `(n, dimension)` of unit length, or of 0."""
    order = sorted(range(len(held["ids"])), key=held["ids"].__getitem__)
    vectors = np.asarray(held["embeddings"], dtype=np.float32)[order]
    vectors /= np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), np.finfo(np.float32).tiny)
    return [held["ids"][i] for i in order], vectors


def ranked(ids: Sequence[str], vectors: Vectors, vector: Sequence[float], *, k: int) -> list[str]:
    """Return the `k` ids of highest cosine, the vectors being of unit length; ties in the order given."""
    if not ids:
        return []
    # Not `@`: the threads of OpenBLAS and those of torch, which encodes before and after, get in each other's way.
    scores = np.einsum("ij,j->i", vectors, np.asarray(vector, dtype=np.float32))
    return [ids[i] for i in np.argsort(-scores, kind="stable")[:k]]
