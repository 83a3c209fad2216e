"""Events that a question counts from: "since the summit"."""

from __future__ import annotations

from datetime import date

import pytest
from langchain_core.documents import Document

from rag.answer import Reading, ScoredUnit
from rag.build import open_assistant
from rag.event_dates import event_asked, event_date
from rag.types import Unit
from tests.conftest import Desk


@pytest.mark.parametrize(
    ("question", "words", "asked"),
    [
        (
            "Who has visited Chad since the coup in Niger?",
            "since the coup in Niger",
            "When was the coup in Niger?",
        ),
        ("What has Chad said since the NATO summit?", "since the NATO summit", "When was the NATO summit?"),
        (
            "How many have fled Sudan since the war broke out, by the newest count?",
            "since the war broke out",
            "When did the war in Sudan begin?",
        ),
        (
            "Since the accord between Iran and Saudi Arabia was signed, who has met?",
            "Since the accord between Iran and Saudi Arabia was signed",
            "When was the accord between Iran and Saudi Arabia?",
        ),
        ("Which ministers of Gabon since its coup have resigned?", "since its coup", "When was the coup in Gabon?"),
        ("What has changed since the election?", "since the election", "When was the election?"),
        (
            "What has Russia sold since Putin's visit to Beijing?",
            "since Putin's visit to Beijing",
            "When was Putin's visit to Beijing?",
        ),
        (
            "Who has left since the U.S. withdrawal from Niger?",
            "since the U.S. withdrawal from Niger",
            "When was the U.S. withdrawal from Niger?",
        ),
        (
            "What has changed in Niger since the coup in July 2023?",
            "since the coup in July 2023",
            "When was the coup in July 2023 in Niger?",
        ),
        (
            "Since the attack of 7 October, whom has Israel freed?",
            "Since the attack of 7 October",
            "When was the attack of 7 October in Israel?",
        ),
        (
            "Who has joined since Russia's invasion of Ukraine on the 24th of February?",
            "since Russia's invasion of Ukraine on the 24th of February",
            "When was Russia's invasion of Ukraine on the 24th of February?",
        ),
    ],
)
def test_an_event_is_asked_for_its_day(question: str, words: str, asked: str) -> None:
    found = event_asked(question)
    assert found is not None
    assert (found.words, found.question) == (words, asked)


@pytest.mark.parametrize(
    "question",
    [
        "What has Chad done since March 2024?",
        "Since the summit failed to agree on grain, who paid?",
        "What happened before the summit?",
        "Who spoke at the summit?",
        "How has he voted since the age of thirty?",
        "",
    ],
)
def test_other_questions_name_no_event_to_count_from(question: str) -> None:
    assert event_asked(question) is None


def reading(text: str, dated: str | None = "2024-05-20", answerable: float = 0.9) -> Reading:
    passage = Document(text, metadata={"title": "Kelmar", "date": dated})
    return Reading((passage,), (ScoredUnit(1, Unit(0, len(text), "sentence"), text, answerable),), answerable)


@pytest.mark.parametrize(
    ("text", "dated", "day"),
    [
        ("The summit was held on 14 May 2024.", "2024-05-20", date(2024, 5, 14)),
        ("After talks on 2 May 2024 came the summit of 14 May 2024.", "2024-05-20", date(2024, 5, 14)),
        ("The summit was held on 14 May.", "2024-05-20", date(2024, 5, 14)),
        ("The summit was held on 14 December.", "2024-05-20", date(2023, 12, 14)),
        ("The summit ended yesterday.", "2024-05-20", date(2024, 5, 19)),
        ("The summits ended on 14 May 2024.", None, date(2024, 5, 14)),
        ("The summit ended on 14 May.", None, None),
        ("The summit was held in May 2024.", "2024-05-20", None),
        ("The talks were held on 14 May 2024.", "2024-05-20", None),
        ("The summit was held.", "2024-05-20", None),
        ("The summit will open on 5 June.", "2024-05-20", None),
        ("The summit will open on 5 June 2024.", "2024-05-20", date(2024, 6, 5)),
    ],
)
def test_a_day_is_taken_where_a_unit_gives_it_to_the_event(text: str, dated: str | None, day: date | None) -> None:
    asked = event_asked("Who came since the summit?")
    assert asked is not None
    found = event_date(asked, reading(text, dated), 0.7)
    assert (found.day if found else None) == day


def test_no_day_is_taken_from_what_does_not_answer() -> None:
    asked = event_asked("Who came since the summit?")
    assert asked is not None
    assert event_date(asked, reading("The summit was on 14 May 2024.", answerable=0.6), 0.7) is None


def desk_of_kelmar(desk: Desk) -> None:
    desk.write("old.md", "Chad closed its border with Niger.", title="Chad in March", date="2024-03-02")
    desk.write("summit.md", "The summit in Kelmar was on 14 May 2024.", title="Kelmar summit", date="2024-05-15")
    desk.write("new.md", "Chad opened its border with Niger.", title="Chad in June", date="2024-06-02")
    desk.ingest()


def test_an_event_limits_the_briefs_and_says_which_brief_tells_its_day(desk: Desk) -> None:
    desk_of_kelmar(desk)
    settings = desk.settings.model_copy(update={"answer": desk.settings.answer.model_copy(update={"threshold": 0.3})})
    assistant = open_assistant(settings, embeddings=desk.embeddings)
    question = "What has Chad done with its border with Niger since the summit in Kelmar?"
    answer = assistant.ask(question)
    assert answer.scope.date_from == date(2024, 5, 14)
    assert answer.limited_by == "since the summit in Kelmar"
    assert "old" not in {passage.metadata["brief_id"] for passage in answer.evidence}
    assert any("2024-05-14" in note and "Kelmar summit" in note for note in answer.notes)
    unlimited = assistant.ask(question, dates=False)
    assert unlimited.scope.date_from is None
    assert "old" in {passage.metadata["brief_id"] for passage in unlimited.evidence}


def test_an_event_without_a_day_limits_nothing_and_says_so(desk: Desk) -> None:
    desk_of_kelmar(desk)
    answer = desk.ask("What has Chad done with its border since the earthquake in Orvania?")
    assert answer.scope.date_from is None
    assert any("No day is found for “since the earthquake in Orvania”" in note for note in answer.notes)
