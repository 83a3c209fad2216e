"""An ingest on a real Ray of this machine: the same as without, whatever dies."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from langchain_chroma import Chroma

pytest.importorskip("ray", reason="the extra `cluster` is not installed")

from rag.build import open_index
from rag.catalogue.checks import chunk_digests
from rag.cluster import open_cluster
from rag.cluster import parsing as cluster_parsing
from rag.cluster.connection import ATTEMPTS, Connection
from rag.cluster.parsing import ClusterParser, DatasetRows
from rag.doctor import examine
from rag.index import Index
from rag.ingest import SyncReport, sync
from rag.settings import EmbeddingSettings, IngestSettings, Settings, SplitSettings
from tests import child_cluster
from tests.child_cluster import pid_file

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[1]
MODEL = "tests.child_cluster:StoppingEmbeddings"


@pytest.fixture(scope="module")
def ray_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A Ray of two cores, for all tests of this module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(child_cluster.FOLDER, str(tmp_path_factory.mktemp("pids")))
        patch.delenv("RAY_ADDRESS", raising=False)
        connection = Connection(None, 2)
        connection.start()
        yield connection
        connection.close()


@dataclass(frozen=True)
class Site:
    """A corpus, and the settings of an index beside it."""

    corpus: Path
    settings: Settings

    def at(self, name: str) -> Site:
        return Site(self.corpus, self.settings.model_copy(update={"index": self.settings.index.with_name(name)}))

    def open(self) -> Index:
        return open_index(self.settings, create=True)

    def ingest(self) -> SyncReport:
        return sync(self.open(), [self.corpus])

    def ingest_by_ray(self) -> SyncReport:
        with open_cluster(self.settings, n_actors=2) as cluster:
            return sync(cluster.open_index(), [self.corpus], parse_all=cluster.parse)

    def content(self) -> dict[str, object]:
        """Chunk ids with digests, texts and vectors, after checking that catalogue and vectors agree."""
        index = self.open()
        assert examine(index) == ()
        store = index.vectors.at(index.catalogue.generation())
        assert isinstance(store, Chroma)
        held = store.get(include=["embeddings", "documents"])
        assert len(held["ids"]) == len(set(held["ids"]))
        vectors = {
            i: (d, e.tolist()) for i, d, e in zip(held["ids"], held["documents"], held["embeddings"], strict=True)
        }
        texts = {row.brief_id: index.catalogue.versions(row.brief_id)[0].text for row in index.catalogue.briefs()}
        return {"digests": chunk_digests(index.catalogue.database), "texts": texts, "vectors": vectors}


@pytest.fixture
def site(tmp_path: Path, ray_session: Connection) -> Iterator[Site]:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    settings = Settings(
        index=tmp_path / "index",
        embedding=EmbeddingSettings(model=MODEL, batch_size=8),
        split=SplitSettings(max_tokens=64),
        ingest=IngestSettings(batch_chunks=64),
    )
    yield Site(corpus, settings)
    for path in pid_file("any").parent.iterdir():
        path.unlink()


def write_many(site: Site, n: int = 40) -> None:
    for i in range(n):
        (site.corpus / f"brief{i:02}.md").write_text(
            f"---\ntitle: Report {i}\n---\nThe codeword of report {i} is {i * 7919}."
        )


def write_mixed(site: Site) -> None:
    """The starter corpus, a file of many records, and files that are broken."""
    for path in (ROOT / "corpus").glob("*.md"):
        shutil.copy(path, site.corpus)
    records = [{"id": f"record-{i}", "title": f"Record {i}", "text": f"Record {i} says {i * i}."} for i in range(300)]
    lines = [json.dumps(record) for record in records]
    (site.corpus / "many.jsonl").write_text("\n".join([*lines[:150], "{broken", *lines[150:]]))
    (site.corpus / "bad.md").write_text("---\ndate: nonsense\n---\ntext")
    (site.corpus / "bad.pdf").write_bytes(b"%PDF-1.7 broken")
    (site.corpus / "bad.docx").write_bytes(b"PK\x03\x04 broken")
    (site.corpus / "empty.txt").write_bytes(b"")
    (site.corpus / "twice.md").write_text("---\nid: record-7\n---\nAnother text with an id that is taken.")


def told(report: SyncReport) -> dict[str, object]:
    return {key: value for key, value in report.to_dict().items() if key != "seconds"}


def test_an_ingest_by_ray_is_the_same_as_one_without_and_the_next_embeds_nothing(site: Site) -> None:
    write_mixed(site)
    here, there = site.at("here"), site.at("there")
    expected = told(here.ingest())
    assert told(there.ingest_by_ray()) == expected
    assert len(expected["failed"]) >= 6  # type: ignore[arg-type]
    assert there.content() == here.content()
    again = there.ingest_by_ray()
    assert (again.added, again.updated, again.chunks_embedded) == ([], [], 0)


@pytest.mark.parametrize("kind", [pytest.param("parse", marks=pytest.mark.long), "embed"])
def test_a_worker_that_is_killed_loses_and_doubles_nothing(
    site: Site, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_many(site)
    (site.corpus / "stop.md").write_text("Here the worker is killed.")
    here, there = site.at("here"), site.at("there")
    expected = told(here.ingest())
    monkeypatch.setattr(cluster_parsing, "parse_row", child_cluster.stopping_parse_row)
    pid_file(kind).with_suffix(".wanted").touch()
    killer = threading.Thread(target=kill_when_told, args=(pid_file(kind),))
    killer.start()
    report = there.ingest_by_ray()
    killer.join(60)
    assert pid_file(kind).exists()
    assert told(report) == expected
    assert there.content() == here.content()


def kill_when_told(path: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if path.exists() and (text := path.read_text()):
            os.kill(int(text), signal.SIGKILL)
            return
        time.sleep(0.05)


def test_a_file_that_every_worker_dies_of_fails_alone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    write_many(site, 6)
    (site.corpus / "deadly.md").write_text("Whoever reads this dies.")
    monkeypatch.setattr(cluster_parsing, "parse_row", child_cluster.deadly_parse_row)
    report = site.ingest_by_ray()
    assert [Path(f.path).name for f in report.failed] == ["deadly.md"]
    assert f"worker died {ATTEMPTS} times" in report.failed[0].reason
    assert len(pid_file("deadly").read_text()) == ATTEMPTS
    assert len(report.added) == 6
    assert site.ingest().added == ["deadly"]


@pytest.mark.long
def test_a_file_that_takes_too_long_fails_alone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    write_many(site, 3)
    (site.corpus / "slow.md").write_text("Whoever reads this sleeps.")
    monkeypatch.setattr(cluster_parsing, "parse_row", child_cluster.sleeping_parse_row)
    with open_cluster(site.settings, n_actors=2) as cluster:
        rows = cluster.parse.rows
        assert isinstance(rows, DatasetRows)
        impatient = ClusterParser(replace(rows, timeout_s=1.0))
        report = sync(cluster.open_index(), [site.corpus], parse_all=impatient)
    assert [Path(f.path).name for f in report.failed] == ["slow.md"]
    assert len(report.added) == 3


def test_a_local_ray_listens_on_loopback_alone(ray_session: Connection) -> None:
    def children(parents: set[int]) -> set[int]:
        found = set()
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and int((entry / "stat").read_text().rpartition(")")[2].split()[1]) in parents:
                    found.add(int(entry.name))
            except OSError:
                continue
        return found | parents if found <= parents else children(found | parents)

    sockets = set()
    for pid in children({os.getpid()}):
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                sockets.add(os.readlink(handle))
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    addresses = {row[1].split(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets}
    assert addresses
    assert addresses <= {"0100007F", "0000000000000000FFFF00000100007F"}


def run_cli(site: Site, *more: str) -> subprocess.Popen[str]:
    variables = {
        **os.environ,
        "GEOBRIEF_EMBEDDING__MODEL": MODEL,
        "GEOBRIEF_SPLIT__MAX_TOKENS": "64",
        "GEOBRIEF_INGEST__BATCH_CHUNKS": "8",
        "GEOBRIEF_EMBEDDING__BATCH_SIZE": "8",
    }
    command = ["-c", "from rag.cli import main; main()", "ingest", str(site.corpus), "--engine", "ray", *more]
    return subprocess.Popen(
        [sys.executable, *command, "--index", str(site.settings.index)],
        cwd=ROOT,
        env=variables,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def processes_of(session: int) -> list[str]:
    """Command lines of the processes that a session leader started."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.getsid(int(entry.name)) == session:
                found.append((entry / "cmdline").read_text().replace("\0", " ")[:80])
        except OSError:
            continue
    return found


def workers_of(session: int) -> list[str]:
    """The same without the two agents of Ray, which notice after about a minute that all else is gone."""
    return [
        line for line in processes_of(session) if not line.startswith(("ray::DashboardAgent", "ray::RuntimeEnvAgent"))
    ]


@pytest.mark.long
def test_the_command_prints_one_json_object_and_leaves_no_process(site: Site) -> None:
    write_many(site)
    child = run_cli(site, "--json")
    out, err = child.communicate(timeout=200)
    assert (child.returncode, err) == (0, "")
    assert len(json.loads(out)["added"]) == 40
    assert wait_until(lambda: not processes_of(child.pid)), processes_of(child.pid)
    assert told(site.ingest())["chunks_embedded"] == 0


@pytest.mark.long
def test_the_command_ends_cleanly_on_ctrl_c_and_the_next_ingest_does_the_rest(site: Site) -> None:
    write_many(site)
    pid_file("embed").with_suffix(".wanted").touch()
    child = run_cli(site)
    assert wait_until(pid_file("embed").exists, 120)
    os.killpg(child.pid, signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert (child.returncode, err.splitlines()[-1]) == (130, "interrupted")
    assert "Traceback" not in err
    assert wait_until(lambda: not processes_of(child.pid)), processes_of(child.pid)
    finish(site)


def test_a_driver_that_is_killed_loses_and_doubles_nothing(site: Site) -> None:
    write_many(site)
    pid_file("embed").with_suffix(".wanted").touch()
    child = run_cli(site)
    assert wait_until(pid_file("embed").exists, 120)
    os.kill(child.pid, signal.SIGKILL)
    child.communicate(timeout=60)
    assert wait_until(lambda: not workers_of(child.pid), 60), processes_of(child.pid)
    finish(site)


def finish(site: Site) -> None:
    """The next ingest leaves the index as if nothing had happened."""
    site.ingest_by_ray()
    expected = site.at("expected")
    expected.ingest()
    assert site.content() == expected.content()


def wait_until(is_so: object, seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_so():  # type: ignore[operator]
            return True
        time.sleep(0.1)
    return False
