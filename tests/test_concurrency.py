"""One writer at a time; readers beside it, in threads and in other processes, notice what it wrote."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from rag.answer import Answer
from rag.assistant import Assistant
from rag.build import open_assistant
from rag.catalogue import CatalogueWriter
from rag.catalogue.database import SqliteDatabase
from rag.catalogue.store import generation
from rag.cli.main import run
from rag.errors import IndexLocked
from rag.index import Index
from rag.ingest import SyncLimits, sync
from tests.child_ingest import Job, hold_lock
from tests.conftest import Desk
from tests.contracts import check_a_transaction_sees_one_moment

FINLAND = "Finland joined NATO on 4 April 2023. It became the 31st member."
NIGER = "Soldiers detained President Bazoum in Niamey on 26 July 2023."
FAKE_MODEL = "tests.fakes:HashEmbeddings"


def test_a_transaction_sees_one_moment(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite3"
    reader, writer = SqliteDatabase(path, create=True), SqliteDatabase(path, create=False)
    check_a_transaction_sees_one_moment(reader, writer)


def test_who_writes_waits_for_other_writers_before_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite3"
    first, second = SqliteDatabase(path, create=True), SqliteDatabase(path, create=True)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda n: CatalogueWriter((first, second)[n % 2]).touch(), range(100)))
    with first.transaction() as connection:
        assert generation(connection) == 100


def test_a_catalogue_that_another_process_writes_is_compacted_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.catalogue.database.BUSY_TIMEOUT_S", 0.1)
    path = tmp_path / "catalogue.sqlite3"
    first, second = SqliteDatabase(path, create=True), SqliteDatabase(path, create=True)
    with first.writing(), pytest.raises(IndexLocked, match="busy"):
        second.compact()
    second.compact()


@contextmanager
def another_writer(desk: Desk) -> Iterator[tuple[int, Callable[[], None]]]:
    """A process that holds the index's lock: its id, and what makes it let go."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.child_ingest"])
    here, there = context.Pipe()
    child = context.Process(target=hold_lock, args=(desk.settings, there))
    child.start()
    try:
        yield here.recv(), lambda: here.send("let go")
    finally:
        child.kill()
        child.join()


def ingest_elsewhere(desk: Desk) -> None:
    """Ingest in another process."""
    Job(desk.settings, desk.corpus).run()


def passages(assistant: Assistant, question: str) -> list[str]:
    return [passage.page_content for passage in assistant.retriever.search(question)]


def check_spans(index: Index, answer: Answer) -> None:
    """Every passage, and every quote, is exactly the span of a version of its brief."""
    for passage in answer.evidence:
        data = passage.metadata
        texts = {version.text_sha256: version.text for version in index.catalogue.versions(data["brief_id"])}
        text = texts[data["text_sha256"]]
        assert passage.page_content == text[data["start"] : data["end"]]
        for sentence in answer.sentences:
            for citation in sentence.citations:
                if citation.passage is passage:
                    assert text[citation.start : citation.end] == citation.quote


def test_a_second_writer_waits_for_the_first(desk: Desk) -> None:
    desk.write("finland.md", FINLAND)
    with another_writer(desk) as (_, let_go):
        threading.Timer(0.3, let_go).start()
        started = time.monotonic()
        assert desk.ingest().added == ["finland"]
        assert time.monotonic() - started >= 0.3


def test_a_second_writer_that_waited_too_long_is_told_who_writes(desk: Desk) -> None:
    desk.write("finland.md", FINLAND)
    with another_writer(desk) as (pid, _), pytest.raises(IndexLocked) as caught:
        sync(desk.open(), [desk.corpus], limits=SyncLimits(lock_timeout_s=0.1))
    assert f"is being written by process {pid} on " in str(caught.value)
    assert "waited 0.1 s; try again later, or wait longer with --lock-timeout" in str(caught.value)


@pytest.mark.parametrize(
    "command",
    [
        ["ingest", "CORPUS"],
        ["forget", "finland"],
        ["briefs", "remove", "finland"],
        ["briefs", "restore", "finland"],
    ],
)
def test_a_command_that_finds_the_index_locked_leaves_with_4(
    desk: Desk, command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GEOBRIEF_EMBEDDING__MODEL", FAKE_MODEL)
    desk.write("finland.md", FINLAND)
    desk.ingest()
    arguments = [str(desk.corpus) if word == "CORPUS" else word for word in command]
    with another_writer(desk) as (pid, _):
        code = run([*arguments, "--index", str(desk.settings.index), "--lock-timeout", "0.1"])
    told = capsys.readouterr()
    assert (code, told.out) == (4, "")
    assert f"process {pid} on " in told.err


def test_reading_does_not_wait_for_a_writer(desk: Desk) -> None:
    desk.write("finland.md", FINLAND)
    desk.ingest()
    with another_writer(desk):
        assert desk.found("Finland") == ["finland"]


def test_an_assistant_sees_what_another_process_ingested_since_it_was_opened(desk: Desk) -> None:
    desk.write("finland.md", FINLAND)
    desk.ingest()
    assistant = open_assistant(desk.settings, embeddings=desk.embeddings)
    assert passages(assistant, "Niamey") == [FINLAND]
    desk.write("niger.md", NIGER)
    ingest_elsewhere(desk)
    assert passages(assistant, "Bazoum in Niamey")[0] == NIGER
    found = assistant.retriever.search("Bazoum in Niamey")[0]
    assert found.metadata["ranks"] == {"dense": 1, "lexical": 1}


def test_an_assistant_no_longer_quotes_what_another_process_updated(desk: Desk) -> None:
    desk.write("talks.md", "The talks will be held in Oslo.", title="Talks")
    desk.ingest()
    assistant = open_assistant(desk.settings, embeddings=desk.embeddings)
    assert passages(assistant, "Where will the talks be held?") == ["The talks will be held in Oslo."]
    desk.write("talks.md", "The talks will be held in Geneva.", title="Talks")
    ingest_elsewhere(desk)
    assert passages(assistant, "Where will the talks be held?") == ["The talks will be held in Geneva."]


def test_an_assistant_no_longer_quotes_what_another_process_forgot(desk: Desk) -> None:
    desk.write("finland.md", FINLAND)
    desk.write("niger.md", NIGER)
    desk.ingest()
    assistant = open_assistant(desk.settings, embeddings=desk.embeddings)
    assert NIGER in passages(assistant, "Niamey")
    Job(desk.settings, desk.corpus, action="niger").run()
    assert passages(assistant, "Niamey") == [FINLAND]


def test_an_assistant_survives_a_repair_by_another_process(desk: Desk) -> None:
    desk.write("finland.md", FINLAND)
    desk.ingest()
    assistant = open_assistant(desk.settings, embeddings=desk.embeddings)
    assert passages(assistant, "Finland") == [FINLAND]
    for path in (desk.settings.index / "chroma").glob("*.sqlite3"):
        path.write_bytes(b"garbage" * 1000)
    Job(desk.settings, desk.corpus, action="repair").run()
    assert assistant.retriever.search("Finland")[0].metadata["ranks"] == {"dense": 1, "lexical": 1}


def test_a_reader_beside_a_writer_never_fails_and_never_misquotes(desk: Desk) -> None:
    """The writer adds and updates more than a thousand chunks, so that Chroma saves its graph meanwhile."""
    for name in range(12):
        desk.write(f"brief{name}.md", long_text(name, "first"), title=f"Report {name}")
    desk.ingest(desk.corpus / "brief0.md", desk.corpus / "brief1.md")
    desk.write("brief0.md", long_text(0, "second"), title="Report 0")
    index = desk.open()
    assistant = open_assistant(desk.settings, embeddings=desk.embeddings)
    child, receiver = Job(desk.settings, desk.corpus).start()
    n_asked = 0
    while not receiver.poll(0):
        n_asked += 1
        answer = assistant.ask(f"What is the codeword of paragraph {n_asked} of report {n_asked % 2}?")
        check_spans(index, answer)
        assert answer.evidence != ()
    child.join()
    assert child.exitcode == 0
    assert n_asked >= 5
    assert index.catalogue.count_chunks() > 1000
    assert len(list(desk.settings.index.glob("chroma/*/index_metadata.pickle"))) == 1
    assert len(index.catalogue.briefs()) == 12


def long_text(name: int, edition: str) -> str:
    words = f"of report {name} in its {edition} edition, which all must keep to themselves until the talks are over"
    return "\n\n".join(f"The codeword of paragraph {n} {words}, is number {n * 7919 + name}." * 4 for n in range(110))


def test_threads_that_ask_at_once_get_the_answers_that_one_gets(desk: Desk) -> None:
    desk.write("finland.md", FINLAND)
    desk.write("niger.md", NIGER)
    desk.ingest()
    questions = ["When did Finland join NATO?", "Who was detained in Niamey?", "Finland", "Niamey"] * 8
    assistant = open_assistant(desk.settings, embeddings=desk.embeddings)
    expected = [assistant.ask(question).text for question in questions]
    fresh = open_assistant(desk.settings, embeddings=desk.embeddings)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda question: fresh.ask(question).text, questions)) == expected


def test_threads_with_an_assistant_each_can_ask_at_once_while_the_index_changes(desk: Desk) -> None:
    desk.write("finland.md", FINLAND)
    desk.ingest()
    assistants = [open_assistant(desk.settings, embeddings=desk.embeddings) for _ in range(4)]
    done = threading.Event()

    def ask_until_done(assistant: Assistant) -> int:
        asked = 0
        while not done.is_set():
            assert FINLAND in passages(assistant, "Finland NATO member")
            asked += 1
        return asked

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask_until_done, assistant) for assistant in assistants]
        for n in range(10):
            desk.write("niger.md", f"{NIGER} It was day {n}.")
            desk.ingest()
        done.set()
        assert min(future.result() for future in asking) >= 1


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files by /proc")
def test_a_reader_does_not_collect_open_files_as_the_index_changes(desk: Desk) -> None:
    desk.write("finland.md", FINLAND)
    desk.ingest()
    assistant = open_assistant(desk.settings, embeddings=desk.embeddings)
    index = desk.open()
    opened = []
    for n in range(24):
        with index.writing(timeout_s=5) as writer:
            writer.catalogue.touch()
        assert passages(assistant, f"Finland {n}") == [FINLAND]
        opened.append(len(os.listdir("/proc/self/fd")))
    assert max(opened[12:]) <= max(opened[:12]) + 6
