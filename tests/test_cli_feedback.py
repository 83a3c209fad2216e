"""Judged answers become a benchmark that `geobrief eval` runs, and nothing in it is taken for right that may not be."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from rag.build import open_assistant
from rag.cli.feedback import feedback_app
from rag.cli.main import run
from rag.errors import IndexMissing, UsageError
from rag.evaluation.dataset import open_dataset
from rag.record import AnswerRecord
from rag.settings import load_settings
from rag.types import Scope
from rag.userdata import USERDATA_FILE, UserData, Verdict

DELS = "\x7f" * 9  # so many control characters, written as they are, make a file a binary one
FINLAND = f"  Finland joined NATO on 4 April 2023.\r\nIt became the 31st member.{DELS}\n\n# Later\n\n- one\n"
GRAIN = "Ukraine shipped 33 million tonnes of grain through the corridor. The deal ended on 17 July 2023."
JOINED = "When did Finland join NATO?"
SHIPPED = "How many tonnes of grain were shipped through the corridor?"
CUP = "Who won the 2022 World Cup?"
ALONE = typer.Typer()
ALONE.add_typer(feedback_app, name="feedback")

Judge = Callable[..., AnswerRecord]


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ingested folder of two briefs; one of them is JSON, whose text no reader trims."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GEOBRIEF_INDEX", str(tmp_path / "index"))
    monkeypatch.setenv("GEOBRIEF_EMBEDDING__MODEL", "tests.fakes:HashEmbeddings")
    monkeypatch.setenv("GEOBRIEF_ANSWER__THRESHOLD", "0.3")
    folder = tmp_path / "corpus"
    folder.mkdir()
    brief = {"id": "finland", "title": "Finland: joins", "date": "2023-04", "region": ["europe"], "text": FINLAND}
    (folder / "finland.json").write_text(json.dumps(brief).replace("\x7f", "\\u007f"))
    (folder / "grain.md").write_text(f"---\ntitle: Grain\nsource: Desk\n---\n{GRAIN}")
    assert run(["ingest", str(folder)]) == 0
    return folder


@pytest.fixture
def judge(corpus: Path) -> Judge:
    """Ask as the chat does, keep the answer and a verdict on it; `changed` are fields that the answer is kept with."""

    def judged(
        question: str, verdict: Verdict, *, user: str = "ann", scope: Scope = Scope(), **changed: Any
    ) -> AnswerRecord:
        settings = load_settings()
        answer = AnswerRecord.of(open_assistant(settings).ask(question, scope=scope)).model_copy(update=changed)
        userdata = UserData(settings.index / USERDATA_FILE)
        _, turn = userdata.add_turn(user, None, question, answer=answer)
        userdata.give_feedback(user, turn, verdict, f"reason of {user}")
        userdata.close()
        return answer

    return judged


def export(out: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the lines of feedback.jsonl, and those of questions.jsonl if there is one."""
    result = CliRunner().invoke(ALONE, ["feedback", "export", "--out", str(out)])
    if result.exception:
        raise result.exception
    lines, questions = (
        [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
        for file in (out / "feedback.jsonl", out / "questions.jsonl")
    )
    return lines, questions


def test_eval_runs_on_the_export_and_finds_the_liked_answers_right(
    judge: Judge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    judge(JOINED, "up")
    judge(SHIPPED, "up")
    judge(CUP, "up")
    export(tmp_path / "judged")
    report = tmp_path / "report.json"
    arguments = ["--systems", "bm25,full", "--json", str(report), "--work", str(tmp_path / "work"), "--no-keep"]
    assert run(["eval", "--dataset", str(tmp_path / "judged"), *arguments]) == 0, capsys.readouterr().err
    records = {(r["question"], r["system"]): r for r in json.loads(report.read_text())["records"]}
    assert [records[question, "full"]["scores"]["correct"] for question in (JOINED, SHIPPED, CUP)] == [1, 1, 1]
    assert [records[q, "bm25"]["scores"]["doc_hit@1"] for q in (JOINED, SHIPPED)] == [1, 1]


def test_the_export_holds_all_present_briefs_to_the_character(judge: Judge, tmp_path: Path) -> None:
    answer = judge(JOINED, "up")
    _, [question] = export(tmp_path / "judged")
    [span] = question["gold"]
    assert span["text"] == answer.sentences[0].text
    assert (span["doc_id"], FINLAND[span["start"] : span["end"]]) == ("finland", span["text"])
    briefs = [json.loads(file.read_text(encoding="utf-8")) for file in (tmp_path / "judged" / "briefs").iterdir()]
    by_id = {brief["id"]: brief for brief in briefs}
    assert {name: brief["text"] for name, brief in by_id.items()} == {"finland": FINLAND, "grain": GRAIN}
    assert (by_id["finland"]["date"], by_id["finland"]["region"], by_id["grain"]["source"]) == (
        "2023-04",
        ["europe"],
        "Desk",
    )
    dataset = open_dataset(str(tmp_path / "judged"), work=tmp_path / "work")
    assert (dataset.n_documents, dataset.extractive, dataset.refusal) == (2, True, "corpus")


def test_every_verdict_is_told_with_reason_evidence_and_settings_and_without_the_user(
    judge: Judge, tmp_path: Path
) -> None:
    answer = judge(JOINED, "up", user="ann@example.org")
    [line], [question] = export(tmp_path / "judged")
    assert (line["question"], line["verdict"], line["question_id"]) == (JOINED, "up", question["id"])
    assert line["settings_digest"] == load_settings().digest()
    assert line["evidence"][0]["brief_id"] == "finland"
    assert line["answer"]["sentences"][0]["citations"][0]["quote"] == answer.sentences[0].text
    line.pop("reason")
    assert "example.org" not in json.dumps(line)


@pytest.mark.parametrize("question", [JOINED, CUP])
def test_what_was_disliked_becomes_no_question(judge: Judge, tmp_path: Path, question: str) -> None:
    judge(question, "down")
    lines, questions = export(tmp_path / "judged")
    assert questions == []
    assert (lines[0]["reason"], lines[0]["question_id"]) == ("reason of ann", None)
    assert "disliked" in lines[0]["left_out"]
    assert sorted(file.name for file in (tmp_path / "judged").iterdir()) == ["feedback.jsonl"]


@pytest.mark.parametrize(
    ("question", "options", "why"),
    [
        (JOINED, {"scope": Scope(regions=("europe",))}, "some of the briefs"),
        (JOINED, {"scope": Scope(date_from=date(2020, 1, 1))}, "some of the briefs"),
        (CUP, {"scope": Scope(briefs=("grain",))}, "some of the briefs"),
        ("Which briefs do you have on grain?", {}, "about the corpus"),
        ("Thanks!", {}, "about the corpus"),
        ("How many tonnes of grain were shipped in the last two weeks?",
         {"limited_by": "in the last two weeks"}, "counts from the day"),
        (CUP, {"evidence": []}, "no brief was read"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_again_of_all_briefs_becomes_no_question(
    judge: Judge, tmp_path: Path, question: str, options: dict[str, Any], why: str
) -> None:
    judge(question, "up", **options)
    [line], questions = export(tmp_path / "judged")
    assert questions == []
    assert why in line["left_out"]


@pytest.mark.parametrize(
    ("question", "n"),
    [(CUP, 0), ("How many tonnes of grain were shipped so far through the corridor?", 0), (SHIPPED, 1)],
)
def test_a_brief_that_came_in_since_may_answer_what_was_refused_or_is_asked_of_now(
    judge: Judge, corpus: Path, tmp_path: Path, question: str, n: int
) -> None:
    judge(question, "up")
    (corpus / "cup.md").write_text("Argentina won the 2022 World Cup.")
    assert run(["ingest", str(corpus)]) == 0
    [line], questions = export(tmp_path / "judged")
    assert len(questions) == n
    assert n or "came in since" in line["left_out"]


def test_gold_follows_a_quote_that_moved_and_is_dropped_with_one_that_is_gone(
    judge: Judge, corpus: Path, tmp_path: Path
) -> None:
    judge(JOINED, "up")
    judge(SHIPPED, "up")
    (corpus / "grain.md").write_text(f"An opening. {GRAIN}")
    (corpus / "finland.json").unlink()
    assert run(["ingest", str(corpus), "--prune"]) == 0
    lines, [question] = export(tmp_path / "judged")
    assert "has changed or is gone" in lines[0]["left_out"]
    assert question["gold"][0]["start"] == len("An opening. ")
    open_dataset(str(tmp_path / "judged"), work=tmp_path / "work")


def test_a_question_that_several_judged_alike_is_asked_once(judge: Judge, tmp_path: Path) -> None:
    judge(JOINED, "up")
    judge(JOINED.upper(), "up", user="bob", standalone_question=JOINED.upper())
    lines, questions = export(tmp_path / "judged")
    assert len(questions) == 1
    assert [line["question_id"] for line in lines] == [questions[0]["id"]] * 2


@pytest.mark.parametrize("question", [JOINED, CUP])
def test_what_people_judge_differently_becomes_no_question(judge: Judge, tmp_path: Path, question: str) -> None:
    judge(question, "up")
    judge(question, "down", user="bob")
    lines, questions = export(tmp_path / "judged")
    assert questions == []
    assert "judged differently" in lines[0]["left_out"]


def test_a_liked_answer_outweighs_a_disliked_refusal_and_contradicts_a_liked_one(judge: Judge, tmp_path: Path) -> None:
    judge(CUP, "down", standalone_question=JOINED)
    judge(JOINED, "up")
    assert len(export(tmp_path / "one")[1]) == 1
    judge(CUP, "up", standalone_question=JOINED)
    assert export(tmp_path / "two")[1] == []


def test_a_refusal_does_not_stand_against_an_answer_that_was_liked_of_some_of_the_briefs(
    judge: Judge, tmp_path: Path
) -> None:
    judge(CUP, "up")
    judge(JOINED, "up", standalone_question=CUP, scope=Scope(regions=("europe",)))
    assert export(tmp_path / "judged")[1] == []


def test_an_answer_of_several_quotes_asks_for_all_of_them(judge: Judge, tmp_path: Path) -> None:
    both = [*judge(JOINED, "down").sentences, *judge(SHIPPED, "down").sentences]
    judge("When did both happen?", "up", sentences=both, abstained=False)
    _, [question] = export(tmp_path / "judged")
    assert (question["answers"], question["gold_mode"], len(question["items"])) == ([], "all", 2)
    open_dataset(str(tmp_path / "judged"), work=tmp_path / "work")


def test_the_folder_is_for_its_owner_alone_and_never_written_over(judge: Judge, tmp_path: Path) -> None:
    judge(JOINED, "up")
    out = tmp_path / "judged"
    out.mkdir()
    export(out)
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    before = (out / "questions.jsonl").read_bytes()
    with pytest.raises(UsageError, match="is there already"):
        export(out)
    with pytest.raises(UsageError, match="there is no folder"):
        export(tmp_path / "no" / "folder")
    assert (out / "questions.jsonl").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".unfinished")] == []


def test_without_feedback_nothing_is_written(corpus: Path, tmp_path: Path) -> None:
    export(tmp_path / "judged")
    assert not (tmp_path / "judged").exists()
    assert not (tmp_path / "index" / USERDATA_FILE).exists()


def test_feedback_without_its_index_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOBRIEF_INDEX", str(tmp_path / "index"))
    userdata = UserData(tmp_path / "index" / USERDATA_FILE)
    record = {"question": "q", "standalone_question": "q", "scope": {}, "abstained": True, "reason": "r", "text": "r",
              "answerable": None, "sentences": [], "evidence": [], "nearest": [], "notes": [],
              "identities": dict.fromkeys(("embedding", "reader", "dtype", "settings_digest"), "x"),
              "timings_ms": dict.fromkeys(("rewrite", "retrieve", "read", "answer", "verify", "total"), 0)}  # fmt: skip
    _, turn = userdata.add_turn("", None, "q", answer=AnswerRecord.model_validate(record))
    userdata.give_feedback("", turn, "up")
    userdata.close()
    with pytest.raises(IndexMissing):
        export(tmp_path / "judged")
