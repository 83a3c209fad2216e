"""Systems are asked, scored and summed up over a small benchmark that can be checked by hand."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from langchain_core.documents import Document
from langchain_core.messages import BaseMessage

from evals import all as everything
from evals import baseline, judge
from rag import evaluation
from rag.answer import Answer, Citation, Sentence
from rag.build import open_assistant, open_index
from rag.cli.main import run
from rag.errors import UsageError
from rag.evaluation.compare import compare, read_report, significant_drops
from rag.evaluation.dataset import open_dataset
from rag.evaluation.evaluate import Request, evaluate
from rag.evaluation.records import QuestionRecord, Report, SystemSummary
from rag.evaluation.run import Sample, build_site, plan, trained_on
from rag.settings import EmbeddingSettings, Settings
from rag.types import Scope
from tests.fakes import HashEmbeddings

SETTINGS = Settings(embedding=EmbeddingSettings(model="tests.fakes:HashEmbeddings"))
ALL = ("bm25", "dense", "hybrid", "full", "langchain-tutorial")
FIXED = "tests.test_evaluation_run:fixed"
TEXTS = {
    "a#1": (
        "Grain",
        "Ukraine shipped 33 million tonnes of grain through the corridor. The deal ended on 17 July 2023.",
    ),
    "b/2": (
        "Moon",
        "India landed a probe near the south pole of the Moon on 23 August 2023. The rover is called Pragyan.",
    ),
    "c": ("Canal", "The canal authority cut the number of daily transits to 24 because of drought."),
}
QUESTIONS: list[dict[str, Any]] = [
    {"id": "q1", "question": "How many tonnes of grain were shipped through the corridor?",
     "answers": ["33 million"], "doc_ids": ["a#1"], "answerable": True, "type": "number"},
    {"id": "q2", "question": "What is the rover called?",
     "answers": ["Pragyan"], "doc_ids": ["b/2"], "answerable": True, "type": "fact"},
    {"id": "q3", "question": "Why did the canal authority cut the number of transits?",
     "answers": ["drought"], "doc_ids": ["c"], "answerable": True, "type": ["fact", "why"]},
    {"id": "q4", "question": "Who won the Peruvian chess championship?",
     "answers": [], "doc_ids": ["a#1"], "answerable": False, "type": "outside"},
    {"id": "q5", "question": "And when did it end?", "answers": ["17 July 2023"], "doc_ids": ["a#1"],
     "answerable": True, "type": "follow-up",
     "history": [{"role": "user", "text": "What about the grain deal?"}, {"role": "agent", "text": "It is over."}]},
]  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    folder.mkdir()
    documents = [{"id": i, "title": title, "text": text} for i, (title, text) in TEXTS.items()]
    write_lines(folder / "corpus.jsonl", documents)
    write_lines(folder / "questions.jsonl", QUESTIONS)
    (folder / "dataset.json").write_text('{"name": "small", "answers": "extractive"}')
    return folder


def write_lines(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def measure(data: Path, *systems: str, **options: Any) -> Report:
    work = data.parent / "work"
    request = Request(systems=systems, **options)
    return evaluate(open_dataset(str(data), work=work), request, SETTINGS, work=work, progress=lambda *_: None)


def row(report: Report, name: str) -> SystemSummary:
    return next(system for system in report.systems if system.name == name)


def record(report: Report, system: str, question: str) -> QuestionRecord:
    return next(r for r in report.records if (r.system, r.id) == (system, question))


def test_every_system_is_scored_where_it_can_be(data: Path) -> None:
    report = measure(data, *ALL)
    assert [system.name for system in report.systems] == [
        *ALL, "first passage of bm25", "first passage of dense", "first passage of hybrid",
        "first passage of langchain-tutorial",
    ]  # fmt: skip
    for name in ALL:
        assert row(report, name).measures["doc_hit@1"].n == 4  # the unanswerable one has no gold
        assert row(report, name).measures["passage_recall@5"].n_total >= 4
    full = row(report, "full").measures
    assert (full["span_valid"].value, full["citation_recall"].value, full["citation_precision"].value) == (1, 1, 1)
    assert full["contains"].n == 4
    assert "contains" not in row(report, "bm25").measures
    assert row(report, "first passage of bm25").measures["contains"].n == 4
    assert record(report, "full", "q4").correct is (record(report, "full", "q4").said or None).abstained  # type: ignore[union-attr]
    assert all(r.error is None for r in report.records)


def test_measures_of_a_question_are_those_that_a_person_would_work_out(data: Path) -> None:
    report = measure(data, "bm25", "dense", "full")
    ranked = record(report, "bm25", "q2")
    assert [hit.doc_id for hit in ranked.hits][:1] == ["b/2"]
    assert ranked.scores["doc_mrr@10"] == ranked.scores["passage_hit@1"] == 1
    said = record(report, "full", "q2").said
    assert said is not None
    assert said.text == "The rover is called Pragyan."
    scores = record(report, "full", "q2").scores
    assert (scores["contains"], scores["exact_match"], scores["unit_hit@1"], scores["correct"]) == (1, 0, 1, 1)
    assert scores["f1"] == pytest.approx(2 * 1 / (4 + 1))  # rover is called pragyan / pragyan
    copied = record(report, "first passage of bm25", "q2")
    assert copied.scores["contains"] == 1
    assert copied.timings_ms == {}
    assert record(report, "first passage of bm25", "q4").correct is True  # it finds nothing to copy
    assert record(report, "first passage of dense", "q4").correct is False


def test_types_are_reported_apart_and_a_question_may_have_several(data: Path) -> None:
    by_type = row(measure(data, "bm25"), "bm25").by_type
    assert by_type["fact"]["doc_hit@1"].n == 2
    assert by_type["why"]["doc_hit@1"].n == 1
    assert "doc_hit@1" not in by_type["outside"]


def test_answers_may_be_measured_on_the_gold_documents_alone(data: Path) -> None:
    report = measure(data, "full", "hybrid", evidence="gold")
    assert report.dataset.evidence == "gold"
    said = record(report, "full", "q1").said
    assert said is not None
    assert {cited.doc_id for sentence in said.sentences for cited in sentence.citations} == {"a#1"}
    assert {hit.doc_id for hit in record(report, "full", "q1").hits} == set(TEXTS)  # retrieval is over the corpus
    first = record(report, "first passage of hybrid", "q4").said
    assert first is not None
    assert first.sentences[0].citations[0].doc_id == "a#1"


def test_a_run_that_is_cut_short_goes_on_where_it_was(data: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        measure(data, "tests.test_evaluation_run:stopping")
    kept = next((data.parent / "work" / "runs").rglob("*.jsonl"))
    kept.write_text(kept.read_text() + '["q4", [{"id": "q4", "sys', encoding="utf-8")  # cut in the middle of a line
    report = measure(data, "tests.test_evaluation_run:stopping")
    assert Stopping.asked == ["q1", "q2", "q3", "q4", "q5"]
    assert len([r for r in report.records if r.system.startswith("tests")]) == 5
    assert not list((data.parent / "work" / "runs").rglob("*.jsonl"))


def test_the_same_run_gives_the_same_figures(data: Path) -> None:
    one, two = (measure(data, "full", "langchain-tutorial") for _ in range(2))
    assert [r.model_copy(update={"timings_ms": {}}) for r in one.records] == [
        r.model_copy(update={"timings_ms": {}}) for r in two.records
    ]
    assert [s.measures for s in one.systems] == [s.measures for s in two.systems]


def test_samples_are_drawn_by_seed_and_those_not_answered_are_searched(data: Path) -> None:
    report = measure(data, "bm25", "full", limit=4, answered=2)
    assert (report.dataset.n_questions, report.dataset.n_answered_of, report.dataset.n_total) == (4, 2, 5)
    assert len([r for r in report.records if r.system == "full"]) == 2
    searched = [r for r in report.records if r.system == "bm25"]
    assert len(searched) >= 3
    dataset = open_dataset(str(data), work=data.parent / "work")
    drawn = [plan(dataset, Sample(limit=3, seed=seed), frozenset()).questions for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_questions_that_the_reader_was_fitted_on_are_never_answered(data: Path) -> None:
    dataset = open_dataset(str(data), work=data.parent / "work")
    chosen = plan(dataset, Sample(), frozenset({"q1", "elsewhere"}))
    assert "q1" in {q.id for q in chosen.questions}
    assert chosen.answered == {"q2", "q3", "q4", "q5"}
    assert chosen.trained == {"q1"}


def test_a_system_of_ones_own_is_measured_and_its_faults_are_told(data: Path) -> None:
    report = measure(data, "tests.test_evaluation_run:failing", "bm25")
    assert row(report, "tests.test_evaluation_run:failing").n_errors == 1
    assert record(report, "tests.test_evaluation_run:failing", "q2").error == "RuntimeError: out of order"
    difference = next(d for d in report.differences if d.measure == "doc_hit@1")
    assert (difference.system, difference.n) == ("bm25", 3)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, "TypeError: passages are a list of Documents, not NoneType"),
        (["The rover is called Pragyan."], "TypeError: a passage is a langchain Document, not str"),
        ([Document(page_content="x")], "ValueError: a passage has no metadata['brief_id']"),
        ([Document(page_content="x", metadata={"brief_id": "c", "start": 3})], "ValueError: a passage has a start or"),
        (
            [Document(page_content="x", metadata={"brief_id": "c", "start": "0", "end": "1"})],
            "TypeError: metadata['start'] of a passage is a number, not '0'",
        ),
    ],
)
def test_what_is_no_passage_is_an_error_of_the_question(data: Path, found: Any, said: str) -> None:
    Fixed.found = found
    for answered in (None, 0):
        report = measure(data, "tests.test_evaluation_run:fixed", answered=answered)
        assert row(report, "tests.test_evaluation_run:fixed").n_errors == len(report.records) > 0
        assert all((r.error or "").startswith(said) for r in report.records)
        assert all(r.scores == {} for r in report.records)


def test_an_answer_that_is_none_is_an_error_and_not_a_ranking(data: Path) -> None:
    report = measure(data, "tests.test_evaluation_run:mute")
    assert {r.system for r in report.records} == {"tests.test_evaluation_run:mute"}
    assert {r.error for r in report.records} == {
        "TypeError: ask returns a rag.answer.Answer, not NoneType; one without sentences refuses"
    }


def test_more_passages_than_were_asked_for_are_cut_off(data: Path) -> None:
    Fixed.found = [Document(page_content="x", metadata={"brief_id": "nowhere"})] * 10
    Fixed.found += [Document(page_content="x", metadata={"brief_id": "b%2F2"})]
    ranked = record(measure(data, "tests.test_evaluation_run:fixed"), "tests.test_evaluation_run:fixed", "q2")
    assert len(ranked.hits) == 10
    assert ranked.scores["doc_recall@10"] == 0


def test_a_first_passage_has_no_curves_of_confidence(data: Path) -> None:
    Fixed.found = [Document(page_content="x", metadata={"brief_id": "c", "similarity": -0.2})]
    copied = row(measure(data, "tests.test_evaluation_run:fixed"), f"first passage of {FIXED}")
    assert copied.reliability == ()
    assert copied.ece is None
    assert "aurc" not in copied.measures
    assert copied.measures["refusal_auroc"].n == 5


@pytest.mark.parametrize(("shift", "valid", "cited"), [(None, 1, 1), (0, 1, 1), (-1, 0, 1), (-60, 0, 0)])
def test_a_first_passage_is_valid_where_it_stands(data: Path, shift: int | None, valid: int, cited: int) -> None:
    quote, text = "The rover is called Pragyan.", TEXTS["b/2"][1]
    start = text.index(quote)
    span = {} if shift is None else {"start": start + shift, "end": start + shift + len(quote)}
    Fixed.found = [Document(page_content=quote, metadata={"brief_id": "b%2F2", **span})]
    gold = {"doc_id": "b/2", "start": start, "end": start + len(quote), "text": quote}
    write_lines(data / "questions.jsonl", [QUESTIONS[1] | {"gold": [gold]}])
    scores = record(measure(data, FIXED), f"first passage of {FIXED}", "q2").scores
    assert (scores["span_valid"], scores["gold_cited"]) == (valid, cited)


@pytest.mark.parametrize(("wrong", "stale"), [(["the Moon"], 0), (["won"], 1)])
def test_an_answer_with_one_of_the_wanted_items_is_not_stale(data: Path, wrong: list[str], stale: int) -> None:
    asked = QUESTIONS[1] | {"answers": [], "items": [["Moon"] if not stale else ["Mars"]], "wrong_answers": wrong}
    (data / "dataset.json").write_text('{"answers": "free"}')
    write_lines(data / "questions.jsonl", [asked])
    Fixed.found = [Document(page_content="It won on the Moon.", metadata={"brief_id": "b%2F2"})]
    assert record(measure(data, FIXED), f"first passage of {FIXED}", "q2").scores["stale"] == stale


def test_a_query_of_which_nothing_is_relevant_is_unscored(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    write_lines(tmp_path / "corpus.jsonl", [{"_id": i, "title": t, "text": text} for i, (t, text) in TEXTS.items()])
    write_lines(tmp_path / "queries.jsonl", [{"_id": q["id"], "text": q["question"]} for q in QUESTIONS[:2]])
    (tmp_path / "qrels" / "test.tsv").write_text("q1\ta#1\t1\nq2\tb/2\t0\n", encoding="utf-8")
    report = measure(tmp_path, "bm25")
    assert record(report, "bm25", "q1").scores["doc_hit@1"] == 1
    assert record(report, "bm25", "q2").scores == {}


def test_who_refuses_nothing_has_a_refusal_recall_of_0(data: Path) -> None:
    measures = row(measure(data, "dense"), "first passage of dense").measures
    assert (measures["refusal_recall"].value, measures["refusal_f1"].value) == (0, 0)
    assert "refusal_precision" not in measures


def test_what_was_asked_is_kept_until_the_report_is_written(data: Path) -> None:
    def full(report: Report) -> None:
        raise OSError("no space left on device")

    work = data.parent / "work"
    dataset, request = open_dataset(str(data), work=work), Request(systems=("bm25",))
    with pytest.raises(OSError, match="no space"):
        evaluate(dataset, request, SETTINGS, work=work, progress=lambda *_: None, deliver=full)
    (kept,) = (work / "runs").rglob("*.jsonl")
    other = kept.with_name("of-another-run.jsonl")
    other.write_text("", encoding="utf-8")
    measure(data, "bm25")
    assert list((work / "runs").rglob("*.jsonl")) == [other]


def test_a_question_that_failed_is_asked_again_when_a_run_goes_on(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(report: Report) -> None:
        raise OSError("no space left on device")

    work = data.parent / "work"
    name = "tests.test_evaluation_run:failing"
    dataset, request = open_dataset(str(data), work=work), Request(systems=(name,))
    with pytest.raises(OSError, match="no space"):
        evaluate(dataset, request, SETTINGS, work=work, progress=lambda *_: None, deliver=full)
    monkeypatch.setattr(Failing, "search", Ranking.search)
    assert record(measure(data, name), name, "q2").error is None


def test_indexes_are_kept_apart_by_model_and_by_place_and_stay_in_the_work_folder(data: Path) -> None:
    work = data.parent / "work"
    (data / "dataset.json").write_text('{"name": "../../../elsewhere", "answers": "extractive"}')
    dataset = open_dataset(str(data), work=work)
    other = SETTINGS.model_copy(update={"embedding": EmbeddingSettings(model="tests.fakes:another")})
    copied = replace(dataset, corpus=tuple(Path(shutil.copytree(p, data.parent / "copy")) for p in dataset.corpus))
    sites = [
        build_site(chosen, settings, HashEmbeddings(), work=work, progress=lambda *_: None)
        for chosen, settings in ((dataset, SETTINGS), (dataset, SETTINGS), (dataset, other), (copied, SETTINGS))
    ]
    folders = [site.folder for site, _ in sites]
    assert folders[0] == folders[1]
    assert len(set(folders)) == 3
    assert {folder.parent for folder in folders} == {work / "indexes"}
    assert [failed for _, failed in sites] == [()] * 4


def test_fitted_questions_are_known_by_id_whatever_the_dataset_is_called(data: Path) -> None:
    fitted = json.loads((Path(evaluation.__file__).parents[1] / "data" / "trained_on.json").read_text())["questions"]
    asked = fitted["squad2_dev"][0]
    write_lines(data / "questions.jsonl", [QUESTIONS[0] | {"id": asked}, QUESTIONS[1]])
    assert trained_on(open_dataset(str(data), work=data.parent / "work")) == {asked}


def test_a_store_that_a_killed_run_left_is_made_anew(data: Path) -> None:
    whole = measure(data, "langchain-tutorial")
    (done,) = (data.parent / "work" / "indexes").glob("small-*/langchain-tutorial-*/complete")
    done.unlink()
    shutil.rmtree(next(path for path in done.parent.iterdir() if path.is_dir()))
    again = measure(data, "langchain-tutorial")
    assert [r.hits for r in again.records] == [r.hits for r in whole.records]


def test_a_citation_that_does_not_stand_is_found_out(data: Path) -> None:
    report = measure(data, "tests.test_evaluation_run:inventing")
    measures = row(report, "tests.test_evaluation_run:inventing").measures
    assert measures["span_valid"].value == 0


@pytest.mark.parametrize(
    ("systems", "said"),
    [
        (["bm52"], "no system is called 'bm52'"),
        (["nowhere:factory"], "cannot be imported"),
        (["tests.test_evaluation_run:broken"], "cannot be opened: RuntimeError: no key"),
        (["tests.test_evaluation_run:TEXTS"], "is no function"),
        (["bm25", "bm25"], "named twice"),
        ([], "no system is named"),
    ],
)
def test_a_system_that_is_none_is_a_clear_message(data: Path, systems: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        measure(data, *systems)


def test_the_command_writes_reports_and_compares_them(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GEOBRIEF_EMBEDDING__MODEL", "tests.fakes:HashEmbeddings")
    out = data.parent
    common = ["eval", "--dataset", str(data), "--work", str(out / "work"), "--no-keep"]
    targets = ["--json", f"{out}/a.json", "--html", f"{out}/a.html", "--markdown", f"{out}/a.md"]
    assert run([*common, "--systems", "bm25,full", *targets]) == 0
    assert "bm25" in capsys.readouterr().out
    report = Report.model_validate_json((out / "a.json").read_text(encoding="utf-8"))
    assert {r.system for r in report.records} == {"bm25", "full", "first passage of bm25"}
    assert "rover" in (out / "a.html").read_text(encoding="utf-8")
    assert "| bm25" in (out / "a.md").read_text(encoding="utf-8")
    assert run(["eval", "compare", f"{out}/a.json", f"{out}/a.json", "--fail-on-drop"]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no --dataset"),
        (["--dataset", "nowhere"], "nowhere"),
        (["--dataset", "DATA", "--systems", "bm52"], "bm52"),
        (["--dataset", "DATA", "--json", "/no/such/folder/a.json"], "/no/such/folder"),
        (["--dataset", "DATA", "--html", "/tmp"], "it is a folder"),
        (["--dataset", "DATA", "--baseline", "bm52"], "bm52"),
    ],
)
def test_wrong_usage_exits_with_2(
    data: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEOBRIEF_EMBEDDING__MODEL", "tests.fakes:HashEmbeddings")
    given = [str(data) if argument == "DATA" else argument for argument in arguments]
    assert run(["eval", "--work", str(data.parent / "work"), *given]) == 2
    assert said in capsys.readouterr().err


def test_a_fault_in_the_data_is_told_before_a_model_is_loaded(data: Path) -> None:
    with (data / "questions.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "q6", "question": "cut o')
    script = (
        "import sys; from rag.cli.main import run; code = run(sys.argv[1:]); "
        "print(code, sorted({'torch', 'chromadb', 'sentence_transformers'} & sys.modules.keys()))"
    )
    command = [sys.executable, "-c", script, "eval", "--dataset", str(data), "--work", str(data.parent / "work")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2 []"
    assert f"{data / 'questions.jsonl'}:6" in done.stderr


def test_a_report_without_its_texts_can_be_compared_with(data: Path, tmp_path: Path) -> None:
    report = measure(data, "bm25", "full")
    (tmp_path / "baseline.json").write_text(baseline.reduced(report), encoding="utf-8")
    kept = read_report(tmp_path / "baseline.json")
    assert {r.system for r in kept.records} == {"bm25", "full"}
    assert all(not r.hits and r.said is None for r in kept.records)
    assert significant_drops(compare(report, kept)) == []


def test_tables_stand_between_their_marks(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{everything.BEGIN}\nstale tables\n{everything.END}\nafter\n", encoding="utf-8")
    monkeypatch.setattr(everything, "README", readme)
    (tmp_path / "briefs-dev.json").write_text(measure(data, "bm25").model_dump_json(), encoding="utf-8")
    everything.write_tables(tmp_path)
    text = readme.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "| bm25 |" in text
    assert "stale tables" not in text


def test_runs_that_are_not_there_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["all", "--only", "brief-dev"])
    with pytest.raises(SystemExit, match="2"):
        everything.main()
    assert "invalid choice: 'brief-dev'" in capsys.readouterr().err


def test_a_judge_sees_what_an_answer_cites_also_where_it_was_not_found(data: Path) -> None:
    answered = record(measure(data, "full", evidence="gold"), "full", "q2")
    assert "The rover is called Pragyan." in "\n".join(judge.evidence(answered))
    elsewhere = answered.model_copy(update={"hits": tuple(h for h in answered.hits if h.doc_id != "b/2")})
    assert judge.evidence(elsewhere)[0] == "The rover is called Pragyan."
    assert len(judge.evidence(elsewhere)) == 1 + len(elsewhere.hits)


def test_a_judge_is_asked_of_answers_only(data: Path) -> None:
    records = measure(data, "bm25", "full").records
    chosen = judge.answered(records, "full", 10)
    assert chosen
    assert all(r.system == "full" and r.said and not r.said.abstained for r in chosen)
    assert judge.answered(records, "full", 1) == judge.answered(records, "full", 1)
    verdicts: list[dict[str, float | None]] = [
        {"faithfulness": float(n)} if n else {"faithfulness": None} for n in range(len(chosen))
    ]
    assert judge.summary(chosen, verdicts)["faithfulness"].n == len(chosen) - 1


class Ranking:
    """Ranks briefs in the order of the catalogue."""

    def __init__(self, folder: Path) -> None:
        settings = SETTINGS.model_copy(update={"index": folder})
        self.settings = settings
        self.index = open_index(settings, embeddings=HashEmbeddings())

    def search(self, question: str, history: Sequence[BaseMessage], scope: Scope, k: int) -> list[Document]:
        ids = [brief.brief_id for brief in self.index.catalogue.briefs(scope)][:k]
        return [Document(page_content="…", metadata={"brief_id": brief_id}) for brief_id in ids]


class Stopping(Ranking):
    """Is interrupted at the fourth question, the first time."""

    asked: ClassVar[list[str]] = []

    def search(self, question: str, history: Sequence[BaseMessage], scope: Scope, k: int) -> list[Document]:
        number = next(q["id"] for q in QUESTIONS if q["question"] == question)
        if len(self.asked) == 3:
            self.asked.append("interrupted")
            raise KeyboardInterrupt
        self.asked[:] = [*(i for i in self.asked if i != "interrupted"), number]
        return super().search(question, history, scope, k)


class Failing(Ranking):
    """Fails on one question."""

    def search(self, question: str, history: Sequence[BaseMessage], scope: Scope, k: int) -> list[Document]:
        if "rover" in question:
            raise RuntimeError("out of order")
        return super().search(question, history, scope, k)


class Inventing(Ranking):
    """Answers as geobrief does, with the spans of its citations moved by one."""

    def ask(self, question: str, history: Sequence[BaseMessage], scope: Scope) -> Answer:
        answer = open_assistant(self.settings, embeddings=HashEmbeddings()).ask("What is the rover called?")
        moved = [Citation(c.n, c.start + 1, c.end + 1, c.quote, c.page, c.passage)
                 for sentence in answer.sentences for c in sentence.citations]  # fmt: skip
        sentences = (Sentence(text="The rover won.", citations=tuple(moved)),)
        made = {name: getattr(answer, name) for name in ("standalone_question", "scope", "evidence", "identities")}
        return Answer(question=question, sentences=sentences, timings_ms=answer.timings_ms, **made)


class Fixed:
    """Finds the same for every question."""

    found: ClassVar[Any] = []

    def search(self, question: str, history: Sequence[BaseMessage], scope: Scope, k: int) -> Any:
        return self.found


class Mute(Ranking):
    """Forgets to return its answer."""

    def ask(self, question: str, history: Sequence[BaseMessage], scope: Scope) -> Any:
        return None


def fixed(folder: Path) -> Fixed:
    return Fixed()


def mute(folder: Path) -> Mute:
    return Mute(folder)


def broken(folder: Path) -> Ranking:
    raise RuntimeError("no key")


def stopping(folder: Path) -> Stopping:
    return Stopping(folder)


def failing(folder: Path) -> Failing:
    return Failing(folder)


def inventing(folder: Path) -> Inventing:
    return Inventing(folder)
