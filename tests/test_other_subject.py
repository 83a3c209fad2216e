"""A question that only names another subject: put where the question before it had its own, or left alone."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from rag.other_subject import with_other_subject
from rag.rewrite import rewrite


@pytest.mark.parametrize(
    ("before", "question", "standalone"),
    [
        ("How did Baku react to the shots?", "And Tehran?", "How did Tehran react to the shots?"),
        ("who leads Haiti?", "and Senegal?", "who leads Senegal?"),
        ("What did Sweden promise Türkiye?", "and what about Finland?", "What did Finland promise Türkiye?"),
        ("How did the Bulgarians vote in 2031?", "what about the Croats?", "How did the Croats vote in 2031?"),
        ("How did the Bulgarians vote in 2031?", "And in 2032?", "How did the Bulgarians vote in 2032?"),
        ("did the Germans sign?", "and Russia?", "did Russia sign?"),
        ("did Somalia get any?", "and the Ethiopians?", "did the Ethiopians get any?"),
        ("What of its Baghdad staff?", "and the British?", "What of its British staff?"),
        ("Who is the president of Ghana?", "and Togo?", "Who is the president of Togo?"),
        ("how did the vote in Paraguay go?", "and in Brazil?", "how did the vote in Brazil go?"),
        ("What must Israel do for Nicosia?", "and Lebanon?", "What must Lebanon do for Nicosia?"),
        ("When did Ariel Henry resign?", "and Xi Jinping?", "When did Xi Jinping resign?"),
        ("what is the WHO's count?", "and the UN's?", "what is the UN's count?"),
        ("How many votes did Hou get?", "and Ko Wen-je?", "How many votes did Ko Wen-je get?"),
        ("How many votes did Ko Wen-je get?", "and Lai Ching-te?", "How many votes did Lai Ching-te get?"),
        ("How many votes did Lai Ching-te get?", "and Hou?", "How many votes did Hou get?"),
    ],
)
def test_the_new_name_takes_the_place_of_the_old_one(before: str, question: str, standalone: str) -> None:
    assert with_other_subject(question, before) == standalone


@pytest.mark.parametrize(
    ("before", "question"),
    [
        ("Who mediated between Ghana and Togo?", "and the Ivorians?"),
        ("What did Australia and New Zealand tell travellers to Fiji?", "and the Americans?"),
        ("How many killings do the UN experts hold to be unlawful?", "and in Davao?"),
        ("What loss did the judges find for Kenya's tea growers?", "and for Dantata?"),
        ("Which sectors did Russia and China agree on?", "and energy?"),
        ("How did exports develop in 2022 and 2023?", "and in 2024?"),
        ("Who won in Paraguay?", "and why?"),
        ("Who won in Paraguay?", "and did Brazil object?"),
        ("Who won in Paraguay?", "Brazil"),
        ("Who won?", "and in Brazil?"),
        ("Who won in Paraguay?", "and in Paraguay?"),
        ("", "and Brazil?"),
    ],
)
def test_where_it_is_in_doubt_nothing_is_replaced(before: str, question: str) -> None:
    assert with_other_subject(question, before) is None


def test_only_a_question_that_stood_alone_is_asked_again() -> None:
    history = [HumanMessage("Who leads Haiti?"), AIMessage("A council."), HumanMessage("and how did he react?")]
    assert rewrite("and Senegal?", [*history, AIMessage("Not at all.")]) == "Who leads Haiti? and Senegal?"
    assert rewrite("and Senegal?", history[:2]) == "Who leads Senegal?"


def test_a_second_subject_takes_the_place_of_the_first() -> None:
    history = [HumanMessage("Who leads Haiti?"), AIMessage("A council."), HumanMessage("and Senegal?")]
    assert rewrite("and Chad?", [*history, AIMessage("Bassirou Diomaye Faye.")]) == "Who leads Chad?"
