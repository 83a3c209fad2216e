"""Milliseconds of queries, and the memory of the process that asks: measured in a process of its own."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from evals.bench.scale.sizes import resident_mb
from evals.bench.scale.texts import REGIONS, ROOT, SEED, SOURCES, WordVectors
from rag.build import open_index, open_retriever
from rag.index import Index
from rag.lexicon import search_words
from rag.retrieve import HybridRetriever
from rag.settings import Settings
from rag.types import Scope

QUESTIONS = 60
CELL_S = 20.0
"""Longest time for one kind of query under one scope; then there are fewer questions, and the report says how many."""
SCOPES: Mapping[str, Scope] = {
    "all": Scope(),
    "a year of ten": Scope(date_from=date(2020, 1, 1), date_to=date(2020, 12, 31)),
    "a region of eight": Scope(regions=(REGIONS[0],)),
    "a rare source": Scope(sources=(SOURCES[20],)),
    "a month and a region": Scope(date_from=date(2020, 3, 1), date_to=date(2020, 3, 31), regions=(REGIONS[1],)),
}

Milliseconds = Mapping[str, float]
"""p50, p95, n."""


def ask_elsewhere(settings: Settings, *, cold: bool) -> dict[str, Any]:
    """Ask in a new process; `cold` asks each question once, without warming anything first."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_cold if cold else _warm, settings).result()


def questions() -> list[str]:
    """Return real questions on the stories that the texts were made of."""
    lines = (ROOT / "evals" / "datasets" / "briefs" / "dev.jsonl").read_text(encoding="utf-8").splitlines()
    asked = [str(json.loads(line)["question"]) for line in lines]
    random.Random(SEED).shuffle(asked)
    return asked


def _cold(settings: Settings) -> dict[str, Any]:
    empty = resident_mb(Path("/proc/self"))
    started = time.perf_counter()
    _, retriever = _opened(settings)
    took = [_ms(lambda text=text: retriever.search(text)) for text in questions()[:QUESTIONS]]  # type: ignore[misc]
    return {
        "first_ms": round((time.perf_counter() - started) * 1000 - sum(took[1:])),
        "next": _summary(took[1:]),
        "reader_mb": round(resident_mb(Path("/proc/self")) - empty),
    }


def _warm(settings: Settings) -> dict[str, Any]:
    empty = resident_mb(Path("/proc/self"))
    index, retriever = _opened(settings)
    asked = questions()
    for text in asked[-20:]:
        retriever.search(text)
    found: dict[str, Any] = {}
    for name, scope in SCOPES.items():
        for kind, query in _queries(index, retriever, scope).items():
            found.setdefault(kind, {})[name] = _measured(query, asked[:QUESTIONS])
    return {"ms": found, "reader_mb": round(resident_mb(Path("/proc/self")) - empty)}


def _queries(index: Index, retriever: HybridRetriever, scope: Scope) -> Mapping[str, Callable[[str], object]]:
    catalogue, embeddings, k = index.catalogue, retriever.embeddings, retriever.fetch_k
    only_dense = retriever.model_copy(update={"rankings": ("dense",)})
    ids = catalogue.search(search_words(questions()[0]), k=k)
    kinds: dict[str, Callable[[str], object]] = {
        "words": lambda text: catalogue.search(search_words(text), k=k, scope=scope),
        "vectors": lambda text: only_dense._dense(text, scope),
        "passages": lambda _text: catalogue.passages(ids, scope),
        "retrieval": lambda text: retriever.search(text, scope=scope),
    }
    if not scope.restricts:
        kinds["nearest vectors alone"] = lambda text: index.vectors.closest(
            catalogue.generation(), embeddings.embed_query(text), k=k
        )
    return kinds


def _opened(settings: Settings) -> tuple[Index, HybridRetriever]:
    embeddings = WordVectors()
    index = open_index(settings, embeddings=embeddings)
    return index, open_retriever(index, settings, embeddings)


def _measured(query: Callable[[str], object], asked: Sequence[str]) -> Milliseconds:
    until = time.perf_counter() + CELL_S
    took: list[float] = []
    for text in asked:
        took.append(_ms(lambda text=text: query(text)))  # type: ignore[misc]
        if time.perf_counter() > until:
            break
    return _summary(took)


def _ms(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def _summary(took: Sequence[float]) -> Milliseconds:
    p50, p95 = np.percentile(took, [50, 95])
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1), "n": len(took)}
