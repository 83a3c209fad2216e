"""Small talk, lists, digests and limits by date, as a user meets them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.answer import Answer
from rag.assistant import Assistant
from rag.build import open_assistant
from rag.overview import _paragraph_openings
from rag.record import AnswerRecord
from rag.rewrite import last_cited, message_of
from rag.types import Scope
from tests.conftest import Desk

SUDAN = """Fighting broke out in Khartoum on 15 April 2023 between army and militia. Rain fell.

Seventy thousand people left the capital within the first week of fighting. Most went north.

## Talks

Envoys of both sides met in Jeddah on 6 May 2023 for the first time. No truce was signed.
"""

TRUCE = "A truce for Khartoum was signed in Jeddah on 20 May 2023 by both sides."
CHAD = "Chad opened its border to people who fled from Sudan in June 2023."


@pytest.fixture
def stories(desk: Desk) -> Desk:
    desk.write("sudan.md", SUDAN, title="Fighting in Sudan", date="2023-05-07", region="[africa]")
    desk.write("truce.md", TRUCE, title="Sudan truce", date="2023-05-21")
    desk.write("chad.md", CHAD, title="Chad's border", date="2023-06-10")
    desk.ingest()
    return desk


@pytest.fixture
def assistant(stories: Desk) -> Assistant:
    return open_assistant(stories.settings, embeddings=stories.embeddings)


def quotes(answer: Answer) -> list[str]:
    return [sentence.text for sentence in answer.sentences]


def test_no_sentence_is_quoted_twice_where_passages_overlap_or_a_list_holds_it(desk: Desk) -> None:
    long = " ".join(f"Envoys spoke of the harvest of year {i} and of what it would bring to all." for i in range(60))
    desk.write("zemio.md", f"{long} Zemio was taken by rebels on that day of the rains. {long}", title="Rains")
    desk.write("aid.md", "The convoys reached:\n\n- Zemio with grain and tents\n- Obo with medicine\n", title="Convoys")
    desk.ingest()
    assistant = open_assistant(desk.settings, embeddings=desk.embeddings)
    said = quotes(assistant.ask("What do the briefs say about Zemio?"))
    assert len(said) == 2
    assert not any(one != other and one in other for one in said for other in said)


def test_passages_that_overlap_tell_no_paragraph_twice() -> None:
    text = "The envoys met in Oslo on a cold day. They spoke of grain until dark.\n\nAll left for home the next day."
    spans = [(0, 37), (38, 69), (71, 102)]

    def passage(n: int, *held: tuple[int, int]) -> Document:
        units = [{"start": start, "end": end, "kind": "sentence"} for start, end in held]
        found = {"brief_id": "oslo", "chunk_id": str(n), "start": held[0][0], "units": units}
        return Document(page_content=text[held[0][0] : held[-1][1]], metadata=found)

    opening = _paragraph_openings([passage(1, *spans[:2]), passage(2, *spans[1:])])
    assert [text[span.start : span.end] for _, span in opening] == [text[:37], text[71:102]]


@pytest.mark.parametrize("said", ["Hello", "Thanks!", "What can you do?"])
def test_small_talk_is_answered_without_evidence_and_is_no_refusal(assistant: Assistant, said: str) -> None:
    answer = assistant.ask(said)
    assert (answer.abstained, answer.sentences, answer.evidence) == (False, (), ())
    assert answer.text == answer.remark


def test_a_greeting_tells_what_there_is(assistant: Assistant) -> None:
    assert "3 briefs of 2023-05-07 to 2023-06-10" in assistant.ask("Hi").text


def test_which_briefs_there_are_on_a_subject(assistant: Assistant) -> None:
    answer = assistant.ask("Which briefs do you have on Sudan?")
    assert answer.remark == "2 briefs of 2023-05-07 to 2023-05-21 on Sudan; 1 more brief mentions it."
    assert [ref.brief_id for ref in answer.briefs] == ["truce", "sudan", "chad"]


def test_a_capital_finds_the_briefs_on_its_country(assistant: Assistant) -> None:
    assert [ref.brief_id for ref in assistant.ask("Do you have briefs on Khartoum?").briefs][:2] == ["truce", "sudan"]


@pytest.mark.parametrize(
    ("about", "ids"),
    [
        ("the US", ["chips"]),
        ("May 2023", ["truce", "sudan"]),
        ("Sudan of 20 and 21 May 2023", ["truce"]),
        ("2023-06", ["chad"]),
        ("the 6 February 2024 blast", ["blast"]),
        ("February 2024", ["blast", "chips"]),
        ("2024", ["blast", "chips"]),
    ],
)
def test_initialisms_and_dates_tell_which_briefs_are_on_them(stories: Desk, about: str, ids: list[str]) -> None:
    stories.write("chips.md", "They gave us new limits on chips.", title="U.S. curbs on chips", date="2024-02-02")
    stories.write("blast.md", "A bridge fell.", title="Blast of 6 February 2024", date="2024-03-01")
    stories.ingest()
    answer = open_assistant(stories.settings, embeddings=stories.embeddings).ask(
        f"Which briefs do you have on {about}?"
    )
    assert [ref.brief_id for ref in answer.briefs] == ids


@pytest.mark.parametrize("about", ["the US", "July 2019"])
def test_what_no_brief_is_on_and_texts_are_not_searched_for_is_refused(assistant: Assistant, about: str) -> None:
    answer = assistant.ask(f"Which briefs do you have from {about}?")
    assert answer.reason == f"The corpus holds no brief that is on {about} by its title, region, topics or date."


def test_a_subject_that_no_brief_holds_is_refused(assistant: Assistant) -> None:
    answer = assistant.ask("Which briefs do you have on Iceland?")
    assert (answer.abstained, answer.reason) == (True, "The corpus holds no brief that is on Iceland or mentions it.")


@pytest.mark.parametrize(
    "question",
    ["What changed in Khartoum as soldiers fled?", "Are there any reports about soldiers eating porridge in Khartoum?"],
)
def test_a_wish_on_more_than_a_name_that_no_brief_holds_is_asked_of_the_briefs(
    assistant: Assistant, question: str
) -> None:
    answer = assistant.ask(question)
    assert answer.evidence
    assert "holds no brief" not in (answer.reason or "")


def test_a_list_keeps_to_the_scope(assistant: Assistant) -> None:
    answer = assistant.ask("Which briefs are there?", scope=Scope(date_from=date(2023, 6, 1)))
    assert (answer.remark, len(answer.briefs)) == ("The corpus holds 1 brief of 2023-06-10 since 2023-06-01.", 1)


def test_the_digest_of_the_brief_last_cited_quotes_how_its_paragraphs_open(assistant: Assistant) -> None:
    first = assistant.ask("Where did envoys of both sides meet in May?")
    answer = assistant.ask("Summarise this brief", history=(HumanMessage(first.question), message_of(first)))
    assert quotes(answer) == [
        "Fighting broke out in Khartoum on 15 April 2023 between army and militia.",
        "Seventy thousand people left the capital within the first week of fighting.",
        "Envoys of both sides met in Jeddah on 6 May 2023 for the first time.",
    ]
    assert all(SUDAN.strip()[c.start : c.end] == c.quote for s in answer.sentences for c in s.citations)


def test_a_brief_of_a_list_is_meant_by_its_place(assistant: Assistant) -> None:
    listed = assistant.ask("Which briefs do you have on Sudan?")
    history = (HumanMessage(listed.question), message_of(listed))
    assert last_cited(history) == ("truce", "sudan", "chad")
    assert quotes(assistant.ask("Summarise the third one", history=history))[0].startswith("Chad opened its border")


@pytest.mark.parametrize(
    ("asked", "opens"),
    [
        (["Summarise the second one", "And the third?"], "Chad opened its border"),
        (["And the second?", "thanks", "What about the first one?"], "A truce for Khartoum"),
        (["Summarise the last one"], "Chad opened its border"),
        (["Compare the first and the third"], "A truce for Khartoum"),
    ],
)
def test_places_count_from_the_list_and_not_from_a_brief_taken_from_it(
    assistant: Assistant, asked: list[str], opens: str
) -> None:
    history: list[BaseMessage] = []
    for question in ["Which briefs do you have on Sudan?", *asked]:
        answer = assistant.ask(question, history=history)
        history += [HumanMessage(question), message_of(answer)]
    assert quotes(answer)[0].startswith(opens)


def test_a_list_may_be_asked_for_again_of_another_subject_and_the_last_sources_named(assistant: Assistant) -> None:
    listed = assistant.ask("Which briefs do you have on Khartoum?")
    history = [HumanMessage(listed.question), message_of(listed)]
    assert [ref.brief_id for ref in assistant.ask("And on Chad?", history=history).briefs] == ["chad"]
    assert [ref.brief_id for ref in assistant.ask("Source?", history=history).briefs] == list(listed.cited_briefs)


def test_any_news_in_a_conversation_is_of_what_it_is_about(assistant: Assistant) -> None:
    history = [HumanMessage("Who met in Jeddah?"), AIMessage("Envoys of both sides. [1]")]
    assert assistant.ask("Any news?", history=history).standalone_question == "Who met in Jeddah? Any news?"
    assert assistant.ask("Any news on Sudan?", history=history).remark
    told = assistant.ask("Tell me about casualties", history=history)
    assert told.standalone_question == "Tell me about casualties (met Jeddah)?"


def test_where_no_brief_holds_all_words_of_a_subject_those_with_the_rarest_are_named(assistant: Assistant) -> None:
    answer = assistant.ask("Which briefs do you have on the porridge truce?")
    assert answer.remark == "No brief is on the porridge truce or holds all its words; 2 briefs mention “truce”."


def test_without_a_brief_before_it_a_digest_asks_back(assistant: Assistant) -> None:
    answer = assistant.ask("Summarise this brief")
    assert answer.text.startswith("Which brief?")


def test_the_digest_of_a_subject_quotes_its_briefs_the_newest_first(assistant: Assistant) -> None:
    answer = assistant.ask("Give me an overview of the briefs on Sudan")
    assert [s.citations[0].passage.metadata["brief_id"] for s in answer.sentences] == ["truce", "sudan"]


def test_a_digest_of_no_known_subject_is_asked_of_the_briefs(assistant: Assistant) -> None:
    answer = assistant.ask("Summarise the football cup")
    assert (answer.abstained, answer.remark) == (True, None)


def test_what_is_new_since_a_day(assistant: Assistant) -> None:
    answer = assistant.ask("What has changed on Sudan since 10 May 2023?")
    assert answer.remark == "1 brief of 2023-05-21 on Sudan since 2023-05-10; how they open, the newest first:"
    assert answer.limited_by == "since 10 May 2023"
    assert [s.citations[0].passage.metadata["brief_id"] for s in answer.sentences] == ["truce"]


def test_as_of_in_a_question_narrows_the_scope_until_told_otherwise(assistant: Assistant) -> None:
    question = "As of 10 May 2023, where was a truce signed?"
    limited = assistant.ask(question)
    assert (limited.scope.as_of, limited.limited_by) == (date(2023, 5, 10), "As of 10 May 2023")
    assert {p.metadata["brief_id"] for p in limited.evidence} == {"sudan"}
    assert any("Limited to briefs published by 2023-05-10" in note for note in limited.notes)
    free = assistant.ask(question, dates=False)
    assert (free.scope, free.limited_by) == (Scope(), None)
    assert "truce" in {p.metadata["brief_id"] for p in free.evidence}


def test_a_limit_that_leaves_nothing_out_is_none(assistant: Assistant) -> None:
    assert assistant.ask("Who has met in Jeddah since 1990?").limited_by is None


def test_in_a_corpus_without_dates_no_words_limit(desk: Desk) -> None:
    desk.write("sudan.txt", SUDAN)
    desk.ingest()
    assert desk.ask("As of 1 May 2023, who fought in Khartoum?").limited_by is None


def test_last_week_is_counted_from_today(stories: Desk, assistant: Assistant) -> None:
    understanding = replace(assistant.understanding, today=lambda: date(2023, 5, 24))  # type: ignore[type-var]
    answer = replace(assistant, understanding=understanding).ask("What has changed on Sudan in the last week?")
    assert answer.scope == Scope(date_from=date(2023, 5, 15))
    assert answer.parts == ("What has changed on Sudan in the last week?",)
    assert [s.citations[0].passage.metadata["brief_id"] for s in answer.sentences] == ["truce"]


@pytest.mark.parametrize(
    "question",
    [
        "Welche Länder haben das Abkommen unterzeichnet?",
        "中国和俄罗斯将在哪些领域合作？",
        "О чём договорились Путин и Си?",
    ],
)
def test_a_question_in_another_language_is_refused_with_that_reason(assistant: Assistant, question: str) -> None:
    answer = assistant.ask(question)
    assert answer.abstained
    assert "language" in (answer.reason or "")


def test_the_record_tells_remark_list_and_limit(assistant: Assistant) -> None:
    record = AnswerRecord.of(assistant.ask("Which briefs are there on Sudan?"))
    assert (record.remark, [ref.brief_id for ref in record.briefs]) == (record.text, ["truce", "sudan", "chad"])
    assert AnswerRecord.of(assistant.ask("As of 10 May 2023, who fled?")).limited_by == "As of 10 May 2023"


@pytest.mark.parametrize(
    "question",
    ["Where did the envoys of both sides meet on 6 May 2023?", "Which briefs are there on Sudan?", "Who won the cup?"],
)
def test_a_record_gives_back_the_answer_that_it_was_made_of(assistant: Assistant, question: str) -> None:
    answer = assistant.ask(question, scope=Scope(date_from=date(2023, 5, 1), regions=("africa",)))
    record = AnswerRecord.of(answer)
    again = AnswerRecord.model_validate_json(record.to_json()).answer()
    assert AnswerRecord.of(again) == record
    assert (again.text, again.scope, again.conflicts) == (answer.text, answer.scope, answer.conflicts)


def test_a_follow_up_may_be_asked_of_one_brief_of_the_last_answer(assistant: Assistant) -> None:
    listed = assistant.ask("Which briefs are there on Sudan?")
    assert [ref.brief_id for ref in listed.briefs] == ["truce", "sudan", "chad"]
    history = [HumanMessage(listed.question), message_of(listed)]
    answer = assistant.ask("What does the second one say about the envoys of both sides in Jeddah?", history=history)
    assert answer.scope.briefs == ("sudan",)
    assert {s.citations[0].passage.metadata["brief_id"] for s in answer.sentences} == {"sudan"}
    assert "Asked of “Fighting in Sudan” alone." in answer.notes
    fourth = assistant.ask("What does the fourth one say about Jeddah?", history=history)
    assert fourth.scope == Scope()
    kept = assistant.ask("What does the second one say?", history=history, scope=Scope(briefs=("chad",)))
    assert kept.scope.briefs == ("chad",)


def test_what_the_briefs_say_about_a_name_quotes_the_sentences_that_name_it(assistant: Assistant) -> None:
    answer = assistant.ask("What do the briefs say about Jeddah?")
    assert quotes(answer) == [TRUCE, "Envoys of both sides met in Jeddah on 6 May 2023 for the first time."]
    assert answer.remark == "2 briefs of 2023-05-07 to 2023-05-21 mention Jeddah, the newest first:"
    limited = assistant.ask("What do the briefs say about Jeddah?", scope=Scope(date_to=date(2023, 5, 10)))
    assert quotes(limited) == quotes(answer)[1:]


def test_a_name_that_no_brief_holds_is_asked_of_the_briefs(assistant: Assistant) -> None:
    answer = assistant.ask("What do the briefs say about Zanzibar?")
    assert answer.abstained
    assert answer.remark is None
