"""Ask every system every question. What was asked is kept on the disk, so that a run that is cut short goes on."""

from __future__ import annotations

import hashlib
import json
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.answer import Answer
from rag.build import index_identity, open_index, sync_limits
from rag.evaluation.environment import INDEXING, code_digest
from rag.evaluation.question import Dataset, Question, brief_id_of
from rag.evaluation.records import QuestionRecord
from rag.evaluation.scoring import Outcome, records_of
from rag.evaluation.systems import AnsweringSystem, Site, System, checked_answer, checked_passages, open_system
from rag.ingest import sync
from rag.settings import Settings
from rag.types import Scope

Progress = Callable[[str, int, int], None]
"""Called with what is going on, how much is done and how much there is."""

RANKED = 10


@dataclass(frozen=True, slots=True)
class Sample:
    """Which questions are asked.

    Attributes:
        limit: questions taken, drawn by seed; None takes all.
        answered: of these, how many are answered; the others are only searched. None answers all.
        evidence: what answers may draw on: the gold documents alone, or the whole corpus.
    """

    limit: int | None = None
    answered: int | None = None
    evidence: Literal["gold", "corpus"] = "corpus"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """What one system gave, what it says it is, and the file that keeps it until there is a report."""

    records: list[QuestionRecord]
    identity: dict[str, str]
    kept: Path


@dataclass(frozen=True, slots=True)
class Plan:
    """The questions of a run: all that are searched, and the ids of those that are answered too."""

    questions: tuple[Question, ...]
    answered: frozenset[str]
    trained: frozenset[str]


def plan(dataset: Dataset, sample: Sample, trained: frozenset[str]) -> Plan:
    """Draw the questions. Those that the packaged reader was fitted on are searched, never answered."""
    questions = _drawn(dataset.questions, sample.limit, sample.seed)
    open_ = [q for q in questions if q.id not in trained and (sample.evidence == "corpus" or q.doc_ids)]
    answered = frozenset(q.id for q in _drawn(open_, sample.answered, sample.seed))
    return Plan(questions, answered, trained & {q.id for q in questions})


def trained_on(dataset: Dataset) -> frozenset[str]:
    """Ids of the questions that the packaged reader was fitted on, whatever name the dataset goes by here."""
    path = Path(__file__).parents[1] / "data" / "trained_on.json"
    fitted = json.loads(path.read_text(encoding="utf-8"))["questions"].values()
    return frozenset(question.id for question in dataset.questions) & frozenset().union(*fitted)


def build_site(
    dataset: Dataset, settings: Settings, embeddings: Embeddings, *, work: Path, progress: Progress
) -> tuple[Site, tuple[str, ...]]:
    """Return an index of the dataset's corpus, made on first use, and what could not be read into it.

    Indexes are kept by corpus and where it lies, model, its number format, splitter and the code that makes them.
    """
    identity = index_identity(settings, embeddings)
    # A factory's models may share an identity, which is their class where they state none.
    model = (settings.embedding.model, str(getattr(embeddings, "dtype", "")))
    # An index knows its sources by path: a copy of the corpus elsewhere would be refused as a second owner of its ids.
    paths = (str(path.resolve()) for path in dataset.corpus)
    parts = (dataset.corpus_digest, json.dumps(dict(identity), sort_keys=True), code_digest(INDEXING))
    key = _digest(*parts, *model, *paths)
    folder = work / "indexes" / f"{_file_name(dataset.name)}-{key[:16]}"
    settings = settings.model_copy(update={"index": folder})
    index = open_index(settings, create=True, embeddings=embeddings)
    report = sync(
        index,
        [str(path) for path in dataset.corpus],
        limits=sync_limits(settings),
        progress=lambda done, total, chunks: progress(f"index, {chunks} chunks", done, total),
    )
    failed = tuple(f"{failure.path}: {failure.reason}" for failure in report.failed)
    return Site(folder, settings, embeddings), failed


def run_system(
    name: str, dataset: Dataset, asked: Plan, sample: Sample, site: Site, *, work: Path, progress: Progress
) -> Asked:
    """Ask one system every question; continue where a run of the same system, code and data was cut short."""
    kept = _runs(work, dataset) / f"{_run_key(name, dataset, asked, sample, site)}.jsonl"
    kept.parent.mkdir(parents=True, exist_ok=True)
    done = dict(_read_kept(kept))
    system = open_system(name, site)
    catalogue = open_index(site.settings, embeddings=site.embeddings).catalogue
    # By the line, so that a killed run loses one question at most; the first line break ends what such a run cut off.
    with kept.open("a", encoding="utf-8", buffering=1) as file:
        file.write("\n")
        for n, question in enumerate(asked.questions):
            progress(name, n, len(asked.questions))
            if question.id in done or not _concerns(name, question, asked):
                continue
            records = records_of(name, question, _ask(system, question, asked, sample), dataset, catalogue)
            done[question.id] = records
            file.write(json.dumps([question.id, [record.model_dump(mode="json") for record in records]]) + "\n")
    progress(name, len(asked.questions), len(asked.questions))
    records = [record for question in asked.questions for record in done.get(question.id, [])]
    return Asked(records, dict(getattr(system, "identity", {})), kept)


def forget_kept(runs: Iterable[Asked]) -> None:
    """Delete what was kept of these runs, once their report is made; what other runs keep stays."""
    for run in runs:
        run.kept.unlink(missing_ok=True)


def _runs(work: Path, dataset: Dataset) -> Path:
    return work / "runs" / dataset.digest[:16]


def _concerns(name: str, question: Question, asked: Plan) -> bool:
    """Whether a question tells anything of a system: only rankers search what nobody answers."""
    if question.id in asked.answered:
        return True
    return name != "full" and question.answerable and bool(question.doc_ids)


def messages_of(question: Question) -> list[BaseMessage]:
    """Return the turns before a question as a system is given them."""
    return [HumanMessage(turn.text) if turn.role == "user" else AIMessage(turn.text) for turn in question.history]


def _ask(system: System, question: Question, asked: Plan, sample: Sample) -> Outcome:
    history = messages_of(question)
    gold = Scope(briefs=tuple(brief_id_of(doc_id) for doc_id in question.doc_ids))
    scope = gold if sample.evidence == "gold" else Scope()
    started = time.perf_counter()
    try:
        answer: Answer | None = None
        if question.id in asked.answered and isinstance(system, AnsweringSystem):
            answer = checked_answer(system.ask(question.text, history, scope))
            timings = {name: float(ms) for name, ms in answer.timings_ms.items()} or {"total": _ms_since(started)}
        first: tuple[Document, ...] | None = None
        if question.id in asked.answered and answer is None and sample.evidence == "gold":
            first = tuple(checked_passages(system.search(question.text, history, scope, 1), k=1))
        started = time.perf_counter()
        ranked = _ranked(system, question, answer, sample, history)
        if answer is None:
            timings = {"search": _ms_since(started)}
    except Exception as error:  # a system of the user's may raise anything; it is told in the report
        return Outcome((), None, {}, asked=question.id in asked.answered, error=f"{type(error).__name__}: {error}")
    return Outcome(tuple(ranked), answer, timings, asked=question.id in asked.answered, first=first)


def _ms_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 2)


def _ranked(
    system: System, question: Question, answer: Answer | None, sample: Sample, history: Sequence[BaseMessage]
) -> list[Document]:
    """Rank passages of the whole corpus; an answer over it has them as its evidence."""
    if answer is not None and sample.evidence == "corpus":
        return list(answer.evidence[:RANKED])
    return checked_passages(system.search(question.text, history, Scope(), RANKED), k=RANKED)


def _drawn(questions: Sequence[Question], size: int | None, seed: int) -> tuple[Question, ...]:
    """Draw questions without replacement, in the dataset's order."""
    if size is None or size >= len(questions):
        return tuple(questions)
    chosen = set(random.Random(seed).sample(range(len(questions)), size))
    return tuple(question for n, question in enumerate(questions) if n in chosen)


def _run_key(name: str, dataset: Dataset, asked: Plan, sample: Sample, site: Site) -> str:
    questions = ",".join(f"{q.id}:{q.id in asked.answered}" for q in asked.questions)
    data = (dataset.name, dataset.digest, str(dataset.extractive), questions, str(sample))
    return _digest(name, *data, site.settings.digest(), str(site.folder), code_digest(), _factory_digest(name))[:24]


def _factory_digest(name: str) -> str:
    with suppress(ImportError, ValueError, OSError, AttributeError):
        spec = find_spec(name.partition(":")[0]) if ":" in name else None
        return hashlib.sha256(Path(str(spec.origin)).read_bytes()).hexdigest() if spec else ""
    return ""


def _read_kept(path: Path) -> Iterator[tuple[str, list[QuestionRecord]]]:
    """Read the questions that were asked before and did not fail. A line that was cut short is passed over."""
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").split("\n"):
        with suppress(ValueError):
            question_id, rows = json.loads(line)
            records = [QuestionRecord.model_validate(row) for row in rows]
            if not any(record.error for record in records):
                yield question_id, records


def _file_name(name: str) -> str:
    """Return a name as part of a path: a dataset may call itself anything, "../.." too."""
    return re.sub(r"[^\w.-]+", "-", name)[:64].strip(".-") or "dataset"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
