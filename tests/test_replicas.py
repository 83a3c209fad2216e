"""Two servers over one catalogue in PostgreSQL and one Chroma server, while a third process writes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.chroma_server import ChromaServer
from tests.ports import free_port
from tests.postgres_server import NEEDS_POSTGRES, PostgresServer

pytestmark = [pytest.mark.slow, NEEDS_POSTGRES, pytest.mark.timeout(300)]

RAG = [sys.executable, "-m", "rag"]
PLACES = ("Ankara", "Berlin", "Cairo", "Dakar", "Erbil", "Fez", "Geneva", "Hanoi", "Izmir", "Jakarta")


@dataclass
class Site:
    """Servers, a folder of briefs, and the environment that names them."""

    folder: Path
    environment: dict[str, str]

    def write(self, *numbers: int) -> None:
        (self.folder / "briefs").mkdir(exist_ok=True)
        for n in numbers:
            place = f"{PLACES[n % 10]} {n}"
            body = f"The talks in {place} ended with treaty {1000 + n}. Delegation {n} then left for home."
            text = f"---\ntitle: Talks in {place}\ndate: 2024-01-{n % 28 + 1:02}\n---\n{body}\n"
            (self.folder / "briefs" / f"talks-{n:03}.md").write_text(text, encoding="utf-8")

    def run(self, *arguments: str, index: str = "writer") -> subprocess.CompletedProcess[str]:
        command = [*RAG, *arguments, "--index", str(self.folder / index)]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120)

    def begin(self, *arguments: str, index: str = "writer") -> subprocess.Popen[bytes]:
        command = [*RAG, *arguments, "--index", str(self.folder / index)]
        return subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def site(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("replicas")
    chroma = ChromaServer(folder / "chroma").start()
    named = {
        "GEOBRIEF_CATALOGUE__URL": postgres.database(),
        "GEOBRIEF_STORE__URL": chroma.url,
        "GEOBRIEF_EMBEDDING__MODEL": "tests.fakes:HashEmbeddings",
        "GEOBRIEF_INGEST__BATCH_CHUNKS": "4",
    }
    made = Site(folder, {**os.environ, **named})
    made.write(*range(20))
    done = made.run("ingest", str(folder / "briefs"))
    assert done.returncode == 0, done.stderr
    yield made
    chroma.stop()


@pytest.fixture(scope="module")
def replicas(site: Site) -> Iterator[list[httpx.Client]]:
    with ExitStack() as running:
        clients = []
        for name in ("one", "two"):
            port = free_port()
            server = site.begin("serve", "--port", str(port), index=name)
            running.callback(server.wait, 30)
            running.callback(server.send_signal, signal.SIGINT)
            clients.append(running.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)))
        for client in clients:
            _await(client)
        yield clients


def _await(client: httpx.Client) -> None:
    end = time.monotonic() + 100
    while True:
        try:
            client.get("/readyz").raise_for_status()
            return
        except httpx.HTTPError:
            assert time.monotonic() < end, "the replica did not start"
            time.sleep(0.2)


def _ask(client: httpx.Client, n: int) -> dict[str, Any]:
    reply = client.post("/v1/ask", json={"question": f"With which treaty did the talks in {PLACES[n % 10]} {n} end?"})
    assert reply.status_code == 200, reply.text
    answer: dict[str, Any] = reply.json()
    return answer


def _said(answer: dict[str, Any]) -> object:
    return [
        (s["text"], [(c["brief_id"], c["start"], c["end"], c["text_sha256"]) for c in s["citations"]])
        for s in answer["sentences"]
    ]


def _listed(client: httpx.Client) -> list[str]:
    reply = client.get("/v1/briefs", params={"limit": 200})
    assert reply.status_code == 200, reply.text
    return [one["brief_id"] for one in reply.json()["briefs"]]


def test_replicas_answer_the_same(replicas: list[httpx.Client]) -> None:
    for n in range(20):
        one, two = (_ask(client, n) for client in replicas)
        assert _said(one) == _said(two)
        assert f"treaty {1000 + n}" in one["text"]


def test_replicas_answer_the_same_while_another_process_ingests(site: Site, replicas: list[httpx.Client]) -> None:
    site.write(*range(20, 60))
    wrong: list[object] = []
    asked = [0]
    over = threading.Event()

    def keep_asking(client: httpx.Client) -> None:
        while not over.is_set():
            for n in range(20):
                answer = _ask(client, n)
                asked[0] += 1
                if f"treaty {1000 + n}" not in answer["text"]:
                    wrong.append(answer["text"])

    threads = [threading.Thread(target=keep_asking, args=(client,)) for client in replicas]
    for thread in threads:
        thread.start()
    try:
        done = site.run("ingest", str(site.folder / "briefs"))
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert done.returncode == 0, done.stderr
    assert asked[0] > 20
    assert wrong == []
    for n in range(20, 60):
        one, two = (_ask(client, n) for client in replicas)
        assert f"treaty {1000 + n}" in one["text"]
        assert _said(one) == _said(two)


def test_a_writer_that_is_killed_harms_nobody_and_the_next_one_finishes(
    site: Site, replicas: list[httpx.Client]
) -> None:
    site.write(*range(60, 140))
    writer = site.begin("ingest", str(site.folder / "briefs"))
    while writer.poll() is None and len(_listed(replicas[0])) <= 62:
        time.sleep(0.05)
    writer.kill()
    assert writer.wait(30) == -signal.SIGKILL, "it was killed before it had finished"
    for n in (3, 30):
        assert f"treaty {1000 + n}" in _ask(replicas[1], n)["text"]
    done = site.run("ingest", str(site.folder / "briefs"))
    assert done.returncode == 0, done.stderr
    examined = site.run("doctor")
    assert examined.returncode == 0, examined.stdout + examined.stderr
    for n in (60, 100, 139):
        one, two = (_ask(client, n) for client in replicas)
        assert f"treaty {1000 + n}" in one["text"]
        assert _said(one) == _said(two)


def test_two_writers_take_turns(site: Site, replicas: list[httpx.Client]) -> None:
    site.write(*range(140, 160))
    writers = [site.begin("ingest", str(site.folder / "briefs"), index=name) for name in ("left", "right")]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    assert sorted(_listed(replicas[0])) == sorted(f"talks-{n:03}" for n in range(160))
    assert site.run("doctor").returncode == 0
