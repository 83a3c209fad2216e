from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import watchfiles
from filelock import FileLock

from rag.cli.corpus import briefs_app
from rag.cli.feedback import feedback_app
from rag.cli.keys import keys_app
from rag.cli.main import INTERRUPTED, app, run
from rag.cli.render import MAX_LINES
from rag.cli.users import users_app
from rag.lock import LOCK_FILE
from rag.printable import printable

FINLAND = "Finland joined NATO on 4 April 2023. It became the 31st member of the Alliance."


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GEOBRIEF_INDEX", str(tmp_path / "index"))
    monkeypatch.setenv("GEOBRIEF_EMBEDDING__MODEL", "tests.fakes:HashEmbeddings")
    monkeypatch.setenv("GEOBRIEF_ANSWER__THRESHOLD", "0.3")
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "finland.md").write_text(f"---\ntitle: Finland joins\ndate: 2023-04-04\nsource: Desk\n---\n{FINLAND}")
    return folder


@pytest.fixture
def ingested(corpus: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert run(["ingest", str(corpus)]) == 0
    capsys.readouterr()
    return corpus


def test_ingest_prints_one_json_object_and_nothing_else_on_stdout(
    corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (corpus / "bad.md").write_text("---\ndate: nonsense\n---\ntext")
    assert run(["ingest", str(corpus), "--json"]) == 3
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert (report["added"], report["updated"], report["unchanged"], report["removed"]) == (["finland"], [], [], [])
    assert [set(failure) for failure in report["failed"]] == [{"path", "reason"}]
    assert (report["chunks_embedded"], report["chunks_total"]) == (1, 1)
    assert isinstance(report["seconds"], float)
    assert "bad.md" in captured.err


def test_dry_run_says_what_would_happen_and_makes_no_index(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["ingest", str(corpus), "--dry-run"]) == 0
    assert "would be: 1 added" in capsys.readouterr().out
    assert not (tmp_path / "index").exists()


def _watching(monkeypatch: pytest.MonkeyPatch, steps: list[Callable[[], object]]) -> None:
    """Take a step after each look for changes that has been acted on, and then press Ctrl-C."""
    looked = watchfiles.watch

    def watch(*paths: str, **options: Any) -> Iterator[set[Any]]:
        for changes, step in zip(looked(*paths, **options), steps, strict=False):
            yield changes
            step()
        raise KeyboardInterrupt

    monkeypatch.setattr(watchfiles, "watch", watch)


def test_watch_ingests_at_once_and_what_changes_and_passes_over_what_it_writes(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def change() -> None:
        (corpus / "niger.md").write_text("Soldiers detained President Bazoum in Niamey on 26 July 2023.")

    monkeypatch.chdir(corpus)
    monkeypatch.delenv("GEOBRIEF_INDEX")
    _watching(monkeypatch, [lambda: None, lambda: None, change, lambda: None, lambda: None])
    assert run(["ingest", ".", "--watch"]) == INTERRUPTED
    told = capsys.readouterr()
    assert f"watching {corpus};" in told.err
    assert [line.split(";")[0] for line in told.out.splitlines()] == ["1 added, 0 unchanged", "1 added, 1 unchanged"]


def test_watch_goes_on_when_another_process_writes(
    ingested: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = FileLock(ingested.parent / "index" / LOCK_FILE)
    lock.acquire()
    _watching(monkeypatch, [lock.release, lambda: None])
    assert run(["ingest", str(ingested), "--watch", "--lock-timeout", "0"]) == INTERRUPTED
    told = capsys.readouterr()
    assert "is being written by" in told.err
    assert told.out.startswith("0 added, 1 unchanged;")


def test_ask_prints_the_answer_with_its_citation(ingested: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ask", "When did Finland join NATO?"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Finland joined NATO on 4 April 2023. [1]"
    assert "[1] Finland joins · 2023-04-04 · Desk" in lines
    assert any("finland, characters 0-36, text sha256" in line for line in lines)
    assert len(lines) <= MAX_LINES


def test_a_refusal_is_a_success(ingested: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ask", "Who won the 2022 World Cup?"]) == 0
    assert "corpus does not say" in capsys.readouterr().out


def test_ask_reads_the_question_from_standard_input(
    ingested: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import io

    monkeypatch.setattr(sys, "stdin", io.StringIO("When did Finland join NATO?\n"))
    assert run(["ask", "-"]) == 0
    assert "4 April 2023" in capsys.readouterr().out


@pytest.mark.parametrize("question", ["When did Finland join NATO?", "Who won the 2022 World Cup?"])
@pytest.mark.parametrize(
    "scope", [[], ["--from", "2023", "--region", "europe", "--as-of", "2024-05", "--brief", "b", "--brief", "c"]]
)
def test_ask_json_keeps_to_the_schema(
    ingested: Path, capsys: pytest.CaptureFixture[str], question: str, scope: list[str]
) -> None:
    schema = json.loads((Path(__file__).parent.parent / "rag/schema/answer.schema.json").read_text())
    assert run(["ask", question, "--json", *scope]) == 0
    answer = json.loads(capsys.readouterr().out)
    jsonschema.validate(answer, schema)
    assert answer["question"] == question
    assert (answer["usage"], answer["schema_version"]) == (None, 1)
    assert 0 <= answer["answerable"] <= 1
    assert all(passage["score"] is None or 0 <= passage["score"] <= 1 for passage in answer["evidence"])
    assert answer["abstained"] == (not answer["sentences"])
    assert answer["scope"]["as_of"] == ("2024-05-31" if scope else None)
    assert answer["scope"]["briefs"] == (["b", "c"] if scope else [])


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("2024-05", "2024-05-31T23:59:59.999999+00:00"),
        ("2024-05-01T12:00", "2024-05-01T12:00:00"),
        ("2024-05-01T12:00+02:00", "2024-05-01T12:00:00+02:00"),
    ],
)
def test_what_was_known_before_the_first_ingest_answers_nothing(
    ingested: Path, capsys: pytest.CaptureFixture[str], given: str, meant: str
) -> None:
    assert run(["ask", "When did Finland join NATO?", "--json", "--as-known-at", given]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["scope"]["as_known_at"], answer["evidence"]) == (meant, [])
    assert run(["search", "When did Finland join NATO?", "--json", "--as-known-at", given]) == 0
    assert json.loads(capsys.readouterr().out)["passages"] == []
    assert run(["ask", "When did Finland join NATO?", "--as-known-at", "2100"]) == 0
    assert "4 April 2023" in capsys.readouterr().out


@pytest.mark.parametrize(
    "given", ["yesterday", "2024-13", "2024-05-01T25:00", "0001-01-01T00:00+23:00", "9999-12-31T23:00-23:00"]
)
def test_a_moment_that_is_none_is_wrong_usage(ingested: Path, given: str) -> None:
    assert run(["ask", "When did Finland join NATO?", "--as-known-at", given]) == 2


def test_verify_accepts_an_exported_answer_and_fails_a_tampered_one(
    ingested: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["ask", "When did Finland join NATO?", "--json"])
    exported = tmp_path / "answer.json"
    exported.write_text(capsys.readouterr().out)
    assert run(["verify", str(exported)]) == 0
    assert capsys.readouterr().out.startswith("holds: [1] finland 0-36")
    forged = json.loads(exported.read_text())
    forged["sentences"].append({"text": "Finland left NATO in 2025.", "support": 1.0, "citations": []})
    (tmp_path / "forged.json").write_text(json.dumps(forged))
    assert run(["verify", str(tmp_path / "forged.json")]) == 1
    assert "uncited: “Finland left NATO in 2025.”" in capsys.readouterr().out
    exported.write_text(exported.read_text().replace("4 April 2023", "5 April 2023"))
    assert run(["verify", str(exported)]) == 1
    assert capsys.readouterr().out.startswith("changed:")


def test_verify_of_something_else_names_the_remedy(
    ingested: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.json").write_text("{}")
    assert run(["verify", str(tmp_path / "x.json")]) == 2
    assert "ask --json" in capsys.readouterr().err


def test_search_shows_passages_without_answering(ingested: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["search", "Alliance member"]) == 0
    assert capsys.readouterr().out.startswith("[1] Finland joins · 2023-04-04 · Desk\n    Finland joined NATO")


def test_briefs_list_show_remove_restore_and_forget(ingested: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["briefs", "list"]) == 0
    assert capsys.readouterr().out == "finland  2023-04-04  Finland joins  (1 chunk)\n"
    assert run(["briefs", "show", "finland"]) == 0
    assert FINLAND in capsys.readouterr().out
    assert run(["briefs", "remove", "finland"]) == 0
    assert run(["briefs", "restore", "finland"]) == 0
    assert run(["ingest", str(ingested)]) == 0
    assert run(["forget", "finland"]) == 0
    capsys.readouterr()
    assert run(["briefs", "list"]) == 0
    assert capsys.readouterr().out == ""
    assert run(["briefs", "show", "finland"]) == 2


def test_doctor_says_sound_or_exits_with_one(ingested: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import shutil

    assert run(["doctor"]) == 0
    assert capsys.readouterr().out == "sound: 1 briefs, 1 chunks\n"
    shutil.rmtree(ingested.parent / "index" / "chroma")
    assert run(["doctor"]) == 1
    assert run(["doctor", "--repair"]) == 0
    assert run(["ask", "When did Finland join NATO?"]) == 0


def test_doctor_tells_of_an_ingest_that_runs(ingested: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FileLock(ingested.parent / "index" / LOCK_FILE):
        assert run(["doctor"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told == ["an ingest is running; what it has not finished was left out", "sound: 1 briefs, 1 chunks"]


def test_chat_takes_what_was_said_before_into_account(
    ingested: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = iter(["When did Finland join NATO?", "And when?", ""])
    monkeypatch.setattr("builtins.input", lambda prompt: next(lines))
    assert run(["chat"]) == 0
    assert "(understood as: When did Finland join NATO? And when?)" in capsys.readouterr().out


def test_every_command_has_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    names = [[c.name or c.callback.__name__] for c in app.registered_commands if c.callback]
    groups = {"briefs": briefs_app, "feedback": feedback_app, "keys": keys_app, "users": users_app}
    grouped = [
        [group, c.name or c.callback.__name__]
        for group, made in groups.items()
        for c in made.registered_commands
        if c.callback
    ]
    assert len(names) + len(grouped) == 20
    for words in names + grouped:
        assert run([*words, "--help"]) == 0
        assert "Example: geobrief" in capsys.readouterr().out, words


def test_control_characters_of_a_brief_never_reach_the_terminal() -> None:
    assert printable("a\x1b[31mb\x07c\u202ed\u200be\tf\n") == "a�[31mb�c�d�e\tf\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ask", "x", "--from", "soon"], "--from"),
        (["ask", "x", "--from", "2024", "--to", "2023"], "is after"),
        (["ask", "x", "--config", "nowhere.toml"], "nowhere.toml"),
        (["nonsense"], "nonsense"),
        (["ask"], "question"),
    ],
)
def test_wrong_usage_exits_with_two_and_names_what_is_wrong(
    ingested: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert run(arguments) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["briefs", "show", "\udcff"],
        ["forget", "\udcff"],
        ["ask", "\udcff"],
        *(["search", "x", option, "\udcff"] for option in ("--region", "--source", "--topic", "--brief", "--as-of")),
        ["doctor", "--index", "\udcff"],
        ["eval", "--dataset", "\udcff"],
    ],
)
def test_an_argument_that_is_not_utf8_is_wrong_usage(
    ingested: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert run(arguments) == 2
    told = capsys.readouterr().err
    assert told.startswith("geobrief: ")
    assert "\\udcff" in told or "�" in told


@pytest.mark.parametrize("command", [["ask", "-"], ["search", "-"], ["chat"]])
def test_standard_input_that_is_not_utf8_is_wrong_usage(
    ingested: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"Who met in the caf\xe9?\n"), "utf-8"))
    assert run(command) == 2
    assert "standard input is not text in utf-8" in capsys.readouterr().err


def _modules_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "code",
    ["import rag", "import rag.cli", "from rag.cli.main import run; run(['--help'])", "import rag.ui"],
)
def test_what_starts_quickly_imports_nothing_heavy(code: str) -> None:
    heavy = {"torch", "chromadb", "gradio", "transformers", "sentence_transformers", "langchain_core", "sqlalchemy"}
    assert _modules_after(code) & heavy == set()


def test_an_unchanged_corpus_needs_neither_model_nor_vector_store(ingested: Path) -> None:
    code = f"from rag.cli.main import run; assert run(['ingest', {str(ingested)!r}]) == 0"
    assert _modules_after(code) & {"torch", "chromadb", "sentence_transformers"} == set()


def test_help_answers_at_once() -> None:
    times = []
    for _ in range(3):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "rag", "--help"], capture_output=True, check=True)
        times.append(time.perf_counter() - started)
    assert min(times) < 1.5


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"geobrief {metadata.version('geobrief')}\n"
