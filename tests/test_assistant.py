"""A whole conversation with quick fakes: this file shows how the parts meet."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage

from rag.answer import SILENT, Answered, Identities, Reading, Retrieved, Rewritten, Said, ScoredUnit
from rag.assistant import Assistant, Reader, nearest
from rag.build import open_assistant
from rag.errors import IndexMissing, UsageError
from rag.rewrite import message_of
from rag.types import Scope, Unit
from rag.understand import Understood
from tests.conftest import Desk

TALKS = (
    "The ministers of Kenya and Norway met in Nairobi on 3 March 2024. "
    "They agreed to cooperate on fisheries, shipping and solar power. "
    "The Norwegian minister also visited Mombasa."
)


@pytest.fixture
def talks(desk: Desk) -> Desk:
    desk.write("talks.md", TALKS, title="Kenya and Norway agree on three fields", date="2024-03-04", source="Desk A")
    desk.write("coup.md", "Soldiers detained the president of Niger on 26 July 2023.", title="Coup in Niger")
    desk.ingest()
    return desk


def test_an_answer_quotes_word_for_word_with_the_exact_span(talks: Desk) -> None:
    answer = talks.ask("What did Kenya and Norway agree to cooperate on?")
    sentence = answer.sentences[-1]
    assert sentence.text == "They agreed to cooperate on fisheries, shipping and solar power."
    assert sentence.support == 1.0
    citation = sentence.citations[0]
    assert TALKS[citation.start : citation.end] == citation.quote == sentence.text
    assert citation.passage.metadata["brief_id"] == "talks"
    assert answer.evidence[citation.n - 1] is citation.passage


def test_the_stream_tells_rewritten_retrieved_said_answered_in_that_order(talks: Desk) -> None:
    assistant = open_assistant(talks.settings, embeddings=talks.embeddings)
    events = list(assistant.stream("On which fields will Kenya and Norway cooperate?"))
    kinds = [type(event) for event in events]
    assert kinds[:2] == [Rewritten, Retrieved]
    assert kinds[2:-1] == [Said] * (len(kinds) - 3)
    last = events[-1]
    assert isinstance(last, Answered)
    assert [event.sentence for event in events if isinstance(event, Said)] == list(last.answer.sentences)


def test_what_the_corpus_does_not_say_is_refused_with_a_reason_and_the_nearest_briefs(talks: Desk) -> None:
    answer = talks.ask("Who won the 2022 World Cup in Qatar?")
    assert answer.abstained
    assert answer.sentences == ()
    assert answer.reason
    assert {ref.brief_id for ref in answer.nearest} <= {"talks", "coup"}


def test_a_follow_up_is_understood_from_the_question_before(talks: Desk) -> None:
    assistant = open_assistant(talks.settings, embeddings=talks.embeddings)
    history = [HumanMessage("Where did the ministers of Kenya and Norway meet?"), AIMessage("In Nairobi. [1]")]
    answer = assistant.ask("And when?", history=history)
    assert answer.standalone_question == "Where did the ministers of Kenya and Norway meet? And when?"


def test_a_question_that_was_refused_for_its_language_gives_the_next_one_no_topic(talks: Desk) -> None:
    assistant = open_assistant(talks.settings, embeddings=talks.embeddings)
    history = [HumanMessage("Where did the ministers of Kenya and Norway meet?"), AIMessage("In Nairobi. [1]")]
    refused = assistant.ask("Warum wurde der Präsident von Niger festgenommen?", history=history)
    assert "language" in (refused.reason or "")
    history += [HumanMessage(refused.question), message_of(refused)]
    assert assistant.ask("And when?", history=history).standalone_question == (
        "Where did the ministers of Kenya and Norway meet? And when?"
    )


def test_where_no_part_is_answered_each_reason_is_given_to_its_part(talks: Desk) -> None:
    answer = talks.ask("Who won the 2022 World Cup in Qatar, and who rules Tuvalu?")
    assert answer.abstained
    assert len(answer.parts) == 2
    assert answer.reason == (
        f"{SILENT}: no passage found mentions World Cup (“Who won the 2022 World Cup in Qatar?”); "
        "no passage found mentions Tuvalu (“who rules Tuvalu?”)."
    )


def test_the_same_question_gives_the_same_answer(talks: Desk) -> None:
    first, second = (talks.ask("Who met in Nairobi?") for _ in range(2))
    assert (first.text, first.evidence) == (second.text, second.evidence)


def test_undated_briefs_left_out_by_a_date_are_noted(talks: Desk) -> None:
    answer = talks.ask("Who was detained in Niger?", Scope(date_to=date(2024, 12, 31)))
    assert answer.notes == ("1 undated brief left out, because the question is limited by date.",)


@pytest.mark.parametrize("question", ["", "   ", "?!", "\n"])
def test_an_empty_question_is_wrong_usage(talks: Desk, question: str) -> None:
    with pytest.raises(UsageError, match="empty"):
        talks.ask(question)


def test_a_question_over_the_limit_is_wrong_usage_and_says_both_lengths(talks: Desk) -> None:
    with pytest.raises(UsageError, match=r"100,000 characters, the limit is 4,000"):
        talks.ask("x" * 100_000)


def test_without_an_index_the_remedy_is_named(desk: Desk) -> None:
    with pytest.raises(IndexMissing, match="geobrief ingest"):
        desk.ask("anything")


def test_threads_ask_at_once_and_get_their_own_answers(talks: Desk) -> None:
    assistant = open_assistant(talks.settings, embeddings=talks.embeddings)
    questions = ["On which fields will Kenya and Norway cooperate?", "Who was detained in Niger?"] * 8
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(assistant.ask, questions))
    assert [answer.question for answer in answers] == questions
    assert len({answer.text for answer in answers}) == 2


class _Misquoting:
    """A reader whose unit does not say what stands at its span."""

    def read(self, question: str, passages: Sequence[Document], *, near: Collection[str] = ()) -> Reading:
        unit = ScoredUnit(1, Unit(0, 10, "sentence"), "An invention.", 1.0)
        return Reading(tuple(passages), (unit,))


def test_a_sentence_that_is_not_at_its_span_is_never_shown(talks: Desk) -> None:
    real = open_assistant(talks.settings, embeddings=talks.embeddings)
    assistant = Assistant(
        understanding=real.understanding,
        retriever=real.retriever,
        reader=_Misquoting(),
        catalogue=real.catalogue,
        identities=Identities("e", "r", "float32", "0"),
        threshold=0.0,
    )
    answer = assistant.ask("Who met in Nairobi?")
    assert all(TALKS[c.start : c.end] == s.text for s in answer.sentences for c in s.citations)
    assert "invention" not in answer.text


class _Noting:
    """A reader that notes of which briefs units are likelier to answer."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.near: list[tuple[str, ...]] = []

    def read(self, question: str, passages: Sequence[Document], *, near: Collection[str] = ()) -> Reading:
        self.near.append(tuple(near))
        return self.reader.read(question, passages, near=near)


def test_a_follow_up_is_read_near_the_briefs_that_were_spoken_of_last(talks: Desk) -> None:
    real = open_assistant(talks.settings, embeddings=talks.embeddings)
    noting = _Noting(real.reader)
    assistant = replace(real, reader=noting)
    asked = HumanMessage("Who was detained in Niger on 26 July 2023?")
    answer = real.ask(str(asked.text))
    told = ([asked, message_of(answer)], [asked, AIMessage("The president of Niger.")], [asked, AIMessage(SILENT)])
    for history in told:
        assistant.ask("And who detained him?", history=history)
    assistant.ask("In which city did Kenya meet Norway?", history=told[0])
    assert noting.near == [("coup",), ("coup",), ("coup",), ()]


CROPS = "Niger grows these crops:\n- wheat\n- maize\nRain fell."


class _Overlapping:
    """Two passages of one brief that overlap, and for each question the unit that answers it."""

    def __init__(self, answers: dict[str, ScoredUnit]) -> None:
        self.answers = answers

    def search(self, question: str, *, scope: Scope = Scope(), k: int | None = None) -> list[Document]:
        meta: dict[str, Any] = {"brief_id": "crops", "title": "Crops", "date": None, "source": None, "page": None,
                                "units": [], "signals": {}, "end": len(CROPS)}  # fmt: skip
        return [
            Document(page_content=CROPS[start:], metadata={**meta, "start": start, "chunk_id": str(start)})
            for start in (0, 25)
        ]

    def read(self, question: str, passages: Sequence[Document], *, near: Collection[str] = ()) -> Reading:
        return Reading(tuple(passages), (self.answers[question],))


WHEAT = ScoredUnit(1, Unit(27, 32, "item"), "wheat", 0.9)


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (WHEAT, replace(WHEAT, n=2), ["wheat"]),
        (ScoredUnit(1, Unit(0, 40, "list"), CROPS[:40], 0.9), replace(WHEAT, n=2), [CROPS[:40]]),
        (replace(WHEAT, n=2), ScoredUnit(1, Unit(0, 40, "list"), CROPS[:40], 0.9), [CROPS[:40]]),
    ],
)
def test_what_answers_two_parts_is_quoted_once(
    talks: Desk, first: ScoredUnit, second: ScoredUnit, said: list[str]
) -> None:
    parts = ("What does Niger grow?", "What is sown in Niger?")
    fake = _Overlapping(dict(zip(parts, (first, second), strict=True)))
    real = open_assistant(talks.settings, embeddings=talks.embeddings)

    def understood(question: str, history: object, scope: Scope, *, dates: bool) -> Understood:
        return Understood(question, question, parts, scope)

    assistant = replace(real, understanding=understood, retriever=fake, reader=fake, beside=None)
    assert [s.text for s in assistant.ask(" ".join(parts)).sentences] == said


def test_the_nearest_briefs_are_named_once_each_in_order_of_their_passages() -> None:
    passages = [Document(page_content="x", metadata={"brief_id": b, "title": b.upper(), "date": None}) for b in "aabcd"]
    assert [ref.brief_id for ref in nearest(passages)] == ["a", "b", "c"]
