"""Fixtures: a corpus folder, an index over it with quick fakes, and the command line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from rag.answer import Answer
from rag.build import open_assistant, open_index
from rag.index import Index
from rag.ingest import SyncReport, sync
from rag.settings import CatalogueSettings, Settings
from rag.types import Scope
from tests.fakes import HashEmbeddings
from tests.postgres_server import NEEDS_POSTGRES, PostgresServer, postgres_running

CATALOGUE_SUITE = frozenset(["test_as_known_at", "test_doctor", "test_ingest", "test_retrieve", "test_watch"])
"""Modules whose tests with the fixture `desk` run over SQLite and over PostgreSQL."""

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Quick cross-encoders; tests of the packaged ones name them.
os.environ.setdefault("GEOBRIEF_READER__MODEL", "tests.fakes:SharedWords")
os.environ.setdefault("GEOBRIEF_VERIFIER__MODEL", "tests.fakes:SharedWords")


@dataclass
class Desk:
    """A folder of briefs and an index, as an analyst has them."""

    corpus: Path
    settings: Settings
    embeddings: HashEmbeddings

    def write(self, name: str, text: str, **fields: object) -> Path:
        path = self.corpus / name
        path.parent.mkdir(parents=True, exist_ok=True)
        front = "".join(f"{key}: {value}\n" for key, value in fields.items())
        path.write_text(f"---\n{front}---\n{text}" if fields else text, encoding="utf-8")
        return path

    def open(self) -> Index:
        return open_index(self.settings, create=True, embeddings=self.embeddings)

    def ingest(self, *paths: Path | str, prune: bool = False) -> SyncReport:
        return sync(self.open(), paths or (self.corpus,), prune=prune)

    def ask(self, question: str, scope: Scope = Scope()) -> Answer:
        return open_assistant(self.settings, embeddings=self.embeddings).ask(question, scope=scope)

    def found(self, question: str, scope: Scope = Scope()) -> list[str]:
        """Brief ids of the passages found for a question, best first."""
        assistant = open_assistant(self.settings, embeddings=self.embeddings)
        return list(dict.fromkeys(p.metadata["brief_id"] for p in assistant.retriever.search(question, scope=scope)))


@pytest.fixture
def desk(tmp_path: Path, request: pytest.FixtureRequest) -> Desk:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    settings = Settings(index=tmp_path / "index")
    if getattr(request, "param", "sqlite") == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")
        settings = settings.model_copy(update={"catalogue": CatalogueSettings(url=SecretStr(server.database()))})
    return Desk(corpus, settings, HashEmbeddings())


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with postgres_running() as server:
        yield server


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what tests a catalogue over each that there is."""
    if metafunc.module.__name__.rpartition(".")[2] in CATALOGUE_SUITE and "desk" in metafunc.fixturenames:
        databases: list[object] = ["sqlite"]
        if not any(metafunc.definition.iter_markers("sqlite")):
            databases.append(pytest.param("postgres", marks=[pytest.mark.slow, NEEDS_POSTGRES]))
        metafunc.parametrize("desk", databases, indirect=True)


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Settings from nothing but what the test sets."""
    for name in list(os.environ):
        if name.startswith("GEOBRIEF_"):
            monkeypatch.delenv(name)
    return monkeypatch.setenv
