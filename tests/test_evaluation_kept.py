"""Reports that are kept: read back whole, limited in number, and harmless where their files are not."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rag.cli.main import run
from rag.errors import UsageError
from rag.evaluation import kept
from rag.evaluation.compare import read_report
from rag.evaluation.kept import keep_report, kept_reports, read_kept, reports_folder
from rag.evaluation.records import Report
from tests.test_evaluation_report import make_report
from tests.test_evaluation_run import QUESTIONS, TEXTS, write_lines

START = datetime(2026, 2, 3, 10, 11, 12, tzinfo=UTC)


def dated(n: int, *, questions: int = 2) -> Report:
    """A report that is made `n` minutes after the start."""
    return make_report(questions, seed=n).model_copy(update={"made_at": (START + timedelta(minutes=n)).isoformat()})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index" / "reports"


def test_a_report_is_read_back_whole(folder: Path) -> None:
    report = make_report(6)
    assert any(hit.start is None for record in report.records for hit in record.hits)
    path = keep_report(report, folder)
    assert read_kept(folder, path.name) == report
    assert read_report(path) == report


def test_the_list_tells_what_was_measured_newest_first(folder: Path) -> None:
    older, newer = keep_report(dated(1), folder), keep_report(dated(90), folder)
    first, second = kept_reports(folder)
    assert [first.name, second.name] == [newer.name, older.name]
    assert newer.name.startswith("20260203T114112Z-SQuAD-2.0-dev-")
    assert (first.dataset, first.split, first.n_questions) == ("SQuAD 2.0 dev", "dev", 2)
    assert first.made_at == START + timedelta(minutes=90)
    assert first.systems == tuple(system.name for system in make_report(2).systems if system.kind != "first passage")
    assert first.unreadable is None


def test_a_folder_that_is_missing_holds_no_report(folder: Path) -> None:
    assert kept_reports(folder) == ()
    with pytest.raises(UsageError, match="no report"):
        read_kept(folder, "a.json")


def test_only_the_newest_stay_and_files_of_others_are_never_deleted(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "mine.json").write_text("{}")
    (folder / "notes.txt").write_text("x")
    for n in (3, 1, 5, 2, 4):
        keep_report(dated(n), folder, most=3)
    # Report 2 came when 3, 1 and 5 were there; the one just written always stays, then the oldest goes.
    minutes = [(one.made_at - START) // timedelta(minutes=1) for one in kept_reports(folder) if not one.unreadable]
    assert minutes == [5, 4, 3]
    assert (folder / "mine.json").read_text() == "{}"
    assert (folder / "notes.txt").exists()


def test_a_report_stays_though_the_clock_was_set_back(folder: Path) -> None:
    for n in (10, 11, 12):
        keep_report(dated(n), folder, most=2)
    late = keep_report(dated(1), folder, most=2)
    assert {one.name for one in kept_reports(folder)} == {late.name, keep_report(dated(12), folder, most=2).name}


def test_a_name_outside_the_list_is_refused(folder: Path, tmp_path: Path) -> None:
    inside = keep_report(make_report(2), folder)
    secret = tmp_path / "index" / "secret.json"
    secret.write_bytes(inside.read_bytes())
    (folder / "link.json").symlink_to(secret)
    (folder / ".hidden.json").write_bytes(inside.read_bytes())
    (folder / "folder.json").mkdir()
    assert [one.name for one in kept_reports(folder)] == [inside.name]
    names = ("../secret.json", str(secret), "link.json", ".hidden.json", "folder.json", "", ".", "..", "a\0b.json")
    for name in (*names, f"./{inside.name}", f"../reports/{inside.name}", inside.name.removesuffix(".json")):
        with pytest.raises(UsageError, match="no report"):
            read_kept(folder, name)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda whole: b"", "EOF"),
        (lambda whole: b"\x00\xff\xfe", "expected value"),
        (lambda whole: b"[1, 2]\n}", "it is not a report"),
        (lambda whole: b'{"version": 1}', "it is not a report"),
        (lambda whole: b'{"version": 1, "made_at": [], "dataset": 3, "systems": 4}', "Invalid isoformat"),
        (lambda whole: whole.replace(b'"version":1', b'"version":99', 1), "version 99"),
        (lambda whole: whole[: len(whole) // 2], "it is cut short"),
        (lambda whole: b"[" * 100_000 + b"}", "recursion limit"),
    ],
)
def test_a_broken_file_is_listed_with_its_reason(folder: Path, spoil: Callable[[bytes], bytes], said: str) -> None:
    good = keep_report(dated(1), folder)
    bad = folder / "20260203T101112Z-bad-0123456789ab.json"
    bad.write_bytes(spoil(good.read_bytes()))
    listed = {one.name: one for one in kept_reports(folder)}
    assert listed[good.name].unreadable is None
    assert said in (listed[bad.name].unreadable or "")
    with pytest.raises(UsageError) as raised:
        read_kept(folder, bad.name)
    assert str(folder) not in str(raised.value)


def test_text_of_a_listed_report_is_printable(folder: Path) -> None:
    report = make_report(2)
    info = report.dataset.model_copy(update={"name": "\x1b[31m../../a\u202e\n" + "x" * 500})
    path = keep_report(report.model_copy(update={"dataset": info}), folder)
    assert path.parent == folder
    (listed,) = kept_reports(folder)
    assert listed.dataset.startswith("�[31m../../a�")
    assert len(listed.dataset) <= kept._LABEL_CHARS + 2


def test_a_write_that_fails_leaves_what_was_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_report(dated(1), folder)
    before = sorted(os.listdir(folder))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        keep_report(dated(2), folder)
    assert sorted(os.listdir(folder)) == before


def test_evaluations_that_end_together_keep_whole_reports(folder: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: keep_report(dated(n), folder, most=20), range(40)))
    keep_report(dated(99), folder, most=20)
    listed = kept_reports(folder)
    assert len(listed) == 20
    assert [read_kept(folder, one.name).made_at for one in listed]
    assert len(os.listdir(folder)) == 20


def test_a_report_that_is_too_large_is_kept_without_its_questions(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = make_report(30)
    monkeypatch.setattr(kept, "MOST_BYTES", len(report.model_dump_json()) // 2)
    read = read_kept(folder, keep_report(report, folder).name)
    assert read.records == ()
    assert read.systems == report.systems
    assert read.notes[-1].startswith("the questions are left out")


def test_the_command_keeps_its_report_unless_told_not_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data, index = tmp_path / "small", tmp_path / "index"
    data.mkdir()
    write_lines(data / "corpus.jsonl", [{"id": i, "title": t, "text": text} for i, (t, text) in TEXTS.items()])
    write_lines(data / "questions.jsonl", QUESTIONS)
    monkeypatch.setenv("GEOBRIEF_EMBEDDING__MODEL", "tests.fakes:HashEmbeddings")
    command = ["eval", "--dataset", str(data), "--work", str(tmp_path / "work"), "--systems", "bm25"]
    assert run([*command, "--index", str(index), "--no-keep"]) == 0
    assert not index.exists()
    assert run([*command, "--index", str(index)]) == 0
    (listed,) = kept_reports(reports_folder(index))
    assert (listed.dataset, listed.systems) == ("small", ("bm25",))
    monkeypatch.setenv("GEOBRIEF_INDEX", str(tmp_path / "other"))
    assert run(command) == 0
    assert len(kept_reports(reports_folder(tmp_path / "other"))) == 1
    (tmp_path / "file").write_text("in the way")
    capsys.readouterr()
    assert run([*command, "--index", str(tmp_path / "file"), "--json", str(tmp_path / "a.json")]) == 0
    printed = capsys.readouterr()
    assert "the report is not kept" in printed.err
    assert "bm25" in printed.out
    assert (tmp_path / "a.json").exists()
