"""Questions with what the real retrieval and reading gave for them, kept between runs."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from langchain_core.documents import Document

from evals.bench.replay import Remembered, open_bench
from evals.training.conflicts.data import (
    Case,
    asked_stories,
    benchmark_case,
    disputed_cases,
    read_disagreements,
    story_cases,
    write_briefs,
)
from rag import signal_weights
from rag.assistant import Assistant, Reader
from rag.build import open_assistant, open_embeddings, open_index, model_name, warm_up
from rag.errors import UsageError
from rag.evaluation.question import Question
from rag.evaluation.run import messages_of
from rag.ingest import sync
from rag.quote import quote
from rag.read import SignalReader, share_evidence
from rag.settings import Settings
from rag.types import Reading, Sentence

STORIES = ("disagreements", "stories")
SOURCES = ("conflicts", "disagreements", "stories", "briefs")


@dataclass(frozen=True)
class Heard:
    """A case with the readings of its parts.

    Attributes:
        parts: the question as it was read: alone, or its parts.
        answered: whether the assistant answers each part, for its threshold.
        quoted: what it would quote for each part if it did.
    """

    case: Case
    parts: tuple[str, ...]
    readings: tuple[Reading, ...]
    answered: tuple[bool, ...]
    quoted: tuple[tuple[Sentence, ...], ...]


@dataclass(frozen=True)
class Desk:
    """Cases, the assistant that is asked, and what tells its corpus from others."""

    cases: list[Case]
    assistant: Assistant
    corpus: str


@dataclass
class Recording:
    """Reads as a reader does, and remembers what it read last for each question."""

    reader: Reader
    last: dict[str, Reading] = field(default_factory=dict)

    def read(self, question: str, passages: Sequence[Document]) -> Reading:
        """Return what the reader gives."""
        self.last[question] = self.reader.read(question, passages)
        return self.last[question]


def hear(assistant: Assistant, case: Case) -> Heard | None:
    """Ask a question and return its readings; None where the answer needs none."""
    recording = Recording(assistant.reader)
    history = messages_of(Question(case.id, case.question, answerable=True, history=case.history))
    answer = replace(assistant, reader=recording).ask(case.question, history=history)
    if not answer.parts or any(part not in recording.last for part in answer.parts):
        return None
    readings = share_evidence([recording.last[part] for part in answer.parts])
    quoted, answered = [], []
    for part, reading in zip(answer.parts, readings, strict=True):
        quoted.append(quote(part, reading, threshold=0.0, max_sentences=assistant.max_sentences)[0])
        answered.append(bool(quote(part, reading, threshold=assistant.threshold)[0]))
    return Heard(case, answer.parts, readings, tuple(answered), tuple(quoted))


def collect(cache: Path, sources: Sequence[str] = SOURCES) -> list[Heard]:
    """Ask the cases of all sources, or take what an earlier run with the same reader, weights and texts kept."""
    cache.mkdir(parents=True, exist_ok=True)
    desks = {"stories": _stories(cache)} if {"stories", "disagreements"} & {*sources} else {}
    return [
        heard
        for source in sources
        for heard in _kept(source, desks["stories"] if source in STORIES else _benchmark(source, cache), cache)
    ]


def _kept(source: str, desk: Desk, cache: Path) -> list[Heard]:
    cases = [case for case in desk.cases if case.source == source]
    weights = Path(signal_weights.__file__).read_text(encoding="utf-8")
    identities = (desk.assistant.identities.reader, weights, str(desk.assistant.threshold))
    file = cache / f"{source}-{_digest(*identities, desk.corpus, repr(cases))}.pkl"
    if not file.exists():
        file.write_bytes(pickle.dumps(_heard(desk.assistant, cases, cache)))
    return list(pickle.loads(file.read_bytes()))


def _heard(assistant: Assistant, cases: Sequence[Case], cache: Path) -> list[Heard]:
    """Ask the cases; the cross-encoder's scores are kept by its identity, so that new texts alone cost anything."""
    reader = assistant.reader
    if not isinstance(reader, SignalReader) or reader.scorers.reader is None:
        raise UsageError("the settings name no reader; name one, or leave it to the packaged one")
    file = cache / f"scores-{_digest(model_name(reader.scorers.reader))}.pkl"
    scores = Remembered(reader.scorers.reader, pickle.loads(file.read_bytes()) if file.exists() else {})
    asking = replace(assistant, reader=replace(reader, scorers=replace(reader.scorers, reader=scores)))
    found = [heard for case in cases if (heard := hear(asking, case))]
    file.write_bytes(pickle.dumps(scores.scores))
    return found


def _benchmark(name: str, cache: Path) -> Desk:
    bench = open_bench(cache, name=name)
    cases = [benchmark_case(name, question) for question in bench.questions]
    return Desk(cases, bench.assistant, bench.dataset.corpus_digest)


def _stories(cache: Path) -> Desk:
    """Return the questions of both kinds of stories, over one index of their briefs."""
    disputed, plain = read_disagreements(), asked_stories()
    told = [*(one.story for one in disputed), *plain]
    name = _digest(repr([story.briefs for story in told]))
    write_briefs(told, cache / f"corpus-{name}")
    settings = Settings(index=cache / f"index-{name}")
    embeddings = open_embeddings(settings)
    sync(open_index(settings, create=True, embeddings=embeddings), [cache / f"corpus-{name}"])
    assistant = open_assistant(settings, embeddings=embeddings)
    warm_up(assistant)
    return Desk([*disputed_cases(disputed), *story_cases(plain)], assistant, name)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
