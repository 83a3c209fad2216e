"""Evaluations over the service: one at a time, of named benchmarks, with the kept report as result."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from rag.errors import IndexCorrupt, UsageError
from rag.service.evaluations import Evaluation, Evaluations, Progress, measured
from rag.settings import EmbeddingSettings, Settings
from tests.fakes_service import bearer, keys_in, opened, served

WANTED = {"dataset": "small", "systems": ["bm25"]}


class Measuring:
    """In the place of a measurement: ends, fails or goes on as it is told."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.failure: Exception | None = None

    def __call__(self, evaluation: Evaluation, settings: Settings, work: Path, progress: Progress) -> Path:
        for n in range(1000):
            progress("asking", n, 1000)
            if self.go_on.wait(0.02):
                break
        if self.failure:
            raise self.failure
        return Path("20240101T000000Z-small-000000000000.json")


@pytest.fixture
def measuring() -> Measuring:
    return Measuring()


@pytest.fixture
def client(tmp_path: Path, measuring: Measuring) -> Iterator[httpx.Client]:
    (tmp_path / "datasets" / "small").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    settings = Settings(index=tmp_path / "index")
    evaluations = Evaluations(settings, datasets=tmp_path / "datasets", measure=measuring)
    keys, tokens = keys_in(tmp_path)
    with (
        opened(tmp_path, evaluations=evaluations) as kept,
        served(kept.app(keys=keys, is_open=False)) as address,
        httpx.Client(base_url=address, headers=bearer(tokens["admin"]), timeout=30) as client,
    ):
        yield client


def ended(client: httpx.Client, path: str) -> dict[str, Any]:
    for _ in range(200):
        found = client.get(path).json()
        if found["state"] != "running":
            return dict(found)
        time.sleep(0.02)
    raise AssertionError("the evaluation does not end")


def test_one_at_a_time_with_progress_and_result(client: httpx.Client, measuring: Measuring) -> None:
    begun = client.post("/v1/eval", json=WANTED)
    assert begun.status_code == 202
    assert client.post("/v1/eval", json=WANTED).status_code == 409
    time.sleep(0.1)
    assert client.get(begun.headers["location"]).json()["doing"].startswith("asking: ")
    measuring.go_on.set()
    done = ended(client, begun.headers["location"])
    assert (done["state"], done["report"]) == ("done", "20240101T000000Z-small-000000000000.json")
    assert done["tables"] is None  # nothing was kept under that name
    assert client.post("/v1/eval", json=WANTED).status_code == 202


def test_a_failure_is_told_and_logged_and_frees_the_place(
    client: httpx.Client, measuring: Measuring, caplog: pytest.LogCaptureFixture
) -> None:
    measuring.go_on.set()
    for failure, told in [
        (UsageError("no such split"), "no such split"),
        (OSError("/secret"), "went wrong"),
        (IndexCorrupt("/secret"), "the log of the server says why"),
    ]:
        measuring.failure = failure
        caplog.clear()
        done = ended(client, client.post("/v1/eval", json=WANTED).headers["location"])
        assert done["state"] == "failed"
        assert told in done["note"]
        assert "/secret" not in done["note"]
        assert ("/secret" in caplog.text) == ("the log" in done["note"])


@pytest.mark.parametrize("name", ["../secret", "secret", "..", "/etc", "small/../small", ""])
def test_no_other_folder_is_measured(client: httpx.Client, name: str) -> None:
    assert client.post("/v1/eval", json={**WANTED, "dataset": name}).status_code in (404, 422)


@pytest.mark.parametrize("systems", [[], ["os:system"], ["tutorial"], ["bm25"] * 5])
def test_no_other_system_is_asked(client: httpx.Client, systems: list[str]) -> None:
    assert client.post("/v1/eval", json={**WANTED, "systems": systems}).status_code == 422


def test_closing_stops_what_runs(tmp_path: Path, measuring: Measuring) -> None:
    (tmp_path / "small").mkdir()
    evaluations = Evaluations(Settings(index=tmp_path / "index"), datasets=tmp_path, measure=measuring)
    begun = evaluations.start("small", ("bm25",), split=None, limit=None)
    evaluations.close()
    found = evaluations.found(begun.id)
    assert found is not None
    assert (found.state, found.note) == ("failed", "the server stopped")


@pytest.mark.slow
def test_the_result_is_the_kept_report(tmp_path: Path) -> None:
    settings = Settings(index=tmp_path / "index", embedding=EmbeddingSettings(model="tests.fakes:HashEmbeddings"))
    evaluation = Evaluation("1", "briefs", ("bm25",), split="dev", limit=3)
    path = measured(evaluation, settings, tmp_path / "work", lambda *_: None)
    assert path.parent == tmp_path / "index" / "reports"
    assert path.name in {one.name for one in path.parent.iterdir()}
