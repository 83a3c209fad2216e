"""The briefs benchmark is what evals/README.md says it is."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from evals.briefs import ANSWERED, FOLDER, REFUSED, brief_texts, check
from rag.errors import UsageError
from rag.evaluation.dataset import open_dataset

SPLITS = ("dev", "test")


@pytest.fixture(scope="module")
def rows() -> dict[str, list[dict[str, Any]]]:
    return {
        split: [json.loads(line) for line in (FOLDER / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()]
        for split in SPLITS
    }


@pytest.mark.parametrize("split", SPLITS)
def test_every_gold_span_stands_exactly_and_every_answer_stands_in_one(
    rows: dict[str, list[dict[str, Any]]], split: str
) -> None:
    texts = brief_texts()
    for row in rows[split]:
        written = [(span["start"], span["end"]) for span in row.get("gold", [])]
        assert [*check(row, texts)] == []
        assert [(span["start"], span["end"]) for span in row.get("gold", [])] == written
        assert row["split"] == split


def test_no_story_and_no_brief_is_in_both_splits(rows: dict[str, list[dict[str, Any]]]) -> None:
    stories = [{row["story"] for row in rows[split]} for split in SPLITS]
    briefs = [{doc for row in rows[split] for doc in (*row["doc_ids"], *row.get("near", ()))} for split in SPLITS]
    assert stories[0] & stories[1] == set()
    assert briefs[0] & briefs[1] == set()


def test_there_are_enough_questions_of_each_kind(rows: dict[str, list[dict[str, Any]]]) -> None:
    everything = [*rows["dev"], *rows["test"]]
    assert len(everything) >= 350
    assert len({row["id"] for row in everything}) == len(everything)
    kinds = Counter(row["type"] for row in everything)
    assert all(kinds[kind] >= 10 for kind in (*ANSWERED, *REFUSED))
    refused = [row for row in everything if not row["answerable"]]
    assert len(refused) >= 120
    assert len([row for row in rows["test"] if not row["answerable"]]) >= 60
    for split in SPLITS:
        near = [row["type"] in ("near_miss", "false_premise") for row in rows[split] if not row["answerable"]]
        assert sum(near) >= 0.6 * len(near)


def test_conversations_have_three_turns_or_more_and_their_history_is_whole(
    rows: dict[str, list[dict[str, Any]]],
) -> None:
    turns: dict[str, list[dict[str, Any]]] = {}
    for row in [*rows["dev"], *rows["test"]]:
        if "conversation" in row:
            turns.setdefault(row["conversation"], []).append(row)
    assert len(turns) >= 20
    for conversation in turns.values():
        conversation.sort(key=lambda row: row["turn"])
        assert [row["turn"] for row in conversation] == list(range(1, len(conversation) + 1))
        assert len(conversation) >= 3
        for n, row in enumerate(conversation):
            asked = [turn["text"] for turn in row.get("history", []) if turn["role"] == "user"]
            assert asked == [earlier["question"] for earlier in conversation[:n]]


def test_the_test_split_is_frozen(tmp_path: Path) -> None:
    declared = json.loads((FOLDER / "dataset.json").read_text(encoding="utf-8"))
    assert open_dataset(str(FOLDER), work=tmp_path, split="test").questions
    declared |= {"corpus": str(FOLDER / declared["corpus"])}
    (tmp_path / "dataset.json").write_text(json.dumps(declared), encoding="utf-8")
    for split in SPLITS:
        text = (FOLDER / f"{split}.jsonl").read_text(encoding="utf-8")
        (tmp_path / f"{split}.jsonl").write_text(text.rstrip("\n"), encoding="utf-8")
    with pytest.raises(UsageError, match="frozen"):
        open_dataset(str(tmp_path), work=tmp_path, split="test")
