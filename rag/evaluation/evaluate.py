"""The whole of an evaluation: dataset and systems to a report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from rag.build import open_embeddings
from rag.errors import UsageError
from rag.evaluation.environment import environment
from rag.evaluation.question import Dataset
from rag.evaluation.records import DatasetInfo, QuestionRecord, Report, SystemSummary
from rag.evaluation.run import Asked, Plan, Progress, Sample, build_site, forget_kept, plan, run_system, trained_on
from rag.evaluation.scoring import FIRST
from rag.evaluation.summary import differences, summarise
from rag.evaluation.systems import TUTORIAL, check_names
from rag.settings import Settings


@dataclass(frozen=True, slots=True)
class Request:
    """What to evaluate.

    Attributes:
        systems: names, as `rag.evaluation.systems` has them.
        baseline: the system that the others are compared with; by default the tutorial where it takes part, else the
            first.
        evidence: None takes what the dataset means by unanswerable.
    """

    systems: tuple[str, ...]
    split: str | None = None
    limit: int | None = None
    answered: int | None = None
    evidence: Literal["gold", "corpus"] | None = None
    baseline: str | None = None
    seed: int = 0


def evaluate(
    dataset: Dataset,
    request: Request,
    settings: Settings,
    *,
    work: Path,
    progress: Progress,
    command: str = "",
    deliver: Callable[[Report], None] = lambda report: None,
) -> Report:
    """Ask every system every question and make the report. A run that was cut short goes on where it was.

    Args:
        work: folder of what is kept between runs: indexes, and the questions already asked.
        deliver: called with the report before what was asked is forgotten, so that a failure to write costs nothing.

    Raises:
        UsageError: if a system or the baseline has no such name, or there is nothing to ask.
    """
    _check(dataset, request)
    baseline = request.baseline or (TUTORIAL if TUTORIAL in request.systems else request.systems[0])
    sample = Sample(request.limit, request.answered, request.evidence or dataset.refusal, request.seed)
    asked = plan(dataset, sample, trained_on(dataset))
    if set(request.systems) == {"full"} and not asked.answered:
        raise UsageError("no question is left to be answered, and full only answers; raise --answers or --limit")
    site, failed = build_site(dataset, settings, open_embeddings(settings), work=work, progress=progress)
    runs = {
        name: run_system(name, dataset, asked, sample, site, work=work, progress=progress) for name in request.systems
    }
    records = _by_system(runs.values())
    report = Report(
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        command=command,
        dataset=_info(dataset, request, sample, asked),
        environment=environment(settings, seed=request.seed),
        systems=tuple(_rows(records, runs, seed=request.seed)),
        differences=differences(records, baseline, seed=request.seed),
        notes=tuple(_notes(dataset, asked, failed, request.systems)),
        records=tuple(record for rows in records.values() for record in rows),
    )
    deliver(report)
    forget_kept(runs.values())
    return report


def _by_system(runs: Iterable[Asked]) -> dict[str, list[QuestionRecord]]:
    """Return the records by the system they are of, "first passage of ..." apart."""
    records: dict[str, list[QuestionRecord]] = {}
    for record in (record for run in runs for record in run.records):
        records.setdefault(record.system, []).append(record)
    return records


def _check(dataset: Dataset, request: Request) -> None:
    check_names(request.systems)
    if request.baseline and request.baseline not in request.systems:
        raise UsageError(f"the baseline {request.baseline!r} is none of the systems {', '.join(request.systems)}")
    if not dataset.questions:
        raise UsageError(f"{dataset.name} has no questions; pairs are measured by `geobrief eval` alone")
    if request.evidence == "gold" and not any(question.doc_ids for question in dataset.questions):
        raise UsageError(f"{dataset.name} names no gold documents; use --evidence corpus")


def _info(dataset: Dataset, request: Request, sample: Sample, asked: Plan) -> DatasetInfo:
    return DatasetInfo(
        name=dataset.name,
        form=dataset.form,
        digest=dataset.digest,
        corpus_digest=dataset.corpus_digest,
        n_documents=dataset.n_documents,
        split=request.split,
        limit=request.limit,
        n_questions=len(asked.questions),
        n_answered_of=len(asked.answered),
        n_total=dataset.n_total,
        n_unanswerable=sum(not question.answerable for question in asked.questions),
        evidence=sample.evidence,
        notes=dataset.notes,
    )


def _rows(
    records: Mapping[str, Sequence[QuestionRecord]], runs: Mapping[str, Asked], *, seed: int
) -> Iterator[SystemSummary]:
    """Make the rows: systems in the order asked for, those that take the first passage as answer last."""
    for name in sorted(records, key=lambda name: name.startswith(FIRST)):
        identity = runs[name].identity if name in runs else {}
        yield summarise(name, records[name], identity=identity, seed=seed)


def _notes(dataset: Dataset, asked: Plan, failed: Sequence[str], systems: Sequence[str]) -> Iterator[str]:
    if failed:
        yield f"{len(failed)} documents could not be read, the first: {failed[0]}"
    if asked.trained:
        yield (
            f"{len(asked.trained):,} questions are set apart for fitting the packaged reader; they are searched, "
            "and neither answered nor counted in any figure on answers"
        )
    n = sum(bool(question.history) for question in asked.questions)
    if n:
        others = [name for name in systems if name != "full"]
        mine = "full resolves it by rule" if "full" in systems else ""
        theirs = f"{', '.join(others)} see the last turn only" if others else ""
        yield f"{n} questions have a history: {'; '.join(filter(None, (mine, theirs)))}"
    if any(question.answerable for question in asked.questions) and not dataset.extractive:
        yield "references are free text: of answers only overlap of words and refusals are scored"
