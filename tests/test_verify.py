from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.documents import Document

from rag.answer import Citation, Sentence
from rag.record import AnswerRecord
from rag.verify import Claim, Judgement, Verifier, verify_record
from tests.conftest import Desk

PASSAGE = Document(page_content="Alpha beta. Gamma delta.", metadata={"start": 100, "title": "Letters"})


def quoted(text: str, start: int, end: int) -> Sentence:
    return Sentence(text, (Citation(1, start, end, text, None, PASSAGE),))


def test_a_verbatim_sentence_has_full_support() -> None:
    assert [s.support for s in Verifier().verify([quoted("Gamma delta.", 112, 124)])] == [1.0]


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
    assert list(Verifier().verify([sentence])) == []


@pytest.fixture
def exported(desk: Desk) -> AnswerRecord:
    desk.write("talks.md", "The talks between Kenya and Norway are held in Oslo.", title="Talks", date="2024-01-05")
    desk.ingest()
    return AnswerRecord.of(desk.ask("Where are the talks between Kenya and Norway held?"))


def verdicts(desk: Desk, record: AnswerRecord) -> list[str]:
    return [v.verdict for v in verify_record(record, desk.open().catalogue.versions, Verifier().judge)]


def test_a_written_sentence_is_judged_once_however_much_it_cites(desk: Desk, exported: AnswerRecord) -> None:
    asked: list[Sequence[Claim]] = []

    def judge(claims: Sequence[Claim]) -> list[Judgement]:
        asked.append(claims)
        return [Judgement(1.0, None)]

    sentence = exported.sentences[0]

    def cited(times: int) -> list[str]:
        written = sentence.model_copy(update={"text": "Oslo holds them.", "citations": sentence.citations * times})
        record = exported.model_copy(update={"sentences": [written]})
        return [v.verdict for v in verify_record(record, desk.open().catalogue.versions, judge)]

    assert cited(50) == ["holds"] * 50
    assert len(asked) == 1
    assert set(cited(101)) == {"changed"}


def noting(asked: list[Claim], judgement: Judgement) -> Callable[[Sequence[Claim]], list[Judgement]]:
    """Make a judge that notes what it is asked and always says the same."""

    def judge(claims: Sequence[Claim]) -> list[Judgement]:
        asked.extend(claims)
        return [judgement] * len(claims)

    return judge


def never(claims: Sequence[Claim]) -> list[Judgement]:
    raise AssertionError(f"{len(claims)} judged")


@pytest.mark.parametrize(
    ("text", "quote"), [("Oslo holds " * 200, None), ("Oslo holds them.", "The talks between Kenya and Norway failed.")]
)
def test_a_sentence_of_thousands_of_characters_or_of_no_quote_that_stands_is_not_judged(
    desk: Desk, exported: AnswerRecord, text: str, quote: str | None
) -> None:
    data = exported.model_dump(by_alias=True)
    data["sentences"][0]["text"] = text
    if quote:
        data["sentences"][0]["citations"][0]["quote"] = quote
    record = AnswerRecord.model_validate(data)
    assert [v.verdict for v in verify_record(record, desk.open().catalogue.versions, never)] == ["changed"]


def test_only_quotes_that_stand_bear_a_written_sentence_out(desk: Desk, exported: AnswerRecord) -> None:
    """Nor is a sentence a quote that stands because another, which does not, says the same."""
    asked: list[Claim] = []
    judge = noting(asked, Judgement(0.0, "unsupported"))
    data = exported.model_dump(by_alias=True)
    sentence = data["sentences"][0]
    forged = sentence["citations"][0] | {"quote": "The talks failed."}
    sentence |= {"text": "The talks failed.", "citations": [sentence["citations"][0], forged]}
    record = AnswerRecord.model_validate(data)
    found = [v.verdict for v in verify_record(record, desk.open().catalogue.versions, judge)]
    assert found == ["changed", "changed"]
    assert [claim.source for claim in asked] == ["The talks between Kenya and Norway are held in Oslo."]


@pytest.mark.parametrize("date", ["2023-12-31", "soon"])
def test_a_written_sentence_is_judged_by_the_date_of_the_brief_and_never_by_another(
    desk: Desk, exported: AnswerRecord, date: str
) -> None:
    asked: list[Claim] = []
    data = exported.model_dump(by_alias=True)
    data["sentences"][0]["text"] = "Oslo holds them."
    versions = desk.open().catalogue.versions
    list(verify_record(AnswerRecord.model_validate(data), versions, noting(asked, Judgement(1.0, None))))
    assert [claim.dated for claim in asked] == ["2024-01-05"]
    data["sentences"][0]["citations"][0]["date"] = date
    assert [v.verdict for v in verify_record(AnswerRecord.model_validate(data), versions, never)] == ["changed"]


def test_an_exported_answer_holds(desk: Desk, exported: AnswerRecord) -> None:
    again = AnswerRecord.model_validate_json(exported.to_json())
    assert verdicts(desk, again) == ["holds"]


def test_a_citation_of_an_older_version_is_superseded(desk: Desk, exported: AnswerRecord) -> None:
    desk.write("talks.md", "The talks between Kenya and Norway are held in Geneva.", title="Talks")
    desk.ingest()
    assert verdicts(desk, exported) == ["superseded"]


def test_a_citation_by_a_former_title_is_superseded(desk: Desk, exported: AnswerRecord) -> None:
    text = "The talks between Kenya and Norway are held in Oslo."
    desk.write("talks.md", text, title="The talks in Oslo", date="2024-01-05")
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
        {"title": "Talks fail"},
        {"date": "2024-01-06"},
        {"date": None},
        {"source": "Ministry"},
        {"url": "https://example.org/talks"},
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


class WrittenOdds(BaseCrossEncoder):
    """Log-odds by claim; what was scored is kept."""

    def __init__(self, odds: dict[str, float]) -> None:
        self.odds = odds
        self.seen: list[tuple[str, str]] = []

    def score(self, text_pairs: Sequence[tuple[str, str]]) -> list[float]:
        self.seen += text_pairs
        return [self.odds[claim] for claim, _ in text_pairs]


SOURCE = "Finland joined NATO on 4 April 2023 after Turkey ratified."


def test_identity_is_proof_and_needs_no_model() -> None:
    assert Verifier().judge([Claim(SOURCE, SOURCE)]) == [Judgement(1.0, None)]


def test_a_broken_rule_rejects_before_the_model_is_asked() -> None:
    model = WrittenOdds({})
    (judged,) = Verifier(model).judge([Claim("Finland joined NATO on 5 April 2023.", SOURCE)])
    assert judged == Judgement(0.0, "date")
    assert model.seen == []


def test_the_model_settles_what_the_rules_leave_open_in_the_order_of_the_claims() -> None:
    good, bad = "NATO was joined by Finland in April 2023.", "Finland joined NATO to please Turkey in April 2023."
    model = WrittenOdds({good: 6.0, bad: -6.0})
    claims = [Claim(bad, SOURCE, "Finland", "2023-04-04"), Claim(SOURCE, SOURCE), Claim(good, SOURCE)]
    judged = Verifier(model).judge(claims)
    assert [one.reason for one in judged] == ["unsupported", None, None]
    assert judged[0].support < 0.1 < 0.9 < judged[2].support
    assert model.seen == [(bad, f"{SOURCE}\n\nFinland, 2023-04-04"), (good, f"{SOURCE}\n\n")]


def test_without_a_model_only_quotes_pass() -> None:
    (judged,) = Verifier().judge([Claim("NATO was joined by Finland in April 2023.", SOURCE)])
    assert judged == Judgement(0.0, "unsupported")


def test_a_written_sentence_is_checked_against_all_that_it_cites() -> None:
    written = replace(quoted("Gamma delta.", 112, 124), text="Delta and gamma.")
    model = WrittenOdds({"Delta and gamma.": 9.0})
    (kept,) = Verifier(model).verify([written])
    assert kept.text == "Delta and gamma."
    assert kept.support is not None
    assert 0.9 < kept.support < 1
    assert list(Verifier(WrittenOdds({"Delta and gamma.": -9.0})).verify([written])) == []


def test_a_written_sentence_whose_quote_does_not_stand_there_is_dropped_whatever_the_model_says() -> None:
    moved = replace(quoted("Gamma delta.", 113, 125), text="Delta and gamma.")
    assert list(Verifier(WrittenOdds({"Delta and gamma.": 9.0})).verify([moved])) == []
