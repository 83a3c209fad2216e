"""What is to be done to the corpus, and how far it is."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

State = Literal["waiting", "reading", "done", "failed"]
Task = Literal["upload", "remove", "forget", "reingest"]

KEPT_JOBS = 50
"""Finished jobs that are remembered, of all users together."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing of a job.

    Attributes:
        name: of the file as it is kept, the id of the brief, or what is read again.
        chunks: of the file's briefs, once it is done.
        note: one line: why it failed, or what is to be known of it; empty for nothing.
        path: of the kept file.
        is_new: off for a file whose content was there before the job; it is then not the job's to delete.
    """

    name: str
    state: State = "waiting"
    chunks: int | None = None
    note: str = ""
    path: str | None = None
    is_new: bool = True

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be done."""
        return self.state in ("done", "failed")


@dataclass(frozen=True, slots=True)
class Job:
    """What one user asked for at once; `owner` is the name of the user, empty where nobody logs in."""

    id: str
    task: Task
    owner: str
    items: tuple[Item, ...]

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be done."""
        return all(item.is_over for item in self.items)


class JobList:
    """Jobs of all users, safe for threads."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def start(self, task: Task, items: Sequence[Item], owner: str) -> Job:
        """Add a job; the oldest that are over make room."""
        job = Job(uuid.uuid4().hex, task, owner, tuple(items))
        with self._lock:
            over = [one.id for one in self._jobs.values() if one.is_over]
            for old in over[: max(0, len(over) - KEPT_JOBS + 1)]:
                del self._jobs[old]
            self._jobs[job.id] = job
        return job

    def update(self, job_id: str, n: int, **changes: Any) -> None:
        """Change fields of a job's item, counted from 0."""
        with self._lock:
            job = self._jobs[job_id]
            items = (*job.items[:n], replace(job.items[n], **changes), *job.items[n + 1 :])
            self._jobs[job_id] = replace(job, items=items)

    def extend(self, job_id: str, items: Sequence[Item]) -> None:
        """Add items to a job."""
        with self._lock:
            job = self._jobs[job_id]
            self._jobs[job_id] = replace(job, items=(*job.items, *items))

    def fail_rest(self, job_id: str, reason: str) -> None:
        """Fail every item that is not over."""
        with self._lock:
            job = self._jobs[job_id]
            failed = (item if item.is_over else replace(item, state="failed", note=reason) for item in job.items)
            self._jobs[job_id] = replace(job, items=tuple(failed))

    def items(self, job_id: str) -> tuple[Item, ...]:
        """Return the items of a job as they are now."""
        with self._lock:
            return self._jobs[job_id].items

    def listed(self, owner: str | None) -> tuple[Job, ...]:
        """Return the jobs of one owner, or of all, the newest first."""
        with self._lock:
            return tuple(job for job in reversed(self._jobs.values()) if owner in (None, job.owner))
