"""What of other briefs belongs to an answer beside its best unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from rag import open_assistant
from rag.answer import Answer
from rag.compose import BesideReader
from rag.cross_encoder import MODELS, PackagedCrossEncoder
from rag.further import MOST_READ, WEIGHTS
from rag.signals import FAR_APART, probability, time_apart
from tests.conftest import Desk

ASKED = "What became of the ferry between Orvel and Kesten?"
FIRST = "The ferry between Orvel and Kesten was ordered in May."
LATER = "The ferry to Kesten now carries forty lorries a day."


@dataclass
class Knows:
    """A reader that takes one text for more of the answer."""

    more: str

    def score_further(self, question: str, quoted: str, texts: Sequence[str]) -> list[float]:
        assert len(texts) <= MOST_READ
        return [10.0 if text == self.more else -10.0 for text in texts]

    def score_otherwise(self, question: str, quoted: str, texts: Sequence[str]) -> list[float]:
        return [-10.0 for _ in texts]


def ask(desk: Desk, question: str, reader: BesideReader) -> Answer:
    assistant = open_assistant(desk.settings, embeddings=desk.embeddings)
    return replace(assistant, beside=reader).ask(question)


@pytest.fixture
def ferry(desk: Desk) -> Desk:
    desk.write("a.md", FIRST, title="A ferry for Kesten", date="2024-01-05")
    desk.write("b.md", f"{LATER} Tickets cost a crown.", title="Kesten and its ferry", date="2025-01-09")
    desk.ingest()
    return desk


def test_a_unit_of_another_brief_that_belongs_to_the_answer_is_quoted(ferry: Desk) -> None:
    answer = ask(ferry, ASKED, Knows(LATER))
    assert [sentence.text for sentence in answer.sentences] == [FIRST, LATER]
    assert answer.cited_briefs == ("a", "b")


def test_nothing_joins_where_the_reader_knows_no_more(ferry: Desk) -> None:
    assert [sentence.text for sentence in ask(ferry, ASKED, Knows("another text")).sentences] == [FIRST]


def test_nothing_is_weighed_where_one_brief_is_found(desk: Desk) -> None:
    desk.write("a.md", f"{FIRST} {LATER}", title="A ferry for Kesten")
    desk.ingest()
    assert FIRST in [sentence.text for sentence in ask(desk, ASKED, Knows(LATER)).sentences]


def test_the_reader_s_word_and_closeness_count_for_a_unit() -> None:
    least = dict.fromkeys(WEIGHTS, 0.0)
    assert probability({**least, "word": 1.0}, WEIGHTS) > probability({**least, "word": -1.0}, WEIGHTS)
    assert probability({**least, "gap": -0.1}, WEIGHTS) > probability({**least, "gap": -3.0}, WEIGHTS)


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("2024-05-16", "2024-05-16", 0),
        ("2024-05-16", "2024-05-22", 6 / FAR_APART),
        ("2026-01-01", "2024-05-16", 1),
        (None, "2024-05-16", 0.5),
    ],
)
def test_two_dates_are_far_apart_from_some_days_on(one: str | None, other: str, apart: float) -> None:
    assert time_apart(one, other) == time_apart(other, one) == apart


def test_the_packaged_reader_tells_the_other_half_from_what_is_no_answer() -> None:
    reader = PackagedCrossEncoder(MODELS / "reader")
    other_half, neither = reader.score_further(
        "Who commanded the mission in Goma and the one in Bangui?",
        "The mission in Goma is led by General Adisa of Nigeria.",
        ["A Rwandan, General Mugenzi, commands the mission in Bangui.", "The road to Bangui was repaired in spring."],
    )
    assert other_half > neither
