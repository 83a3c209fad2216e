"""Which wishes are told from questions to the briefs, and that no question to the briefs is taken for one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.requests import Request, brief_meant, understand

DEV = Path(__file__).parents[1] / "evals" / "datasets" / "briefs" / "dev.jsonl"


@pytest.mark.parametrize(
    ("said", "request_"),
    [
        ("Hello!", Request("greeting")),
        ("good morning", Request("greeting")),
        ("Thanks a lot.", Request("thanks")),
        ("ok great, thank you", Request("thanks")),
        ("What can you do?", Request("help")),
        ("How do you work?", Request("help")),
        ("Which briefs do you have on Sudan?", Request("briefs", "Sudan")),
        ("list all briefs from 2023", Request("briefs", "2023")),
        ("Do you have any reports about the Altocara vote?", Request("briefs", "the Altocara vote")),
        ("What do you have on Wagner?", Request("briefs", "Wagner")),
        ("How many briefs are there?", Request("briefs")),
        ("What period does the corpus cover?", Request("briefs")),
        ("Summarise this brief", Request("digest", this=1)),
        ("Please summarize the second one.", Request("digest", this=2)),
        ("What does this brief say?", Request("digest", this=1)),
        ("Give me a short overview of the briefs on New START", Request("digest", "New START")),
        ("Brief me on the Niger coup", Request("digest", "the Niger coup")),
        ("What has changed on Sudan?", Request("news", "Sudan")),
        ("Any news on the grain deal?", Request("news", "the grain deal")),
        ("What's new?", Request("news")),
        ("What do the briefs say about the Indio River?", Request("mentions", "the Indio River")),
        ("what does the corpus say on Wagner", Request("mentions", "Wagner")),
        ("Which briefs do you have on the WHO?", Request("briefs", "the WHO")),
        (
            "What's new on the peace talks between Armenia and Azerbaijan?",
            Request("news", "the peace talks between Armenia and Azerbaijan"),
        ),
    ],
)
def test_a_wish_is_understood(said: str, request_: Request) -> None:
    assert understand(said) == request_


@pytest.mark.parametrize(
    "question",
    [
        "Which briefs were signed by Putin?",
        "What is the latest on Saudi Arabia's BRICS decision?",
        "What happened in Gabon in August 2023?",
        "Which article of the treaty names the Commission?",
        "How does it work?",
        "What do the briefs say about who signed the treaty?",
        "What do the briefs say about the number of people who fled from Khartoum in May?",
        "Who thanked whom?",
        "What changed the mind of the minister who had refused to sign the accord twice before?",
        "Help for which country was announced?",
        "What changed in Niger after the coup in July 2023?",
        "What has changed in how Russia recruits soldiers?",
        "Any news on whether Sweden joined NATO?",
        "Any news on it?",
        "How many documents related to the deal were signed?",
        "What documents from the Kremlin were leaked?",
        "What documents from the Kremlin leaked in May?",
        "What report about Bucha did the UN publish?",
        "",
        "what " * 2000,
    ],
)
def test_a_question_to_the_briefs_is_left_alone(question: str) -> None:
    assert understand(question) is None


def test_no_question_of_the_benchmark_is_taken_for_a_wish() -> None:
    asked = [json.loads(line)["question"] for line in DEV.read_text("utf-8").splitlines()]
    assert [question for question in asked if understand(question)] == []


@pytest.mark.parametrize(
    ("question", "place", "rest"),
    [
        ("What does the second one say about oil?", 2, "What does the brief say about oil?"),
        ("Does the third brief mention oil?", 3, "Does the brief mention oil?"),
        ("According to this brief, who signed?", 1, "who signed?"),
        ("Who signed, according to the last brief?", -1, "Who signed?"),
        ("Who is named in the same brief?", 1, "Who is named?"),
    ],
)
def test_a_question_may_be_asked_of_one_brief(question: str, place: int, rest: str) -> None:
    assert brief_meant(question) == (place, rest)


@pytest.mark.parametrize(
    "question",
    [
        "Which one signed?",
        "When does the second one take effect?",
        "Who wrote the first report?",
        "How long did that brief truce last?",
        "When was the first brief ceasefire in Sudan?",
        "According to this brief?",
        "",
    ],
)
def test_other_things_in_order_are_no_briefs(question: str) -> None:
    assert brief_meant(question) is None
