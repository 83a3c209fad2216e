"""Bad input gets a message that names it and the remedy, the right exit code, and nothing is lost."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from fpdf import FPDF
from pypdf import PdfReader, PdfWriter

from rag.cli.main import run
from rag.load import SourceFile
from tests.conftest import Desk
from tests.fakes import HashEmbeddings

REPOSITORY = Path(__file__).parents[1]
FAKE_MODEL = "tests.fakes:HashEmbeddings"
FINLAND = "Finland joined NATO on 4 April 2023. It became the 31st member."
NIGER = "Soldiers detained President Bazoum in Niamey on 26 July 2023."
NOISE = random.Random(7).randbytes(20_000)


class OtherEmbeddings(HashEmbeddings):
    identity = "other-model"


@dataclass
class Told:
    """What a command left with and said."""

    code: int
    out: str
    err: str


Geobrief = Callable[..., Told]


@pytest.fixture
def geobrief(desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Geobrief:
    """The command line on the desk's index, in this process and with the quick fake model."""
    monkeypatch.setenv("GEOBRIEF_EMBEDDING__MODEL", FAKE_MODEL)
    monkeypatch.setenv("GEOBRIEF_INDEX", str(desk.settings.index))
    monkeypatch.chdir(desk.corpus.parent)

    def call(*arguments: str | Path) -> Told:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        told = capsys.readouterr()
        assert "Traceback" not in told.out + told.err
        return Told(code, told.out, told.err)

    return call


@pytest.fixture
def stocked(desk: Desk, geobrief: Geobrief) -> Desk:
    """A desk whose index holds one brief."""
    desk.write("finland.md", FINLAND, date="2023-04-04")
    assert geobrief("ingest", desk.corpus).code == 0
    return desk


def answers(geobrief: Geobrief) -> bool:
    """Whether the brief of a stocked desk is still found and quoted."""
    told = geobrief("ask", "When did Finland join NATO?")
    return told.code == 0 and "Finland joined NATO on 4 April 2023." in told.out


def pdf(text: str) -> bytes:
    document = FPDF()
    document.add_page()
    document.set_font("helvetica", size=12)
    document.multi_cell(0, text=text)
    return bytes(document.output())


def encrypted_pdf() -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf("Secret."))))
    writer.encrypt("secret", "owner", algorithm="AES-256")
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


# Files


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("empty.md", b"", "is empty; write a text into it or remove it"),
        ("blank.md", b" \n\n\t\n", "is empty; write a text into it"),
        ("noise.md", NOISE, "is not text"),
        ("yaml.md", b"---\ntitle: [unclosed\n---\nText.", "front matter"),
        ("date.md", b"---\ndate: the day before\n---\nText.", "'the day before'"),
        ("month.md", b"---\ndate: 2024-13-40\n---\nText.", "2024-13-40"),
        ("locked.pdf", encrypted_pdf(), "is encrypted; remove the password"),
        ("broken.pdf", pdf("Text.")[:300], "is a damaged PDF"),
        ("scan.pdf", pdf(""), "has no text layer; run OCR first"),
        ("noise.pdf", NOISE, "is a damaged PDF"),
        ("noise.docx", NOISE, "damaged"),
        ("broken.json", b'{"text": "unclosed', "JSON"),
        ("list.jsonl", b"[1, 2]\n", "line 1"),
        ("broken.xml", b"<rss><channel><item>", "feed"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_reason_and_the_others_are_ingested(
    stocked: Desk, geobrief: Geobrief, name: str, data: bytes, reason: str
) -> None:
    path = stocked.corpus / name
    path.write_bytes(data)
    stocked.write("niger.md", NIGER)
    told = geobrief("ingest", stocked.corpus, "--json")
    report = json.loads(told.out)
    assert (told.code, report["added"], report["unchanged"]) == (3, ["niger"], ["finland"])
    assert [failure["path"] for failure in report["failed"]] == [str(path)]
    assert reason in report["failed"][0]["reason"]
    assert f"failed: {path}: {report['failed'][0]['reason']}" in told.err
    assert answers(geobrief)


@pytest.mark.parametrize("data", [b"", NOISE, b"---\ntitle: [unclosed\n---\nText.", b"---\ndate: never\n---\nText."])
def test_a_brief_whose_file_turns_bad_keeps_its_last_good_version(
    stocked: Desk, geobrief: Geobrief, data: bytes
) -> None:
    (stocked.corpus / "finland.md").write_bytes(data)
    assert geobrief("ingest", stocked.corpus, "--prune").code == 3
    assert answers(geobrief)


def test_a_file_over_the_limit_is_named_with_size_and_limit(
    stocked: Desk, geobrief: Geobrief, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEOBRIEF_INGEST__MAX_BYTES", "200")
    stocked.write("long.md", NIGER * 10)
    told = geobrief("ingest", stocked.corpus)
    assert told.code == 3
    assert "long.md: is 610 bytes large, over the limit of 200 bytes; split it or raise the limit" in told.err
    assert answers(geobrief)


def test_a_file_of_60_megabytes_is_over_the_limit_as_shipped(stocked: Desk, geobrief: Geobrief) -> None:
    with (stocked.corpus / "huge.md").open("wb") as file:
        file.truncate(60_000_000)
    told = geobrief("ingest", stocked.corpus)
    assert told.code == 3
    assert "huge.md: is 60.0 MB large, over the limit of 50.0 MB; split it or raise the limit" in told.err


def test_of_two_new_files_with_one_id_the_second_fails_and_is_told_who_has_it(desk: Desk, geobrief: Geobrief) -> None:
    first = desk.write("a.md", FINLAND, id="same")
    second = desk.write("b.md", NIGER, id="same")
    told = geobrief("ingest", desk.corpus)
    assert told.code == 3
    assert f"failed: {second}: id 'same' is already used by {first}; give one of them another id" in told.err


def test_a_file_that_vanishes_during_the_run_fails_and_its_brief_stays(
    stocked: Desk, geobrief: Geobrief, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = SourceFile.read

    def vanish(file: SourceFile, *, max_bytes: int) -> bytes:
        if file.path.name == "finland.md":
            file.path.unlink()
        return read(file, max_bytes=max_bytes)

    monkeypatch.setattr(SourceFile, "read", vanish)
    stocked.write("niger.md", NIGER)
    told = geobrief("ingest", stocked.corpus)
    assert told.code == 3
    assert "finland.md: is gone (no such file or folder); restore it or ingest again" in told.err
    assert "1 added" in told.out
    assert answers(geobrief)


def test_a_symlink_loop_ends_and_every_file_is_read_once(desk: Desk, geobrief: Geobrief) -> None:
    desk.write("sub/finland.md", FINLAND)
    (desk.corpus / "sub" / "up").symlink_to(desk.corpus, target_is_directory=True)
    (desk.corpus / "self").symlink_to("self")
    (desk.corpus / "loop.md").symlink_to("loop.md")
    told = geobrief("ingest", desk.corpus, "--json")
    report = json.loads(told.out)
    assert (told.code, report["added"]) == (3, ["sub-finland"])
    assert [Path(failure["path"]).name for failure in report["failed"]] == ["loop.md"]
    assert "too many levels of symbolic links" in report["failed"][0]["reason"]


def test_a_path_that_does_not_exist_is_named(stocked: Desk, geobrief: Geobrief) -> None:
    told = geobrief("ingest", stocked.corpus / "nowhere")
    assert told.code == 3
    assert f"failed: {stocked.corpus / 'nowhere'}: no such file or folder; check the path" in told.err


def bound_by_permissions(desk: Desk, *arguments: str | Path) -> Told:
    """Run the command line in a process that permissions bind, also where the tests run as root.

    Root without capabilities has the rights of an owner and no more (capset, version 3, all sets empty).
    """
    program = (
        "import ctypes, os, sys\n"
        "if os.getuid() == 0:\n"
        "    ctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())\n"
        "from rag.cli.main import run\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    environment = {
        **os.environ,
        "GEOBRIEF_EMBEDDING__MODEL": FAKE_MODEL,
        "GEOBRIEF_INDEX": str(desk.settings.index),
    }
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, cwd=REPOSITORY)
    assert "Traceback" not in done.stderr, done.stderr
    return Told(done.returncode, done.stdout, done.stderr)


def test_a_folder_without_permission_fails_and_its_briefs_stay(stocked: Desk, geobrief: Geobrief) -> None:
    secret = stocked.write("secret/niger.md", NIGER).parent
    assert geobrief("ingest", stocked.corpus).code == 0
    secret.chmod(0o000)
    told = bound_by_permissions(stocked, "ingest", stocked.corpus, "--prune", "--json")
    secret.chmod(0o755)
    report = json.loads(told.out)
    assert (told.code, report["unchanged"], report["removed"]) == (3, ["finland"], [])
    assert f"{secret}: may not be read (no permission); change its permissions" in told.err
    assert "secret-niger" in geobrief("briefs", "list").out


def test_a_file_without_permission_fails_and_its_brief_stays(stocked: Desk, geobrief: Geobrief) -> None:
    (stocked.corpus / "finland.md").chmod(0o000)
    told = bound_by_permissions(stocked, "ingest", stocked.corpus, "--prune")
    assert told.code == 3
    assert "finland.md: may not be read (no permission); change its permissions" in told.err
    assert answers(geobrief)


def test_an_index_that_may_only_be_read_refuses_an_ingest_with_4(stocked: Desk, geobrief: Geobrief) -> None:
    for path in [*stocked.settings.index.rglob("*"), stocked.settings.index]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    stocked.write("niger.md", NIGER)
    told = bound_by_permissions(stocked, "ingest", stocked.corpus)
    assert (told.code, told.out) == (4, "")
    assert str(stocked.settings.index) in told.err
    assert "check rights and free space" in told.err
    assert answers(geobrief)


def test_an_index_in_a_place_that_may_not_be_written_is_refused_with_4(desk: Desk, geobrief: Geobrief) -> None:
    desk.write("finland.md", FINLAND)
    blocked = desk.corpus.parent / "file"
    blocked.write_text("not a folder")
    told = geobrief("ingest", desk.corpus, "--index", blocked / "index")
    assert told.code == 4
    assert str(blocked / "index") in told.err
    assert "--index" in told.err


# Indexes


@pytest.mark.parametrize(
    "command",
    [
        "ask who",
        "search who",
        "chat",
        "briefs list",
        "briefs show x",
        "briefs remove x",
        "briefs restore x",
        "forget x",
        "doctor",
        "doctor --repair",
        pytest.param("serve", marks=pytest.mark.slow),
    ],
)
def test_without_an_index_a_command_leaves_with_2_and_says_how_to_make_one(
    desk: Desk, geobrief: Geobrief, command: str
) -> None:
    told = geobrief(*command.split())
    assert (told.code, told.out) == (2, "")
    assert f"there is no index at {desk.settings.index}; make one with `geobrief ingest PATH...`" in told.err
    assert not desk.settings.index.exists()


@pytest.mark.parametrize("command", [["ask", "Who?"], ["search", "Who?"], ["ingest", "corpus"], ["forget", "finland"]])
def test_an_index_of_another_model_is_refused_with_4_and_both_names(
    stocked: Desk, geobrief: Geobrief, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("GEOBRIEF_EMBEDDING__MODEL", "tests.test_bad_input:OtherEmbeddings")
    told = geobrief(*command)
    assert (told.code, told.out) == (4, "")
    assert "embedding: index 'hash-256', settings 'other-model'" in told.err
    assert "`geobrief doctor --repair`" in told.err


def test_a_repair_moves_an_index_to_the_model_of_the_settings(
    stocked: Desk, geobrief: Geobrief, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEOBRIEF_EMBEDDING__MODEL", "tests.test_bad_input:OtherEmbeddings")
    assert geobrief("doctor").code == 1
    assert geobrief("doctor", "--repair").code == 0
    assert answers(geobrief)


def to_noise(path: Path) -> None:
    path.write_bytes(NOISE)


def to_nothing(path: Path) -> None:
    path.unlink()
    path.write_bytes(b"")


def to_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def to_noise_inside(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096 : 4096 + len(NOISE)] = NOISE
    path.write_bytes(content)


def to_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def remove(path: Path) -> None:
    path.unlink()


def without_log(path: Path) -> Path:
    """Bring SQLite's write-ahead log into the file and drop it: it would hide the damage."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return path


@pytest.mark.parametrize("damage", [to_noise, to_half, to_noise_inside, to_folder])
def test_a_corrupt_chroma_folder_is_refused_with_4_until_a_repair(
    stocked: Desk, geobrief: Geobrief, damage: Callable[[Path], None]
) -> None:
    damage(without_log(stocked.settings.index / "chroma" / "chroma.sqlite3"))
    told = geobrief("ask", "When did Finland join NATO?")
    assert (told.code, told.out) == (4, "")
    assert f"the vectors in {stocked.settings.index / 'chroma'} cannot be used (" in told.err
    assert "run `geobrief doctor --repair`" in told.err
    assert geobrief("doctor").code == 1
    assert geobrief("doctor", "--repair").code == 0
    assert geobrief("doctor").out == "sound: 1 briefs, 1 chunks\n"
    assert answers(geobrief)


@pytest.mark.parametrize("damage", [to_nothing, remove])
def test_a_chroma_folder_without_its_vectors_is_found_by_the_doctor_and_repaired(
    stocked: Desk, geobrief: Geobrief, damage: Callable[[Path], None]
) -> None:
    damage(without_log(stocked.settings.index / "chroma" / "chroma.sqlite3"))
    told = geobrief("doctor")
    assert (told.code, told.out) == (1, told.out)
    assert "1 chunks have no vector, such as finland@" in told.out
    assert geobrief("doctor", "--repair").code == 0
    assert answers(geobrief)


def test_a_chroma_folder_that_is_a_file_is_refused_with_4_until_a_repair(stocked: Desk, geobrief: Geobrief) -> None:
    shutil.rmtree(stocked.settings.index / "chroma")
    (stocked.settings.index / "chroma").write_text("a file")
    assert geobrief("ask", "When did Finland join NATO?").code == 4
    assert geobrief("doctor", "--repair").code == 0
    assert answers(geobrief)


@pytest.fixture(scope="module")
def large_index(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """An index of so many chunks that Chroma has saved its graph."""
    from rag.settings import IngestSettings, Settings, SplitSettings

    folder = tmp_path_factory.mktemp("large")
    (folder / "corpus").mkdir()
    settings = Settings(
        index=folder / "index", split=SplitSettings(max_tokens=32), ingest=IngestSettings(batch_chunks=256)
    )
    desk = Desk(folder / "corpus", settings, HashEmbeddings())
    desk.write("finland.md", FINLAND, date="2023-04-04")
    lines = (
        f"In case {n} the envoys of both sides met for a round of talks on prisoners and borders." for n in range(1100)
    )
    desk.write("talks.md", "\n\n".join(lines))
    assert desk.ingest().chunks_total > 1050
    return desk


def remove_graph(graph: Path) -> None:
    shutil.rmtree(graph)


def damage_file(name: str, damage: Callable[[Path], None]) -> Callable[[Path], None]:
    return lambda graph: damage(graph / name)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(remove_graph, id="graph removed"),
        pytest.param(damage_file("data_level0.bin", to_nothing), id="vectors emptied", marks=pytest.mark.slow),
        pytest.param(damage_file("data_level0.bin", to_noise), id="vectors noise", marks=pytest.mark.slow),
        pytest.param(damage_file("link_lists.bin", to_half), id="links cut", marks=pytest.mark.slow),
        pytest.param(damage_file("link_lists.bin", to_noise), id="links noise", marks=pytest.mark.slow),
        pytest.param(damage_file("header.bin", remove), id="header removed", marks=pytest.mark.slow),
        pytest.param(damage_file("index_metadata.pickle", to_noise), id="names noise", marks=pytest.mark.slow),
    ],
)
def test_a_damaged_graph_of_vectors_is_refused_with_4_until_a_repair(
    large_index: Desk,
    geobrief: Geobrief,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    damage: Callable[[Path], None],
) -> None:
    index = tmp_path / "large"
    shutil.copytree(large_index.settings.index, index)
    monkeypatch.setenv("GEOBRIEF_INDEX", str(index))
    monkeypatch.setenv("GEOBRIEF_SPLIT__MAX_TOKENS", "32")
    (saved,) = index.glob("chroma/*/index_metadata.pickle")
    damage(saved.parent)
    told = geobrief("ask", "When did Finland join NATO?")
    assert (told.code, told.out) == (4, "")
    assert "run `geobrief doctor --repair`" in told.err
    assert geobrief("doctor", "--repair").code == 0
    assert geobrief("doctor").code == 0
    assert answers(geobrief)


@pytest.mark.parametrize("damage", [to_noise, to_half, to_folder, to_nothing])
@pytest.mark.parametrize(
    "command", [["ask", "Who?"], ["ingest", "corpus"], ["briefs", "list"], ["doctor"], ["doctor", "--repair"]]
)
def test_a_corrupt_catalogue_is_refused_with_4_and_a_remedy(
    stocked: Desk, geobrief: Geobrief, command: list[str], damage: Callable[[Path], None]
) -> None:
    path = stocked.settings.index / "catalogue.sqlite3"
    damage(without_log(path))
    before = path.read_bytes() if path.is_file() else b""
    told = geobrief(*command)
    assert (told.code, told.out) == (4, "")
    assert str(path) in told.err
    assert "move the index folder away and ingest again" in told.err
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_damage_inside_the_catalogue_is_a_fault_to_the_doctor_and_nothing_is_answered_from_it(
    stocked: Desk, geobrief: Geobrief
) -> None:
    for n in range(40):
        stocked.write(f"more{n}.md", f"{NIGER} It was report {n}.")
    assert geobrief("ingest", stocked.corpus).code == 0
    to_noise_inside(without_log(stocked.settings.index / "catalogue.sqlite3"))
    assert geobrief("doctor").code in (1, 4)
    assert geobrief("ask", "When did Finland join NATO?").code == 4


def test_an_empty_index_folder_is_no_index_yet(desk: Desk, geobrief: Geobrief) -> None:
    desk.settings.index.mkdir()
    assert geobrief("ask", "Who?").code == 2
    desk.write("finland.md", FINLAND, date="2023-04-04")
    assert geobrief("ingest", desk.corpus).code == 0
    assert answers(geobrief)


# Questions, options and settings


@pytest.mark.parametrize("question", ["", "   \n\t ", "?!...", "​"])
@pytest.mark.parametrize("command", ["ask", "search"])
def test_an_empty_question_is_refused_with_2(stocked: Desk, geobrief: Geobrief, command: str, question: str) -> None:
    told = geobrief(command, question)
    assert (told.code, told.out) == (2, "")
    assert "the question is empty; ask in words" in told.err


@pytest.mark.parametrize("command", ["ask", "search"])
def test_a_question_of_100_kilobytes_is_refused_with_2_size_and_limit(
    stocked: Desk, geobrief: Geobrief, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("why " * 25_600))
    told = geobrief(command, "-")
    assert (told.code, told.out) == (2, "")
    assert "the question has 102,399 characters, the limit is 4,000; shorten it" in told.err


@pytest.mark.parametrize(
    "question", ['"', "Finland AND (", "NEAR(a b)", "body:x*", "a\x00b", "'; DROP TABLE chunks; --"]
)
def test_a_question_is_never_query_syntax(stocked: Desk, geobrief: Geobrief, question: str) -> None:
    assert geobrief("search", f"{question} Finland").code == 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["ask", "Who?", "--from", "yesterday"], "--from: 'yesterday'"),
        (["ask", "Who?", "--to", "2024-02-31"], "--to: '2024-02-31'"),
        (["ask", "Who?", "--as-of", "24"], "--as-of: '24'"),
        (["ask", "Who?", "--from", "2024", "--to", "2023"], "--from 2024 is after --to 2023"),
        (["search", "Who?", "--k", "0"], "'--k'"),
        (["search", "Who?", "--k", "many"], "--k"),
        (["ingest", "corpus", "--lock-timeout", "soon"], "--lock-timeout"),
        (["ingest", "corpus", "--lock-timeout", "-1"], "--lock-timeout"),
        (["ingest"], "nothing to ingest; name folders"),
        (["ask"], "question"),
        (["ask", "Who?", "--nonsense"], "--nonsense"),
        (["nonsense"], "nonsense"),
        (["serve", "--port", "70000"], "--port"),
        (["briefs", "show", "nowhere"], "there is no brief 'nowhere'; `geobrief briefs list`"),
        (["briefs", "remove", "nowhere"], "there is no brief 'nowhere'; `geobrief briefs list`"),
        (["briefs", "restore", "finland"], "brief 'finland' was not removed"),
        (["forget", "nowhere"], "there is no brief 'nowhere'; `geobrief briefs list`"),
        (["verify", "nowhere.json"], "nowhere.json cannot be read: No such file or directory"),
        (["verify", "corpus"], "corpus cannot be read: Is a directory"),
        (["verify", "corpus/finland.md"], "corpus/finland.md is no exported answer"),
        (["ask", "Who?", "--config", "nowhere.toml"], "settings file 'nowhere.toml' does not exist"),
    ],
)
def test_wrong_usage_leaves_with_2_and_names_what_is_wrong(
    stocked: Desk, geobrief: Geobrief, arguments: list[str], named: str
) -> None:
    told = geobrief(*arguments)
    assert (told.code, told.out) == (2, "")
    assert named in told.err
    assert answers(geobrief)


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("GEOBRIEF_INGEST__BATCH_CHUNKS", "none", "ingest.batch_chunks"),
        ("GEOBRIEF_INGEST__BATCH_CHUNKS", "0", "ingest.batch_chunks"),
        ("GEOBRIEF_ANSWER__THRESHOLD", "2", "answer.threshold"),
        ("GEOBRIEF_ANSWER__NONSENSE", "1", "answer.nonsense"),
        ("GEOBRIEF_EMBEDDING__DTYPE", "int8", "embedding.dtype"),
        ("GEOBRIEF_EMBEDDING__MODEL", "no.such.module:factory", "'no.such.module:factory' cannot be made"),
        ("GEOBRIEF_EMBEDDING__MODEL", "tests.fakes:nothing", "'tests.fakes:nothing' cannot be made"),
        ("GEOBRIEF_EMBEDDING__MODEL", "no-such-model", "'no-such-model' is not installed"),
        ("GEOBRIEF_EMBEDDING", "nonsense", "embedding"),
        ("GEOBRIEF_NONSENSE", "1", "nonsense"),
    ],
)
def test_a_wrong_setting_in_the_environment_leaves_with_2_and_is_named(
    stocked: Desk, geobrief: Geobrief, monkeypatch: pytest.MonkeyPatch, name: str, value: str, named: str
) -> None:
    monkeypatch.setenv(name, value)
    told = geobrief("ask", "Who?")
    assert (told.code, told.out) == (2, "")
    assert named.lower() in told.err.lower()


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("[ingest]\nbatch = 3\n", "ingest.batch"),
        ("colour = 'red'\n", "colour"),
        ("[ingest\n", "geobrief.toml"),
        ("\x00\x01", "geobrief.toml"),
    ],
)
def test_a_wrong_settings_file_leaves_with_2_and_is_named(
    stocked: Desk, geobrief: Geobrief, content: str, named: str
) -> None:
    Path("geobrief.toml").write_text(content)
    told = geobrief("ask", "Who?")
    assert (told.code, told.out) == (2, "")
    assert named in told.err


def test_an_interrupted_command_leaves_with_130(
    stocked: Desk, geobrief: Geobrief, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(self: HashEmbeddings, texts: list[str]) -> list[list[float]]:
        raise KeyboardInterrupt

    stocked.write("niger.md", NIGER)
    with monkeypatch.context() as patch:
        patch.setattr(HashEmbeddings, "embed_documents", interrupt)
        told = geobrief("ingest", stocked.corpus)
    assert (told.code, told.out, told.err) == (130, "", "interrupted\n")
    assert answers(geobrief)
    assert geobrief("ingest", stocked.corpus).code == 0


def test_a_full_disk_is_named_and_nothing_is_lost(
    stocked: Desk, geobrief: Geobrief, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit on the size of a file that a process may write stands in for the disk's."""
    stocked.write("niger.md", NIGER * 5000, language="en")
    environment = {**os.environ, "GEOBRIEF_INDEX": str(stocked.settings.index)}
    program = (
        "import resource, signal, sys\n"
        "from rag.cli.main import run\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", program, "ingest", str(stocked.corpus)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, cwd=REPOSITORY)
    assert done.returncode == 4
    assert "Traceback" not in done.stderr
    assert "check rights and free space" in done.stderr
    assert answers(geobrief)
    assert geobrief("ingest", stocked.corpus).code == 0
    assert geobrief("doctor").code == 0
