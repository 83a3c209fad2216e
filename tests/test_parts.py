"""What is split into parts, how each is made to stand alone, and what is left whole."""

from __future__ import annotations

import pytest

from rag.parts import parts
from tests.conftest import Desk

SPLIT = [
    ("Who led Niger in 2022, and who in 2024?", ("Who led Niger in 2022?", "Who led Niger in 2024?")),
    (
        "Who hosted the talks, and how many states took part?",
        ("Who hosted the talks?", "how many states took part?"),
    ),
    (
        "How did Kenya react in May 2021 and again in June 2022?",
        ("How did Kenya react in May 2021?", "How did Kenya react in June 2022?"),
    ),
    (
        "Which firms were named in the list of 2019 and in that of 2021?",
        ("Which firms were named in the list of 2019?", "Which firms were named in the list of 2021?"),
    ),
    (
        "Compare the talks in Jeddah in 2023 with those in Geneva in 2024.",
        ("the talks in Jeddah in 2023?", "the talks in Geneva in 2024?"),
    ),
    (
        "In which towns were the Kenyan and the Norwegian papers signed?",
        ("In which towns were the Kenyan papers signed?", "In which towns were the Norwegian papers signed?"),
    ),
    (
        "What did the general say in 2020, and what did he do in 2021?",
        ("What did the general say in 2020?", "what did he do in 2021?"),
    ),
    (
        "When did Ruto visit Oslo, and what did he sign there in May?",
        ("When did Ruto visit Oslo?", "Ruto, Oslo: what did he sign there in May?"),
    ),
    ("Who met Ruto? What did they agree on fishing?", ("Who met Ruto?", "what did they agree on fishing?")),
    (
        "What is the difference between the Oslo text and the Geneva text?",
        ("the Oslo text?", "the Geneva text?"),
    ),
]

SPLIT += [
    (
        "Which came first in Kenya in 2021, the strike or the vote?",
        ("When was the strike (Kenya 2021)?", "When was the vote (Kenya 2021)?"),
    ),
    ("Which was later: the Oslo or the Geneva round?", ("When was the Oslo round?", "When was the Geneva round?")),
]

WHOLE = [
    "What sectors will they cooperate on?",
    "Which brother was the first to resign in 2022, and on what date?",
    "Which group asked for the levy in May 2023? Name it.",
    "Who and what was lost?",
    "Which brother was first, and why?",
    "Which accord did Kenya and Norway sign?",
    "Who was with him in the car and in the plane?",
    "and",
    "?",
    "",
    "who " * 900,
    "Which general who led the coup and fled",
]


@pytest.mark.parametrize(("question", "expected"), SPLIT)
def test_a_question_of_several_parts_is_split(question: str, expected: tuple[str, ...]) -> None:
    found = parts(question)
    assert [part.lower() for part in found] == [part.lower() for part in expected]


@pytest.mark.parametrize("question", WHOLE)
def test_one_question_is_left_as_it_is(question: str) -> None:
    assert parts(question) == (question,)


def test_more_parts_than_can_be_read_are_asked_as_one() -> None:
    question = " and ".join(f"who ruled Niger in {year}" for year in range(2015, 2024)) + "?"
    assert parts(question) == (question,)


def test_each_part_is_answered_from_its_own_brief(desk: Desk) -> None:
    desk.write("oslo.md", "Kenya signed the fisheries accord in Oslo on 3 March 2021.", title="Fisheries")
    desk.write("accra.md", "Ghana hosted the cocoa summit in Accra on 9 May 2022.", title="Cocoa")
    desk.ingest()
    answer = desk.ask("Who signed the fisheries accord in Oslo, and who hosted the cocoa summit in Accra?")
    assert answer.parts == (
        "Who signed the fisheries accord in Oslo?",
        "who hosted the cocoa summit in Accra?",
    )
    cited = [sentence.citations[0] for sentence in answer.sentences]
    assert {c.passage.metadata["brief_id"] for c in cited} == {"oslo", "accra"}
    assert all(answer.evidence[c.n - 1] is c.passage for c in cited)
    ids = [p.metadata["chunk_id"] for p in answer.evidence]
    assert len(ids) == len(set(ids))


def test_what_answers_both_parts_is_said_once(desk: Desk) -> None:
    desk.write("oslo.md", "Kenya signed the fisheries accord in Oslo on 3 March 2021.", title="Fisheries")
    desk.ingest()
    answer = desk.ask("Who signed the fisheries accord, and when was the fisheries accord signed?")
    assert [sentence.text for sentence in answer.sentences] == [
        "Kenya signed the fisheries accord in Oslo on 3 March 2021."
    ]


def test_the_part_that_nothing_answers_is_named(desk: Desk) -> None:
    desk.write("oslo.md", "Kenya signed the fisheries accord in Oslo on 3 March 2021.", title="Fisheries")
    desk.ingest()
    answer = desk.ask("Who signed the fisheries accord in Oslo, and who won the football cup in Qatar?")
    assert not answer.abstained
    assert any("who won the football cup in Qatar?" in note for note in answer.notes)
