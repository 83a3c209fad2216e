"""Benchmarks of every form are read, and each fault of one is told with its file and line. All data is made here."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from rag.errors import UsageError
from rag.evaluation.dataset import PACKAGED, open_dataset
from rag.evaluation.forms import corpus as corpus_module
from rag.evaluation.forms.corpus import WRITTEN, write_corpus
from rag.evaluation.forms.documents import digest_of, read_documents, stamp
from rag.evaluation.forms.rows import Faults
from rag.evaluation.question import Dataset, GoldSpan, Question, Turn, doc_id_of
from rag.load import find, parse
from rag.types import Brief

RHINE = "The Rhine rises in Switzerland. It is 1,233 km long."
DANUBE = "The Danube flows into the Black Sea."
DOCUMENTS = [
    {"id": "rhine", "title": "Rhine", "text": RHINE},
    {"id": "danube", "title": "Danube", "date": "2024-05", "source": "Atlas", "text": DANUBE},
]
DATA = os.environ.get("GEOBRIEF_DATA", "")
SHARED = [
    "clapnq_dev",
    "fever_symmetric",
    "hotpotqa_kag_sample",
    "mtrag_un",
    "musique_kag_sample",
    "nq_open_oracle",
    "ramdocs",
    "squad2_dev",
    "world_factbook",
]


def question(**fields: Any) -> dict[str, Any]:
    """A right question of the shared form, with some fields replaced; None removes one."""
    whole = {"id": "q1", "question": "Where does it rise?", "answers": ["Switzerland"], "doc_ids": ["rhine"]}
    merged = {**whole, "answerable": True, **fields}
    return {name: value for name, value in merged.items() if value is not None}


def write_lines(path: Path, rows: Iterable[dict[str, Any] | str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def write_json(path: Path, value: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def briefs_of(dataset: Dataset) -> list[Brief]:
    """What an ingest of the dataset's corpus would read, without failure."""
    parsed = [parse(file, file.read(max_bytes=50_000_000)) for file in find(list(dataset.corpus)).files]
    assert not [failure for one in parsed for failure in one.failures]
    return [brief for one in parsed for brief in one.briefs]


Opener = Callable[..., Dataset]


@pytest.fixture
def opened(tmp_path: Path) -> Opener:
    """Open a dataset with a work folder of the test's own."""

    def open_it(path: Path | str, split: str | None = None) -> Dataset:
        return open_dataset(str(path), work=tmp_path / "work", split=split)

    return open_it


@pytest.fixture
def shared(tmp_path: Path) -> Callable[..., Path]:
    """Write a folder in the shared form."""

    def write(
        *questions: dict[str, Any] | str,
        documents: Iterable[dict[str, Any] | str] = DOCUMENTS,
        name: str = "rivers",
        declares: dict[str, Any] | None = None,
    ) -> Path:
        folder = tmp_path / name
        write_lines(folder / "corpus.jsonl", documents)
        write_lines(folder / "questions.jsonl", questions)
        if declares is not None:
            write_json(folder / "dataset.json", declares)
        return folder

    return write


@pytest.fixture
def briefs(tmp_path: Path) -> Callable[..., Path]:
    """Write a folder in the briefs form, over a corpus of two Markdown briefs."""

    def write(*dev: dict[str, Any] | str, test: Iterable[dict[str, Any] | str] = (), **declares: Any) -> Path:
        folder = tmp_path / "set"
        for document in DOCUMENTS:
            place = tmp_path / "corpus" / f"{document['id']}.md"
            place.parent.mkdir(exist_ok=True)
            place.write_text(f"---\nid: {document['id']}\ntitle: T\n---\n{document['text']}\n", encoding="utf-8")
        write_lines(folder / "dev.jsonl", dev)
        questions = {"dev": ["dev.jsonl"]}
        if test:
            write_lines(folder / "test.jsonl", test)
            questions["test"] = ["test.jsonl"]
        write_json(folder / "dataset.json", {"corpus": "../corpus", "questions": questions, **declares})
        return folder

    return write


@pytest.fixture
def beir(tmp_path: Path) -> Callable[..., Path]:
    """Write a BEIR folder with two queries."""

    def write(**qrels: str) -> Path:
        folder = tmp_path / "beir"
        corpus = ({"_id": d["id"], "title": d["title"], "text": d["text"], "metadata": {}} for d in DOCUMENTS)
        write_lines(folder / "corpus.jsonl", corpus)
        queries = [{"_id": "1", "text": "length of the Rhine"}, {"_id": "2", "text": "mouth of the Danube"}]
        write_lines(folder / "queries.jsonl", queries)
        (folder / "qrels").mkdir()
        for split, text in qrels.items():
            (folder / "qrels" / f"{split}.tsv").write_text(text, encoding="utf-8")
        return folder

    return write


def squad_file(path: Path, **answer: Any) -> Path:
    """Write a SQuAD 2.0 file with an answerable and an impossible question."""
    right = {"id": "s1", "question": "Where does it rise?", "answers": [{"text": "Switzerland", "answer_start": 19}]}
    wrong = {"id": "s2", "question": "Who dug it?", "answers": [], "is_impossible": True}
    qas = [{**right, **answer}, {**wrong, "plausible_answers": [{"text": "The Rhine", "answer_start": 0}]}]
    paragraphs = [{"context": RHINE, "qas": qas}, {"context": DANUBE, "qas": []}]
    return write_json(path, {"version": "v2.0", "data": [{"title": "Big_rivers", "paragraphs": paragraphs}]})


def refusal(opened: Opener, path: Path | str, split: str | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        opened(path, split)
    return str(caught.value)


# Where a dataset is found


def test_a_bare_name_is_looked_up_below_evals_datasets_and_then_in_the_data_folder(
    opened: Opener, shared: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shared(question())
    monkeypatch.setenv("GEOBRIEF_DATA", str(tmp_path))
    monkeypatch.chdir(folder)
    assert opened("rivers").questions[0].place == f"{folder / 'questions.jsonl'}:1"
    write_lines(folder / "evals/datasets/rivers/corpus.jsonl", DOCUMENTS)
    write_lines(folder / "evals/datasets/rivers/questions.jsonl", [question()])
    assert opened("rivers").questions[0].place == "evals/datasets/rivers/questions.jsonl:1"


def test_a_dataset_that_is_nowhere_is_told_with_the_places_that_were_searched(
    opened: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEOBRIEF_DATA", str(tmp_path))
    message = refusal(opened, "nowhere")
    places = f"nowhere, evals/datasets/nowhere, {tmp_path}/nowhere, {PACKAGED / 'nowhere'};"
    assert f"no dataset 'nowhere': looked for {places}" in message
    monkeypatch.delenv("GEOBRIEF_DATA")
    assert "($GEOBRIEF_DATA is not set)" in refusal(opened, "nowhere")


def test_a_blank_name_is_refused(opened: Opener) -> None:
    assert "the dataset has no name" in refusal(opened, " ")


@pytest.mark.parametrize("name", ["empty", "notes.txt"])
def test_what_has_no_known_form_is_refused(opened: Opener, tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("a")
    assert str(tmp_path / name) in refusal(opened, tmp_path / name)


def test_nothing_heavy_is_imported(shared: Callable[..., Path], tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from rag.evaluation.dataset import open_dataset\n"
        f"open_dataset({str(shared(question()))!r}, work=Path({str(tmp_path)!r}))\n"
        "heavy = {'torch', 'chromadb', 'sentence_transformers', 'transformers', 'langchain', 'gradio'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# The shared form


def test_a_shared_set_gives_questions_and_documents(opened: Opener, shared: Callable[..., Path]) -> None:
    folder = shared(question(type="where", wrong_answers=["Austria"]))
    dataset = opened(folder)
    assert (dataset.name, dataset.form, dataset.extractive, dataset.refusal) == ("rivers", "shared", False, "corpus")
    assert (dataset.n_documents, dataset.n_total, dataset.notes) == (2, 1, ())
    assert dataset.questions == (
        Question(
            id="q1",
            text="Where does it rise?",
            answerable=True,
            answers=("Switzerland",),
            doc_ids=("rhine",),
            relevance={"rhine": 1},
            wrong_answers=("Austria",),
            types=("where",),
            group="rhine",
            place=f"{folder / 'questions.jsonl'}:1",
        ),
    )
    assert [(brief.id, str(brief.date), brief.source, brief.text) for brief in briefs_of(dataset)] == [
        ("rhine", "None", None, RHINE),
        ("danube", "2024-05", "Atlas", DANUBE),
    ]


def test_types_may_be_a_list_and_answers_of_the_unanswerable_are_dropped(
    opened: Opener, shared: Callable[..., Path]
) -> None:
    refused = question(answerable=False, answers=["I do not know."], type=["near", "hard"])
    (only,) = opened(shared(refused)).questions
    assert (only.types, only.answers, only.doc_ids) == (("near", "hard"), (), ("rhine",))


def test_agent_and_model_are_the_assistant(opened: Opener, shared: Callable[..., Path]) -> None:
    roles = ["user", "agent", "user", "model", "user", "assistant"]
    (only,) = opened(shared(question(history=[{"role": role, "text": "t"} for role in roles]))).questions
    assert only.history == (Turn("user", "t"), Turn("assistant", "t")) * 3


@pytest.mark.parametrize("absent", [[], None])
def test_questions_without_a_gold_document_are_counted(
    opened: Opener, shared: Callable[..., Path], absent: list[str] | None
) -> None:
    rows = [question(id=f"q{n}", doc_ids=absent) for n in range(2)]
    rows.append(question(id="q2", doc_ids=[], answerable=False))
    assert "2 questions name no gold document" in opened(shared(*rows)).notes


def test_a_null_list_is_an_empty_one(opened: Opener, shared: Callable[..., Path]) -> None:
    nulls = '{"id": "q", "question": "?", "answerable": true, "answers": null, "doc_ids": null, "history": null}'
    dataset = opened(shared(nulls))
    assert dataset.questions[0].doc_ids == ()
    assert "1 of 1 answerable questions have no accepted answer" in dataset.notes


def test_answers_that_are_not_verbatim_are_counted_where_the_set_is_not_extractive(
    opened: Opener, shared: Callable[..., Path]
) -> None:
    rows = [question(), question(id="q2", answers=["in the Alps"]), question(id="q3", answerable=False)]
    expected = "1 of 2 answerable questions have no accepted answer verbatim in a gold document"
    assert opened(shared(*rows)).notes == (expected,)


def test_a_set_that_declares_itself_extractive_is_held_to_it(opened: Opener, shared: Callable[..., Path]) -> None:
    declares = {"name": "Rivers 1", "answers": "extractive", "refusal": "gold"}
    dataset = opened(shared(question(answers=["in the Alps", "rises  in SWITZERLAND"]), declares=declares))
    assert (dataset.name, dataset.extractive, dataset.refusal) == ("Rivers 1", True, "gold")
    assert dataset.notes == ("1 of 2 accepted answers stand verbatim in no gold document, another one does",)
    wrong = shared(question(), question(id="q2", answers=["in the Alps"]), declares=declares)
    assert f"{wrong / 'questions.jsonl'}:2: no accepted answer stands in a gold document" in refusal(opened, wrong)


def test_composed_and_decomposed_letters_are_the_same(opened: Opener, shared: Callable[..., Path]) -> None:
    documents = [{"id": "rhine", "title": "t", "text": "It passes Ko\u0308ln."}]
    folder = shared(question(answers=["K\u00f6ln"]), documents=documents, declares={"answers": "extractive"})
    assert opened(folder).notes == ()


@pytest.mark.parametrize(
    ("name", "extractive", "refuses"),
    [("squad2_dev", True, "gold"), ("nq_open_oracle", True, "corpus"), ("clapnq_dev", False, "gold")],
)
def test_known_folders_declare_themselves(
    opened: Opener, shared: Callable[..., Path], name: str, extractive: bool, refuses: str
) -> None:
    dataset = opened(shared(question(), name=name))
    assert (dataset.extractive, dataset.refusal) == (extractive, refuses)


def test_pairs_need_no_corpus(opened: Opener, tmp_path: Path) -> None:
    pair = {"id": "p1", "premise": RHINE, "hypothesis": "It is long.", "label": "SUPPORTS", "split": "dev"}
    write_lines(tmp_path / "claims/pairs.jsonl", [pair, {**pair, "id": "p2", "split": "test"}])
    assert [one.id for one in opened(tmp_path / "claims").pairs] == ["p1", "p2"]
    dataset = opened(tmp_path / "claims", "test")
    assert ([one.id for one in dataset.pairs], dataset.corpus) == (["p2"], ())


# Splits


def test_a_split_is_taken_and_the_rest_is_only_counted(opened: Opener, shared: Callable[..., Path]) -> None:
    rows = [question(split="dev"), question(id="q2", split="test"), question(id="q3")]
    dataset = opened(shared(*rows), "test")
    assert ([one.id for one in dataset.questions], dataset.n_total) == (["q2"], 3)


def test_a_set_without_splits_belongs_to_any_split(opened: Opener, shared: Callable[..., Path]) -> None:
    dataset = opened(shared(question()), "test")
    assert len(dataset.questions) == 1
    assert dataset.notes == ("the dataset has no splits; all of it is taken for 'test'",)


def test_an_empty_split_is_refused_with_those_there_are(opened: Opener, shared: Callable[..., Path]) -> None:
    folder = shared(question(split="dev"), question(id="q2", split="test"))
    assert "empty split 'train'; the splits there are: 'dev', 'test'" in refusal(opened, folder, "train")


# Faults of lines


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ('{"id": "q2", "question": "Wh', "is broken JSON (column 26: Unterminated string"),
        ('["q2"]', "is ['q2']; write an object"),
        (question(id=None), "id is missing"),
        (question(id=" "), "id is empty"),
        (question(id=7), "id is 7; write it as one string"),
        (question(id="q2", question=None), "question is missing"),
        (question(id="q2", question=""), "question is empty"),
        (question(id="q2", answerable=None), "answerable is missing; write true or false"),
        (question(id="q2", answerable="yes"), "answerable is 'yes'; write true or false"),
        (question(id="q2", answers="Alps"), "answers is 'Alps'; write a list of strings"),
        (question(id="q2", answers=[1]), "answers is [1]; write a list of strings"),
        (question(id="q2", answers=[""]), "answers holds an empty string"),
        (question(id="q2", items=["Alps"]), "items[0] is 'Alps'; write a list of strings"),
        (question(id="q2", items=[[]]), "items holds an empty list"),
        (question(id="q2", doc_ids="rhine"), "doc_ids is 'rhine'; write a list of strings"),
        (question(id="q2", type=3), "type is 3; write a list of strings"),
        (question(id="q2", polar="maybe"), "polar is 'maybe'; write one of 'yes', 'no'"),
        (question(id="q2", gold_mode="some"), "gold_mode is 'some'; write one of 'any', 'all'"),
        (question(id="q2", history=[{"role": "bot", "text": "t"}]), "history[0].role is 'bot'; write one of 'user'"),
        (question(id="q2", history=[{"text": "t"}]), "history[0].role is missing"),
        (question(id="q2", history=[{"role": "user"}]), "history[0].text is missing"),
        (question(id="q2", history=["hello"]), "history[0] is 'hello'; write an object"),
        (
            question(id="q2", gold=[{"doc_id": "rhine", "end": 2, "text": "It"}]),
            "gold[0].start is missing; write a whole number",
        ),
        ('{"id": "q2", "question": "\\ud800?", "answerable": false}', "question holds half a character"),
        (question(), "question id 'q1' is taken, it is also that of"),
        (question(id="q2", doc_ids=["rhine", "elbe"]), "gold document 'elbe' is not in the corpus"),
    ],
)
def test_a_fault_of_a_question_is_told_with_file_and_line(
    opened: Opener, shared: Callable[..., Path], row: dict[str, Any] | str, says: str
) -> None:
    folder = shared(question(), "", row)
    message = refusal(opened, folder)
    assert message.startswith(f"{folder / 'questions.jsonl'}:3: {says}")
    assert ";" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ('{"id": "elbe"', "is broken JSON"),
        ({"title": "t", "text": "t"}, "id is missing"),
        ({"id": "elbe", "title": "t"}, "text is missing"),
        ({"id": "elbe", "title": "t", "text": 5}, "text is 5; write it as one string"),
        ({"id": "elbe", "title": ["t"], "text": "t"}, "title is ['t']; write it as one string"),
        ({"id": "e" * 201, "text": "t"}, "document id 'eee"),
    ],
)
def test_a_fault_of_a_document_is_told_with_file_and_line(
    opened: Opener, shared: Callable[..., Path], row: dict[str, Any] | str, says: str
) -> None:
    folder = shared(question(doc_ids=["perhaps in the bad line"]), documents=[*DOCUMENTS, row])
    message = refusal(opened, folder)
    assert message.startswith(f"{folder / 'corpus.jsonl'}:3: {says}")
    assert "\n" not in message


def test_a_document_id_that_comes_twice_names_both_lines(opened: Opener, shared: Callable[..., Path]) -> None:
    folder = shared(question(), documents=[*DOCUMENTS, DOCUMENTS[0]])
    place = folder / "corpus.jsonl"
    assert f"{place}:3: document id 'rhine' is taken, it is also that of {place}:1" in refusal(opened, folder)


def test_a_question_id_that_comes_twice_names_both_lines(opened: Opener, shared: Callable[..., Path]) -> None:
    folder = shared(question(), question())
    place = folder / "questions.jsonl"
    assert f"{place}:2: question id 'q1' is taken, it is also that of {place}:1" in refusal(opened, folder)


def test_a_file_that_is_not_utf_8_is_told_with_the_offset_of_the_byte(
    opened: Opener, shared: Callable[..., Path]
) -> None:
    folder = shared(question())
    (folder / "questions.jsonl").write_bytes(b"\xef\xbb\xbf{}\n" + '{"id": "Köln"}'.encode("latin-1"))
    message = refusal(opened, folder)
    assert f"{folder / 'questions.jsonl'}:2: is not UTF-8 (byte 0xf6 at offset 15 of the file); save" in message


@pytest.mark.parametrize("name", ["questions.jsonl", "corpus.jsonl"])
def test_an_empty_file_is_a_fault(opened: Opener, shared: Callable[..., Path], name: str) -> None:
    folder = shared(question())
    (folder / name).write_bytes(b"\n \n")
    assert f"{folder / name}:1: the file is empty" in refusal(opened, folder)


def test_a_byte_order_mark_and_windows_line_ends_are_read(opened: Opener, shared: Callable[..., Path]) -> None:
    folder = shared(question())
    raw = (folder / "questions.jsonl").read_bytes()
    (folder / "questions.jsonl").write_bytes(b"\xef\xbb\xbf" + raw.replace(b"\n", b"\r\n"))
    assert len(opened(folder).questions) == 1


def test_a_corpus_without_questions_and_questions_without_a_corpus_are_faults(
    opened: Opener, shared: Callable[..., Path]
) -> None:
    folder = shared(question())
    (folder / "corpus.jsonl").rename(folder / "kept")
    assert f"{folder}: holds questions but no documents; add a corpus.jsonl" in refusal(opened, folder)
    (folder / "kept").rename(folder / "corpus.jsonl")
    (folder / "questions.jsonl").unlink()
    assert f"{folder}: holds no question" in refusal(opened, folder)


def test_twenty_faults_are_shown_and_the_others_counted(opened: Opener, shared: Callable[..., Path]) -> None:
    lines = refusal(opened, shared(*(question(id=f"q{n}", polar="?") for n in range(23)))).split("\n")
    assert len(lines) == 21
    assert lines[19].split(".jsonl:")[1].startswith("20: polar")
    assert lines[20] == "... and 3 more"


@pytest.mark.parametrize(
    ("change", "says"),
    [({"label": None}, "label is missing"), ({"premise": ""}, "premise is empty"), ({"id": "p1"}, "pair id 'p1'")],
)
def test_a_fault_of_a_pair_is_told_with_file_and_line(
    opened: Opener, tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    pair = {"id": "p1", "premise": RHINE, "hypothesis": "It is long.", "label": "SUPPORTS"}
    path = write_lines(tmp_path / "claims/pairs.jsonl", [pair, {**pair, "id": "p2", **change}])
    assert refusal(opened, path.parent).startswith(f"{path}:2: {says}")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(opened: Opener, shared: Callable[..., Path]) -> None:
    folder = shared(question())
    (folder / "corpus.jsonl").chmod(0)
    assert f"{folder / 'corpus.jsonl'}: permission denied; check" in refusal(opened, folder)


def test_a_work_folder_that_is_a_file_is_named(shared: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"file.*; check path, permissions and disk"):
        open_dataset(str(shared(question())), work=tmp_path / "file")


# Documents as briefs


def test_documents_are_written_so_that_every_one_can_be_ingested(opened: Opener, shared: Callable[..., Path]) -> None:
    odd = [
        {"id": "a b/c#1@x%", "title": "", "date": "in May", "text": "  One.\u2028Two.\x85 \x7f\x7f\x7f\x7f\x7f\x7f"},
        {"id": "nul", "title": "n" * 400 + " " + "m" * 200, "date": 2024, "source": "", "text": "\x7f\x00" * 9},
        '{"id": "half", "title": null, "date": "2024-13", "text": "ok \\ud83d"}',
        {"id": "empty", "title": " ", "text": " \n"},
        {"id": "titled", "title": "Bats", "text": ""},
    ]
    rows = [question(answerable=False, answers=[], doc_ids=["a b/c#1@x%", "empty"])]
    dataset = opened(shared(*rows, documents=odd))
    written = {doc_id_of(brief.id): brief for brief in briefs_of(dataset)}
    assert list(written) == ["a b/c#1@x%", "nul", "half", "titled"]
    assert written["titled"].text == "Bats"
    assert written["a b/c#1@x%"].title == "a b/c#1@x%"
    assert written["a b/c#1@x%"].text == odd[0]["text"]  # type: ignore[index]
    assert (written["nul"].title, str(written["nul"].date)) == ("n" * 400 + "…", "2024")
    assert written["half"].text == "ok \ufffd"
    assert dataset.n_documents == 4
    assert dataset.notes == (
        "1 of 5 documents have an empty text and are left out, 1 of them gold",
        "2 of 5 documents have an invalid date, which is dropped",
        "1 of 5 documents have a title over 500 characters, cut",
        "2 of 5 documents hold NUL or half characters, written as U+FFFD",
    )


def test_a_corpus_is_split_into_parts(
    opened: Opener, shared: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus_module, "PART_BYTES", 100)
    dataset = opened(shared(question()))
    (folder,) = dataset.corpus
    assert [path.name for path in sorted(folder.iterdir())] == ["part-000.jsonl", "part-001.jsonl"]
    assert len(briefs_of(dataset)) == 2


def test_a_corpus_lies_under_its_digest_and_is_reused_with_the_same_notes(
    opened: Opener, shared: Callable[..., Path]
) -> None:
    folder = shared(question(), documents=[*DOCUMENTS, {"id": "e", "text": ""}])
    first = opened(folder)
    (place,) = first.corpus
    assert place.parent.name == "corpora"
    assert place.name == f"{first.corpus_digest[:16]}-{WRITTEN}"
    written = (place / "part-000.jsonl").stat()
    assert opened(folder) == first
    assert (place / "part-000.jsonl").stat().st_mtime_ns == written.st_mtime_ns
    assert [path.name for path in place.parent.iterdir()] == [place.name]


def test_a_reading_that_ends_in_the_middle_leaves_no_corpus(
    opened: Opener, shared: Callable[..., Path], tmp_path: Path
) -> None:
    refusal(opened, shared(question(), documents=[*DOCUMENTS, "{"]))
    assert list((tmp_path / "work/corpora").iterdir()) == []


def test_digests_change_with_the_bytes_and_not_with_the_place(
    opened: Opener, shared: Callable[..., Path], tmp_path: Path
) -> None:
    first = opened(shared(question()))
    assert opened(shared(question(), name="moved")).digest == first.digest
    asked_otherwise = opened(shared(question(question="From where?")))
    assert asked_otherwise.digest != first.digest
    assert asked_otherwise.corpus_digest == first.corpus_digest
    fewer = opened(shared(question(), documents=DOCUMENTS[:1]))
    assert fewer.corpus_digest != first.corpus_digest


# The briefs form


def span(text: str, **fields: Any) -> dict[str, Any]:
    return {"doc_id": "rhine", "start": RHINE.index(text), "end": RHINE.index(text) + len(text), "text": text, **fields}


def brief_question(**fields: Any) -> dict[str, Any]:
    return question(**{"type": "where", "gold": [span("The Rhine rises in Switzerland.")], **fields})


def test_a_briefs_set_is_read_with_spans_items_and_conversations(
    opened: Opener, briefs: Callable[..., Path], tmp_path: Path
) -> None:
    listed = brief_question(id="q2", answers=[], items=[["Rhine", "The Rhine"], ["Switzerland"]], gold_mode="all")
    turn = brief_question(id="q3", answers=[], polar="yes", conversation="conv-1", turn=2, near=["danube"])
    folder = briefs(brief_question(), listed, turn, name="mine", license="CC0", description="d")
    dataset = opened(folder)
    assert (dataset.name, dataset.form, dataset.extractive, dataset.refusal) == ("mine", "briefs", True, "corpus")
    assert (dataset.corpus, dataset.n_documents, dataset.notes) == ((folder / "../corpus",), 2, ())
    first, second, third = dataset.questions
    assert first.gold == (GoldSpan("rhine", 0, 31, "The Rhine rises in Switzerland."),)
    assert (first.split, first.group, first.place) == ("dev", "rhine", f"{folder / 'dev.jsonl'}:1")
    assert (second.items, second.gold_mode) == ((("Rhine", "The Rhine"), ("Switzerland",)), "all")
    assert (third.polar, third.group, third.doc_ids) == ("yes", "conv-1", ("rhine",))
    assert [brief.id for brief in briefs_of(dataset)] == ["danube", "rhine"]


def test_splits_of_a_briefs_set_are_its_files(opened: Opener, briefs: Callable[..., Path]) -> None:
    folder = briefs(brief_question(), test=[brief_question(id="q2")])
    dataset = opened(folder, "test")
    assert ([one.id for one in dataset.questions], dataset.n_total) == (["q2"], 2)
    assert "empty split 'train'" in refusal(opened, folder, "train")


def test_the_manifest_may_stand_for_its_folder(opened: Opener, briefs: Callable[..., Path]) -> None:
    folder = briefs(brief_question())
    assert opened(folder / "dataset.json").digest == opened(folder).digest


def test_a_frozen_split_has_to_be_as_it_was(opened: Opener, briefs: Callable[..., Path]) -> None:
    folder = briefs(brief_question(), test=[brief_question(id="q2")])
    digest = hashlib.sha256((folder / "test.jsonl").read_bytes()).hexdigest()
    folder = briefs(brief_question(), test=[brief_question(id="q2")], sha256={"test": digest})
    assert len(opened(folder).questions) == 2
    write_lines(folder / "test.jsonl", [brief_question(id="q3")])
    message = refusal(opened, folder, "dev")
    assert f"{folder / 'dataset.json'}: the test split was frozen with sha256 '{digest}'" in message


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"gold": [span("Switzerland", start=18, end=29)]},
            "gold text 'Switzerland' does not stand at 18:29 of 'rhine' but at 19:30; correct",
        ),
        (
            {"gold": [{**span("It"), "text": "Elbe"}]},
            "gold text 'Elbe' does not stand at 32:34 of 'rhine', nor elsewhere",
        ),
        ({"gold": [{"doc_id": "rhine", "text": "It"}]}, "gold[0].start and end are missing; `python -m evals.briefs"),
        ({"gold": [span("It", doc_id="danube")]}, "gold span of 'danube', which doc_ids do not name"),
        ({"answers": ["Switzerland", "the Alps"]}, "answer 'the Alps' stands in no gold document"),
        ({"items": [["Rhine"], ["Elbe"]]}, "answer 'Elbe' stands in no gold document"),
        ({"answerable": False}, "an unanswerable question has gold spans"),
        ({"gold": [], "doc_ids": []}, "no gold document"),
        ({"answers": []}, "no answers, items or polar"),
        ({"doc_ids": ["rhine", "elbe"]}, "gold document 'elbe' is not in the corpus"),
        ({"split": "test"}, "split is 'test' in a file of the split 'dev'"),
    ],
)
def test_a_fault_of_a_briefs_question_is_told_with_file_and_line(
    opened: Opener, briefs: Callable[..., Path], change: dict[str, Any], says: str
) -> None:
    folder = briefs(brief_question(), brief_question(id="q2", **change))
    message = refusal(opened, folder)
    assert message.startswith(f"{folder / 'dev.jsonl'}:2: {says}")
    assert "\n" not in message


def test_a_question_id_may_not_be_in_two_splits(opened: Opener, briefs: Callable[..., Path]) -> None:
    folder = briefs(brief_question(), test=[brief_question()])
    message = refusal(opened, folder)
    assert (
        f"{folder / 'test.jsonl'}:1: question id 'q1' is taken, it is also that of {folder / 'dev.jsonl'}:1" in message
    )


def test_free_answers_of_a_briefs_set_need_not_be_verbatim(opened: Opener, briefs: Callable[..., Path]) -> None:
    dataset = opened(briefs(brief_question(answers=["in the Alps"]), answers="free"))
    assert dataset.notes == ("1 of 1 answerable questions have no accepted answer verbatim in a gold document",)


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        ({"corpus": "../corpus"}, "questions are missing"),
        ({"questions": {"dev": ["dev.jsonl"]}}, "corpus is missing"),
        ({"corpus": "gone", "questions": {"dev": "dev.jsonl"}}, "corpus 'gone' is not there"),
        ({"corpus": "../corpus", "questions": {"dev": ["x.jsonl"]}}, "questions.dev 'x.jsonl' is not there"),
        ({"corpus": 5, "questions": {"dev": "dev.jsonl"}}, "corpus is 5; write a list of strings"),
        ({"corpus": "../corpus", "questions": ["dev.jsonl"]}, "questions is ['dev.jsonl']; write an object"),
        ({"corpus": "../corpus", "questions": {"dev": "dev.jsonl"}, "answers": "x"}, "answers is 'x'; write one of"),
        ({"corpus": "../corpus", "questions": {"dev": "dev.jsonl"}, "refusal": "x"}, "refusal is 'x'; write one of"),
        ({"corpus": "../corpus", "questions": {"dev": "dev.jsonl"}, "sha256": {"t": "0"}}, "sha256 names 't', which"),
    ],
)
def test_a_fault_of_the_manifest_names_it(
    opened: Opener, briefs: Callable[..., Path], manifest: dict[str, Any], says: str
) -> None:
    path = write_json(briefs(brief_question()) / "dataset.json", manifest)
    assert f"{path}: {says}" in refusal(opened, path)


def test_a_broken_manifest_is_told_with_its_line(opened: Opener, briefs: Callable[..., Path]) -> None:
    path = briefs(brief_question()) / "dataset.json"
    path.write_text('{\n  "corpus": "a",\n  nothing\n}\n')
    assert f"{path}:3: is broken JSON (column 3:" in refusal(opened, path)


def test_a_corpus_that_cannot_be_read_or_has_an_id_twice_is_a_fault(
    opened: Opener, briefs: Callable[..., Path], tmp_path: Path
) -> None:
    folder = briefs(brief_question())
    place = (tmp_path / "corpus").resolve()
    (place / "second.md").write_text("---\nid: rhine\ntitle: T\n---\nAgain.\n")
    (place / "bad.md").write_bytes(b"\xff\x00")
    message = refusal(opened, folder)
    assert f"{place / 'second.md'}: document id 'rhine' is taken, it is also that of {place / 'rhine.md'}" in message
    assert f"{place / 'bad.md'}: is not text" in message


# BEIR


def test_a_beir_folder_gives_graded_queries(opened: Opener, beir: Callable[..., Path]) -> None:
    folder = beir(test="query-id\tcorpus-id\tscore\n1\trhine\t2\n1\tdanube\t0\n")
    dataset = opened(folder)
    (only,) = dataset.questions
    assert (only.id, only.text, only.answerable, only.split) == ("1", "length of the Rhine", True, "test")
    assert (only.doc_ids, only.relevance) == (("rhine",), {"rhine": 2, "danube": 0})
    assert only.place == f"{folder / 'queries.jsonl'}:1"
    assert (dataset.form, dataset.extractive, dataset.refusal, dataset.n_total) == ("beir", False, "corpus", 2)
    assert dataset.notes == ("1 of 2 queries have no judgement in qrels/test.tsv and are left out",)
    assert [brief.id for brief in briefs_of(dataset)] == ["rhine", "danube"]


def test_trec_judgements_without_a_header_are_read(opened: Opener, beir: Callable[..., Path]) -> None:
    dataset = opened(beir(test="1 0 rhine 1\n2 0 danube 1\n2 0 unpooled -1\n"))
    assert [dict(one.relevance) for one in dataset.questions] == [{"rhine": 1}, {"danube": 1, "unpooled": -1}]


def test_the_split_picks_the_judgements(opened: Opener, beir: Callable[..., Path]) -> None:
    folder = beir(test="1\trhine\t1\n", dev="2\tdanube\t1\n")
    assert [one.id for one in opened(folder).questions] == ["1"]
    assert [one.id for one in opened(folder, "dev").questions] == ["2"]
    assert opened(folder).digest != opened(folder, "dev").digest
    assert "empty split 'train'; the splits there are: 'dev', 'test'" in refusal(opened, folder, "train")


def test_without_a_test_split_the_only_one_is_taken(opened: Opener, beir: Callable[..., Path]) -> None:
    folder = beir(dev="2\tdanube\t1\n")
    assert [one.split for one in opened(folder).questions] == ["dev"]
    (folder / "qrels/train.tsv").write_text("1\trhine\t1\n")
    assert "has no split 'test'; ask for one of 'dev', 'train'" in refusal(opened, folder)


def test_a_beir_folder_without_judgements_is_refused(opened: Opener, beir: Callable[..., Path]) -> None:
    assert "holds no judgements" in refusal(opened, beir())


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("1\trhine", "has 2 columns; write query id, document id, grade"),
        ("1\trhine\tgood", "grade 'good' is no whole number"),
        ("9\trhine\t1", "query '9' is not in queries.jsonl"),
        ("1\telbe\t1", "gold document 'elbe' is not in the corpus"),
        ("1\trhine\t2", "document 'rhine' has another grade above for '1'"),
    ],
)
def test_a_fault_of_a_judgement_is_told_with_file_and_line(
    opened: Opener, beir: Callable[..., Path], line: str, says: str
) -> None:
    folder = beir(test=f"query-id\tcorpus-id\tscore\n1\trhine\t1\n{line}\n")
    assert refusal(opened, folder).startswith(f"{folder / 'qrels/test.tsv'}:3: {says}")


def test_a_fault_of_a_query_is_told_with_file_and_line(opened: Opener, beir: Callable[..., Path]) -> None:
    folder = beir(test="1\trhine\t1\n")
    write_lines(folder / "queries.jsonl", [{"_id": "1", "text": "t"}, {"_id": "1", "text": "t"}, {"id": "3"}])
    place = folder / "queries.jsonl"
    assert refusal(opened, folder).split("\n") == [
        f"{place}:2: query id '1' is taken, it is also that of {place}:1; change or remove one of them",
        f"{place}:3: _id is missing; give it one",
        f"{place}:3: text is missing; give it one",
    ]


# SQuAD


def test_a_squad_file_gives_paragraphs_and_questions(opened: Opener, tmp_path: Path) -> None:
    path = squad_file(tmp_path / "rivers-v2.json")
    dataset = opened(path)
    answered, refused = dataset.questions
    assert (answered.doc_ids, answered.answers) == (("Big_rivers#0",), ("Switzerland",))
    assert answered.gold == (GoldSpan("Big_rivers#0", 19, 30, "Switzerland"),)
    assert answered.place == f"{path}: data[0].paragraphs[0].qas[0]"
    assert (refused.answerable, refused.answers, refused.gold, refused.doc_ids) == (False, (), (), ("Big_rivers#0",))
    assert (dataset.name, dataset.form, dataset.extractive, dataset.refusal) == ("rivers-v2", "squad", True, "gold")
    assert [(brief.id, brief.title) for brief in briefs_of(dataset)] == [
        ("Big_rivers%230", "Big rivers"),
        ("Big_rivers%231", "Big rivers"),
    ]


def test_articles_of_one_title_count_their_paragraphs_on(opened: Opener, tmp_path: Path) -> None:
    article = json.loads(squad_file(tmp_path / "a.json").read_text())["data"][0]
    again = {"title": "Big_rivers", "paragraphs": [{"context": DANUBE, "qas": []}]}
    dataset = opened(write_json(tmp_path / "a.json", {"data": [article, again, {**again, "title": None}]}))
    ids = [doc_id_of(brief.id) for brief in briefs_of(dataset)]
    assert ids == ["Big_rivers#0", "Big_rivers#1", "Big_rivers#2", "a-2#0"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (
            {"answers": [{"text": "Switzerland", "answer_start": 20}]},
            "gold text 'Switzerland' does not stand at 20:31 of 'Big_rivers#0' but at 19:30",
        ),
        ({"answers": []}, "answers are missing; give one, or say is_impossible"),
        ({"answers": [{"text": "Switzerland"}]}, "data[0].paragraphs[0].qas[0].answers[0].answer_start is missing"),
        ({"id": ""}, "data[0].paragraphs[0].qas[0].id is empty"),
        ({"id": "s2"}, "question id 's2' is taken"),
        ({"is_impossible": "no"}, "is_impossible is 'no'; write true or false"),
    ],
)
def test_a_fault_of_a_squad_question_names_the_file_and_its_place(
    opened: Opener, tmp_path: Path, answer: dict[str, Any], says: str
) -> None:
    path = squad_file(tmp_path / "a.json", **answer)
    message = refusal(opened, path)
    assert message.startswith(f"{path}: data[0].paragraphs[0].qas[")
    assert says in message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", ":1: the file is empty"),
        ('{"data":\n [}', ":2: is broken JSON (column 3:"),
        ("[]", ":1: is []; write an object"),
        ('{"data": 3}', ": data is 3; write a list"),
        ('{"briefs": []}', ": data holds no paragraph"),
        ('{"data": [{"title": "t", "paragraphs": [{}]}]}', ": data[0].paragraphs[0].context is missing"),
        ('{"data": [{"title": "t", "paragraphs": [{"context": "t"}]}]}', ": holds no question"),
    ],
)
def test_a_json_file_of_another_form_is_told(opened: Opener, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "a.json").write_text(text)
    assert f"{tmp_path / 'a.json'}{says}" in refusal(opened, tmp_path / "a.json")


# The benchmarks of others


@pytest.mark.parametrize("name", SHARED)
def test_a_public_benchmark_loads_clean_and_can_be_ingested(opened: Opener, name: str) -> None:
    if not (Path(DATA) / name).is_dir() or not DATA:
        pytest.skip("set GEOBRIEF_DATA to the folder of the public benchmarks")
    dataset = opened(Path(DATA) / name)
    assert dataset.questions or dataset.pairs
    assert len({brief.id for brief in briefs_of(dataset)}) == dataset.n_documents


@pytest.mark.parametrize("name", ["us_state_historian", "ungdc_2013_2024"])
def test_a_public_corpus_can_be_ingested(tmp_path: Path, name: str) -> None:
    path = Path(DATA) / name / "corpus.jsonl"
    if not path.is_file() or not DATA:
        pytest.skip("set GEOBRIEF_DATA to the folder of the public benchmarks")
    faults = Faults()
    documents = write_corpus(
        read_documents(path, faults),
        origin=path,
        digest=digest_of([stamp(path, path.parent)]),
        work=tmp_path,
        wanted=(),
        faults=faults,
    )
    faults.stop()
    parsed = [parse(file, file.read(max_bytes=50_000_000)) for file in find(list(documents.paths)).files]
    assert not [failure for one in parsed for failure in one.failures]
    assert sum(len(one.briefs) for one in parsed) == documents.n


@pytest.mark.parametrize(("dataset", "sizes"), [("conflicts", [78, 77]), ("plain", [164, 203])])
def test_a_benchmark_of_our_own_parts_its_stories(tmp_path: Path, dataset: str, sizes: list[int]) -> None:
    halves = [open_dataset(f"evals/datasets/{dataset}", work=tmp_path, split=split) for split in ("dev", "test")]
    assert [len(half.questions) for half in halves] == sizes
    assert not {q.group for q in halves[0].questions} & {q.group for q in halves[1].questions}
