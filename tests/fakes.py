"""Fakes that are quick and can be checked by hand. The contract tests hold them to what the real parts do."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence

import numpy as np
from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.embeddings import Embeddings

from rag.types import TokenVectors

DIMENSION = 256


class HashEmbeddings(Embeddings):
    """Unit vectors of word counts: two texts are as close as the words that they share.

    Usable from the command line as `GEOBRIEF_EMBEDDING__MODEL=tests.fakes:HashEmbeddings`.
    """

    identity = "hash-256"
    dimension = DIMENSION
    dtype = "float32"

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.embedded += texts
        return [_vector(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return _vector(text)

    def embed_tokens(self, texts: list[str]) -> list[TokenVectors]:
        return [_tokens(text) for text in texts]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(re.findall(r"\w+|[^\w\s]", text)) for text in texts]


class SharedWords(BaseCrossEncoder):
    """Log-odds by the share of the question's longer words that the second text holds: -5 for none, 5 for all."""

    def score(self, text_pairs: Sequence[tuple[str, str]]) -> list[float]:
        return [10 * _shared(first, second) - 5 for first, second in text_pairs]


def _shared(first: str, second: str) -> float:
    wanted, held = ({w for w in re.findall(r"\w+", text.lower()) if len(w) > 3} for text in (first, second))
    return len(wanted & held) / len(wanted) if wanted else 0.0


def _tokens(text: str) -> TokenVectors:
    """Each word has a vector of its own; two are as close as equal words are."""
    words = list(re.finditer(r"\w+", text))
    rows = np.array([_vector(word.group()) for word in words], dtype=np.float16).reshape(-1, DIMENSION)
    return TokenVectors(rows, tuple(word.span() for word in words), np.array(_vector(text), dtype=np.float32))


def _vector(text: str) -> list[float]:
    vector = [0.0] * DIMENSION
    for word in re.findall(r"\w+", text.lower()):
        vector[int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big") % DIMENSION] += 1.0
    norm = math.sqrt(sum(x * x for x in vector)) or 1.0
    return [x / norm for x in vector]
