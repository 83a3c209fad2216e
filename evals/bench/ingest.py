"""Ingest against the bare model's encode throughput, in turns over the same chunk texts; then the unchanged corpus
again, and the time of a question.

    python -m evals.bench.ingest                 # 1,000 generated briefs
    python -m evals.bench.ingest --data DIR      # briefs in DIR: a folder of briefs, or one with corpus.jsonl
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from langchain_core.embeddings import Embeddings

from rag.assistant import Assistant
from rag.build import open_assistant, open_embeddings, open_index, warm_up
from rag.catalogue.checks import chunk_digests, pending_chunks
from rag.index import Index
from rag.ingest import sync
from rag.settings import Settings

SEED = 7
ROUNDS = 3
QUESTIONS = 50

_ACTORS = "France Japan Brazil Kenya India Norway Egypt Chile Poland Vietnam Turkey Canada Ghana Oman Peru".split()
_ROLES = ["foreign minister", "president", "prime minister", "defence minister", "special envoy", "ambassador"]
_ACTS = ["signed", "postponed", "welcomed", "criticised", "ratified", "extended", "suspended", "proposed"]
_OBJECTS = [
    "a trade agreement", "a ceasefire", "new sanctions", "a fisheries treaty", "a loan for a port", "a gas contract",
    "a joint naval exercise", "an extradition treaty", "export controls on chips", "a climate fund",
]  # fmt: skip
_TAILS = [
    "after two days of talks", "despite objections at home", "with effect from {month}",
    "worth about {n} million dollars", "which parliament still has to approve",
    "according to a statement published in {month}",
    "in return for access to {n} ports", "following a vote of {n} to {m}",
]  # fmt: skip
_MONTHS = "January February March April May June July August September October November December".split()


@dataclass(frozen=True, slots=True)
class Figures:
    """What the benchmark measured; throughputs in chunks a second, one value a round."""

    n_chunks: int
    bare: Sequence[float]
    ingest: Sequence[float]
    unchanged_s: float
    question_ms: Sequence[float]


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="briefs to ingest instead of generated ones")
    parser.add_argument("--briefs", type=int, default=1000, help="how many briefs to generate (default 1000)")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = _source(arguments.data, Path(folder) / "corpus", arguments.briefs)
        _print(measure(source, Path(folder), rounds=arguments.rounds))


def measure(source: Path, work: Path, *, rounds: int = ROUNDS) -> Figures:
    """Measure in turns: the bare model over the chunk texts, then a whole ingest into a new index."""
    embeddings = open_embeddings(Settings())
    embeddings.embed_documents(["load the model"])
    texts: list[str] = []
    bare: list[float] = []
    ingested: list[float] = []
    for turn in range(rounds):
        settings = Settings(index=work / f"index-{turn}")
        index = open_index(settings, create=True, embeddings=embeddings)
        seconds = _timed(lambda index=index: sync(index, [source]))  # type: ignore[misc]
        texts = texts or _chunk_texts(index)
        ingested.append(len(texts) / seconds)
        bare.append(len(texts) / _timed(lambda texts=texts: _encode(embeddings, texts)))  # type: ignore[misc]
    unchanged = _timed(lambda: sync(index, [source]))
    assistant = open_assistant(settings, embeddings=embeddings)
    return Figures(len(texts), bare, ingested, unchanged, _question_times(assistant))


def generate(folder: Path, count: int) -> Path:
    """Write `count` briefs of about 300 words, the same ones every time."""
    draw = random.Random(SEED)
    folder.mkdir(parents=True)
    for number in range(count):
        body = "\n\n".join(" ".join(_sentence(draw) for _ in range(5)) for _ in range(4))
        date = f"20{draw.randint(10, 24)}-{draw.randint(1, 12):02d}-{draw.randint(1, 28):02d}"
        head = f"---\ntitle: {_sentence(draw).split(' after ')[0]}\ndate: {date}\n---\n"
        (folder / f"brief-{number:05d}.md").write_text(head + body + "\n", encoding="utf-8")
    return folder


def _sentence(draw: random.Random) -> str:
    tail = draw.choice(_TAILS).format(n=draw.randint(11, 990), m=draw.randint(1, 10), month=draw.choice(_MONTHS))
    actor, other = draw.sample(_ACTORS, 2)
    return f"The {draw.choice(_ROLES)} of {actor} {draw.choice(_ACTS)} {draw.choice(_OBJECTS)} with {other} {tail}."


def _source(data: Path | None, folder: Path, count: int) -> Path:
    if data is None:
        return generate(folder, count)
    return data / "corpus.jsonl" if (data / "corpus.jsonl").is_file() else data


def _chunk_texts(index: Index) -> list[str]:
    database = index.catalogue.database
    return [chunk.embedded for chunk in pending_chunks(database, list(chunk_digests(database)))]


def _encode(embeddings: Embeddings, texts: list[str]) -> None:
    """The bare model, as a user would call it: same weights, number format and batch size."""
    model = embeddings._model  # type: ignore[attr-defined]
    model.encode(texts, batch_size=Settings().embedding.batch_size, show_progress_bar=False)


def _question_times(assistant: Assistant) -> list[float]:
    warm_up(assistant)
    draw = random.Random(SEED + 1)
    questions = [
        f"What did {draw.choice(_ACTORS)} and {draw.choice(_ACTORS)} agree on in {draw.choice(_MONTHS)}?"
        for _ in range(QUESTIONS)
    ]
    return [assistant.ask(question).timings_ms["total"] for question in questions]


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _print(figures: Figures) -> None:
    ratios = [ours / limit for ours, limit in zip(figures.ingest, figures.bare, strict=True)]
    print(f"chunks                       {figures.n_chunks}")
    print(f"bare model, chunks/s         {statistics.median(figures.bare):.1f}  (median of {len(figures.bare)})")
    print(f"ingest, chunks/s             {statistics.median(figures.ingest):.1f}")
    print(f"ingest / bare model          {statistics.median(ratios):.3f}  ({', '.join(f'{r:.3f}' for r in ratios)})")
    print(f"unchanged corpus again, s    {figures.unchanged_s:.2f}")
    print(f"question, ms (median)        {statistics.median(figures.question_ms):.0f}  of {len(figures.question_ms)}")


if __name__ == "__main__":
    main()
