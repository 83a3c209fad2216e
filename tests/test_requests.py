"""Which wishes are told from questions to the briefs, and that no question to the briefs is taken for one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.requests import ALL, Request, asked_again, brief_meant, counts_briefs, understand, without_chat

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
        ("hi, how are you?", Request("greeting")),
        ("Good evening, geobrief", Request("greeting")),
        ("thanks, that's all for now", Request("thanks")),
        ("That’s very helpful, thank you", Request("thanks")),
        ("ok cool", Request("thanks")),
        ("no thanks, bye", Request("thanks")),
        ("what can you do for me?", Request("help")),
        ("are you a bot?", Request("help")),
        ("can i ask you a question", Request("help")),
        ("do you have anything on chips", Request("briefs", "chips")),
        ("got anything about the panama canal?", Request("briefs", "the panama canal")),
        ("how many briefs mention ECOWAS", Request("briefs", "ECOWAS")),
        ("do any of the briefs cover Senegal?", Request("briefs", "Senegal")),
        ("does the corpus cover Latin America?", Request("briefs", "Latin America")),
        ("show me what you have on Taiwan", Request("briefs", "Taiwan")),
        ("Hi, could you list the briefs on Ukraine, please?", Request("briefs", "Ukraine")),
        ("ok, and which briefs cover Haiti?", Request("briefs", "Haiti")),
        ("I’m looking for briefs on Haiti", Request("briefs", "Haiti")),
        ("latest briefs on Sudan", Request("briefs", "Sudan")),
        ("what briefs were published in 2024?", Request("briefs", "2024")),
        ("whats in the corpus", Request("briefs")),
        ("how many briefs do you have in total?", Request("briefs")),
        ("how far back do you go?", Request("briefs")),
        ("Summarise the second brief for me, please", Request("digest", this=2)),
        ("summarise the last one", Request("digest", this=-1)),
        ("summarise number two", Request("digest", this=2)),
        ("sum it up", Request("digest", this=1)),
        ("what's the second one about?", Request("digest", this=2)),
        ("key points of brief 3", Request("digest", this=3)),
        ("Summarise what happened in Niger", Request("digest", "Niger")),
        ("summarise the situation in Sudan in three sentences", Request("digest", "Sudan")),
        ("bring me up to speed on Haiti", Request("digest", "Haiti")),
        ("tell me about Sudan", Request("digest", "Sudan")),
        ("compare the first and the third brief", Request("digest", those=(1, 3))),
        ("How do the two briefs differ?", Request("digest", those=ALL)),
        ("summarise the first two", Request("digest", those=(1, 2))),
        ("How does the second brief differ from the first?", Request("digest", those=(2, 1))),
        ("Compare brief 1 and brief 3", Request("digest", those=(1, 3))),
        ("summarise everything you have on Haiti", Request("digest", "Haiti")),
        ("whats new on sudan", Request("news", "sudan")),
        ("What’s the latest on Haiti?", Request("news", "Haiti")),
        ("any recent developments in Gaza?", Request("news", "Gaza")),
        ("where is Wagner mentioned?", Request("mentions", "Wagner")),
        ("source?", Request("sources")),
        ("which brief says that?", Request("sources")),
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
        "Do any reports mention sexual violence in Sudan?",
        "Which briefs were published by the Kremlin?",
        "How are you counting the dead in Tamberou?",
        "Thanks to whom was the deal reached?",
        "thanks for the summary which briefs do you have",
        "Tell me about the terms of the Pretoria agreement",
        "What are the key points of the Pretoria agreement?",
        "What is the difference between the two resolutions?",
        "Summarise [2]",
        "good bye " * 400 + "x",
        "please " * 500 + "x",
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
        ("According to the second one, how many died?", 2, "how many died?"),
        ("Who does brief 2 quote?", 2, "Who does the brief quote?"),
        ("What does number three say about oil?", 3, "What does the brief say about oil?"),
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
        "Who is number two in the Kremlin?",
        "Who broke the brief 2 hour truce?",
        "What do the first and the second brief say?",
        "According to this brief?",
        "",
    ],
)
def test_other_things_in_order_are_no_briefs(question: str) -> None:
    assert brief_meant(question) is None


@pytest.mark.parametrize(
    ("before", "question", "asked"),
    [
        ("Summarise the second one", "And the third?", "Summarise the third brief"),
        ("Summarise the first two", "And the third?", "Summarise the third brief"),
        (
            "What does the second one say about oil?",
            "what about the last one?",
            "What does the last brief say about oil?",
        ),
        ("Which briefs do you have on Sudan?", "the second one please", "Summarise the second brief"),
        ("Which briefs do you have on Sudan?", "and on Chad?", "Which briefs do you have on Chad?"),
        ("Any news on Sudan?", "What about Chad?", "Any news on Chad?"),
        ("Which briefs do you have on Sudan?", "and then?", None),
        ("Which briefs do you have on Sudan?", "and who is fighting?", None),
        ("Who signed the second resolution?", "and the third?", None),
        ("When did Finland join NATO?", "and Sweden?", None),
        ("", "and Sweden?", None),
    ],
)
def test_a_wish_may_be_repeated_of_another_brief_or_subject(before: str, question: str, asked: str | None) -> None:
    assert asked_again(question, before) == asked


def test_briefs_are_counted_by_their_place_alone() -> None:
    assert counts_briefs("Summarise the second one")
    assert not counts_briefs("Summarise this brief")
    assert not counts_briefs("Who signed the second resolution?")


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("Ok thanks. Now, who won?", "who won?"),
        ("hi there, who won?", "who won?"),
        ("Great, and who lost?", "and who lost?"),
        ("Great Britain won what?", "Great Britain won what?"),
        ("Thanks to whom did he win?", "Thanks to whom did he win?"),
        ("Ok, who won?", "Ok, who won?"),
        ("Thanks!", "Thanks!"),
    ],
)
def test_what_is_said_out_of_politeness_is_no_part_of_a_question(said: str, question: str) -> None:
    assert without_chat(said) == question
