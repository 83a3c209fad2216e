"""A process that is killed at any moment loses nothing, and the next run finishes its work."""

from __future__ import annotations

import json
import random
import shutil
import stat
import struct
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from langchain_core.embeddings import Embeddings

from rag.build import open_embeddings, open_index, open_retriever
from rag.catalogue.checks import chunk_digests
from rag.catalogue.rows import chunk_id
from rag.catalogue.store import generation
from rag.doctor import examine, repair
from rag.errors import IndexLocked, IndexMismatch
from rag.index import Index
from rag.ingest import sync
from rag.settings import IngestSettings, Settings, SplitSettings
from rag.types import Brief, sha256
from tests.child_ingest import Job
from tests.fakes import HashEmbeddings

OLD = [f"brief{n:02}" for n in range(10)]
UPDATED = OLD[:5]
PRUNED = "brief09"
ADDED = [f"brief{n:02}" for n in range(10, 40)]
UNFINISHED = ("texts are staged but not published", "chunks have no vector")
KILLED = -9


@dataclass(frozen=True)
class Site:
    """An index of ten briefs beside a corpus that has changed since: 5 updated, 30 added, 1 gone."""

    settings: Settings
    corpus: Path
    embeddings: Embeddings

    @classmethod
    def make(cls, folder: Path, embeddings: Embeddings, *, changed: bool = True) -> Site:
        corpus = folder / "corpus"
        corpus.mkdir()
        settings = Settings(
            index=folder / "index", split=SplitSettings(max_tokens=32), ingest=IngestSettings(batch_chunks=8)
        )
        site = cls(settings, corpus, embeddings)
        for name in OLD:
            site.write(name, text(name, "first"))
        sync(site.open(), [corpus])
        if changed:
            for name in UPDATED:
                site.write(name, text(name, "second"))
            for name in ADDED:
                site.write(name, text(name, "first"))
            (corpus / f"{PRUNED}.md").unlink()
        return site

    def copy(self, folder: Path) -> Site:
        shutil.copytree(self.settings.index, folder / "index")
        settings = self.settings.model_copy(update={"index": folder / "index"})
        return replace(self, settings=settings)

    def write(self, name: str, content: str) -> None:
        (self.corpus / f"{name}.md").write_text(f"---\ntitle: Report {name}\n---\n{content}", encoding="utf-8")

    def open(self) -> Index:
        return open_index(self.settings, create=True, embeddings=self.embeddings)

    def present(self) -> dict[str, str]:
        """Texts by brief id, after checking that each brief is whole: its spans, its vectors, and that it is found."""
        index = self.open()
        retriever = open_retriever(index, self.settings, self.embeddings)
        vectors = set(index.vectors.ids(index.catalogue.generation()))
        texts = {}
        for row in index.catalogue.briefs():
            version = index.catalogue.versions(row.brief_id)[0]
            assert version.superseded_at is None
            texts[row.brief_id] = version.text
            parts = index.split(Brief(text=version.text, **version.metadata))
            ids = [chunk_id(row.brief_id, version.text_sha256, part.ordinal) for part in parts]
            passages = index.catalogue.passages(ids)
            assert [p.page_content for p in passages] == [version.text[part.start : part.end] for part in parts]
            assert vectors >= set(ids)
            found = retriever.search(passages[0].page_content)[0]
            assert found.metadata["brief_id"] == row.brief_id
            assert found.page_content == version.text[found.metadata["start"] : found.metadata["end"]]
        return texts


def text(name: str, edition: str) -> str:
    words = [sha256(f"{name} {edition} {n}")[:12] for n in range(4)]
    return "\n\n".join(f"In the {edition} edition, the codeword of {name} is {word}." for word in words)


AFTER = {
    **{name: text(name, "second") for name in UPDATED},
    **{name: text(name, "first") for name in [*OLD[5:9], *ADDED]},
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site.make(tmp_path_factory.mktemp("base"), HashEmbeddings())


@pytest.fixture(scope="module")
def n_events(base: Site, tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many events a whole ingest has."""
    site = base.copy(tmp_path_factory.mktemp("whole"))
    return Job(site.settings, site.corpus).run()


def check_kept(site: Site) -> None:
    """Every brief that was there is there, whole, in its old or its new version; nothing else is half there."""
    texts = site.present()
    assert set(texts) >= set(OLD) - {PRUNED}
    for name in set(texts) - {PRUNED}:
        assert texts[name] in (text(name, "first"), AFTER[name])
    for fault in examine(site.open()):
        assert any(words in fault for words in UNFINISHED), fault


def check_finished(site: Site) -> None:
    """The next ingest does the rest, and leaves nothing behind."""
    report = sync(site.open(), [site.corpus], prune=True)
    assert report.failed == []
    assert site.present() == AFTER
    index = site.open()
    assert examine(index) == ()
    ids = list(index.vectors.ids(index.catalogue.generation()))
    assert sorted(ids) == sorted(chunk_digests(index.catalogue.database))
    again = sync(index, [site.corpus], prune=True)
    assert (again.added, again.updated, again.removed, again.chunks_embedded) == ([], [], [], 0)


FAST = 2
POINTS = [pytest.param(point, marks=[pytest.mark.slow] if point >= FAST else []) for point in range(20)]


@pytest.mark.parametrize("point", POINTS)
def test_an_ingest_that_is_killed_loses_nothing_and_the_next_one_finishes_it(
    base: Site, n_events: int, point: int, tmp_path: Path
) -> None:
    site = base.copy(tmp_path)
    kill_at = random.Random(point).randint(1, n_events)
    assert Job(site.settings, site.corpus, kill_at=kill_at).run_and_die() == KILLED
    check_kept(site)
    check_finished(site)


@pytest.mark.slow
@pytest.mark.parametrize("point", range(6))
def test_an_ingest_that_is_killed_again_and_again_is_finished_in_the_end(
    base: Site, n_events: int, point: int, tmp_path: Path
) -> None:
    site = base.copy(tmp_path)
    choose = random.Random(100 + point)
    for _ in range(4):
        Job(site.settings, site.corpus, kill_at=choose.randint(1, n_events // 3)).run_and_die()
        check_kept(site)
    check_finished(site)


@pytest.mark.slow
@pytest.mark.parametrize("delay_ms", [20, 60, 120, 200, 300, 450])
def test_an_ingest_that_is_killed_after_some_time_is_finished_by_the_next_one(
    base: Site, delay_ms: int, tmp_path: Path
) -> None:
    site = base.copy(tmp_path)
    child, receiver = Job(site.settings, site.corpus).start()
    assert receiver.poll(0) is False
    child.join(0.3 + delay_ms / 1000)
    child.kill()
    child.join(60)
    check_kept(site)
    check_finished(site)


@pytest.mark.slow
@pytest.mark.parametrize(
    "share", [pytest.param(0.2, marks=pytest.mark.long), 0.5, pytest.param(0.8, marks=pytest.mark.long)]
)
def test_an_ingest_with_the_real_model_that_is_killed_is_finished_by_the_next_one(
    real_base: Site, real_n_events: int, share: float, tmp_path: Path
) -> None:
    site = real_base.copy(tmp_path)
    kill_at = int(real_n_events * share)
    assert Job(site.settings, site.corpus, kill_at=kill_at, real_model=True).run_and_die() == KILLED
    check_kept(site)
    check_finished(site)


@pytest.fixture(scope="module")
def real_base(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site.make(tmp_path_factory.mktemp("real"), open_embeddings(Settings()))


@pytest.fixture(scope="module")
def real_n_events(real_base: Site, tmp_path_factory: pytest.TempPathFactory) -> int:
    site = real_base.copy(tmp_path_factory.mktemp("real-whole"))
    return Job(site.settings, site.corpus, real_model=True).run()


@pytest.fixture
def settled(tmp_path: Path) -> Site:
    """An index that is in step with its corpus of ten briefs."""
    return Site.make(tmp_path, HashEmbeddings(), changed=False)


# A rename makes the old title's chunk and the new one share their text, hence their id.
@pytest.mark.parametrize("kill_at", ["end of stage", "end of add_documents", "end of mark_embedded"])
def test_a_change_of_title_that_is_killed_is_finished_by_the_next_ingest(settled: Site, kill_at: str) -> None:
    path = settled.corpus / "brief03.md"
    path.write_text(path.read_text(encoding="utf-8").replace("Report brief03", "Renamed"), encoding="utf-8")
    assert Job(settled.settings, settled.corpus, kill_at=kill_at).run_and_die() == KILLED
    assert sync(settled.open(), [settled.corpus]).failed == []
    index = settled.open()
    assert [row.title for row in index.catalogue.briefs() if row.brief_id == "brief03"] == ["Renamed"]
    assert examine(index) == ()


def test_texts_of_a_killed_ingest_whose_files_are_gone_are_dropped_by_a_repair(settled: Site) -> None:
    settled.write("brief50", text("brief50", "first"))
    assert Job(settled.settings, settled.corpus, kill_at="end of stage").run_and_die() == KILLED
    (settled.corpus / "brief50.md").unlink()
    sync(settled.open(), [settled.corpus])
    assert [fault.split(":")[0] for fault in examine(settled.open())] == ["1 texts are staged but not published"]
    repair(settled.open(), lock_timeout_s=5)
    assert examine(settled.open()) == ()


def traces(site: Site, word: bytes) -> list[str]:
    """Return the files of the index that hold a word."""
    return [path.name for path in site.settings.index.rglob("*") if path.is_file() and word in path.read_bytes()]


FORGET_STEPS = ["start of forget", "end of forget", "start of delete", "end of delete", "end of compact"]


@pytest.mark.parametrize("kill_at", [*FORGET_STEPS, "start of clear_vector_deletions"])
def test_a_forget_that_is_killed_forgets_nothing_or_is_finished_by_the_next_run(settled: Site, kill_at: str) -> None:
    gone = text("brief03", "first")
    assert Job(settled.settings, settled.corpus, action="brief03", kill_at=kill_at).run_and_die() == KILLED
    kept = settled.present()
    assert {name: kept[name] for name in OLD if name != "brief03"} == {
        name: text(name, "first") for name in OLD if name != "brief03"
    }
    assert kept.get("brief03", gone) == gone
    with settled.open().writing(timeout_s=5) as writer:
        writer.forget("brief03")
    assert "brief03" not in settled.present()
    assert examine(settled.open()) == ()
    word = gone.split()[9].rstrip(".").encode()
    assert traces(settled, word) == []


def test_a_forget_beside_a_long_reader_is_not_told_as_done_and_finished_by_the_next_run(
    settled: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.catalogue.database.BUSY_TIMEOUT_S", 0.1)
    word = text("brief03", "first").split()[9].rstrip(".").encode()
    reader = settled.open().catalogue.database
    with reader.transaction() as connection:
        assert generation(connection)
        with pytest.raises(IndexLocked, match="still holds"), settled.open().writing(timeout_s=5) as writer:
            writer.forget("brief03")
    assert traces(settled, word)
    with settled.open().writing(timeout_s=5):
        pass
    assert traces(settled, word) == []
    assert settled.open().catalogue.vector_deletions() == ()


@pytest.mark.parametrize("share", [pytest.param(s, marks=pytest.mark.slow) for s in (0.05, 0.3, 0.95)] + [0.6])
def test_a_repair_that_is_killed_is_finished_by_the_next_ingest(settled: Site, share: float, tmp_path: Path) -> None:
    shutil.rmtree(settled.settings.index / "chroma")
    (tmp_path / "copy").mkdir()
    whole = settled.copy(tmp_path / "copy")
    n_events = Job(whole.settings, whole.corpus, action="repair").run()
    kill_at = max(1, int(n_events * share))
    assert Job(settled.settings, settled.corpus, action="repair", kill_at=kill_at).run_and_die() == KILLED
    texts = {row.brief_id for row in settled.open().catalogue.briefs()}
    assert texts == set(OLD)
    assert sync(settled.open(), [settled.corpus]).failed == []
    assert settled.present() == {name: text(name, "first") for name in OLD}
    assert examine(settled.open()) == ()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """An index of so many chunks that Chroma has saved its graph."""
    site = Site.make(tmp_path_factory.mktemp("large"), HashEmbeddings(), changed=False)
    paragraphs = (
        f"In paragraph {n} the codeword is {sha256(str(n))[:12]}, which is not to be told to anyone."
        for n in range(1100)
    )
    site.write("brief60", "\n\n".join(paragraphs))
    site = replace(site, settings=site.settings.model_copy(update={"ingest": IngestSettings(batch_chunks=256)}))
    sync(site.open(), [site.corpus])
    return site


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


GRAPH_FILES = ["data_level0.bin", "link_lists.bin", "index_metadata.pickle", "header.bin"]


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) for name in GRAPH_FILES])
def test_a_graph_of_vectors_that_was_cut_off_by_a_kill_is_made_again_by_the_next_ingest(
    large: Site, name: str, tmp_path: Path
) -> None:
    site = large.copy(tmp_path)
    (graph,) = site.settings.index.glob("chroma/*/index_metadata.pickle")
    cut_off(graph.parent / name)
    (site.settings.index / "write.lock.json").write_text("{}")
    report = sync(site.open(), [site.corpus])
    assert (report.failed, report.added) == ([], [])
    index = site.open()
    assert examine(index) == ()
    assert len(set(index.vectors.ids(index.catalogue.generation()))) == report.chunks_embedded
    assert set(site.present()) == {*OLD, "brief60"}


@pytest.mark.parametrize("saved", [True, False])
def test_the_room_for_entries_to_come_in_files_of_the_graph_is_blank(
    large: Site, settled: Site, tmp_path: Path, saved: bool
) -> None:
    """Chroma writes it as it lay in memory, where the text of a forgotten brief may be."""
    (tmp_path / "copy").mkdir()
    site = (large if saved else settled).copy(tmp_path / "copy")
    (graph,) = (path.parent for path in site.settings.index.glob("chroma/*/header.bin"))
    assert (graph / "index_metadata.pickle").exists() is saved
    entries, entry_bytes = struct.unpack("=QQ", (graph / "header.bin").read_bytes()[20:36])
    for name, size in (("data_level0.bin", entry_bytes), ("length.bin", 4)):
        with (graph / name).open("r+b") as file:
            file.seek(entries * size)
            file.write(b"Zanzibarquux")
    (site.settings.index / "chroma" / "seal.json").unlink()
    site.write("brief00", text("brief00", "third"))
    sync(site.open(), [site.corpus])
    assert b"Zanzibarquux" not in b"".join(path.read_bytes() for path in graph.iterdir())
    assert examine(site.open()) == ()


def test_the_note_of_a_writer_stays_behind_only_when_it_was_killed(settled: Site) -> None:
    note = settled.settings.index / "write.lock.json"
    assert not note.exists()
    settled.write("brief03", text("brief03", "second"))
    assert Job(settled.settings, settled.corpus, kill_at="start of publish").run_and_die() == KILLED
    assert set(json.loads(note.read_text())) == {"pid", "host", "since"}
    sync(settled.open(), [settled.corpus])
    assert not note.exists()


def test_the_note_of_a_killed_writer_outlasts_runs_that_are_refused(settled: Site) -> None:
    settled.write("brief03", text("brief03", "second"))
    assert Job(settled.settings, settled.corpus, kill_at="start of publish").run_and_die() == KILLED
    other = settled.settings.model_copy(update={"split": SplitSettings(max_tokens=64)})
    with pytest.raises(IndexMismatch):
        sync(replace(settled, settings=other).open(), [settled.corpus])
    with settled.open().lock(1) as cut_short:
        assert cut_short
    with pytest.raises(IndexMismatch):
        sync(replace(settled, settings=other).open(), [settled.corpus])
    with settled.open().lock(1) as cut_short:
        assert not cut_short


def test_a_backup_as_described_is_for_its_owner_alone_and_makes_nothing_in_the_index(tmp_path: Path) -> None:
    guide = (Path(__file__).parent.parent / "docs" / "deploy.md").read_text(encoding="utf-8")
    steps = guide.partition("## Backup")[2].partition("```sh\n")[2].partition("```")[0]
    index, copies = tmp_path / "index", tmp_path / "copies"
    for written, here in (("/var/lib/geobrief/index", index), ("/backup/geobrief", copies)):
        assert written in steps
        steps = steps.replace(written, str(here))
    site = Site.make(tmp_path, HashEmbeddings(), changed=False)
    before = sorted(index.iterdir())
    subprocess.run(["bash", "-e", "-c", f"umask 022\n{steps}"], check=True)
    assert sorted(index.iterdir()) == before
    assert [path.name for path in copies.iterdir()] == ["catalogue.sqlite3"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (copies, copies / "catalogue.sqlite3")] == [0o700, 0o600]
    again = replace(site, settings=site.settings.model_copy(update={"index": copies}))
    repair(again.open(), lock_timeout_s=5)
    assert again.present() == site.present()
