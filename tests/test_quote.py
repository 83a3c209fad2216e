"""Quoting: which units become the answer, in which order, with which citations; and the reason for silence."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.documents import Document

from rag.answer import Reading, ScoredUnit
from rag.quote import quote
from rag.types import Span, Unit


def passage(text: str, *, brief_id: str = "a", start: int = 0, cut: str = "|", **extra: Any) -> Document:
    """Make a passage of a text whose units are cut by a bar."""
    units, at = [], start
    for piece in text.split(cut):
        units.append({"start": at, "end": at + len(piece.rstrip()), "kind": "sentence", "context": None,
                      "context_start": None, "context_end": None})  # fmt: skip
        at += len(piece)
    plain = text.replace(cut, "")
    meta = {"brief_id": brief_id, "title": "Talks", "date": "2021-05-04", "page": 3, "start": start,
            "end": start + len(plain), "units": units}  # fmt: skip
    return Document(id=f"{brief_id}#0", page_content=plain, metadata={**meta, **extra})


def reading(*passages: Document, scores: dict[str, float], kinds: dict[str, Any] | None = None) -> Reading:
    """Score the units that open with the given words; others are not scored."""
    units = []
    for n, held in enumerate(passages, 1):
        for marked in held.metadata["units"]:
            offset = held.metadata["start"]
            text = held.page_content[marked["start"] - offset : marked["end"] - offset]
            for opening, score in scores.items():
                if text.startswith(opening):
                    unit = Unit(marked["start"], marked["end"], (kinds or {}).get(opening, "sentence"))
                    units.append(ScoredUnit(n, unit, text, score))
    return Reading(passages, tuple(sorted(units, key=lambda u: -u.score)))


def texts(question: str, read: Reading, **options: Any) -> list[str]:
    """Quote with threshold 0.5 and return the sentences."""
    return [s.text for s in quote(question, read, **{"threshold": 0.5, **options})[0]]


TALKS = "Envoys met in Oslo. |They signed an accord. |Rain fell all day."


def test_the_best_unit_alone_answers_a_plain_question() -> None:
    read = reading(passage(TALKS), scores={"Envoys": 0.9, "Rain": 0.85})
    assert texts("Where did envoys meet?", read) == ["Envoys met in Oslo."]


def test_every_citation_is_an_exact_slice_of_its_passage() -> None:
    read = reading(passage(TALKS, start=120), scores={"They": 0.9})
    sentences, _ = quote("What was signed?", read, threshold=0.5)
    assert len(sentences) == 2
    for sentence in sentences:
        (cited,) = sentence.citations
        held = read.evidence[cited.n - 1]
        offset = held.metadata["start"]
        assert sentence.text == cited.quote == held.page_content[cited.start - offset : cited.end - offset]
        assert (cited.passage, cited.page) == (held, 3)
        assert sentence.support is None


def test_a_sentence_that_opens_with_a_pronoun_follows_the_one_before_it() -> None:
    read = reading(passage(TALKS), scores={"They": 0.9})
    assert texts("What was signed?", read) == ["Envoys met in Oslo.", "They signed an accord."]


def test_no_sentence_is_added_before_a_pronoun_that_means_nobody() -> None:
    read = reading(passage("Envoys met. |It remains unclear whether they signed."), scores={"It remains": 0.9})
    assert texts("Did they sign?", read) == ["It remains unclear whether they signed."]


def test_no_sentence_is_added_beyond_the_limit() -> None:
    read = reading(passage(TALKS), scores={"They": 0.9})
    assert texts("What was signed?", read, max_sentences=1) == ["They signed an accord."]


def test_a_list_question_takes_further_units_that_bring_new_names_in_reading_order() -> None:
    text = "Norway sent Ann Berg. |Sweden sent Carl Roe. |Sweden was late. |Rain fell."
    read = reading(passage(text), scores={"Sweden sent": 0.9, "Norway": 0.8, "Sweden was": 0.7, "Rain": 0.1})
    assert texts("Which officials came?", read) == ["Norway sent Ann Berg.", "Sweden sent Carl Roe."]


def test_an_item_that_answers_a_list_question_gives_way_to_its_list() -> None:
    held = passage("Crops:\n- wheat\n- maize")
    units = (
        ScoredUnit(1, Unit(7, 14, "item", Span(0, 6)), "- wheat", 0.9),
        ScoredUnit(1, Unit(0, 22, "list"), "Crops:\n- wheat\n- maize", 0.6),
        ScoredUnit(1, Unit(15, 22, "item", Span(0, 6)), "- maize", 0.6),
    )
    assert texts("Which sectors are covered?", Reading((held,), units)) == ["Crops:\n- wheat\n- maize"]


@pytest.mark.parametrize("question", ["Which sectors are covered?", "what did they agree on"])
def test_a_lead_in_that_answers_gives_way_to_the_list_that_it_opens(question: str) -> None:
    held = passage("Crops:\n- wheat\n- maize")
    units = (
        ScoredUnit(1, Unit(0, 6, "sentence"), "Crops:", 0.9),
        ScoredUnit(1, Unit(7, 14, "item", Span(0, 6)), "- wheat", 0.6),
        ScoredUnit(1, Unit(0, 22, "list"), "Crops:\n- wheat\n- maize", 0.5),
    )
    assert texts(question, Reading((held,), units)) == ["Crops:\n- wheat\n- maize"]


PLAN = "The plan has three points:\n- a truce\n- an exchange\n- an election"
LEAD = Span(0, 26)


def plan_passage(text: str, *, start: int = 0) -> Document:
    """Make a passage of a part of the plan whose list it does not hold as a whole."""
    held = passage(text, start=start)
    kinds = ((LEAD, "sentence"), *((Span(at, PLAN.index("\n", at) if "\n" in PLAN[at:] else len(PLAN)), "item")
                                   for at in (29, 39, 53)))  # fmt: skip
    held.metadata["units"] = [
        {"start": span.start, "end": span.end, "kind": kind, "context": None,
         "context_start": LEAD.start if kind == "item" else None, "context_end": LEAD.end if kind == "item" else None}
        for span, kind in kinds if start <= span.start and span.end <= start + len(text)
    ]  # fmt: skip
    return held


@pytest.mark.parametrize("parts", [(PLAN,), (PLAN[:26], PLAN)])
def test_a_lead_in_to_a_list_longer_than_its_passage_comes_with_its_items(parts: tuple[str, ...]) -> None:
    lead = ScoredUnit(1, Unit(LEAD.start, LEAD.end, "sentence"), PLAN[:26], 0.9)
    read = Reading(tuple(map(plan_passage, parts)), (lead,))
    said = ["The plan has three points:", "a truce", "an exchange", "an election"]
    assert texts("What does the plan say?", read) == said
    assert texts("What does the plan say?", read, max_sentences=3) == said[:3]


def test_a_row_cites_its_header_as_well() -> None:
    held = passage("Year | Tons\n2020 | 5\n2021 | 7", cut="#")
    row = ScoredUnit(1, Unit(21, 29, "row", Span(0, 11)), "2021 | 7", 0.9)
    sentences, _ = quote("How many tons in 2021?", Reading((held,), (row,)), threshold=0.5)
    assert [c.quote for c in sentences[0].citations] == ["2021 | 7", "Year | Tons"]


def test_a_header_outside_the_passage_is_not_cited() -> None:
    held = passage("2021 | 7", start=200, cut="#")
    row = ScoredUnit(1, Unit(200, 208, "row", Span(0, 11)), "2021 | 7", 0.9)
    sentences, _ = quote("How many tons in 2021?", Reading((held,), (row,)), threshold=0.5)
    assert [c.quote for c in sentences[0].citations] == ["2021 | 7"]


def test_another_brief_that_also_answers_is_quoted_too() -> None:
    read = reading(passage(TALKS), passage("The port of Oslo hosted it.", brief_id="b"),
                   scores={"Envoys": 0.9, "The port": 0.8})  # fmt: skip
    sentences, _ = quote("Where did envoys meet?", read, threshold=0.5)
    assert [(s.text, s.citations[0].n) for s in sentences] == [
        ("Envoys met in Oslo.", 1), ("The port of Oslo hosted it.", 2)]  # fmt: skip


def test_another_brief_that_says_the_same_is_not_quoted() -> None:
    read = reading(passage(TALKS), passage("Envoys met in Oslo.", brief_id="b"), scores={"Envoys": 0.9})
    assert texts("Where did envoys meet?", read) == ["Envoys met in Oslo."]


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        ("Who won the election?", "Orun won the election in Brelm.", "Vash won the election in Brelm."),
        ("Who met in Oslo?", "Kenya met the envoys in Oslo.", "Kenya and Uganda met the envoys in Oslo."),
        ("How many were hurt?", "In the raid 12 people were hurt there.", "In the raid 15 people were hurt there."),
    ],
)
def test_another_brief_with_another_name_or_number_does_not_say_the_same(question: str, one: str, other: str) -> None:
    read = reading(passage(one), passage(other, brief_id="b"), scores={one: 0.9, other: 0.8})
    assert texts(question, read) == [one, other]


def test_a_list_question_takes_sentences_that_differ_in_a_name_alone() -> None:
    voted = "{} voted in favour of the resolution on Gaza."
    kenya, uganda = voted.format("Kenya"), voted.format("Uganda")
    read = reading(passage(f"{kenya} |{uganda}"), scores={kenya: 0.9, uganda: 0.8})
    assert texts("Which countries voted in favour of the resolution?", read) == [kenya, uganda]


def test_a_sentence_of_two_overlapping_passages_is_quoted_once() -> None:
    signed, sang = "Ministers signed an accord.", "They heard Ann Berg sing."
    overlapping = passage(f"{signed} |{sang}", start=20)
    read = reading(passage(f"Envoys met in Oslo. |{signed}"), overlapping, scores={signed: 0.9, sang: 0.8})
    once = tuple(u for u in read.units if (u.n, u.text) != (2, signed))
    assert texts("Which officials signed or sang?", Reading(read.evidence, once)) == [signed, sang]


def test_at_most_max_sentences_are_quoted() -> None:
    text = "Ann Berg came. |Bob Roe came. |Carl Low came. |Dora Fox came."
    read = reading(passage(text), scores={"Ann": 0.9, "Bob": 0.9, "Carl": 0.9, "Dora": 0.9})
    assert len(texts("Which officials came?", read, max_sentences=3)) == 3


@pytest.mark.parametrize(("score", "answers"), [(0.49, False), (0.5, True)])
def test_the_best_unit_must_reach_the_threshold(score: float, answers: bool) -> None:
    sentences, reason = quote("Where?", reading(passage(TALKS), scores={"Envoys": score}), threshold=0.5)
    assert (bool(sentences), reason is None) == (answers, answers)


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("Did envoys meet in North Korea?", "The corpus does not say: no passage found mentions North Korea."),
        ("What was signed in 1999?", "The corpus does not say: no passage found mentions 1999."),
        ("What was signed in 2021?", "The corpus does not say: nothing found comes close enough to an answer."),
        ("What did London sign?", "The corpus does not say: no passage found mentions London."),
        ("What did the Norwegians sign?", "The corpus does not say: no passage found mentions Norwegians."),
        ("What was signed in June 2021?", "The corpus does not say: no passage found mentions June."),
        ("Did Oslo make a U-turn?", "The corpus does not say: nothing found comes close enough to an answer."),
    ],
)
def test_a_refusal_names_what_stands_nowhere(question: str, reason: str) -> None:
    assert quote(question, reading(passage(TALKS), scores={"Envoys": 0.1}), threshold=0.5) == ((), reason)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("the United States", "The U.S. met the envoys."),
        ("the United Nations", "A UN envoy spoke."),
        ("the European Union", "The EU met the envoys."),
        ("the EU", "The European Union met the envoys."),
    ],
)
def test_a_name_is_mentioned_where_its_initialism_or_long_form_is(name: str, text: str) -> None:
    read = reading(passage(text), scores={text: 0.1})
    reason = "The corpus does not say: nothing found comes close enough to an answer."
    assert quote(f"What did {name} sign?", read, threshold=0.5) == ((), reason)


@pytest.mark.parametrize("question", ["What did Norway sign?", "What was signed in June 2024?"])
def test_what_stands_above_a_passage_is_mentioned(question: str) -> None:
    read = reading(passage(TALKS, heading="Norway", date="2024-06-10"), scores={"Envoys": 0.1})
    reason = "The corpus does not say: nothing found comes close enough to an answer."
    assert quote(question, read, threshold=0.5) == ((), reason)


def test_a_capital_is_mentioned_where_its_country_is() -> None:
    read = reading(passage("Britain signed an accord."), scores={"Britain": 0.1})
    reason = "The corpus does not say: nothing found comes close enough to an answer."
    assert quote("What did London sign?", read, threshold=0.5) == ((), reason)


def test_a_why_question_takes_the_sentence_behind_where_the_best_states_no_reason() -> None:
    read = reading(passage("The column halted. |Its fuel was spent. |Rain fell."), scores={"The column": 0.9})
    assert texts("Why did the column halt?", read) == ["The column halted.", "Its fuel was spent."]
    assert texts("When did the column halt?", read) == ["The column halted."]


def test_a_stated_reason_needs_no_sentence_behind_it() -> None:
    read = reading(passage("The column halted because its fuel was spent. |Rain fell."), scores={"The column": 0.9})
    assert texts("Why did the column halt?", read) == ["The column halted because its fuel was spent."]


def test_nothing_found_is_a_reason_of_its_own() -> None:
    sentences, reason = quote("Where?", Reading((), ()), threshold=0.5)
    assert (sentences, reason) == ((), "The corpus does not say: it holds no passage on this question.")
