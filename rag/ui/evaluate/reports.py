"""The kept reports as the Evaluate tab asks for them: the last read ones stay in memory, for all pages together."""

from __future__ import annotations

import gc
import shlex
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock

from rag.errors import UsageError
from rag.evaluation.kept import KeptReport, kept_reports, read_kept
from rag.evaluation.records import Report
from rag.ui.escape import escaped
from rag.ui.evaluate.charts import charts_html
from rag.ui.evaluate.failures import Failure, failures_of
from rag.ui.evaluate.tables import heading_html, rest_html, tables_html

_IN_MEMORY = 2
"""A report of 4,800 records takes some 100 MB."""
_LABELLED = 5
_COMMAND = "geobrief eval --dataset briefs --split dev --systems bm25,dense,hybrid,full"


@dataclass(frozen=True)
class OpenReport:
    """A report that was read; what is made of it is made once."""

    report: Report

    @cached_property
    def overview(self) -> str:
        """Heading, tables and charts as HTML."""
        return "".join(part(self.report) for part in (heading_html, tables_html, charts_html, rest_html))

    @cached_property
    def failures(self) -> tuple[Failure, ...]:
        """What the systems got wrong."""
        return failures_of(self.report)

    @property
    def systems(self) -> list[str]:
        """The systems that failures are of."""
        return list(dict.fromkeys(failure.record.system for failure in self.failures))

    @property
    def types(self) -> list[str]:
        """The types of question that failures are of, in alphabetical order."""
        return sorted({kind for failure in self.failures for kind in failure.record.types})

    @property
    def main_system(self) -> str | None:
        """The first system that answers itself and has failures."""
        answering = {system.name for system in self.report.systems if system.kind == "answers"}
        return next((name for name in self.systems if name in answering), None)


class Reports:
    """The reports of a folder. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock()
        self._read: OrderedDict[tuple[str, tuple[int, int]], OpenReport] = OrderedDict()

    def listed(self) -> tuple[KeptReport, ...]:
        """Return what is kept now, newest first."""
        return kept_reports(self.folder)

    def open(self, name: str) -> OpenReport:
        """Return a report of the list; reads it where it is not in memory, or was replaced since.

        Raises:
            UsageError: no report has that name, or it cannot be read.
        """
        kept = next((kept for kept in self.listed() if kept.name == name), None)
        if kept is None:
            raise UsageError("this report is no longer kept; choose another")
        if kept.unreadable:
            raise UsageError(f"{kept.name} cannot be read: {kept.unreadable}")
        key = (name, kept.stamp)
        with self._lock:
            if key not in self._read:
                self._read[key] = _read(self.folder, name)
            self._read.move_to_end(key)
            while len(self._read) > _IN_MEMORY:
                self._read.popitem(last=False)
            return self._read[key]


def _read(folder: Path, name: str) -> OpenReport:
    """Read a report and find its failures.

    The garbage collector is held back, which else walks all that is being read again and again: 4,800 records, 35 MB,
    take 0.4 s on two cores, and 1.7 s with it.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        opened = OpenReport(read_kept(folder, name))
        _ = opened.failures
        return opened
    finally:
        if was_on:
            gc.enable()


def label_of(kept: KeptReport) -> str:
    """Return how a list names a report."""
    when = f"{kept.made_at:%Y-%m-%d %H:%M}"
    if kept.unreadable:
        return f"{when} · {kept.name} · cannot be read"
    more = len(kept.systems) - _LABELLED
    systems = ", ".join([*kept.systems[:_LABELLED], *([f"{more} more"] if more > 0 else [])])
    dataset = ", ".join(filter(None, (kept.dataset, kept.split)))
    return f"{when} · {dataset} · {systems} · {kept.n_questions:,} questions"


def nothing_html(folder: Path) -> str:
    """Return what to do where no report is kept yet."""
    index = folder.parent
    here = index == Path(".geobrief").resolve()
    command = _COMMAND if here else f"{_COMMAND} --index {shlex.quote(str(index))}"
    return (
        "<h2>No evaluation yet</h2><p>This page shows how well the questions of a benchmark are answered. "
        f"Measure in a terminal, then come back:</p><pre><code>{escaped(command)}</code></pre>"
        '<p class="gb-quiet">The systems answer some hundred questions: minutes, not seconds. '
        "Any BEIR folder, SQuAD file or set of your own will do as well.</p>"
    )


def problem_html(error: UsageError) -> str:
    """Return why a report is not shown."""
    return f'<p class="gb-failure" role="alert">{escaped(str(error))}</p>'
