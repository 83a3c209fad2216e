"""The pure parts of the sampler: which passage is drawn, how a reply is cut, and what is left out."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from evals.sample_small_llm import (
    Passage,
    Written,
    copied,
    nearest,
    passage_of,
    sample,
    sentence_runs,
    sentences_of,
    weights,
    without_last,
)

BRIEF = (
    "The treaty was signed in Prague. It entered into force in 2011.\n\n"
    "## Limits\n\n"
    "Two bodies check it.\n\n"
    "1. The U.S. side counts. It reports.\n"
    "2. Moscow counts.\n\n"
    "| a | b |\n| --- | --- |\n| 700 | 675 |\n\n"
    "The end."
)


def _texts(spans: list[tuple[int, int]]) -> list[str]:
    return [BRIEF[start:end] for start, end in spans]


def test_sentences_run_until_a_heading_or_a_table_and_an_item_is_one_sentence() -> None:
    assert [_texts(run) for run in sentence_runs(BRIEF)] == [
        ["The treaty was signed in Prague.", "It entered into force in 2011."],
        ["Two bodies check it.", "1. The U.S. side counts. It reports.", "2. Moscow counts."],
        ["The end."],
    ]


def test_nearest_sentence_shares_most_words_with_the_question() -> None:
    start, end = nearest("In which year did it enter into force?", BRIEF)
    assert BRIEF[start:end] == "It entered into force in 2011."


@pytest.mark.parametrize("seed", range(20))
def test_passage_holds_the_gold_span_in_whole_sentences_of_one_section(seed: int) -> None:
    start = BRIEF.index("Moscow")
    question = {"gold": [{"doc_id": "d", "start": start, "end": start + 6}]}
    passage = passage_of(question, {"d": BRIEF}, random.Random(seed))
    assert passage is not None
    assert BRIEF[passage.start : passage.end] in (
        "2. Moscow counts.",
        "1. The U.S. side counts. It reports.\n2. Moscow counts.",
    )


def test_passage_of_an_unanswerable_question_is_drawn_from_its_near_brief() -> None:
    question = {"question": "Who ends it?", "standalone": "What is the end?", "near": ["d"]}
    start = BRIEF.index("The end.")
    assert passage_of(question, {"d": BRIEF}, random.Random(0)) == Passage("d", start, start + 8)


def test_question_without_gold_and_near_brief_and_span_in_a_table_have_no_passage() -> None:
    start = BRIEF.index("675")
    in_table = {"gold": [{"doc_id": "d", "start": start, "end": start + 3}]}
    assert passage_of({"question": "Who?"}, {"d": BRIEF}, random.Random(0)) is None
    assert passage_of(in_table, {"d": BRIEF}, random.Random(0)) is None


def test_reply_is_cut_into_sentences_without_marks_of_lists() -> None:
    reply = "The U.S. signed. It waits.\n\n- One item.\n2. Another one\n***\n"
    assert sentences_of(reply) == ["The U.S. signed.", "It waits.", "One item.", "Another one"]


@pytest.mark.parametrize(
    ("reply", "kept"), [("One is whole. The second is cut", "One is whole. "), ("It is cut", ""), ("", "")]
)
def test_sentence_that_was_cut_off_is_dropped(reply: str, kept: str) -> None:
    assert without_last(reply) == kept


@pytest.mark.parametrize(
    ("hypothesis", "is_copy"),
    [
        ("the treaty  was signed", True),
        ("The treaty was signed in Prague.", True),
        ("The treaty was signed in Prag.", False),
        ("The treaty was signed in 2011.", False),
    ],
)
def test_copy_differs_in_case_punctuation_and_space_alone(hypothesis: str, is_copy: bool) -> None:
    row = Written("id", BRIEF[:32], hypothesis, "q", "d", 0, 32, "extract", 0.0)
    assert copied(row) is is_copy


def _questions(n: int) -> list[dict[str, Any]]:
    return [
        {"id": f"dev-{k}", "question": "Where?", "gold": [{"doc_id": "d", "start": 4, "end": 10}]} for k in range(n)
    ]


def test_sample_keeps_two_sentences_of_a_reply_and_stops_at_n() -> None:
    replies = iter(range(100))

    def write(prompt: str, temperature: float, seed: int) -> str:
        k = next(replies)
        return f"First {k}. Second {k}. Third {k}."

    rows = [*sample(_questions(5), {"d": BRIEF}, write, n=3, seed=0)]
    assert [row.hypothesis for row in rows] == ["First 0.", "Second 0.", "First 1."]
    assert all(BRIEF[row.start : row.end] == row.premise for row in rows)
    assert len({row.id for row in rows}) == 3


def test_sample_drops_what_was_said_before_and_copies_beyond_a_fifth() -> None:
    replies = iter([*"abcd", "The treaty was signed in Prague.", "Treaty.", "A!", "e"])
    rows = sample(_questions(8), {"d": BRIEF[:32]}, lambda *_: next(replies), n=9, seed=0)
    assert [row.hypothesis for row in rows] == [*"abcd", "The treaty was signed in Prague.", "e"]


def test_sample_asks_the_same_for_the_same_seed_whatever_was_written() -> None:
    asked: list[list[tuple[str, float, int]]] = [[], [], []]
    for calls, seed, reply in zip(asked, (0, 0, 1), ("Some.", "", "Some."), strict=True):

        def write(*call: Any, calls: list[Any] = calls, reply: str = reply) -> str:
            calls.append(call)
            return reply

        list(sample(_questions(6), {"d": BRIEF}, write, n=9, seed=seed))
    assert asked[0] == asked[1]
    assert asked[0] != asked[2]


def test_weights_of_another_digest_are_told(tmp_path: Path) -> None:
    (tmp_path / "SmolLM2-135M-Instruct.Q4_1.gguf").write_bytes(b"other")
    with pytest.raises(SystemExit, match="remove it and run this again"):
        weights(tmp_path)
