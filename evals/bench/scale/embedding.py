"""How fast the packaged model embeds real chunks: what the generated vectors leave out."""

from __future__ import annotations

import statistics
import time
from itertools import cycle, islice
from typing import Any

from evals.bench.scale.texts import ROOT
from rag.embedding import SentenceTransformerEmbeddings
from rag.load import Source, find, parse_sources
from rag.split import split

DTYPES = ("float32", "bfloat16")


def embedding_speed(n_chunks: int) -> dict[str, Any]:
    """Embed so many chunks of the starter corpus in each number format; return speed, CPU, and their mean length."""
    first = SentenceTransformerEmbeddings("all-MiniLM-L6-v2", dtype=DTYPES[0])
    sources = (Source(file) for file in find([str(ROOT / "corpus")]).files)
    briefs = [b for s in parse_sources(sources, max_bytes=10_000_000) if s.parsed for b in s.parsed.briefs]
    chunks = [
        b.text[c.start : c.end] for b in briefs for c in split(b, count_tokens=first.count_tokens, max_tokens=200)
    ]
    texts = list(islice(cycle(chunks), n_chunks))
    found: dict[str, Any] = {"n": len(texts), "mean_chars": round(statistics.mean(map(len, texts)))}
    for dtype in DTYPES:
        model = SentenceTransformerEmbeddings("all-MiniLM-L6-v2", dtype=dtype)
        model.embed_documents(texts[:32])
        started, used = time.perf_counter(), time.process_time()
        model.embed_documents(texts)
        found[f"{dtype}_chunks_per_s"] = round(len(texts) / (time.perf_counter() - started), 1)
        found[f"{dtype}_cpu_s_per_1000"] = round((time.process_time() - used) / len(texts) * 1000, 1)
    return found
