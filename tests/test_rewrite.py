from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from rag.rewrite import rewrite

HISTORY = [HumanMessage("Who visited Beijing in May?"), AIMessage("Putin did. [1]")]


@pytest.mark.parametrize(
    "question",
    ["And when?", "what about energy?", "Who came with him?", "Why?", "Did they sign it?", "what else happened there"],
)
def test_a_question_that_refers_back_is_preceded_by_the_last_one(question: str) -> None:
    assert rewrite(question, HISTORY) == f"Who visited Beijing in May? {question}"


@pytest.mark.parametrize(
    "question", ["Who won the election in Taiwan?", "When did Finland join NATO?", "why was canal traffic cut"]
)
def test_a_question_that_stands_alone_drags_nothing_along(question: str) -> None:
    assert rewrite(question, HISTORY) == question


def test_without_history_a_question_stays_as_it_is() -> None:
    assert rewrite("And when?", []) == "And when?"


def test_the_last_question_that_stands_alone_is_the_one_meant() -> None:
    history = [*HISTORY, HumanMessage("And when?"), AIMessage("On 16 May. [1]")]
    assert rewrite("Why?", history) == "Who visited Beijing in May? Why?"
