"""A service over a small index with quick fakes, alone or on the real web server beside a page."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from rag.build import open_assistant, open_index
from rag.ingest import sync
from rag.service.answering import Answering
from rag.service.app import ServiceApp, create_app
from rag.service.evaluations import Evaluations
from rag.service.keys import ApiKeys
from rag.service.service import Service
from rag.settings import Settings
from rag.ui.web.serve import web_app
from rag.uploads import Uploads
from rag.users import Users
from tests.fakes import HashEmbeddings
from tests.fakes_web import serving, small_page

BRIEFS = {
    "harbour.md": ("The harbour", "2024-06-03", "The talks on the harbour ended in June. No text was published."),
    "visit.md": ("The visit", "2024-05-16", "The two leaders agreed to cooperate in industry and space."),
    "grain.md": ("Grain", "2023-07", "Grain exports through the strait fell by a third."),
    "undated.md": ("Undated", None, "The ministry gave no date for the exercise."),
}


QUESTION = {"question": "When did the talks on the harbour end?"}


@dataclass(frozen=True)
class Kept:
    """A service, and what it was made of."""

    service: Service
    settings: Settings

    def app(self, **how: Any) -> ServiceApp:
        return create_app(self.service, **{"is_open": True, **how})


@contextmanager
def opened(folder: Path, *, answering: Answering | None = None, **parts: Any) -> Iterator[Kept]:
    """Ingest the briefs into a new index below a folder, and open a service over it."""
    settings, model = Settings(index=folder / "index"), HashEmbeddings()
    corpus = folder / "corpus"
    corpus.mkdir(parents=True)
    for name, (title, date, text) in BRIEFS.items():
        dated = f"date: {date}\n" if date else ""
        front = f"---\ntitle: {title}\n{dated}source: Wire\nregion: [europe]\n---\n"
        (corpus / name).write_text(front + text, encoding="utf-8")
    assert not sync(open_index(settings, create=True, embeddings=model), [corpus]).failed
    uploads = Uploads(settings, embeddings=model)
    assistant = open_assistant(settings, embeddings=model)
    evaluations = parts.pop("evaluations", None) or Evaluations(settings, datasets=folder / "datasets")
    service = Service(assistant, uploads, evaluations, answering or Answering(), **parts)
    try:
        yield Kept(service, settings)
    finally:
        service.close()
        uploads.close()


@contextmanager
def served(app: ServiceApp, *, users: Users | None = None, allowed: tuple[str, ...] = ()) -> Iterator[str]:
    """Serve it beside a page on a free port of this machine; yield its address."""
    with serving(lambda hosts: web_app(small_page(), hosts=hosts, users=users, service=app), allowed) as address:
        yield address


def keys_in(folder: Path) -> tuple[ApiKeys, dict[str, str]]:
    """A file of keys, one of each scope and a second one that may write; with what to send for each."""
    keys = ApiKeys(folder / "keys.txt")
    levels = {"reader": "read", "writer": "write", "other": "write", "admin": "admin"}
    return keys, {name: keys.add(name, level) for name, level in levels.items()}  # type: ignore[arg-type]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def over(client: httpx.Client, job: str, *, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """Wait for a job; return it."""
    for _ in range(200):
        found = client.get(job, headers=headers)
        found.raise_for_status()
        if found.json()["done"]:
            return dict(found.json())
        threading.Event().wait(0.05)
    raise AssertionError("the job does not end")


def frames(text: str) -> list[tuple[str, str]]:
    """Event names and data of a stream of server-sent events."""
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        with suppress(KeyError):
            found.append((lines["event"], lines["data"]))
    return found


def is_problem(response: httpx.Response, status: int) -> bool:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == status
    assert "Traceback" not in response.text
    return True


def counted(client: httpx.Client, name: str) -> float:
    """What the metrics say of a counter; 0 where it was not counted yet."""
    lines = client.get("/metrics").text.splitlines()
    return next((float(line.split()[-1]) for line in lines if line.startswith(f"{name} ")), 0.0)


def until(holds: Any, *, timeout_s: float = 10) -> None:
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end, "it does not come about"
        time.sleep(0.02)
