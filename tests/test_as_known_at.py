"""What the corpus held at a moment of the past: the same answer whatever came in since."""

from __future__ import annotations

import threading
import time
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from rag.answer import Answer
from rag.assistant import Assistant
from rag.build import open_assistant
from rag.catalogue import Catalogue, as_known_at
from rag.record import AnswerRecord
from rag.types import Scope
from tests.conftest import Desk

FINLAND = "Finland joined NATO on 4 April 2023. It became the 31st member."
NIGER = "Soldiers detained President Bazoum in Niamey on 26 July 2023."
QUESTION = "Which member did Finland become on 4 April 2023?"


def moment() -> datetime:
    return datetime.now(UTC)


def open_desk(desk: Desk) -> Assistant:
    return open_assistant(desk.settings, embeddings=desk.embeddings)


def core(answer: Answer) -> dict[str, object]:
    record = AnswerRecord.of(answer).model_dump()
    return {key: record[key] for key in ("sentences", "evidence", "answerable", "abstained", "reason", "nearest")}


@pytest.fixture
def then(desk: Desk) -> datetime:
    """A moment at which Finland and Niger, the talks in their first version, had been ingested."""
    desk.write("finland.md", FINLAND, date="2023-04-04")
    desk.write("niger.md", NIGER, date="2023-07-27")
    desk.write("talks.md", "The talks will be held in Oslo.", title="Talks", date="2024-01-05")
    desk.ingest()
    return moment()


def flood(desk: Desk) -> None:
    """Bring in what would change the order and the weight of words, under the dates of before."""
    for n in range(25):
        desk.write(f"later{n}.md", f"Finland may join the NATO exercise number {n}. Finland waits.", date="2023-04-01")
    desk.write("talks.md", "The talks will be held in Geneva.", title="Talks", date="2024-01-05")
    (desk.corpus / "niger.md").unlink()
    desk.ingest(prune=True)


@pytest.mark.parametrize("as_of", [None, date(2023, 12, 31)])
def test_the_same_question_as_known_then_gets_the_same_answer_after_later_ingests(
    desk: Desk, then: datetime, as_of: date | None
) -> None:
    scope = Scope(as_of=as_of, as_known_at=then)
    plain = open_desk(desk).ask(QUESTION, scope=Scope(as_of=as_of))
    before = open_desk(desk).ask(QUESTION, scope=scope)
    flood(desk)
    after = open_desk(desk).ask(QUESTION, scope=scope)
    assert before.sentences
    assert core(before) == core(after)
    assert core(after)["sentences"] == core(plain)["sentences"]
    assert core(open_desk(desk).ask(QUESTION)) != core(before)


def test_what_was_withdrawn_or_replaced_since_is_known_again(desk: Desk, then: datetime) -> None:
    flood(desk)
    assistant = open_desk(desk)
    quotes = [
        s.citations[0].quote
        for s in assistant.ask("Who was detained in Niamey?", scope=Scope(as_known_at=then)).sentences
    ]
    assert quotes == [NIGER]
    assert assistant.ask("Who was detained in Niamey?").abstained
    talks = assistant.ask("Where will the talks be held?", scope=Scope(as_known_at=then))
    assert "Oslo" in talks.text
    assert "Geneva" in assistant.ask("Where will the talks be held?").text


def test_a_list_of_briefs_counts_what_was_known(desk: Desk, then: datetime) -> None:
    flood(desk)
    answer = open_desk(desk).ask("Which briefs do you have?", scope=Scope(as_known_at=then))
    assert [ref.brief_id for ref in answer.briefs] == ["talks", "niger", "finland"]


def test_before_the_first_ingest_nothing_was_known(desk: Desk) -> None:
    before = moment()
    desk.write("finland.md", FINLAND)
    desk.ingest()
    answer = open_desk(desk).ask(QUESTION, scope=Scope(as_known_at=before))
    assert answer.abstained
    assert answer.evidence == ()


def test_what_was_forgotten_is_not_brought_back_even_by_an_assistant_that_was_open(desk: Desk, then: datetime) -> None:
    assistant = open_desk(desk)
    scope = Scope(as_known_at=then)
    assert assistant.ask(QUESTION, scope=scope).sentences
    with desk.open().writing(timeout_s=1) as writer:
        assert writer.forget("finland")
    answer = assistant.ask(QUESTION, scope=scope)
    assert all(p.metadata["brief_id"] != "finland" for p in answer.evidence)


def test_a_moment_without_a_zone_is_in_utc(desk: Desk, then: datetime) -> None:
    flood(desk)
    assistant = open_desk(desk)
    naive = assistant.ask(QUESTION, scope=Scope(as_known_at=then.replace(tzinfo=None)))
    assert core(naive) == core(assistant.ask(QUESTION, scope=Scope(as_known_at=then)))


def test_a_scope_alone_admits_what_a_catalogue_of_then_holds(desk: Desk, then: datetime) -> None:
    flood(desk)
    catalogue = desk.open().catalogue
    for as_of in (None, date(2023, 12, 31), date(2024, 1, 5)):
        past = as_known_at(catalogue, then).briefs(Scope(as_of=as_of))
        assert catalogue.briefs(Scope(as_of=as_of, as_known_at=then)) == past
    assert {row.brief_id for row in past} == {"talks", "niger", "finland"}


def test_last_week_is_counted_from_then(desk: Desk, then: datetime) -> None:
    assistant = open_desk(desk)
    assert assistant.past is not None
    past = assistant.past(datetime(2024, 1, 9, tzinfo=UTC))
    assert past.understanding.today() == date(2024, 1, 9)  # type: ignore[attr-defined]


def test_what_was_not_known_is_deleted_at_once_and_not_text_by_text(desk: Desk, then: datetime) -> None:
    flood(desk)
    catalogue, deletions = desk.open().catalogue, []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("DELETE"):
            deletions.append(statement)

    event.listen(Engine, "after_cursor_execute", note)
    try:
        past = as_known_at(catalogue, then)
    finally:
        event.remove(Engine, "after_cursor_execute", note)
    assert len(deletions) < 10
    assert past.document_frequency(["exercis", "finland"]) == ({"finland": 1}, 3)


def test_threads_may_ask_of_the_past_at_once_and_share_its_copy(
    desk: Desk, then: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def noted(catalogue: Catalogue, moment: datetime) -> Catalogue:
        made.append(moment)
        time.sleep(0.1)
        return as_known_at(catalogue, moment)

    monkeypatch.setattr("rag.build.as_known_at", noted)
    assistant, scope, found = open_desk(desk), Scope(as_known_at=then), []
    threads = [
        threading.Thread(target=lambda: found.append(core(assistant.ask(QUESTION, scope=scope)))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len(found) == 8
    assert all(one == found[0] for one in found)
