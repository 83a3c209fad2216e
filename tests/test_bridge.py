"""Questions that describe what they ask about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.answer import Answered, Reading, Rewritten, ScoredUnit
from rag.bridge import bridge, bridged, names_for
from rag.build import open_assistant
from rag.parts import parts
from rag.types import Unit
from tests.conftest import Desk


def test_a_line_end_does_not_end_a_question() -> None:
    found = bridge("Who leads the country that hosted the 2024 summit,\nand since when?")
    assert found is not None
    assert found.about("X") == "Who leads X, and since when?"


@pytest.mark.parametrize(
    ("question", "described", "outer"),
    [
        ("Who leads the country that hosted the 2024 summit?", "Which country hosted the 2024 summit?", "Who leads X?"),
        ("Where was the man who signed the accord born?", "Who signed the accord?", "Where was X born?"),
        ("In the city where the talks were held, who spoke?", "In which city the talks were held?", "In X, who spoke?"),
        (
            "When did the country where the mine is located join the bloc?",
            "In which country the mine is located?",
            "When did X join the bloc?",
        ),
        (
            "What did the state that hosted the summit say about grain?",
            "Which state hosted the summit?",
            "What did X say about grain?",
        ),
        (
            "When was the country that built the port taken by rebels?",
            "Which country built the port?",
            "When was X taken by rebels?",
        ),
        (
            "Who succeeded the minister whose party lost?",
            "Which minister: whose party lost?",
            "Who succeeded X?",
        ),
        ("Who leads the party founded by Ruto?", "Which party was founded by Ruto?", "Who leads X?"),
        ("Which party does the man who won it belong to?", "Who won it?", "Which party does X belong to?"),
        (
            "Who backed the man who led the junta that took Niamey?",
            "Which junta took Niamey?",
            "Who backed the man who led X?",
        ),
    ],
)
def test_a_description_becomes_a_question_and_leaves_its_place(question: str, described: str, outer: str) -> None:
    found = bridge(question)
    assert found is not None
    assert (found.described, found.about("X")) == (described, outer)


@pytest.mark.parametrize(
    "question",
    [
        "Who said that the talks failed?",
        "What is the reason that the talks failed?",
        "When was the day that the army took over?",
        "Which party won the election?",
        "What did the claim that Russia made say?",
        "Who rules the country?",
        "Who was the man who signed it?",
        "What is the name of the group that emerged?",
        "What must a country that wants out do?",
        "Who told the president that it was time to leave?",
        "How much gold left the province that year?",
        "When was the agreement signed by Iran?",
        "How long was the minister questioned by the court?",
        "Compare the group that met with the group that did not.",
        "",
    ],
)
def test_other_clauses_are_no_descriptions(question: str) -> None:
    assert bridge(question) is None


def reading(text: str, answerable: float) -> Reading:
    units = (ScoredUnit(1, Unit(0, len(text), "sentence"), text, answerable),)
    return Reading((), (*units, replace(units[0], text="Something else.")), answerable)


@pytest.mark.parametrize(
    ("question", "text", "names"),
    [
        ("Who leads the country that built it?", "Built in Tete by firms of Mozambique.", ["Mozambique"]),
        ("Who led the group that came?", "In Oslo the Wagner Group came.", ["Wagner Group"]),
        ("Who backs the man who came?", "On 4 May General Tchiani came from Niger.", ["General Tchiani"]),
        ("How old is the city where they met?", "They met in Bergen in May.", ["Bergen"]),
        ("How old is the city where they met?", "They met.", []),
    ],
)
def test_names_that_fit_the_noun_come_first(question: str, text: str, names: list[str]) -> None:
    found = bridge(question)
    assert found is not None
    assert names_for(found, reading(text, 0.9)) == names


def test_the_name_that_answers_best_is_put_in_the_place_of_the_description() -> None:
    told = {
        "In which city they met?": reading("They met in Bergen, Norway.", 0.9),
        "How large is Bergen?": reading("Bergen has 290,000 people.", 0.95),
        "How large is Norway?": reading("Norway has fjords.", 0.2),
    }
    hops = bridged("How large is the city where they met?", told.__getitem__, 0.7)
    assert [question for question, _ in hops] == ["In which city they met?", "How large is Bergen?"]
    assert [len(one.units) for _, one in hops] == [1, 2]


@pytest.mark.parametrize(("first", "second"), [(0.6, 0.9), (0.9, 0.6)])
def test_nothing_is_bridged_unless_both_are_answered(first: float, second: float) -> None:
    told = {
        "In which city they met?": reading("They met in Bergen.", first),
        "How large is Bergen?": reading("Bergen is large.", second),
    }
    assert bridged("How large is the city where they met?", told.__getitem__, 0.7) == []


def test_two_descriptions_are_resolved_from_within() -> None:
    told = {
        "Which junta took Niamey?": reading("The Wagner Junta did.", 0.9),
        "Who led Wagner Junta?": reading("Abdourahamane Tchiani led it.", 0.9),
        "Who backed Abdourahamane Tchiani?": reading("Bamako backed him.", 0.9),
    }
    question = "Who backed the man who led the junta that took Niamey?"
    hops = bridged(question, lambda q: told.get(q, reading("", 0.0)), 0.7)
    assert [asked for asked, _ in hops] == list(told)


def test_some_of_those_are_asked_for_both_things() -> None:
    assert parts("Which of the countries that joined BRICS in 2024 also signed the Kazan declaration?") == (
        "Which countries joined BRICS in 2024?",
        "Which countries signed the Kazan declaration?",
    )
    assert len(parts("Which of the ministers spoke?")) == 1


def test_an_answer_of_two_briefs_quotes_both_and_says_what_was_asked(desk: Desk) -> None:
    desk.write("talks.md", "The peace talks of March 2024 were held in Bergen. Nobody won.", title="Talks")
    desk.write("bergen.md", "The mayor of Bergen is Marit Warncke. The town is old.", title="Norway")
    desk.ingest()
    settings = desk.settings.model_copy(update={"answer": desk.settings.answer.model_copy(update={"threshold": 0.3})})
    assistant = open_assistant(settings, embeddings=desk.embeddings)
    events = list(assistant.stream("Who is the mayor of the town where the peace talks of March 2024 were held?"))
    answer = next(event.answer for event in events if isinstance(event, Answered))
    wanted = ("In which town the peace talks of March 2024 were held?", "Who is the mayor of Bergen?")
    assert answer.parts == wanted
    assert [event.parts for event in events if isinstance(event, Rewritten)][-1] == wanted
    assert [sentence.citations[0].passage.metadata["brief_id"] for sentence in answer.sentences][:2] == [
        "talks",
        "bergen",
    ]
    assert all(sentence.text == sentence.citations[0].quote for sentence in answer.sentences)
