"""What a follow-up takes from the conversation, and what it leaves there."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from evals.training.follow_ups import questions
from rag.follow_up import refers_back
from rag.rewrite import MOST_SAID, last_said, rewrite

HISTORY = [
    HumanMessage("When did Putin visit Beijing in May 2024?"),
    AIMessage("Vladimir Putin was received by Xi Jinping on 16 May 2024. [1]\nLi Hui was there. [2]"),
]


@pytest.mark.parametrize(
    ("question", "standalone"),
    [
        ("What was signed there?", "What was signed there (Putin, Beijing, 2024)?"),
        ("And how long did the talks last?", "how long did the talks last (Putin, Beijing, 2024)?"),
        ("Who came with him?", "Who came with him (Putin, Beijing, 2024, Vladimir Putin, Xi Jinping)?"),
        ("And in 2023?", "When did Putin visit Beijing in May 2023?"),
        ("And Kim Jong Un?", "When did Kim Jong Un visit Beijing in May 2024?"),
        ("Why?", "When did Putin visit Beijing in May 2024? Why?"),
        ("and how many?", "When did Putin visit Beijing in May 2024? and how many?"),
        ("What about energy?", "What about energy (Putin, Beijing, 2024)?"),
        ("Did Xi say anything about it?", "Did Xi say anything about it (Putin, Beijing, 2024)?"),
        ("did the Indians protest?", "did the Indians protest (Putin, Beijing, 2024)?"),
        ("Was anyone arrested?", "Was anyone arrested (Putin, Beijing, 2024)?"),
        ("by how much?", "When did Putin visit Beijing in May 2024? by how much?"),
        ("who else", "When did Putin visit Beijing in May 2024? who else"),
        ("anything changed?", "When did Putin visit Beijing in May 2024? anything changed?"),
        ("mostly oil?", "When did Putin visit Beijing in May 2024? mostly oil?"),
        ("I meant the Harbin visit", "When did Putin visit Beijing in May 2024? I meant the Harbin visit"),
    ],
)
def test_a_follow_up_takes_names_and_years_along(question: str, standalone: str) -> None:
    assert rewrite(question, HISTORY) == standalone


@pytest.mark.parametrize(
    "question",
    [
        "Who won the presidential election in Taiwan?",
        "When did Finland join NATO?",
        "why was canal traffic cut",
        "top three destinations of ukrainian grain",
        "Which accord did Riyadh and Tehran sign, and when did they sign it?",
        "What sectors will Norway and Kenya cooperate on?",
        # A pronoun for what the question names itself.
        "Who put his name to the document that abolished the breakaway republic in Nagorno-Karabakh?",
        "What does Chile plan to do with its lithium deposits?",
        "How many people were driven from their homes by the Tamberou attack?",
        "Who won the election in Taiwan?",
        "How many duties of the Muscat protocol had Iran met a year on?",
    ],
)
def test_a_change_of_topic_drags_nothing_along(question: str) -> None:
    assert rewrite(question, HISTORY) == question


@pytest.mark.parametrize(
    ("question", "standalone"),
    [
        ("Who still held out in July of the following year?", "Who still held out in July of 2025 (Putin, Beijing)?"),
        ("And in Harbin the next summer, who came?", "in Harbin in summer 2025, who came (Putin, Beijing)?"),
        ("How did trade do that year?", "How did trade do in 2024 (Putin, Beijing)?"),
        ("And the year before?", "When did Putin visit Beijing in May 2023?"),
        ("what happened two years later?", "what happened in 2026 (Putin, Beijing)?"),
        ("six months later?", "When did Putin visit Beijing in May 2024? six months later?"),
        ("and a year earlier?", "When did Putin visit Beijing in May 2023?"),
        ("What did Kenya promise a decade before 2019?", "What did Kenya promise a decade before 2019?"),
        # A year that the question counts from itself.
        ("Did Oslo pay the year after the war ended in 2019?", "Did Oslo pay the year after the war ended in 2019?"),
        ("What will Warsaw spend next year?", "What will Warsaw spend next year?"),
    ],
)
def test_a_year_is_counted_from_the_one_that_was_told(question: str, standalone: str) -> None:
    assert rewrite(question, HISTORY) == standalone


@pytest.mark.parametrize("answer", ["In 2022 it was asked, in 2024 it joined. [1]", "In spring. [1]"])
def test_where_two_years_were_told_or_none_the_question_before_tells(answer: str) -> None:
    history = [HumanMessage("What did Sweden ask NATO for in 2022?"), AIMessage(answer)]
    assert rewrite("Who led NATO the year after?", history).startswith("Who led NATO in 2023 (")
    silent = [HumanMessage("What did Sweden ask NATO for?"), AIMessage(answer)]
    assert rewrite("Who led NATO the year after?", silent).startswith("Who led NATO the year after (")


def test_a_topic_of_few_names_is_told_by_its_other_words() -> None:
    history = [HumanMessage("How many pages has the main chip rule of October?"), AIMessage("139 pages. [1]")]
    assert rewrite("Who signed it?", history) == "Who signed it (pages main chip rule October)?"


@pytest.mark.parametrize("history", [[], [AIMessage("Hello.")], [HumanMessage("  ")]])
def test_without_an_earlier_question_a_question_stays_as_it_is(history: list[HumanMessage | AIMessage]) -> None:
    assert rewrite("And when?", history) == "And when?"


def test_the_last_question_that_stands_alone_is_the_one_meant() -> None:
    history = [
        HumanMessage("Who won the vote in Taiwan?"),
        AIMessage("Lai. [1]"),
        *HISTORY,
        HumanMessage("And when?"),
        AIMessage("On 16 May. [1]"),
    ]
    assert rewrite("Why?", history) == "When did Putin visit Beijing in May 2024? Why?"


def test_when_every_question_refers_back_the_first_is_the_topic() -> None:
    history = [HumanMessage("And the Kerch bridge, who guards it?"), AIMessage("Marines. [1]")]
    assert "Kerch" in rewrite("Since when?", history)


def test_follow_ups_of_written_conversations_are_told_from_questions_that_stand_alone() -> None:
    back = {name: [refers_back(*pair) for pair in asked] for name, asked in questions().items()}
    shares = {name: sum(found) / len(found) for name, found in back.items()}
    assert shares["later"] > 0.92
    assert max(shares["first"], shares["dev"], shares["keywords"]) < 0.025


def test_a_long_question_says_itself_what_it_is_about() -> None:
    long = (
        "Which of the ministers that signed it in the spring said in public that they " + "would not vote for it " * 5
    )
    assert not refers_back(long)


def test_what_was_said_last_is_cut_however_long_it_was() -> None:
    long = [HumanMessage("Who met in Oslo? " * 2_000), AIMessage("Envoys. " * 2_000)]
    assert len(last_said(long)) == MOST_SAID


def test_of_wishes_the_last_subject_is_the_one_meant() -> None:
    history = [HumanMessage("Any news on Sudan?"), AIMessage("Yes."), HumanMessage("And Niger?"), AIMessage("Yes.")]
    assert rewrite("who rules there?", history) == "who rules there (Niger)?"


@pytest.mark.parametrize(
    ("before", "question", "standalone"),
    [
        ("Which briefs do you have on Sudan?", "who is fighting?", "who is fighting (Sudan)?"),
        ("Summarise the Niger coup", "and the neighbours?", "Niger coup and the neighbours?"),
        (
            "ok thanks. now, what is the price cap on Russian oil?",
            "who agreed on it?",
            "who agreed on it (price cap Russian oil)?",
        ),
        ("Hello", "who agreed on it?", "who agreed on it?"),
    ],
)
def test_of_a_wish_its_subject_is_taken_and_of_small_talk_nothing(before: str, question: str, standalone: str) -> None:
    assert rewrite(question, [HumanMessage(before), AIMessage("So it is. [1]")]) == standalone
