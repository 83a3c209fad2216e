"""Uploads: what is kept, under which names, and what becomes of it, with hostile files and several users at once."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from rag.build import open_assistant, open_index
from rag.doctor import examine
from rag.ingest import sync
from rag.lock import locked
from rag.settings import IngestSettings, Settings
from rag.ui.library import CatalogueLibrary
from rag.uploads import Item, Uploads, with_uploads
from rag.uploads.names import MAX_NAME_BYTES, MAX_NAME_CHARS, safe_name
from tests.child_ingest import hold_lock
from tests.conftest import Desk

FINLAND = "Finland joined NATO on 4 April 2023. It became the 31st member."
TALKS = (
    "The ministers of Kenya and Norway met in Nairobi on 3 March 2024. "
    "They agreed to cooperate on fisheries, shipping and solar power."
)
NIGER = "Soldiers detained President Bazoum in Niamey on 26 July 2023."


@contextmanager
def opened(desk: Desk, *, roots: tuple[Path, ...] = (), timeout_s: float = 30.0) -> Iterator[Uploads]:
    settings = desk.settings.model_copy(update={"ingest": IngestSettings(lock_timeout_s=timeout_s)})
    uploads = Uploads(settings, embeddings=desk.embeddings, roots=roots)
    try:
        yield uploads
    finally:
        uploads.close()


@pytest.fixture
def uploads(desk: Desk) -> Iterator[Uploads]:
    with opened(desk) as running:
        yield running


def sent(tmp_path: Path, name: str, content: bytes | str) -> tuple[Path, str]:
    """A file as a server receives it: under a name of its own, with the name that the user gave."""
    path = tmp_path / f"received-{len(list(tmp_path.iterdir()))}"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path, name


def items(uploads: Uploads, job_id: str) -> tuple[Item, ...]:
    """The items of a job when it is over."""
    assert uploads.wait(60)
    return next(job for job in uploads.jobs() if job.id == job_id).items


def kept(uploads: Uploads) -> list[str]:
    return sorted(path.name for path in uploads.folder.iterdir() if not path.name.startswith("."))


def present(desk: Desk) -> list[str]:
    return [row.brief_id for row in desk.open().catalogue.briefs()]


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("report.md", "report.md"),
        ("../../etc/passwd.md", "passwd.md"),
        ("..\\..\\boot.md", "boot.md"),
        ("/abs/olute.md", "olute.md"),
        ("...hidden.md", "hidden.md"),
        (".md", "md"),
        ("", "brief"),
        ("..", "brief"),
        ("gnp\u202efdp.md", "gnpfdp.md"),
        ("a\x00b\nc\x1b[31m.md", "abc[31m.md"),
        ("zero\u200bwidth\u2066.txt", "zerowidth.txt"),
        ('a<b>:"c|d?*.md', "a_b___c_d__.md"),
        ("Ünïcödé e\u0301.md", "Ünïcödé é.md"),
        ("x" * 300 + ".jsonl", "x" * 114 + ".jsonl"),
    ],
)
def test_a_name_is_made_safe(given: str, safe: str) -> None:
    assert safe_name(given) == safe


def test_a_name_of_long_characters_fits_the_file_system() -> None:
    name = safe_name("🌍" * 200 + ".md")
    assert len(name) <= MAX_NAME_CHARS
    assert len(name.encode()) <= MAX_NAME_BYTES
    assert name.endswith(".md")


def test_an_uploaded_brief_is_answered_from_by_the_assistant_that_runs(desk: Desk, tmp_path: Path) -> None:
    desk.write("niger.md", NIGER)
    desk.ingest()
    assistant = open_assistant(desk.settings, embeddings=desk.embeddings)
    library = CatalogueLibrary(assistant.catalogue)
    question = "What did Kenya and Norway agree to cooperate on?"
    assert assistant.ask(question).abstained
    assert [row.brief_id for row in library.briefs()] == ["niger"]
    with opened(desk) as uploads:
        job = uploads.add([sent(tmp_path, "talks.md", TALKS)])
        assert items(uploads, job) == (Item("talks.md", "done", 1, path=str(uploads.folder / "talks.md")),)
        quoted = assistant.ask(question).sentences[0]
        assert quoted.text in TALKS
        assert quoted.citations[0].passage.metadata["brief_id"] == "talks"
        assert [row.brief_id for row in library.briefs()] == ["niger", "talks"]
        items(uploads, uploads.remove("talks"))
        assert assistant.ask(question).abstained
        assert [row.brief_id for row in library.briefs()] == ["niger"]


def test_the_received_file_may_be_deleted_at_once(uploads: Uploads, tmp_path: Path) -> None:
    path, name = sent(tmp_path, "finland.md", FINLAND)
    job = uploads.add([(path, name)])
    path.unlink()
    assert items(uploads, job)[0].state == "done"


def test_names_that_clash_are_told_apart_and_the_same_content_is_kept_once(uploads: Uploads, tmp_path: Path) -> None:
    files = [sent(tmp_path, "a.md", FINLAND), sent(tmp_path, "a.md", NIGER), sent(tmp_path, "b.md", FINLAND)]
    done = items(uploads, uploads.add(files))
    assert [(item.name, item.state, item.note) for item in done] == [
        ("a.md", "done", ""),
        ("a-2.md", "done", ""),
        ("a.md", "done", "the same content is there already"),
    ]
    assert kept(uploads) == ["a-2.md", "a.md"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.exe", b"MZ", "has no known suffix"),
        ("noname", b"text", "has no known suffix"),
        ("a.md", b"%PDF-1.7\n", "is named .md but is a PDF"),
        ("a.txt", b"\x89PNG\r\n\x1a\n", "is named .txt but is a picture"),
        ("a.html", b"\x7fELF\x02", "is named .html but is a program"),
        ("a.pdf", b"just text", "is named .pdf but is something else"),
        ("a.docx", b"PK\x03\x04 no archive", "is named .docx but is a zip archive"),
        ("a.json", b"hello", "is named .json but is not JSON"),
        ("a.xml", b"hello", "is named .xml but is not XML"),
        ("a.txt", b"te\x00xt", "is no text"),
        ("a.md", b"", "is empty"),
        ("a.md", b"caf\xe9 in Latin-1", "is not text in UTF-8"),
        ("a.md", b"---\ndate: never\n---\ntext", "date"),
        ("README.md", b"text", "is never read as a brief"),
    ],
)
def test_a_file_that_cannot_be_read_fails_with_its_reason_and_is_not_kept(
    uploads: Uploads, tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    good = sent(tmp_path, "good.md", FINLAND)
    bad, fine = items(uploads, uploads.add([sent(tmp_path, name, content), good]))
    assert (bad.state, fine.state) == ("failed", "done")
    assert reason in bad.note
    assert "\n" not in bad.note
    assert kept(uploads) == ["good.md"]


def test_a_word_file_is_known_by_its_parts(uploads: Uploads, tmp_path: Path) -> None:
    path = tmp_path / "plain.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "text")
    item = items(uploads, uploads.add([(path, "a.docx")]))[0]
    assert item.note.startswith("is named .docx but is a zip archive")


def test_a_file_over_the_limit_is_refused(desk: Desk, tmp_path: Path) -> None:
    settings = desk.settings.model_copy(update={"ingest": IngestSettings(max_bytes=10)})
    uploads = Uploads(settings, embeddings=desk.embeddings)
    item = items(uploads, uploads.add([sent(tmp_path, "a.md", FINLAND)]))[0]
    uploads.close()
    assert "over the limit of 10 bytes" in item.note
    assert not uploads.folder.exists()


def test_more_files_than_are_taken_at_once_are_named_as_left_out(
    uploads: Uploads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.uploads.uploads.MAX_FILES", 1)
    done = items(uploads, uploads.add([sent(tmp_path, "a.md", FINLAND), sent(tmp_path, "b.md", NIGER)]))
    assert [(item.name, item.state) for item in done] == [("a.md", "done"), ("1 more", "failed")]


def test_no_pipe_folder_or_missing_file_is_read(uploads: Uploads, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    files = [(tmp_path / "pipe", "a.md"), (tmp_path, "b.md"), (tmp_path / "none", "c.md")]
    assert {item.state for item in items(uploads, uploads.add(files))} == {"failed"}


def test_an_id_that_another_file_has_is_refused_and_the_file_not_kept(desk: Desk, tmp_path: Path) -> None:
    desk.write("finland.md", FINLAND)
    desk.ingest()
    with opened(desk) as uploads:
        item = items(uploads, uploads.add([sent(tmp_path, "finland.md", "Another text on Finland.")]))[0]
        assert item.state == "failed"
        assert "id 'finland' is already used by" in item.note
        assert kept(uploads) == []
        assert str(uploads.folder / "finland.md") not in desk.open().catalogue.source_paths()


def test_what_was_half_copied_never_becomes_a_brief(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(desk) as uploads:

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("rag.uploads.folder.os.fsync", killed)
        monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)  # a killed process does not tidy up
        with pytest.raises(KeyboardInterrupt):
            uploads.add([sent(tmp_path, "finland.md", FINLAND)])
    monkeypatch.undo()
    parts = list((desk.settings.index / "uploads").iterdir())
    assert [path.suffix for path in parts] == [".part"]
    assert sync(desk.open(), with_uploads(desk.settings.index, [desk.corpus])).added == []
    os.utime(parts[0], (1, 1))
    with opened(desk) as uploads:
        assert list(uploads.folder.iterdir()) == []


def test_what_was_kept_but_not_ingested_is_taken_in_at_the_next_start(desk: Desk) -> None:
    folder = desk.settings.index / "uploads"
    folder.mkdir(parents=True)
    (folder / "finland.md").write_text(FINLAND)
    with opened(desk) as uploads:
        assert uploads.wait(60)
        assert present(desk) == ["finland"]
        (uploads.folder / "finland.md").unlink()
    with opened(desk) as uploads:
        assert uploads.wait(60)
        assert present(desk) == []


@pytest.mark.parametrize(
    ("content", "reason"), [(b"caf\xe9 in Latin-1", "is not text in UTF-8"), (b"x" * 101, "over the limit")]
)
def test_a_file_that_was_kept_before_is_never_deleted_for_a_failure(desk: Desk, content: bytes, reason: str) -> None:
    folder = desk.settings.index / "uploads"
    folder.mkdir(parents=True)
    (folder / "finland.md").write_bytes(content)
    settings = desk.settings.model_copy(update={"ingest": IngestSettings(max_bytes=100)})
    with closing(Uploads(settings, embeddings=desk.embeddings)) as uploads:
        assert uploads.wait(60)
        (resumed,) = uploads.jobs()
        assert resumed.items[0].state == "failed"
        assert reason in resumed.items[0].note
        assert reason in items(uploads, uploads.reingest())[1].note
        assert (folder / "finland.md").read_bytes() == content


def test_uploading_a_removed_brief_again_keeps_the_file_that_restoring_it_needs(
    uploads: Uploads, desk: Desk, tmp_path: Path
) -> None:
    items(uploads, uploads.add([sent(tmp_path, "finland.md", FINLAND)]))
    with desk.open().writing(timeout_s=5) as writer:
        assert writer.catalogue.remove("finland")
    for again in (FINLAND, f"{FINLAND}\n"):
        item = items(uploads, uploads.add([sent(tmp_path, "again.md", again)]))[0]
        assert item.state == "failed"
        assert "removed earlier" in item.note
        assert "`geobrief briefs restore" in item.note
        assert kept(uploads) == ["finland.md"]
    with desk.open().writing(timeout_s=5) as writer:
        assert writer.catalogue.restore("finland")
    items(uploads, uploads.reingest())
    assert present(desk) == ["finland"]


def test_two_users_upload_at_once_and_see_their_own_jobs(uploads: Uploads, desk: Desk, tmp_path: Path) -> None:
    given = [sent(tmp_path, "a.md", f"Text number {n} on harbours.") for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        pairs = enumerate(given)
        jobs = list(pool.map(lambda pair: uploads.add([pair[1]], owner=f"user {pair[0] % 2}"), pairs))
    assert {items(uploads, job)[0].state for job in jobs} == {"done"}
    assert len(present(desk)) == 8
    assert examine(desk.open()) == ()
    assert [len(uploads.jobs(owner=f"user {n}")) for n in range(3)] == [4, 4, 0]


def test_the_same_content_sent_by_eight_at_once_is_one_brief(uploads: Uploads, desk: Desk, tmp_path: Path) -> None:
    given = [sent(tmp_path, f"{n}.md", FINLAND) for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        jobs = list(pool.map(lambda file: uploads.add([file]), given))
    assert {items(uploads, job)[0].state for job in jobs} == {"done"}
    assert (len(kept(uploads)), len(present(desk))) == (1, 1)


def test_another_process_that_writes_is_shown_and_the_file_waits_for_the_next_reading(
    desk: Desk, tmp_path: Path
) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.child_ingest"])
    here, there = context.Pipe()
    with opened(desk, timeout_s=0.2) as uploads:
        child = context.Process(target=hold_lock, args=(desk.settings, there))
        child.start()
        try:
            pid = here.recv()
            job = uploads.add([sent(tmp_path, "a.md", FINLAND), sent(tmp_path, "b.md", NIGER)])
            done = items(uploads, job)
        finally:
            child.kill()
            child.join()
        assert {item.state for item in done} == {"failed"}
        assert "another process is writing" in done[1].note
        assert f"process {pid}" in done[1].note
        items(uploads, uploads.reingest())
        assert sorted(present(desk)) == ["a", "b"]


def test_questions_are_answered_while_a_job_waits_for_the_lock(desk: Desk, tmp_path: Path) -> None:
    desk.write("niger.md", NIGER)
    desk.ingest()
    assistant = open_assistant(desk.settings, embeddings=desk.embeddings)
    with opened(desk) as uploads, locked(desk.settings.index, 5):
        job = uploads.add([sent(tmp_path, "finland.md", FINLAND)])
        time.sleep(0.2)
        assert assistant.ask("Who was detained in Niamey by soldiers?").sentences
        assert next(one for one in uploads.jobs() if one.id == job).items[0].state == "reading"


def test_a_bug_in_one_job_is_told_and_the_next_is_done(
    uploads: Uploads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("rag.uploads.work.sync", lambda *_, **__: 1 / 0)
        item = items(uploads, uploads.add([sent(tmp_path, "a.md", FINLAND)]))[0]
    assert (item.state, item.note) == ("failed", "something went wrong; the log has details")
    assert items(uploads, uploads.add([sent(tmp_path, "b.md", NIGER)]))[0].state == "done"


def test_removing_an_upload_deletes_its_file_and_it_may_come_again(
    uploads: Uploads, desk: Desk, tmp_path: Path
) -> None:
    items(uploads, uploads.add([sent(tmp_path, "finland.md", FINLAND)]))
    assert items(uploads, uploads.remove("finland"))[0].state == "done"
    assert (kept(uploads), present(desk)) == ([], [])
    assert items(uploads, uploads.add([sent(tmp_path, "finland.md", FINLAND)]))[0].state == "done"
    assert present(desk) == ["finland"]


def test_removing_a_brief_of_a_folder_is_refused_with_its_path(desk: Desk) -> None:
    path = desk.write("finland.md", FINLAND)
    desk.ingest()
    with opened(desk) as uploads:
        item = items(uploads, uploads.remove("finland"))[0]
        assert item.state == "failed"
        assert f"its file {path} would bring it back" in item.note
        assert path.exists()
        assert present(desk) == ["finland"]
        assert "there is no brief 'none'" in items(uploads, uploads.remove("none"))[0].note


def test_forgetting_leaves_no_word_of_a_brief_and_keeps_its_text_out(
    uploads: Uploads, desk: Desk, tmp_path: Path
) -> None:
    items(uploads, uploads.add([sent(tmp_path, "finland.md", "Zanzibarquux was seen in Turku.")]))
    items(uploads, uploads.forget("finland"))
    held = [path for path in desk.settings.index.rglob("*") if path.is_file()]
    assert [path for path in held if b"anzibarquux" in path.read_bytes()] == []
    again = items(uploads, uploads.add([sent(tmp_path, "other.md", "Zanzibarquux was seen in Turku.")]))[0]
    assert again.state == "failed"
    assert "was removed earlier" in again.note
    assert kept(uploads) == []


def test_forgetting_a_brief_of_a_folder_leaves_the_file(desk: Desk) -> None:
    path = desk.write("finland.md", FINLAND)
    desk.ingest()
    with opened(desk, roots=(desk.corpus,)) as uploads:
        assert items(uploads, uploads.forget("finland"))[0].state == "done"
        items(uploads, uploads.reingest())
        assert path.exists()
        assert present(desk) == []


def test_a_file_of_several_briefs_is_removed_whole_and_forgotten_one_by_one(
    uploads: Uploads, desk: Desk, tmp_path: Path
) -> None:
    lines = '{"id": "one", "text": "One text."}\n{"id": "two", "text": "Two texts."}\n'
    assert items(uploads, uploads.add([sent(tmp_path, "both.jsonl", lines)]))[0].chunks == 2
    removal = uploads.removal("one")
    assert removal is not None
    assert removal.others == ("two",)
    items(uploads, uploads.forget("one"))
    assert (kept(uploads), present(desk)) == (["both.jsonl"], ["two"])
    items(uploads, uploads.remove("two"))
    assert (kept(uploads), present(desk)) == ([], [])


def test_reading_again_follows_known_files_and_reads_no_neighbour_of_one_that_was_named_alone(
    desk: Desk, tmp_path: Path
) -> None:
    named, gone = desk.write("named.md", FINLAND), desk.write("gone.md", NIGER)
    desk.write("private.md", "A private note.")
    desk.ingest(named, gone)
    named.write_text(f"{FINLAND} Sweden followed.")
    gone.unlink()
    with opened(desk) as uploads:
        item = items(uploads, uploads.reingest())[0]
        assert (item.state, item.note) == ("done", "1 updated, 1 withdrawn")
        assert present(desk) == ["named"]
    with opened(desk, roots=(desk.corpus,)) as uploads:
        assert items(uploads, uploads.reingest())[0].note == "1 added, 1 unchanged"


def test_reading_again_keeps_the_briefs_of_a_folder_that_is_missing(desk: Desk) -> None:
    desk.write("finland.md", FINLAND)
    desk.ingest()
    desk.corpus.rename(desk.corpus.with_name("unmounted"))
    with opened(desk) as uploads:
        items(uploads, uploads.reingest())
        assert present(desk) == ["finland"]


def test_an_ingest_with_prune_of_other_folders_keeps_uploads_and_a_rebuild_takes_them_in(
    uploads: Uploads, desk: Desk, tmp_path: Path
) -> None:
    items(uploads, uploads.add([sent(tmp_path, "finland.md", FINLAND)]))
    desk.write("niger.md", NIGER)
    report = sync(desk.open(), [desk.corpus], prune=True)
    assert (report.added, report.removed) == (["niger"], [])
    report = sync(desk.open(), with_uploads(desk.settings.index, [desk.corpus]), prune=True)
    assert (sorted(report.unchanged), report.removed) == (["finland", "niger"], [])
    elsewhere = open_index(Settings(index=tmp_path / "rebuilt"), create=True, embeddings=desk.embeddings)
    assert sorted(sync(elsewhere, with_uploads(desk.settings.index, [desk.corpus])).added) == ["finland", "niger"]


def test_closing_ends_after_the_file_under_way_and_the_rest_is_taken_in_at_the_next_start(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slowly(*given: object, **options: object) -> object:
        begun.set()
        assert go_on.wait(20)
        return sync(*given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("rag.uploads.work.sync", slowly)
    uploads = Uploads(desk.settings, embeddings=desk.embeddings)
    uploads.add([sent(tmp_path, "a.md", FINLAND), sent(tmp_path, "b.md", NIGER)])
    assert begun.wait(20)
    closing = threading.Thread(target=uploads.close)
    closing.start()
    time.sleep(0.1)
    go_on.set()
    closing.join(20)
    assert (present(desk), kept(uploads)) == (["a"], ["a.md", "b.md"])
    with opened(desk) as after:
        assert after.wait(60)
        assert sorted(present(desk)) == ["a", "b"]
