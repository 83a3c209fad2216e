"""When briefs give different figures, both are shown, and when a figure is no answer, none is added."""

from __future__ import annotations

from dataclasses import replace

import pytest
from langchain_core.documents import Document

from rag.answer import Answer, Citation, Sentence
from rag.conflicts.sides import differ
from tests.conftest import Desk

RAID = "How many people were killed in the raid on Tamberou?"


@pytest.fixture
def raid(desk: Desk) -> Desk:
    desk.write(
        "a.md",
        "The interior ministry puts the number of people killed in the raid at 34.",
        title="Tamberou raid",
        date="2023-06-19",
        source="Wire",
    )
    desk.write("b.md", "At least 51 people were killed in the raid on Tamberou, a health committee says.",
               title="Tamberou burials", date="2023-06-22", source="Ledger")  # fmt: skip
    return desk


def notes(answer: Answer) -> list[str]:
    return [note for note in answer.notes if "different figures" in note]


def test_both_figures_are_quoted_the_newest_first_with_dates_and_sources(raid: Desk) -> None:
    raid.ingest()
    answer = raid.ask(RAID)
    assert [s.citations[0].passage.metadata["brief_id"] for s in answer.sentences] == ["b", "a"]
    assert notes(answer) == ["The briefs give different figures: 51 (2023-06-22, Ledger); 34 (2023-06-19, Wire)."]


@pytest.mark.parametrize(
    "other",
    [
        "Later 2,900 people fled from Tamberou after the raid, an aid group says.",
        "The raid on Tamberou began at 19:10 on 12 June 2023.",
        "In the raid on Zimbar 77 people were killed, a health committee says.",
        "About 51 people were killed in the raid on Tamberou, the wire repeats.",
    ],
)
def test_a_figure_of_something_else_is_no_conflict(desk: Desk, other: str) -> None:
    desk.write(
        "b.md", "At least 51 people were killed in the raid on Tamberou, a health committee says.", title="Burials"
    )
    desk.write("c.md", other, title="Another brief")
    desk.ingest()
    assert notes(desk.ask(RAID)) == []


def test_the_parts_of_a_figure_are_no_other_figure(desk: Desk) -> None:
    desk.write(
        "b.md",
        "Five days after the attack on Tamberou the last victims have been buried. At least 51 people were killed in "
        "the attack, according to the health committee. Its members kept a list of names at the gravesides: 44 dead "
        "from Tamberou itself, three from the hamlet of Kelmou, and four who died of their wounds in hospital.",
        title="Tamberou buries its dead, and a health committee keeps the list",
        date="2023-06-22",
        source="Ledger",
    )
    desk.write(
        "a.md",
        "Armed men on motorcycles attacked the village of Tamberou on Saturday, 17 June 2023. The interior ministry "
        "puts the number of dead at 34. Its communiqué counts 31 villagers and three members of a self-defence group.",
        title="Gunmen attack the village of Tamberou on market day",
        date="2023-06-19",
        source="Wire",
    )
    desk.ingest()
    answer = desk.ask("How many people died in Tamberou?")
    assert notes(answer) == ["The briefs give different figures: 51 (2023-06-22, Ledger); 34 (2023-06-19, Wire)."]


def test_a_question_for_the_latest_count_wants_one(raid: Desk) -> None:
    raid.ingest()
    assert notes(raid.ask("How many people were killed in the raid on Tamberou by the latest count?")) == []


def test_counted_things_are_compared_within_one_brief_too(desk: Desk) -> None:
    text = "Press reports spoke of 36 countries at the Kazan summit. An aide had announced 32 countries for the summit."
    desk.write("kazan.md", text, title="Kazan summit", date="2024-10-25")
    desk.ingest()
    answer = desk.ask("How many countries were at the Kazan summit?")
    assert len(answer.sentences) == 2
    assert "36 (2024-10-25, Kazan summit)" in notes(answer)[0]
    assert "32 (2024-10-25, Kazan summit)" in notes(answer)[0]
    assert notes(answer)[0].startswith("Two accounts give different figures: ")


TRUCE = "When was the Kelmou ceasefire signed?"


def told(desk: Desk, question: str, *briefs: tuple[str, str, str, str]) -> Answer:
    """Ask of briefs, each given by its source, title, date and text."""
    for source, title, day, text in briefs:
        desk.write(f"{source.lower()}.md", text, title=title, date=day, source=source)
    desk.ingest()
    return desk.ask(question)


def truce(desk: Desk, first: str, second: str) -> Answer:
    wire, ledger = ("Wire", "Kelmou talks", "2023-05-08", first), ("Ledger", "Truce", "2023-05-12", second)
    return told(desk, TRUCE, wire, ledger)


@pytest.mark.parametrize(
    ("first", "second", "note"),
    [
        (
            "The Kelmou ceasefire was signed on 4 May 2023.",
            "The Kelmou ceasefire was signed on 6 May 2023, the army says.",
            "The briefs give different dates: 6 May 2023 (2023-05-12, Ledger); 4 May 2023 (2023-05-08, Wire).",
        ),
        (
            "The Kelmou ceasefire was signed yesterday.",
            "The Kelmou ceasefire was signed on 6 May, the army says.",
            "The briefs give different dates: 6 May (2023-05-12, Ledger); yesterday (2023-05-08, Wire).",
        ),
    ],
)
def test_two_days_of_one_event_are_both_quoted_the_newest_first(desk: Desk, first: str, second: str, note: str) -> None:
    answer = truce(desk, first, second)
    assert [s.citations[0].passage.metadata["brief_id"] for s in answer.sentences[:2]] == ["ledger", "wire"]
    assert note in answer.notes


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("The Kelmou ceasefire was signed yesterday.", "The Kelmou ceasefire was signed on 7 May 2023."),
        ("The Kelmou ceasefire was signed on 4 May 2023.", "The Kelmou ceasefire was signed in May 2023."),
        ("The Kelmou ceasefire was signed on 4 May 2023.", "The Kelmou ceasefire failed on 6 May 2023."),
        ("The Kelmou ceasefire was signed on 4 May 2023.", "The Zimbar ceasefire was signed on 6 May 2023."),
        ("The Kelmou ceasefire was signed on 4 May 2023.", "The Kelmou ceasefire was signed."),
    ],
)
def test_dates_that_agree_or_are_of_something_else_are_no_conflict(desk: Desk, first: str, second: str) -> None:
    desk.write("zimbar.md", "Zimbar is a town.", title="Zimbar")
    answer = truce(desk, first, second)
    assert not [note for note in answer.notes if "different dates" in note]


def test_a_question_for_both_figures_gets_both(raid: Desk) -> None:
    raid.write(
        "c.md", "The raid on Tamberou was quick. The number of cattle taken in the raid at Tamberou is disputed."
    )
    raid.ingest()
    answer = raid.ask("How many people were killed in the raid on Tamberou? Give both figures.")
    assert [s.citations[0].passage.metadata["brief_id"] for s in answer.sentences] == ["b", "a"]
    assert notes(answer) == ["The briefs give different figures: 51 (2023-06-22, Ledger); 34 (2023-06-19, Wire)."]


def two(desk: Desk, question: str, first: str, second: str, *, later: str = "2024-03-09") -> Answer:
    letter = ("Letter", "Dorvani gas link", "2024-03-04", first)
    return told(desk, question, letter, ("Courier", "Count of the Dorvani gas link", later, second))


SHARE = "What share of gas consumption did the Dorvani link cover?"
COVERED = "According to the ministry, the link covered 38 per cent of gas consumption in the Dorvani region."
MET = "The Dorvani link covered 33 per cent of gas consumption, the association calculates."


def test_two_shares_of_one_thing_are_both_quoted(desk: Desk) -> None:
    answer = two(desk, SHARE, COVERED, MET)
    assert notes(answer) == [
        "The briefs give different figures: 33% (2024-03-09, Courier); 38% (2024-03-04, Letter).",
    ]
    assert {s.citations[0].passage.metadata["brief_id"] for s in answer.sentences} == {"courier", "letter"}


@pytest.mark.parametrize(
    ("second", "later"),
    [
        (MET.replace("33", "38"), "2024-03-09"),
        ("The Dorvani link covered 33 million cubic metres of gas consumption.", "2024-03-09"),
        ("Tariffs in Dorvani may go up by 7 per cent in the autumn.", "2024-03-09"),
        (MET, "2024-12-01"),
    ],
)
def test_shares_that_agree_or_are_of_another_thing_or_time_are_no_conflict(desk: Desk, second: str, later: str) -> None:
    assert notes(two(desk, SHARE, COVERED, second, later=later)) == []


def wire_and_post(desk: Desk, question: str, first: str, second: str) -> Answer:
    """Ask of two briefs of the news from Brelmia."""
    wire, post = ("Wire", "Brelmia", "2024-05-10", first), ("Post", "News from Brelmia", "2024-05-12", second)
    return told(desk, question, wire, post)


@pytest.mark.parametrize(
    ("first", "second", "differ"),
    [
        ("Between 10,000 and 15,000 people fled Brelmia.", "Some 12,000 people fled Brelmia.", False),
        ("More than 10,000 people fled Brelmia.", "Some 12,000 people fled Brelmia.", False),
        ("Between 10,000 and 15,000 people fled Brelmia.", "Some 18,000 people fled Brelmia.", True),
        ("More than 13,000 people fled Brelmia.", "Some 12,000 people fled Brelmia.", True),
    ],
)
def test_a_figure_within_a_range_or_a_bound_is_no_other_one(desk: Desk, first: str, second: str, differ: bool) -> None:
    assert bool(notes(wire_and_post(desk, "How many people fled Brelmia?", first, second))) is differ


@pytest.mark.parametrize(
    ("question", "first", "second", "differ"),
    [
        (
            "How high was inflation in Brelmia?",
            "Inflation in Brelmia was 4.5 percent in April.",
            "Inflation in Brelmia was 4.9 percent in March.",
            False,
        ),
        (
            "How many people did the drone strike on Brelmia kill?",
            "On 3 May a drone strike on Brelmia killed 12 people.",
            "On 6 May a drone strike on Brelmia killed 7 people.",
            False,
        ),
        (
            "How many people did the drone strike on Brelmia kill?",
            "On 3 May a drone strike on Brelmia killed 12 people.",
            "The drone strike on Brelmia killed 7 people on 3 May.",
            True,
        ),
        (
            "How many people did the drone strike on Brelmia kill?",
            "On 3 May a drone strike on Brelmia killed 12 people.",
            "The drone strike on Brelmia killed 7 people.",
            True,
        ),
    ],
)
def test_figures_of_two_days_are_not_said_to_differ(
    desk: Desk, question: str, first: str, second: str, differ: bool
) -> None:
    assert bool(notes(wire_and_post(desk, question, first, second))) is differ


BACKED = "What share of voters backed Orun in Brelmia?"
WON = "Orun won 52 percent of the votes in Brelmia."


@pytest.mark.parametrize(
    ("second", "differ"),
    [
        ("In Brelmia, Vash won 48 percent of the votes, Orun's camp says.", False),
        ("Turnout among the voters in Brelmia was 71 percent.", False),
        ("In Brelmia, Orun won 48 percent of the votes, the camp of Vash says.", True),
        ("Vash says that Orun won 48 percent of the votes in Brelmia.", True),
        ("On Sunday in May Orun won 48 percent of the votes in Brelmia, the camp of Vash says.", True),
    ],
)
def test_a_share_of_another_subject_is_not_said_to_differ(desk: Desk, second: str, differ: bool) -> None:
    assert bool(notes(wire_and_post(desk, BACKED, WON, second))) is differ


def test_times_of_a_day_are_told_as_times(desk: Desk) -> None:
    first = "The explosion in the harbour of Brelmia happened at 02:40, the police say."
    second = "The explosion in the harbour of Brelmia happened at 03:10, the port says."
    answer = wire_and_post(desk, "At what time did the explosion in the harbour of Brelmia happen?", first, second)
    assert answer.conflicts == ("The briefs give different times: 03:10 (2024-05-12, Post); 02:40 (2024-05-10, Wire).",)


DEAL = "Was a deal reached in Dorvani?"
REACHED = "The councils of Dorvani reached a deal on gas on 1 March 2024, the office of the mediators says."


def contradictions(answer: Answer) -> list[str]:
    return [note for note in answer.notes if "contradict" in note]


def test_an_outcome_and_its_denial_are_both_quoted_the_newest_first(desk: Desk) -> None:
    denied = "The talks of the councils of Dorvani on gas ended on 1 March 2024 without a deal, the spokesman says."
    answer = two(desk, DEAL, REACHED, denied)
    assert [s.citations[0].passage.metadata["brief_id"] for s in answer.sentences[:2]] == ["courier", "letter"]
    assert contradictions(answer)
    assert "(2024-03-09, Courier)" in contradictions(answer)[0]


@pytest.mark.parametrize(
    ("second", "later"),
    [
        ("The councils of Dorvani did not meet in April, and reached the town late.", "2024-03-09"),
        ("The councils of Dorvani reached a deal on gas on 1 March 2024, their spokesman says.", "2024-03-09"),
        ("The talks of the councils of Dorvani on gas ended on 1 March 2024 without a deal.", "2024-09-09"),
    ],
)
def test_what_denies_nothing_or_comes_much_later_is_no_contradiction(desk: Desk, second: str, later: str) -> None:
    assert contradictions(two(desk, DEAL, REACHED, second, later=later)) == []


SIGNED = "The ministers of Brelmia and Kesh agreed in Rome to sign the border treaty."
NOT_SIGNED = "The ministers of Brelmia and Kesh did not agree in Rome to sign the {} treaty."


@pytest.mark.parametrize(
    ("question", "treaty", "contradict"),
    [
        ("What did the ministers of Brelmia and Kesh agree in Rome?", "fishing", False),
        ("Did the ministers of Brelmia and Kesh agree in Rome to sign the border treaty?", "fishing", False),
        ("Did the ministers of Brelmia and Kesh agree in Rome to sign the border treaty?", "border", True),
    ],
)
def test_the_denial_of_something_else_is_not_said_to_contradict(
    desk: Desk, question: str, treaty: str, contradict: bool
) -> None:
    answer = wire_and_post(desk, question, SIGNED, NOT_SIGNED.format(treaty))
    assert bool(contradictions(answer)) is contradict


def test_of_several_figures_that_of_the_noun_is_told(desk: Desk) -> None:
    answer = two(
        desk,
        "How many prisoners were exchanged in Dorvani?",
        "In Dorvani 64 prisoners were exchanged by the two sides.",
        "In Dorvani 40 prisoners were exchanged, all of them wounded or under 18.",
    )
    assert notes(answer) == ["The briefs give different figures: 40 (2024-03-09, Courier); 64 (2024-03-04, Letter)."]


def test_a_correction_is_of_what_the_denied_figure_counts(desk: Desk) -> None:
    asked = "How many convictions were there in the trial of Kelmar?"
    desk.write(
        "a.md", "There were nine convictions in the trial of Kelmar.", title="Trial", date="2024-03-04", source="Post"
    )
    text = "14 monitors in Kelmar counted eight convictions in the trial, not nine."
    desk.write("b.md", text, title="Monitors", date="2024-03-09", source="Voice")
    desk.ingest()
    answer = desk.ask(asked)
    assert answer.conflicts == ("The briefs give different figures: 8 (2024-03-09, Voice); 9 (2024-03-04, Post).",)


def sentence(n: int, start: int, text: str, date: str) -> Sentence:
    meta = {"brief_id": str(n), "date": date, "source": "Post", "title": "Fire"}
    return Sentence(
        text, (Citation(n, start, start + len(text), text, None, Document(page_content=text, metadata=meta)),)
    )


@pytest.mark.parametrize(
    ("limit", "note"),
    [(2, "They differ: 62 (2024-03-09, Post); 40 (2024-03-04, Post)."), (1, None)],
)
def test_no_side_is_told_that_is_left_out(limit: int, note: str | None) -> None:
    sides = [(sentence(n, 0, f"{figure} came.", f"2024-03-{day:02d}"), figure)
             for n, day, figure in ((1, 4, "40"), (2, 9, "62"), (3, 12, "71"))]  # fmt: skip
    found = differ("They differ", sides, limit=limit)
    assert len(found.sentences) == limit
    assert found.note == note


def test_a_sentence_of_two_passages_is_one_side_or_stands_beside_once() -> None:
    said = sentence(1, 0, "The army speaks of 40.", "2024-03-04")
    again = replace(said, citations=(replace(said.citations[0], n=3),))
    assert len(differ(None, [(said, "")], beside=[again]).sentences) == 1


def test_sentences_of_one_brief_keep_their_order_beside_a_rival() -> None:
    minister = sentence(1, 0, "Minister Hassan came.", "2024-03-04")
    said = sentence(1, 22, "He spoke of 40.", "2024-03-04")
    rival = sentence(2, 0, "The army speaks of 62.", "2024-03-09")
    found = differ("They differ", [(said, "40"), (rival, "62")], beside=[minister, said])
    assert found.sentences == (rival, minister, said)
    assert found.note == "They differ: 62 (2024-03-09, Post); 40 (2024-03-04, Post)."


def test_of_a_total_and_its_parts_the_total_is_held_against_another_brief(desk: Desk) -> None:
    total = "At least 51 people were killed in the raid on Tamberou."
    parts = "The list of people killed in the raid names 44 from Tamberou, three from Kelmou and four from Oud."
    desk.write("a.md", f"{total} {parts}", title="Raid on Tamberou", date="2023-06-22", source="Ledger")
    desk.write("b.md", "The raid on Tamberou killed 34 people.", title="Tamberou", date="2023-06-19", source="Wire")
    desk.ingest()
    answer = desk.ask(RAID)
    assert answer.conflicts == ("The briefs give different figures: 51 (2023-06-22, Ledger); 34 (2023-06-19, Wire).",)
