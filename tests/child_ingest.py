"""What tests run in child processes, which are killed at a chosen event.

An event is the beginning and the end of each step of a write, and each statement that changes the catalogue.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from langchain_core.embeddings import Embeddings
from sqlalchemy import event
from sqlalchemy.engine import Engine

from rag.build import open_embeddings, open_index
from rag.catalogue import CatalogueWriter
from rag.doctor import repair
from rag.index import IndexWriter
from rag.ingest import sync
from rag.settings import Settings
from rag.vectors import ChromaVectors, _Store
from tests.fakes import HashEmbeddings

STEPS: dict[type, tuple[str, ...]] = {
    CatalogueWriter: (
        "record_identity",
        "stage",
        "restage",
        "mark_embedded",
        "publish",
        "withdraw_source",
        "forget",
        "compact",
        "purge_staged",
        "touch",
        "clear_vector_deletions",
    ),
    HashEmbeddings: ("embed_documents",),
    _Store: ("add_documents", "delete"),
    ChromaVectors: ("reset", "compact"),
    IndexWriter: ("flush",),
}


@dataclass(frozen=True)
class Job:
    """What a child does.

    Attributes:
        action: "sync", "repair", or the id of a brief to forget.
        kill_at: the event to die at, by number from 1, or by name such as "end of stage", the first time it happens;
            None to end as usual.
    """

    settings: Settings
    corpus: Path
    action: str = "sync"
    kill_at: int | str | None = None
    real_model: bool = False

    def start(self) -> tuple[multiprocessing.process.BaseProcess, Connection]:
        """Start the child; what comes back yields the number of events, when it ends as usual."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.child_ingest"])
        receiver, sender = context.Pipe(duplex=False)
        child = context.Process(target=_run, args=(self, sender))
        child.start()
        sender.close()
        return child, receiver

    def run(self) -> int:
        """Run the child to its end; return the number of events."""
        child, receiver = self.start()
        events: int = receiver.recv()
        child.join(60)
        return events

    def run_and_die(self) -> int | None:
        """Run the child until it dies; return its exit code, -9 when it was killed."""
        child, receiver = self.start()
        child.join(60)
        receiver.close()
        return child.exitcode


def _run(job: Job, sender: Connection) -> None:
    events = itertools.count(1)
    last = 0

    def count(name: str) -> None:
        nonlocal last
        last = next(events)
        if job.kill_at in (last, name):
            os.kill(os.getpid(), signal.SIGKILL)

    _count_events(count)
    _act(job)
    sender.send(last)


def _act(job: Job) -> None:
    embeddings: Embeddings = open_embeddings(job.settings) if job.real_model else HashEmbeddings()
    index = open_index(job.settings, create=True, embeddings=embeddings)
    if job.action == "sync":
        sync(index, [job.corpus], prune=True)
    elif job.action == "repair":
        repair(index, lock_timeout_s=5)
    else:
        with index.writing(timeout_s=5) as writer:
            writer.forget(job.action)


def _count_events(count: Callable[[str], None]) -> None:
    for owner, names in STEPS.items():
        for name in names:
            setattr(owner, name, _counted(name, getattr(owner, name), count))

    @event.listens_for(Engine, "after_cursor_execute")
    def _statement(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.lstrip().startswith(("INSERT", "UPDATE", "DELETE", "VACUUM")):
            count("statement")


def _counted(name: str, step: Callable[..., Any], count: Callable[[str], None]) -> Callable[..., Any]:
    def counted(*args: Any, **kwargs: Any) -> Any:
        count(f"start of {name}")
        result = step(*args, **kwargs)
        count(f"end of {name}")
        return result

    return counted


def hold_lock(settings: Settings, pipe: Connection) -> None:
    """Hold an index's lock from before the first message that is sent until one comes back."""
    with open_index(settings, create=True, embeddings=HashEmbeddings()).writing(timeout_s=5):
        pipe.send(os.getpid())
        pipe.recv()
