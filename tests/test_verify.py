from __future__ import annotations

from dataclasses import replace

import pytest
from langchain_core.documents import Document

from rag.record import AnswerRecord
from rag.types import Citation, Sentence
from rag.verify import verify, verify_record
from tests.conftest import Desk

PASSAGE = Document(page_content="Alpha beta. Gamma delta.", metadata={"start": 100})


def quoted(text: str, start: int, end: int) -> Sentence:
    return Sentence(text, (Citation(1, start, end, text, None, PASSAGE),))


def test_a_verbatim_sentence_has_full_support() -> None:
    assert [s.support for s in verify([quoted("Gamma delta.", 112, 124)])] == [1.0]


@pytest.mark.parametrize(
    "sentence",
    [
        quoted("Gamma delta!", 112, 124),
        quoted("Gamma delta.", 111, 123),
        quoted("Gamma delta.", 12, 24),
        quoted("", 124, 112),
        replace(quoted("Gamma delta.", 112, 124), text="Gamma gamma."),
        replace(quoted("Gamma delta.", 112, 124), citations=()),
    ],
)
def test_a_sentence_that_is_not_what_it_cites_is_dropped(sentence: Sentence) -> None:
    assert list(verify([sentence])) == []


@pytest.fixture
def exported(desk: Desk) -> AnswerRecord:
    desk.write("talks.md", "The talks between Kenya and Norway are held in Oslo.", title="Talks", date="2024-01-05")
    desk.ingest()
    return AnswerRecord.of(desk.ask("Where are the talks between Kenya and Norway held?"))


def verdicts(desk: Desk, record: AnswerRecord) -> list[str]:
    return [v.verdict for v in verify_record(record, desk.open().catalogue.versions)]


def test_an_exported_answer_holds(desk: Desk, exported: AnswerRecord) -> None:
    again = AnswerRecord.model_validate_json(exported.to_json())
    assert verdicts(desk, again) == ["holds"]


def test_a_citation_of_an_older_version_is_superseded(desk: Desk, exported: AnswerRecord) -> None:
    desk.write("talks.md", "The talks between Kenya and Norway are held in Geneva.", title="Talks")
    desk.ingest()
    assert verdicts(desk, exported) == ["superseded"]


def test_a_citation_of_a_removed_brief_is_missing(desk: Desk, exported: AnswerRecord) -> None:
    with desk.open().writing(timeout_s=1) as writer:
        writer.catalogue.remove("talks")
    assert verdicts(desk, exported) == ["missing"]


@pytest.mark.parametrize(
    "change",
    [
        {"quote": "The talks between Kenya and Norway are held in Rome."},
        {"start": 1},
        {"text_sha256": "0" * 64},
    ],
)
def test_a_citation_that_was_tampered_with_is_changed(
    desk: Desk, exported: AnswerRecord, change: dict[str, object]
) -> None:
    data = exported.model_dump(by_alias=True)
    data["sentences"][0]["citations"][0] |= change
    assert verdicts(desk, AnswerRecord.model_validate(data)) == ["changed"]


def test_a_sentence_that_was_tampered_with_is_changed(desk: Desk, exported: AnswerRecord) -> None:
    data = exported.model_dump(by_alias=True)
    data["sentences"][0]["text"] = "The talks failed."
    assert verdicts(desk, AnswerRecord.model_validate(data)) == ["changed"]
