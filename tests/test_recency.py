"""Which questions want the latest word, and how much the newest brief is then preferred."""

from __future__ import annotations

import pytest

from rag.recency import NewestFirst, wants_newest
from tests.conftest import Desk


@pytest.mark.parametrize(
    "question",
    [
        "Who rules in Niamey now?",
        "What is the latest on the talks?",
        "newest IOM count",
        "Is the border still shut?",
        "Has it joined yet?",
    ],
)
def test_these_want_the_latest_word(question: str) -> None:
    assert wants_newest(question)


@pytest.mark.parametrize(
    "question",
    ["Who ruled Niger in 2020?", "What does the accord say?", "Is snow expected?", "Why was it not in BRICS yet?"],
)
def test_these_do_not(question: str) -> None:
    assert not wants_newest(question)


def test_the_preference_halves_with_each_half_life_and_leaves_undated_briefs_alone() -> None:
    newest = NewestFirst(weight=2.0, half_life_days=10)
    dates = ["2024-05-21", "2024-05-11", "2024-05-01", None]
    assert newest.preferences("Who rules now?", dates) == [2.0, 1.0, 0.5, 0.0]


@pytest.mark.parametrize(
    ("question", "dates"), [("Who ruled?", ["2024", "2023"]), ("Who rules now?", [None]), ("now", [])]
)
def test_nothing_is_preferred_without_a_reason(question: str, dates: list[str | None]) -> None:
    assert NewestFirst().preferences(question, dates) == [0.0] * len(dates)


def test_the_newest_count_is_given_when_the_question_asks_for_it(desk: Desk) -> None:
    text = "The camp at Zamzam holds {} displaced people, the Red Cross counts."
    desk.write("a-old.md", text.format("4,000"), title="Zamzam camp", date="2022-05-01")
    desk.write("b-new.md", text.format("9,500"), title="Zamzam camp", date="2024-05-01")
    desk.ingest()
    answer = desk.ask("How many displaced people does the camp at Zamzam hold now?")
    assert answer.sentences[0].text == text.format("9,500")
    assert answer.evidence[0].metadata["brief_id"] == "b-new"
