"""The written pairs are what evals/datasets/written/README.md says they are."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from evals.briefs import FOLDER, brief_texts
from rag.evaluation.dataset import open_dataset

WRITTEN = FOLDER.parent / "written"
REASONS = ("number", "date", "name", "negation", "hedge", "attribution", "unsupported")


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (WRITTEN / "pairs.jsonl").read_text(encoding="utf-8").splitlines()]


def test_every_premise_stands_exactly_in_its_brief(rows: list[dict[str, Any]]) -> None:
    texts = brief_texts()
    assert [row["id"] for row in rows if texts[row["doc_id"]][row["start"] : row["end"]] != row["premise"]] == []


def test_labels_are_valid_and_what_is_refuted_has_a_reason(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        assert row["label"] in ("SUPPORTS", "REFUTES")
        assert row.get("reason") in (REASONS if row["label"] == "REFUTES" else (None,))


def test_there_are_300_sentences_or_more_and_80_of_them_are_supported(rows: list[dict[str, Any]]) -> None:
    labels = Counter(row["label"] for row in rows)
    assert labels.total() >= 300
    assert labels["SUPPORTS"] >= 80
    assert labels["REFUTES"] >= 80


def test_no_id_and_no_sentence_over_one_premise_stands_twice(rows: list[dict[str, Any]]) -> None:
    assert len({row["id"] for row in rows}) == len(rows)
    assert len({(row["premise"], row["hypothesis"].casefold()) for row in rows}) == len(rows)


def test_every_question_is_a_dev_question_about_that_brief(rows: list[dict[str, Any]]) -> None:
    lines = (FOLDER / "dev.jsonl").read_text(encoding="utf-8").splitlines()
    asked = {question.get("standalone") or question["question"]: question for question in map(json.loads, lines)}
    for row in rows:
        question = asked[row["question"]]
        assert row["doc_id"] in (*question["doc_ids"], *question.get("near", ()))


def test_pairs_open_as_a_dataset(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    pairs = open_dataset(str(WRITTEN), work=tmp_path, split="test").pairs
    assert [pair.id for pair in pairs] == [row["id"] for row in rows]
    assert [pair.label for pair in pairs] == [row["label"] for row in rows]


def test_readme_states_the_counts(rows: list[dict[str, Any]]) -> None:
    readme = (WRITTEN / "README.md").read_text(encoding="utf-8")
    counts = Counter(row.get("reason") or row["label"] for row in rows)
    assert [name for name, n in counts.items() if f"| {name} | {n} |" not in readme] == []
