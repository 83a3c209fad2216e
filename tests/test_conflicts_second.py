"""The reader's word on a second account, where the rules see none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from rag import open_assistant
from rag.answer import Answer
from rag.compose import BesideReader
from rag.cross_encoder import MODELS, PackagedCrossEncoder
from rag.settings import ReaderSettings
from tests.conftest import Desk

WHY = "Why was the bridge of Kesten closed to traffic?"
ICE = "The bridge of Kesten was closed to traffic because of ice, the road agency says."
CRACKS = "Engineers speak of cracks in a pillar that made the crossing unsafe."


@dataclass
class Knows:
    """A reader that takes a text for a second account, or each of several, a line each."""

    second: str
    asked: list[tuple[str, str]] = field(default_factory=list)
    sure: float = 8.0

    def score_otherwise(self, question: str, quoted: str, texts: Sequence[str]) -> list[float]:
        self.asked.append((question, quoted))
        return [self.sure if text in self.second.split("\n") else -8.0 for text in texts]

    def score_further(self, question: str, quoted: str, texts: Sequence[str]) -> list[float]:
        return [-10.0 for _ in texts]


def ask(desk: Desk, question: str, second: BesideReader | None) -> Answer:
    assistant = open_assistant(desk.settings, embeddings=desk.embeddings)
    return replace(assistant, beside=second).ask(question)


@pytest.fixture
def bridge(desk: Desk) -> Desk:
    desk.write("a.md", f"{ICE} Buses go by way of Orvel.", title="Bridge of Kesten closed", date="2024-01-05")
    desk.write("b.md", f"{CRACKS} Repairs take a month.", title="The bridge of Kesten", date="2024-01-09")
    desk.ingest()
    return desk


def test_an_account_that_the_reader_knows_is_quoted_the_newest_first_and_told(bridge: Desk) -> None:
    knows = Knows(CRACKS)
    answer = ask(bridge, WHY, knows)
    assert [s.text for s in answer.sentences][:2] == [CRACKS, ICE]
    assert answer.conflicts
    assert answer.conflicts[0].startswith("Two accounts contradict each other: [")
    assert "(2024-01-09, The bridge of Kesten)" in answer.conflicts[0]
    assert knows.asked == [(WHY, ICE)]


@pytest.mark.parametrize(("date", "is_quoted"), [("2024-01-09", True), ("2024-01", True), ("2026-01-09", False)])
def test_what_the_reader_is_half_sure_of_counts_where_it_was_written_near_the_answer(
    desk: Desk, date: str, is_quoted: bool
) -> None:
    desk.write("a.md", f"{ICE} Buses go by way of Orvel.", title="Bridge of Kesten closed", date="2024-01-05")
    desk.write("b.md", f"{CRACKS} Repairs take a month.", title="The bridge of Kesten", date=date)
    desk.ingest()
    answer = ask(desk, WHY, Knows(CRACKS, sure=2.5))
    assert (CRACKS in [s.text for s in answer.sentences]) is is_quoted
    assert not answer.conflicts


def test_three_voices_of_which_one_states_no_figure_are_not_said_to_give_different_figures(desk: Desk) -> None:
    asked, first, close, _ = RIVALS[0]
    figure = close.replace("22", "900")
    other = "Villagers tell of many graves, far more than were dug before."
    desk.write("a.md", f"{first} {other}", title="Wad Kebir", date="2024-01-05")
    desk.write("b.md", figure, title="The post at Wad Kebir", date="2024-01-06")
    desk.ingest()
    answer = ask(desk, asked, Knows(f"{figure}\n{other}"))
    assert {first, figure, other} <= {s.text for s in answer.sentences}
    told = "[2] (2024-01-06, The post at Wad Kebir); [1] (2024-01-05, Wad Kebir)."
    assert answer.conflicts == (f"Three accounts do not agree: {told}",)


def test_nothing_is_added_where_it_knows_none_or_there_is_no_such_reader(bridge: Desk) -> None:
    assert CRACKS not in [s.text for s in ask(bridge, WHY, Knows("another text")).sentences]
    assert CRACKS not in [s.text for s in ask(bridge, WHY, None).sentences]


def test_it_is_not_asked_where_the_rules_know(desk: Desk) -> None:
    raid = "How many people were killed in the raid on Tamberou?"
    desk.write("a.md", "The ministry puts the number of people killed in the raid at 34.", title="Tamberou raid")
    desk.write("b.md", "At least 51 people were killed in the raid on Tamberou, a committee says.", title="Tamberou")
    desk.ingest()
    knows = Knows("nothing")
    assert ask(desk, raid, knows).conflicts
    assert knows.asked == []


RIVALS = [
    (
        "How many soldiers died at Wad Kebir?",
        "Khartoum's general staff said that 14 of its soldiers were killed.",
        "Officers in Gedaref say that the dead came to 22.",
        ("The army's dead were buried on Friday, 14 of them.", "The post at Wad Kebir guards a well."),
    ),
    (
        "Who ordered the dam of Kesten to be opened?",
        "The governor says that the energy ministry ordered the gates opened.",
        "According to the ministry, the order came from the governor's own office.",
        ("The gates were open for six hours.", "Kesten lies on the river Orvel."),
    ),
    (
        "When did the strike at the port of Vell end?",
        "The union says that the strike ended on Tuesday evening.",
        "Port managers report that cranes stood still until Thursday morning.",
        ("The strike had been called for higher pay.", "The port of Vell has nine berths."),
    ),
    (
        "Why was the flight to Karsk turned back?",
        "The airline gives fog at Karsk as the reason.",
        "Air traffic control says that the aircraft had a fault in its radio.",
        ("The flight carried 112 passengers.", "Fog is common at Karsk in November."),
    ),
    (
        "What did the minister pay for the villa?",
        "The villa cost 400,000 euros, the minister says.",
        "Land registry papers that the newspaper saw put the price at 1.2 million.",
        ("The villa has a view of the sea.", "The minister bought it in 2021."),
    ),
]


def test_the_packaged_reader_parts_most_rival_accounts_from_what_says_the_same() -> None:
    reader = PackagedCrossEncoder(MODELS / "reader")
    told = [reader.score_otherwise(asked, quoted, [rival, *others]) for asked, quoted, rival, others in RIVALS]
    assert sum(rival > max(others) for rival, *others in told) >= 4


@pytest.mark.parametrize(("model", "is_asked"), [("packaged", True), (str(MODELS / "reader"), False)])
def test_only_the_packaged_reader_is_asked(bridge: Desk, model: str, is_asked: bool) -> None:
    settings = bridge.settings.model_copy(update={"reader": ReaderSettings(model=model)})
    assert (open_assistant(settings, embeddings=bridge.embeddings).beside is not None) is is_asked


def test_two_voices_of_one_brief_are_told_by_its_number_once(desk: Desk) -> None:
    denial = "The mayor speaks of a pillar that shifted."
    desk.write("a.md", f"{ICE} {denial}", title="Bridge of Kesten closed", date="2024-01-05")
    desk.ingest()
    answer = ask(desk, WHY, Knows(denial))
    assert [s.text for s in answer.sentences] == [ICE, denial]
    assert answer.conflicts == ("Two accounts contradict each other: [1] (2024-01-05, Bridge of Kesten closed).",)
