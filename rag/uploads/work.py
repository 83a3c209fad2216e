"""The jobs themselves, done in one thread under the index's lock."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rag.catalogue import Catalogue
from rag.errors import UsageError
from rag.index import Index
from rag.ingest import SyncLimits, SyncReport, sync
from rag.uploads.folder import UploadFolder
from rag.uploads.jobs import Item, JobList
from rag.uploads.removal import Removal, removal_of

MAX_SHOWN_FAILURES = 50


@dataclass(frozen=True)
class Work:
    """Does jobs by their id, and tells the list of jobs how far it is.

    Attributes:
        roots: folders that are searched for new files when everything is read again.
    """

    index: Index
    folder: UploadFolder
    limits: SyncLimits
    jobs: JobList
    roots: tuple[str, ...] = ()
    _stopping: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """End before the next file."""
        self._stopping.set()

    def take_in(self, job_id: str) -> None:
        """Ingest the files of a job one by one, so that each is asked about as soon as it is read.

        One that gives no brief is deleted where this job brought it; what was kept before may be the only copy.
        """
        for n, item in enumerate(self.jobs.items(job_id)):
            if self._stopping.is_set():
                return
            if item.path and not item.is_over:
                self.jobs.update(job_id, n, state="reading")
                self._take_file(job_id, n, item, Path(item.path))

    def _take_file(self, job_id: str, n: int, item: Item, path: Path) -> None:
        report = sync(self.index, [path], limits=self.limits)
        ids = self.index.catalogue.brief_ids(str(path))
        trouble = _trouble(report, path) or ("" if ids else _without_brief(item))
        note = "; ".join(filter(None, (item.note, trouble)))
        if ids:
            chunks = len(self.index.catalogue.passages_of(ids))
            self.jobs.update(job_id, n, state="done", chunks=chunks, note=note)
            return
        if item.is_new:
            self._delete(path)
        self.jobs.update(job_id, n, state="failed", note=note)

    def _delete(self, path: Path) -> tuple[str, ...]:
        """Delete an uploaded file and withdraw its briefs: the file first, or an ingest could bring them back."""
        with self.index.writing(timeout_s=self.limits.lock_timeout_s) as writer:
            self.folder.remove(path)
            return writer.catalogue.withdraw_source(str(path))

    def remove(self, job_id: str) -> None:
        """Delete the uploaded file of a brief, and withdraw its briefs."""
        removal = self._removal(job_id)
        if removal.refusal:
            self.jobs.update(job_id, 0, state="failed", note=removal.refusal)
            return
        self.jobs.update(job_id, 0, state="reading")
        ids = self._delete(removal.path)
        self.jobs.update(job_id, 0, state="done", note=f"removed with its file: {', '.join(ids)}")

    def forget(self, job_id: str) -> None:
        """Delete every version of a brief, and its uploaded file where that holds no other brief."""
        removal = self._removal(job_id)
        self.jobs.update(job_id, 0, state="reading")
        with self.index.writing(timeout_s=self.limits.lock_timeout_s) as writer:
            if removal.is_upload and not removal.others:
                self.folder.remove(removal.path)
                writer.catalogue.withdraw_source(str(removal.path))
            writer.forget(removal.brief_id)
        self.jobs.update(job_id, 0, state="done", note="forgotten for good")

    def _removal(self, job_id: str) -> Removal:
        brief_id = self.jobs.items(job_id)[0].name
        removal = removal_of(self.index.catalogue, self.folder, brief_id)
        if removal is None:
            raise UsageError(f"there is no brief {brief_id!r} any more")
        return removal

    def reingest(self, job_id: str) -> None:
        """Read every known file again, uploads and roots as well, and withdraw the briefs of files that are gone."""
        self.jobs.update(job_id, 0, state="reading")
        known = self.index.catalogue.source_paths()
        paths = [path for path in known if os.path.lexists(path)]
        places = [root for root in (str(self.folder.path), *self.roots) if os.path.isdir(root)]

        def progress(done: int, total: int, chunks: int) -> None:
            self.jobs.update(job_id, 0, note=f"{done} of {total} files, {chunks} chunks embedded")

        report = sync(self.index, [*places, *paths], limits=self.limits, progress=progress)
        withdrawn = self.withdraw_gone()
        failed = [Item(Path(f.path).name, "failed", note=f"{f.path}: {f.reason}") for f in report.failed]
        self.jobs.update(job_id, 0, state="done", note=_summary(report, withdrawn), chunks=report.chunks_total)
        self.jobs.extend(job_id, failed[:MAX_SHOWN_FAILURES])

    def withdraw_gone(self) -> int:
        """Withdraw the briefs of files that are gone; return how many there were."""
        catalogue = self.index.catalogue
        with self.index.writing(timeout_s=self.limits.lock_timeout_s) as writer:
            gone = list(gone_sources(catalogue, catalogue.source_paths()))
            return sum(len(writer.catalogue.withdraw_source(path)) for path in gone)


def gone_sources(catalogue: Catalogue, paths: Iterable[str]) -> Iterator[str]:
    """Yield the sources whose file is gone from a folder that is there; what cannot be looked at counts as there."""
    for path in paths:
        try:
            os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            source = catalogue.source(path)
            if source and os.path.isdir(source.root):
                yield path
        except OSError:
            continue


def _trouble(report: SyncReport, path: Path) -> str:
    """Say in one line what an ingest has to report of a file."""
    withheld = [
        f"brief {one!r} was removed earlier; `geobrief briefs restore {one}` allows it" for one in report.withheld
    ]
    warnings = [warning.removeprefix(f"{path}: ") for warning in report.warnings]
    return "; ".join([*(failure.reason for failure in report.failed), *withheld, *warnings])


def _without_brief(item: Item) -> str:
    """Say why a file gave no brief where an ingest has nothing to report of it."""
    if item.is_new:
        return "holds no brief"
    return "it holds no brief, or those in it were removed earlier; `geobrief briefs restore ID` allows them"


def _summary(report: SyncReport, withdrawn: int) -> str:
    counts = {
        "added": len(report.added),
        "updated": len(report.updated),
        "unchanged": len(report.unchanged),
        "withdrawn": len(report.removed) + withdrawn,
        "failed": len(report.failed),
    }
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing to read"
