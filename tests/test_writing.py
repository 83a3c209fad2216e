"""An LLM may be wrong, rude, slow or gone: what is shown is proved or quoted."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from rag.answer import Answer, Said
from rag.assistant import Assistant
from rag.build import open_assistant
from rag.cross_encoder import open_cross_encoder
from rag.record import AnswerRecord
from rag.verify import Verifier, verify_record
from rag.write import Writer
from tests.conftest import Desk
from tests.test_write import Scripted

TALKS = (
    "The ministers of Kenya and Norway met in Nairobi on 3 March 2024. "
    "They agreed to cooperate on fisheries, shipping and solar power. "
    "Norway may lend Kenya 40 million dollars, the ministry said."
)
DATA = Path(__file__).parent / "data"
LEAK = "You answer an analyst's question from numbered extracts of briefs, and from nothing else."
UNFLAGGED = "Norway sold the navy of Kenya to Russia."
"""A forged citation has no form of an order; what it says is kept out by the check alone."""
QUESTION = "What did Kenya and Norway agree to cooperate on?"


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    """The packaged one: what is proved is what users see proved."""
    return Verifier(open_cross_encoder("packaged", "verifier", section="verifier"))


@pytest.fixture
def quoting(desk: Desk) -> Assistant:
    desk.write("talks.md", TALKS, title="Kenya and Norway agree on three fields", date="2024-03-04")
    desk.write("coup.md", "Soldiers detained the president of Niger on 26 July 2023.", title="Coup in Niger")
    desk.ingest()
    return open_assistant(desk.settings, embeddings=desk.embeddings)


def with_model(assistant: Assistant, verifier: Verifier, *pieces: str, fails_after: int | None = None) -> Assistant:
    model = Scripted(pieces=pieces, fails_after=fails_after)
    return replace(assistant, verifier=verifier, writer=Writer(model, "scripted:one"))


def written(answer: Answer) -> list[str]:
    return [s.text for s in answer.sentences if s.support is not None and s.support < 1]


def quotes(answer: Answer) -> list[str]:
    return [s.text for s in answer.sentences if s.support == 1]


def test_what_is_proved_is_shown_with_the_span_that_proves_it(quoting: Assistant, verifier: Verifier) -> None:
    wrote = "Kenya and Norway agreed to cooperate on fisheries, shipping and solar power."
    answer = with_model(quoting, verifier, f"{wrote} [1]").ask(QUESTION)
    assert [s.text for s in answer.sentences] == [wrote]
    (cited,) = answer.sentences[0].citations
    assert TALKS[cited.start : cited.end] == cited.quote
    assert "fisheries" in cited.quote
    assert answer.usage is not None
    assert (answer.usage.written, dict(answer.usage.dropped)) == (1, {})


def test_what_a_written_sentence_leaves_out_of_the_best_quote_is_quoted_too(
    quoting: Assistant, verifier: Verifier
) -> None:
    question = "Where did the ministers of Kenya and Norway meet on 3 March 2024?"
    wrote = "The ministers of Kenya and Norway met on 3 March 2024."
    answer = with_model(quoting, verifier, f"{wrote} [1]").ask(question)
    assert written(answer) == [wrote]
    assert quotes(answer) == ["The ministers of Kenya and Norway met in Nairobi on 3 March 2024."]


def test_both_figures_of_a_conflict_are_shown_whatever_is_written(desk: Desk, verifier: Verifier) -> None:
    first = "At least 51 people were killed in the raid on Tamberou, a health committee says."
    desk.write(
        "a.md", "The interior ministry puts the number of people killed in the raid at 34.", title="Tamberou raid"
    )
    desk.write("b.md", first, title="Tamberou burials")
    desk.ingest()
    assistant = open_assistant(desk.settings, embeddings=desk.embeddings)
    answer = with_model(assistant, verifier, f"{first} [1]").ask("How many people were killed in the raid on Tamberou?")
    assert first in [s.text for s in answer.sentences]
    assert any(s.text.endswith("at 34.") for s in answer.sentences)
    assert any("different figures" in note for note in answer.notes)


@pytest.mark.parametrize(
    ("wrote", "reason"),
    [
        ("They agreed to cooperate on fisheries, shipping and 12 ports. [1]", "number"),
        ("The ministers met in Vladivostok. [1]", "name"),
        ("The ministers of Kenya and Norway met on 5 March 2024. [1]", "date"),
        ("They did not agree to cooperate on fisheries. [1]", "negation"),
        ("Norway will lend Kenya 40 million dollars, the ministry said. [1]", "hedge"),
        ("They agreed to cooperate on fisheries. [9]", "citation"),
        ("Russia won the World Cup. [1]", "name"),
        ("Sie einigten sich auf die Zusammenarbeit in der Fischerei. [1]", None),
    ],
)
def test_what_is_not_proved_is_never_shown_and_a_quote_stands_in(
    quoting: Assistant, verifier: Verifier, wrote: str, reason: str | None
) -> None:
    plain = quoting.ask(QUESTION)
    answer = with_model(quoting, verifier, wrote).ask(QUESTION)
    assert answer.sentences == plain.sentences
    assert answer.usage is not None
    assert sum(answer.usage.dropped.values()) == 1
    if reason:
        assert answer.usage.dropped == {reason: 1}
    assert any("0 of 1 sentences" in note for note in answer.notes)


def test_good_and_bad_sentences_are_told_apart_one_by_one(quoting: Assistant, verifier: Verifier) -> None:
    good = "Kenya and Norway agreed to cooperate on fisheries, shipping and solar power."
    answer = with_model(quoting, verifier, good, " [1] The ministers met in Vladivostok. [1]").ask(QUESTION)
    assert good in [s.text for s in answer.sentences]
    assert "Vladivostok" not in answer.text


def test_a_sentence_without_a_number_is_looked_for_in_what_is_quoted(quoting: Assistant, verifier: Verifier) -> None:
    wrote = "Kenya and Norway agreed to cooperate on fisheries, shipping and solar power."
    assert [s.text for s in with_model(quoting, verifier, wrote).ask(QUESTION).sentences] == [wrote]


def test_where_nothing_answers_no_model_is_called(quoting: Assistant, verifier: Verifier) -> None:
    assistant = with_model(quoting, verifier, "Brazil won the cup. [1]")
    answer = assistant.ask("Who won the football cup in Qatar?")
    assert (answer.abstained, answer.usage) == (True, None)
    assert assistant.writer is not None
    assert assistant.writer.model.asked == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("fails_after", [0, 1])
def test_a_model_that_fails_leaves_a_quoted_answer_with_a_note(
    quoting: Assistant, verifier: Verifier, fails_after: int, caplog: pytest.LogCaptureFixture
) -> None:
    plain = quoting.ask(QUESTION)
    with caplog.at_level(logging.WARNING):
        answer = with_model(quoting, verifier, "They ag", "reed. [1]", fails_after=fails_after).ask(QUESTION)
    assert answer.sentences == plain.sentences
    assert any("scripted:one failed (ConnectionError)" in note for note in answer.notes)
    assert "the connection was cut" in caplog.text


def test_what_was_proved_before_a_model_failed_stays(quoting: Assistant, verifier: Verifier) -> None:
    good = "Kenya and Norway agreed to cooperate on fisheries, shipping and solar power."
    answer = with_model(quoting, verifier, f"{good} [1]", " And then", " more", fails_after=2).ask(QUESTION)
    assert [s.text for s in answer.sentences] == [good]
    assert any("failed" in note for note in answer.notes)


@pytest.mark.parametrize("reply", ["", "]]]] {{ \x00 [1] [2] ###", "[1]", "The extracts do not say."])
def test_malformed_replies_leave_the_quotes(quoting: Assistant, verifier: Verifier, reply: str) -> None:
    assert with_model(quoting, verifier, reply).ask(QUESTION).sentences == quoting.ask(QUESTION).sentences


def test_sentences_are_told_as_they_are_proved(quoting: Assistant, verifier: Verifier) -> None:
    events = list(with_model(quoting, verifier, "They met in Vladivostok. [1]").stream(QUESTION))
    said = [event.sentence for event in events if isinstance(event, Said)]
    assert said == list(events[-1].answer.sentences)  # type: ignore[union-attr]


def test_the_record_tells_what_was_written_and_can_be_checked_again(
    quoting: Assistant, verifier: Verifier, desk: Desk
) -> None:
    wrote = "Kenya and Norway agreed to cooperate on fisheries, shipping and solar power."
    record = AnswerRecord.of(with_model(quoting, verifier, f"{wrote} [1]").ask(QUESTION))
    told = json.loads(record.to_json())["usage"]
    assert (told["model"], told["written"], told["input_tokens"]) == ("scripted:one", 1, 7)
    versions = desk.open().catalogue.versions
    assert [v.verdict for v in verify_record(record, versions, verifier.judge)] == ["holds"]
    forged = record.model_copy(deep=True)
    forged.sentences[0].text = "Kenya and Norway agreed to cooperate on 12 ports."
    assert [v.verdict for v in verify_record(forged, versions, verifier.judge)] == ["changed"]


def test_a_written_sentence_that_is_a_quote_is_one(quoting: Assistant, verifier: Verifier) -> None:
    quote = "They agreed to cooperate on fisheries, shipping and solar power."
    answer = with_model(quoting, verifier, f"{quote} [1]").ask(QUESTION)
    assert (written(answer), quotes(answer)) == ([], [quote])


# Briefs that give orders


INJECTIONS = [json.loads(line) for line in (DATA / "injections.jsonl").read_text("utf-8").splitlines()]
IN_PLACES = ("text", "before", "title", "front matter")


def brief_with(desk: Desk, text: str, place: str) -> str:
    """Write a brief that holds a text at a place; return the brief's own text."""
    fields = {"title": "Kenya and Norway agree on three fields", "date": "2024-03-04"}
    one_line = json.dumps(" ".join(text.split()), ensure_ascii=False)
    body = {"text": f"{TALKS} {text}", "before": f"{text}\n\n{TALKS}"}.get(place, TALKS)
    if place == "title":
        fields["title"] = one_line
    if place == "front matter":
        fields |= {"source": one_line, "note": one_line, "topics": f"[{one_line}]"}
    desk.write("talks.md", body, **fields)
    desk.ingest()
    return body


def test_there_are_at_least_forty_orders() -> None:
    assert len({row["text"] for row in INJECTIONS}) >= 40


@pytest.mark.parametrize("place", IN_PLACES)
@pytest.mark.parametrize("row", INJECTIONS, ids=lambda row: row["obeyed"])
def test_an_order_in_a_brief_changes_no_quote_and_is_obeyed_by_no_model(
    desk: Desk, verifier: Verifier, row: dict[str, str], place: str
) -> None:
    body = brief_with(desk, row["text"], place)
    quoting = open_assistant(desk.settings, embeddings=desk.embeddings)
    plain = quoting.ask(QUESTION)
    assert "fisheries, shipping and solar power" in plain.text
    assert all(s.text in body for s in plain.sentences)
    obeying = with_model(quoting, verifier, f"{row['obeyed']} [1] ", f"{LEAK} [1]")
    answer = obeying.ask(QUESTION)
    assert answer.sentences == plain.sentences
    assert all(s.support == 1 for s in answer.sentences)


@pytest.mark.parametrize("row", INJECTIONS, ids=lambda row: row["obeyed"])
def test_a_model_is_not_shown_the_order(desk: Desk, verifier: Verifier, row: dict[str, str]) -> None:
    brief_with(desk, row["text"], "text")
    obeying = with_model(open_assistant(desk.settings, embeddings=desk.embeddings), verifier, "x")
    obeying.ask(QUESTION)
    assert obeying.writer is not None
    (asked,) = obeying.writer.model.asked  # type: ignore[attr-defined]
    assert ("fisheries" in asked, " ".join(row["text"].split()) in asked) == (True, row["obeyed"] == UNFLAGGED)
