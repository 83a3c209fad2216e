"""Evaluations that are asked for over the service: one at a time, of benchmarks that are kept beside it."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from rag.errors import RagError
from rag.evaluation.dataset import DATASETS
from rag.evaluation.kept import reports_folder
from rag.evaluation.records import Report
from rag.service.problems import Refused, problem_of
from rag.settings import Settings

KEPT_EVALUATIONS = 20
WORK_FOLDER = "evaluations"

Progress = Callable[[str, int, int], None]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was asked for, and how far it is. `report` is the name of the kept report."""

    id: str
    dataset: str
    systems: tuple[str, ...]
    split: str | None = None
    limit: int | None = None
    state: Literal["running", "done", "failed"] = "running"
    doing: str = ""
    note: str = ""
    report: str | None = None


class Stopped(RagError):
    """The server stops."""


class Evaluations:
    """Measures in a thread of its own. Safe for threads."""

    def __init__(
        self,
        settings: Settings,
        *,
        datasets: Path = DATASETS,
        measure: Callable[[Evaluation, Settings, Path, Progress], Path] | None = None,
    ) -> None:
        self._settings = settings
        self._datasets = datasets
        self._measure = measure or measured
        self._lock = threading.Lock()
        self._all: dict[str, Evaluation] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="evaluations")
        self._stopping = threading.Event()

    @property
    def folder(self) -> Path:
        """The folder of the kept reports."""
        return reports_folder(self._settings.index)

    def datasets(self) -> tuple[str, ...]:
        """Return the names of the benchmarks that may be asked for."""
        try:
            return tuple(sorted(path.name for path in self._datasets.iterdir() if path.is_dir()))
        except OSError:
            return ()

    def start(self, dataset: str, systems: tuple[str, ...], *, split: str | None, limit: int | None) -> Evaluation:
        """Start an evaluation.

        Raises:
            Refused: if there is no such benchmark, or another evaluation runs.
        """
        if dataset not in self.datasets():
            raise Refused(404, "not-found", f"There is no dataset {dataset!r}; GET /v1/eval lists them.")
        evaluation = Evaluation(uuid.uuid4().hex, dataset, systems, split, limit)
        with self._lock:
            running = next((one for one in self._all.values() if one.state == "running"), None)
            if running is not None or self._stopping.is_set():
                raise Refused(409, "one-at-a-time", "Another evaluation runs; wait for it.")
            for old in list(self._all)[: max(0, len(self._all) - KEPT_EVALUATIONS + 1)]:
                del self._all[old]
            self._all[evaluation.id] = evaluation
        self._thread.submit(self._run, evaluation)
        return evaluation

    def listed(self) -> tuple[Evaluation, ...]:
        """Return what was asked for since the start, the newest first."""
        with self._lock:
            return tuple(reversed(self._all.values()))

    def found(self, evaluation_id: str) -> Evaluation | None:
        """Return one; None where there is none of that id."""
        with self._lock:
            return self._all.get(evaluation_id)

    def close(self) -> None:
        """Stop at the next question; what was asked so far is kept for the next run."""
        self._stopping.set()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _run(self, evaluation: Evaluation) -> None:
        def progress(what: str, done: int, total: int) -> None:
            if self._stopping.is_set():
                raise Stopped("the server stopped")
            self._change(evaluation.id, doing=f"{what}: {done} of {total}")

        work = self._settings.folder / WORK_FOLDER
        try:
            path = self._measure(evaluation, self._settings, work, progress)
            self._change(evaluation.id, state="done", report=path.name)
        except Stopped as error:
            self._change(evaluation.id, state="failed", note=str(error))
        except Exception as error:
            problem = problem_of(error)
            if problem.status >= 500:
                _log.exception("an evaluation failed")
            self._change(evaluation.id, state="failed", note=problem.detail)

    def _change(self, evaluation_id: str, **changes: object) -> None:
        with self._lock:
            self._all[evaluation_id] = replace(self._all[evaluation_id], **changes)  # type: ignore[arg-type]


def measured(evaluation: Evaluation, settings: Settings, work: Path, progress: Progress) -> Path:
    """Evaluate, keep the report and return where it is."""
    from rag.evaluation.dataset import open_dataset
    from rag.evaluation.evaluate import Request, evaluate
    from rag.evaluation.kept import keep_report

    kept: list[Path] = []

    def deliver(report: Report) -> None:
        kept.append(keep_report(report, reports_folder(settings.index)))

    dataset = open_dataset(str(DATASETS / evaluation.dataset), work=work, split=evaluation.split)
    request = Request(evaluation.systems, evaluation.split, evaluation.limit)
    command = f"POST /v1/eval {evaluation.dataset}"
    evaluate(dataset, request, settings, work=work, progress=progress, command=command, deliver=deliver)
    return kept[0]
