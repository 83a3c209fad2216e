"""Changes of the corpus that users ask for: a queue of jobs and the one thread that does them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

from langchain_core.embeddings import Embeddings

from rag.build import open_index, sync_limits
from rag.errors import IndexLocked, RagError, SourceError
from rag.settings import Settings
from rag.uploads.folder import UploadFolder
from rag.uploads.jobs import Item, Job, JobList, Task
from rag.uploads.names import safe_name
from rag.uploads.removal import Removal, removal_of
from rag.uploads.work import Work, gone_sources

MAX_UPLOAD_BYTES = 50_000_000
"""Larger files are refused, as are those over `ingest.max_bytes`."""
MAX_FILES = 200
"""Files that are taken in one go."""

_log = logging.getLogger(__name__)
_BUG = "something went wrong; the log has details"


class Uploads:
    """Takes briefs in and out of an index while it is asked. Safe for threads; one job at a time.

    A file is kept before it is ingested, so that what is cut short is taken in at the next start.
    """

    def __init__(
        self, settings: Settings, *, embeddings: Embeddings | None = None, roots: Sequence[Path | str] = ()
    ) -> None:
        """Open the index.

        Args:
            embeddings: instead of the model of the settings; give the assistant's, or it is loaded twice.
            roots: folders that `reingest` searches for new files. An index does not know them: it keeps the folder
                of a file that was named alone, too, of which nothing else may be read.

        Raises:
            IndexUnusable: if the index is damaged, or its folder cannot be made.
        """
        self._index = open_index(settings, create=True, embeddings=embeddings)
        self._limits = sync_limits(settings)
        self._folder = UploadFolder.of(settings.index)
        self._max_bytes = min(MAX_UPLOAD_BYTES, settings.ingest.max_bytes)
        self._jobs = JobList()
        self._work = Work(self._index, self._folder, self._limits, self._jobs, tuple(map(str, roots)))
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="uploads")
        self._folder.sweep()
        self._resume()

    @property
    def folder(self) -> Path:
        """The folder that uploaded files lie in."""
        return self._folder.path

    def add(self, files: Iterable[tuple[Path | str, str]], *, owner: str = "") -> str:
        """Keep files, each with the name that its user gave it, and have them ingested; return the job's id.

        They may be deleted as soon as this returns. A file that is refused is an item that failed.
        """
        given = list(files)
        items = [self._keep(Path(path), name) for path, name in given[:MAX_FILES]]
        if rest := len(given) - MAX_FILES if len(given) > MAX_FILES else 0:
            reason = f"at most {MAX_FILES} files are taken at once; upload the others after these"
            items.append(Item(f"{rest} more", "failed", note=reason))
        return self._queue("upload", items, owner, self._work.take_in)

    def remove(self, brief_id: str, *, owner: str = "") -> str:
        """Have an uploaded file deleted and its briefs withdrawn, as if it were gone; return the job's id.

        A brief of another file is refused: that file would bring it back.
        """
        return self._queue("remove", [Item(brief_id)], owner, self._work.remove)

    def forget(self, brief_id: str, *, owner: str = "") -> str:
        """Have every version of a brief deleted for good, as `geobrief forget` does; return the job's id.

        An uploaded file that holds no other brief is deleted, too.
        """
        return self._queue("forget", [Item(brief_id)], owner, self._work.forget)

    def reingest(self, *, owner: str = "") -> str:
        """Have every known file read again, with uploads and `roots`; return the job's id.

        Briefs whose file is gone are withdrawn, unless its folder is gone as well: a disk may be missing.
        """
        return self._queue("reingest", [Item("all files")], owner, self._work.reingest)

    def removal(self, brief_id: str) -> Removal | None:
        """Return what removing or forgetting a present brief means; None when there is none of that id."""
        return removal_of(self._index.catalogue, self._folder, brief_id)

    def holds(self, path: str) -> bool:
        """Whether a file is an uploaded one."""
        return self._folder.holds(path)

    def jobs(self, *, owner: str | None = None) -> tuple[Job, ...]:
        """Return the jobs of one owner, or of all, the newest first."""
        return self._jobs.listed(owner)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the jobs that were asked for so far; return whether they are over."""
        return not wait([self._worker.submit(lambda: None)], timeout_s).not_done

    def close(self) -> None:
        """Finish the file under way and leave the others to the next start."""
        self._work.stop()
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _keep(self, path: Path, name: str) -> Item:
        try:
            kept = self._folder.keep(path, name, max_bytes=self._max_bytes)
        except SourceError as error:
            return Item(safe_name(name), "failed", note=error.reason)
        note = "" if kept.is_new else "the same content is there already"
        return Item(kept.path.name, note=note, path=str(kept.path), is_new=kept.is_new)

    def _queue(self, task: Task, items: Sequence[Item], owner: str, work: Callable[[str], None]) -> str:
        job = self._jobs.start(task, items, owner)
        if not job.is_over:
            self._worker.submit(self._do, job.id, work)
        return job.id

    def _do(self, job_id: str, work: Callable[[str], None]) -> None:
        """Do a job; whatever goes wrong is shown with it, and the next one is done all the same."""
        try:
            work(job_id)
        except IndexLocked as error:
            self._jobs.fail_rest(job_id, f"another process is writing: {error}")
        except RagError as error:
            self._jobs.fail_rest(job_id, str(error))
        except Exception:
            _log.exception("a job on the corpus failed")
            self._jobs.fail_rest(job_id, _BUG)

    def _resume(self) -> None:
        """Take in what was kept but not ingested, and withdraw what was deleted but not withdrawn."""
        catalogue = self._index.catalogue
        known = {path for path in catalogue.source_paths() if self._folder.holds(path)}
        new = [path for path in self._folder.files() if str(path) not in known]
        if new:
            items = [Item(path.name, path=str(path), is_new=False) for path in new]
            self._queue("upload", items, "", self._work.take_in)
        if any(True for _ in gone_sources(catalogue, known)):
            self._worker.submit(self._work.withdraw_gone)
