from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import log2
from random import Random

import numpy as np
import pytest

from rag.evaluation.answering import (
    answer_recall,
    contains,
    exact_match,
    f1,
    is_right,
    is_stale,
    list_recall,
    normalise,
    stated_polarity,
)
from rag.evaluation.citing import (
    CitationScores,
    attribution_kept,
    citation_scores,
    gold_cited,
    spans_valid,
    verbatim,
)
from rag.evaluation.question import GoldSpan, Question
from rag.evaluation.ranking import (
    THE_ANSWER,
    answer_covered,
    passage_measures,
    rank_measures,
    rank_measures_of,
    span_relevance,
    spans_covered,
)
from rag.evaluation.records import AnswerSentence, Bin, Cited, Curve, Hit, Said
from rag.evaluation.refusal import (
    RefusalScores,
    aurc,
    auroc,
    ece,
    refusal_scores,
    reliability,
    risk_coverage,
)

REFUSED = Said(sentences=(), reason="The corpus does not say.")


def scores(hit: float, r5: float, r10: float, mrr: float, ndcg: float) -> Mapping[str, float]:
    return {"hit@1": hit, "recall@5": r5, "recall@10": r10, "mrr@10": mrr, "ndcg@10": ndcg}


def hit(rank: int, start: int | None, end: int | None, *, doc: str = "d", text: str = "") -> Hit:
    return Hit(rank=rank, doc_id=doc, start=start, end=end, text=text)


def span(start: int, end: int, *, doc: str = "d", text: str = "") -> GoldSpan:
    return GoldSpan(doc, start, end, text)


def cited(start: int, end: int, *, doc: str = "d", quote: str = "", valid: bool = True) -> Cited:
    return Cited(doc_id=doc, start=start, end=end, quote=quote, valid=valid)


def said(*sentences: tuple[str, Sequence[Cited]]) -> Said:
    return Said(sentences=tuple(AnswerSentence(text=text, citations=tuple(c)) for text, c in sentences))


def quoting(text: str, *quotes: str) -> Said:
    return said((text, [cited(0, len(quote), quote=quote) for quote in quotes]))


# Rankings


def test_a_perfect_ranking_scores_one() -> None:
    assert rank_measures(["a", "b"], {"a": 1, "b": 1}) == scores(1, 1, 1, 1, 1)


def test_an_empty_ranking_scores_zero() -> None:
    assert rank_measures([], {"a": 1}) == scores(0, 0, 0, 0, 0)


def test_a_ranking_without_a_gold_document_scores_zero() -> None:
    assert rank_measures(["x", "y"], {"a": 1}) == scores(0, 0, 0, 0, 0)


def test_one_of_two_gold_documents_in_second_place() -> None:
    ideal = 1 + 1 / log2(3)
    assert rank_measures(["x", "a", "y"], {"a": 1, "b": 1}) == pytest.approx(
        scores(0, 0.5, 0.5, 0.5, (1 / log2(3)) / ideal)
    )


def test_ndcg_has_linear_gain() -> None:
    gained, ideal = 1 + 3 / log2(3), 3 + 1 / log2(3)
    assert rank_measures(["low", "high"], {"low": 1, "high": 3})["ndcg@10"] == pytest.approx(gained / ideal)


def test_a_gold_document_in_sixth_place_is_outside_recall_at_five() -> None:
    measured = rank_measures([*"uvwxy", "a"], {"a": 1})
    assert (measured["recall@5"], measured["recall@10"], measured["mrr@10"]) == pytest.approx((0, 1, 1 / 6))


def test_a_gold_document_in_eleventh_place_is_not_found() -> None:
    assert rank_measures([*"klmnopqrst", "a"], {"a": 1}) == scores(0, 0, 0, 0, 0)


@pytest.mark.parametrize("ranked", [["z", "a"], ["a", "z"]])
def test_ranks_are_honoured_whatever_the_ids_are(ranked: list[str]) -> None:
    assert rank_measures(ranked, {ranked[1]: 1})["mrr@10"] == 0.5


def test_of_the_same_ids_the_first_counts_and_the_others_take_no_rank() -> None:
    assert rank_measures(["x", "x", "x", "a"], {"a": 1})["mrr@10"] == 0.5
    assert rank_measures(["a", "a"], {"a": 1, "b": 1})["recall@5"] == 0.5


def test_negative_grades_gain_nothing() -> None:
    assert rank_measures(["junk", "a"], {"junk": -2, "a": 1}) == pytest.approx(scores(0, 1, 1, 0.5, 1 / log2(3)))


@pytest.mark.parametrize("relevance", [{}, {"a": 0}, {"a": -1}])
def test_a_question_without_gold_is_unscored(relevance: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="nothing relevant"):
        rank_measures(["a"], relevance)


def test_many_questions_are_scored_at_once() -> None:
    runs = {"q1": ["a"], "q2": ["x", "a"], "q3": []}
    qrels = {"q1": {"a": 1}, "q2": {"a": 1}, "q3": {"a": 1}, "not asked": {"a": 1}}
    measured = rank_measures_of(runs, qrels)
    assert [measured[q]["mrr@10"] for q in runs] == [1, 0.5, 0]
    assert measured.keys() == runs.keys()
    assert measured["q2"] == rank_measures(["x", "a"], {"a": 1})
    assert rank_measures_of({}, qrels) == {}
    with pytest.raises(ValueError, match="'q4' has nothing relevant"):
        rank_measures_of({"q4": ["a"]}, qrels)


def test_a_passage_covers_a_span_from_half_of_its_characters() -> None:
    gold = [span(10, 20)]
    assert spans_covered([hit(1, 0, 14), hit(2, 0, 15), hit(3, 5, 40)], gold, mode="all") == ["miss1", "g0", "miss3"]


def test_a_passage_of_another_document_covers_nothing() -> None:
    assert spans_covered([hit(1, 0, 99, doc="e")], [span(10, 20)], mode="any") == ["miss1"]


def test_a_passage_beside_an_empty_span_covers_nothing() -> None:
    assert spans_covered([hit(1, 0, 99)], [span(10, 10)], mode="all") == ["miss1"]


def test_each_of_several_spans_is_found_once() -> None:
    gold = [span(0, 10), span(20, 30), span(90, 99)]
    hits = [hit(1, 0, 30), hit(2, 0, 10), hit(3, 80, 99)]
    assert spans_covered(hits, gold, mode="all") == ["g0", "g1", "miss2", "g2"]
    assert span_relevance(gold, "all") == {"g0": 1, "g1": 1, "g2": 1}


def test_alternative_spans_are_one_thing_to_find() -> None:
    gold = [span(0, 10), span(20, 30)]
    assert spans_covered([hit(1, 50, 60), hit(2, 20, 30), hit(3, 0, 10)], gold, mode="any") == ["miss1", "g", "miss3"]
    assert span_relevance(gold, "any") == {"g": 1}


def test_without_offsets_the_words_of_the_span_are_looked_for() -> None:
    gold = [span(0, 10, text="signed\nin May")]
    hits = [
        hit(1, None, None, text="It was signed in June."),
        hit(2, None, None, text="It was signed  in\nMay."),
        hit(3, None, None, doc="e", text="signed in May"),
    ]
    assert spans_covered(hits, gold, mode="all") == ["miss1", "g0", "miss3"]
    assert spans_covered(hits, [span(0, 0)], mode="all") == ["miss1", "miss2", "miss3"]


def test_recall_of_spans_counts_passages_and_not_spans() -> None:
    gold = [span(0, 10), span(10, 20), span(90, 99)]
    hits = [hit(1, 0, 20), hit(2, 40, 50), hit(3, 50, 60), hit(4, 60, 70), hit(5, 90, 99)]
    measured = passage_measures(hits, gold, mode="all")
    assert (measured["hit@1"], measured["recall@5"], measured["mrr@10"]) == (1, 1, 1)
    ideal = 1 + 1 / log2(3) + 1 / log2(4)
    assert measured["ndcg@10"] == pytest.approx((1 + 1 / log2(3) + 1 / log2(7)) / ideal)


def test_passages_without_gold_are_unscored() -> None:
    with pytest.raises(ValueError, match="nothing relevant"):
        passage_measures([hit(1, 0, 9)], [], mode="any")
    assert passage_measures([], [span(0, 9)], mode="any") == scores(0, 0, 0, 0, 0)


def test_a_passage_of_a_gold_document_answers_with_whole_words() -> None:
    hits = [
        hit(1, 0, 9, text="The parish was Parisian."),
        hit(2, 0, 9, doc="e", text="It was signed in Paris."),
        hit(3, 0, 9, text="It was signed in Paris."),
        hit(4, 0, 9, text="Paris again."),
    ]
    assert answer_covered(hits, ["d"], ["Rome", "paris"]) == ["miss1", "miss2", "g", "miss4"]
    assert rank_measures(answer_covered(hits, ["d"], ["Paris"]), THE_ANSWER)["mrr@10"] == pytest.approx(1 / 3)
    assert answer_covered(hits[:1], ["d"], []) == ["miss1"]
    assert answer_covered([], ["d"], ["Paris"]) == []


# Answers


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("The U.S. sent “1,200” men", "us sent 1200 men"),
        ("1,200", "1200"),
        ("1\u202f200", "1200"),
        ("1\u00a0200", "1200"),
        ("in 2024 200 men", "in 2024 200 men"),
        ("3.5 %", "3.5"),
        ("It cost €3.", "it cost 3"),
        ("anti-war", "antiwar"),
        ("2015–16", "201516"),
        ("the war—a long one", "war long one"),
        ("Xi’s", "xis"),
        ("an\tanthem  and a flag", "anthem and flag"),
        ("Beyonce\u0301", "beyoncé"),
        ("soft\u00adware", "software"),
        ("The", ""),
        ("", ""),
    ],
)
def test_the_normal_form_is_squads(text: str, normal: str) -> None:
    assert normalise(text) == normal


@pytest.mark.parametrize(
    ("answer", "accepted", "expected"),
    [
        ("He went to Harbin in May.", ["Harbin"], True),
        ("He went to Harbin in May.", ["Beijing", "the harbin"], True),
        ("He went to Harbin in May.", ["Harb"], False),
        ("He went to Harbin in May.", ["Harbin May"], False),
        ("Some 1,200 men", ["1200 men"], True),
        ("It grew by 35 percent", ["3.5"], False),
        ("Putin’s visit", ["Putin"], True),
        ("a Chicago-based firm", ["Chicago"], True),
        ("the Minsk–Moscow line", ["Moscow"], True),
        ("U.S.-led forces", ["the US"], True),
        ("an F-16", ["16"], False),
        ("2024-05-12", ["12"], False),
        ("the anti-Putin rally", ["Putin"], False),
        ("non-aligned", ["aligned"], False),
        ("co-operation", ["cooperation"], True),
        ("in May.[citation needed]", ["in May"], True),
        ("the 1914–1918 war", ["1914-1918"], True),
        ("anything", [], False),
        ("the end", ["the", "—"], False),
        ("", ["Harbin"], False),
    ],
)
def test_an_answer_contains_an_accepted_one_as_whole_words(answer: str, accepted: list[str], expected: bool) -> None:
    assert contains(answer, accepted) is expected


def test_an_exact_match_is_one_of_normal_forms() -> None:
    assert exact_match("The Kremlin.", ["Moscow", "kremlin"])
    assert not exact_match("the Kremlin said", ["Kremlin"])
    assert not exact_match("Kremlin", [])


def test_f1_is_that_of_the_closest_accepted_answer() -> None:
    # "foreign minister lavrov" against "sergei lavrov": 1 word of 3 and of 2, 2 / 5; against "lavrov": 2 / 4.
    assert f1("Foreign Minister Lavrov", ["Sergei Lavrov"]) == pytest.approx(2 / 5)
    assert f1("Foreign Minister Lavrov", ["Sergei Lavrov", "Lavrov"]) == pytest.approx(2 / 4)
    assert f1("the Lavrov", ["Lavrov"]) == 1
    assert f1("Xi", ["Putin"]) == 0


def test_f1_counts_a_repeated_word_as_often_as_both_have_it() -> None:
    assert f1("no no no", ["no no"]) == pytest.approx(2 * 2 / 5)


def test_f1_of_nothing_is_one_against_nothing_and_zero_against_words() -> None:
    assert f1("", ["the"]) == 1
    assert f1("", ["Putin"]) == 0
    assert f1("Putin", ["the"]) == 0


def test_answer_recall_is_the_best_share_of_reference_words() -> None:
    assert answer_recall("Lavrov, Shoigu and others came", ["Lavrov Ushakov", "Lavrov Shoigu Belousov"]) == 2 / 3
    assert answer_recall("no", ["no no"]) == 0.5
    assert answer_recall("Xi", ["the", "Xi"]) == 1
    assert answer_recall("Xi", ["the"]) == 0
    assert answer_recall("", ["Xi"]) == 0


def test_list_recall_is_the_share_of_items_found() -> None:
    items = [["space"], ["nuclear energy", "atomic energy"], ["Artificial Intelligence", "AI"]]
    assert list_recall("Space, AI", items) == pytest.approx(2 / 3)
    assert list_recall("space, atomic energy and artificial intelligence", items) == 1
    assert list_recall("", items) == 0


@pytest.mark.parametrize("measure", [f1, answer_recall, list_recall])
def test_a_question_without_an_accepted_answer_is_unscored(measure: Callable[[str, list[str]], float]) -> None:
    with pytest.raises(ValueError, match="leave the question out"):
        measure("Harbin", [])


@pytest.mark.parametrize(
    "text", ["Yes", "yes, it did", "**Yes.** It did", "<b>Yes</b>", "[1] Yes it did", "Answer: yes"]
)
def test_a_yes_at_the_start_is_stated(text: str) -> None:
    assert stated_polarity(text) == "yes"


@pytest.mark.parametrize(
    "text",
    ["No", "no.", "“No,” he said", "**No**, it", "# No\nIt", "No — never", "No - never", "No it did not", "No. It"],
)
def test_a_no_that_stands_apart_is_stated(text: str) -> None:
    assert stated_polarity(text) == "no"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "No country has",
        "No-fly zones",
        "No. 10 Downing Street",
        "Nobody",
        "Not yet",
        "Yes-men",
        "It said no.",
        "No"[:1],
    ],
)
def test_another_start_states_neither(text: str) -> None:
    assert stated_polarity(text) is None


def test_an_answer_is_stale_with_a_wrong_value_alone() -> None:
    assert is_stale("There were 30 members.", ["32"], ["30"])
    assert not is_stale("There were 30 members, now 32.", ["32"], ["30"])
    assert not is_stale("There are 32.", ["32"], ["30"])
    assert not is_stale("There are some.", ["32"], ["30"])
    assert not is_stale("There are 30.", ["32"], [])


ANSWER = quoting("It was signed in Harbin.", "It was signed in Harbin.")


def test_an_unanswerable_question_is_right_when_refused() -> None:
    unanswerable = Question("q", "Where?", False, answers=("no answer",))
    assert is_right(unanswerable, REFUSED, None, extractive=True) is True
    assert is_right(unanswerable, ANSWER, True, extractive=True) is False
    assert is_right(unanswerable, ANSWER, None, extractive=False) is False


def test_an_answerable_question_is_wrong_when_refused() -> None:
    assert is_right(Question("q", "Where?", True, answers=("Harbin",)), REFUSED, None, extractive=True) is False
    assert is_right(Question("q", "Where?", True, gold=(span(0, 9),)), REFUSED, None, extractive=False) is False
    assert is_right(Question("q", "Was it?", True, polar="yes"), REFUSED, None, extractive=False) is False


@pytest.mark.parametrize("said", [ANSWER, REFUSED])
def test_what_an_answer_cannot_be_right_in_a_refusal_is_not_wrong_in(said: Said) -> None:
    free_form = Question("q", "Where?", True, answers=("To Harbin, by train.",))
    assert is_right(free_form, said, None, extractive=False) is None
    assert is_right(Question("q", "Where?", True), said, None, extractive=True) is None


def test_a_list_is_right_when_all_items_are_there() -> None:
    whole = Question("q", "Where?", True, items=(("Harbin",), ("signed", "sealed")))
    part = Question("q", "Where?", True, answers=("Harbin",), items=(("Harbin",), ("Beijing",)))
    assert is_right(whole, ANSWER, False, extractive=True) is True
    assert is_right(part, ANSWER, True, extractive=True) is False


def test_a_yes_or_no_question_is_right_by_what_is_stated_or_else_by_the_gold_cited() -> None:
    question = Question("q", "Was it?", True, answers=("Yes",), polar="yes")
    assert is_right(question, quoting("Yes, it was.", ""), False, extractive=True) is True
    assert is_right(question, quoting("No, it was not.", ""), True, extractive=True) is False
    assert is_right(question, ANSWER, True, extractive=True) is True
    assert is_right(question, ANSWER, False, extractive=True) is False
    assert is_right(question, ANSWER, None, extractive=True) is None


def test_an_accepted_answer_makes_right_where_answers_are_extractive() -> None:
    assert is_right(Question("q", "Where?", True, answers=("Harbin",)), ANSWER, False, extractive=True) is True
    assert is_right(Question("q", "Where?", True, answers=("Beijing",)), ANSWER, True, extractive=True) is False
    assert is_right(Question("q", "Where?", True, answers=("Harbin",)), ANSWER, True, extractive=False) is None


def test_gold_cited_makes_right_where_there_is_nothing_else() -> None:
    question = Question("q", "Where?", True, gold=(span(0, 9),))
    assert is_right(question, ANSWER, True, extractive=True) is True
    assert is_right(question, ANSWER, False, extractive=False) is False
    assert is_right(Question("q", "Where?", True), ANSWER, None, extractive=True) is None


# Refusals


def test_due_refusals_are_counted() -> None:
    answerable = [True, True, True, False, False]
    abstained = [False, False, True, True, False]
    assert refusal_scores(answerable, abstained) == RefusalScores(precision=0.5, recall=0.5, f1=0.5)
    assert refusal_scores(answerable, [not a for a in answerable]) == RefusalScores(1, 1, 1)


def test_a_quotient_without_denominator_is_absent() -> None:
    assert refusal_scores([True, False], [False, False]) == RefusalScores(precision=None, recall=0, f1=0)
    assert refusal_scores([True, True], [True, False]) == RefusalScores(precision=0, recall=None, f1=0)
    assert refusal_scores([True, True], [False, False]) == RefusalScores(None, None, None)
    assert refusal_scores([], []) == RefusalScores(None, None, None)


def test_refusals_are_parallel_to_questions() -> None:
    with pytest.raises(ValueError, match="2 questions, but 1"):
        refusal_scores([True, False], [True])


def test_auroc_counts_pairs_in_order_and_half_of_the_tied() -> None:
    assert auroc([0.9, 0.8, 0.2], [True, True, False]) == 1
    assert auroc([0.1, 0.8], [True, False]) == 0
    assert auroc([0.5, 0.5, 0.5], [True, False, False]) == 0.5
    # Pairs: .9 > .5, .9 > .1, .5 = .5, .5 > .1, that is 3.5 of 4.
    assert auroc([0.9, 0.5, 0.5, 0.1], [True, True, False, False]) == 3.5 / 4


def test_auroc_leaves_out_what_has_no_confidence() -> None:
    assert auroc([0.9, None, 0.1], [True, False, False]) == 1
    assert auroc(np.array([0.9, np.nan, 0.1]), np.array([True, False, False])) == 1


def test_auroc_is_absent_with_one_kind_of_question() -> None:
    assert auroc([0.9, 0.1], [True, True]) is None
    assert auroc([0.9, None], [True, False]) is None
    assert auroc([], []) is None


def test_auroc_agrees_with_counting_the_pairs() -> None:
    random = Random(0)
    confidence = [random.randrange(10) / 10 for _ in range(60)]
    answerable = [random.random() < 0.6 for _ in confidence]
    yes = [c for c, a in zip(confidence, answerable, strict=True) if a]
    no = [c for c, a in zip(confidence, answerable, strict=True) if not a]
    wins = sum((a > b) + (a == b) / 2 for a in yes for b in no)
    assert auroc(confidence, answerable) == pytest.approx(wins / (len(yes) * len(no)))


def test_risk_is_the_share_of_wrong_ones_among_the_most_confident() -> None:
    curve = risk_coverage([0.2, 0.9, 0.5, 0.7], [False, True, True, False])
    assert curve == Curve(x=(0.25, 0.5, 0.75, 1), y=(0, 1 / 2, 1 / 3, 2 / 4))
    assert aurc([0.2, 0.9, 0.5, 0.7], [False, True, True, False]) == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)


@pytest.mark.parametrize("correct", [[True, False, True], [True, True, False]])
def test_tied_confidences_have_their_expected_risk_in_any_order(correct: list[bool]) -> None:
    curve = risk_coverage([0.9, 0.5, 0.5], correct)
    assert curve is not None
    assert curve.y == pytest.approx((0, 1 / 4, 1 / 3))
    assert aurc([0.9, 0.5, 0.5], correct) == pytest.approx((1 / 4 + 1 / 3) / 3)


def test_all_tied_risks_are_the_error_rate() -> None:
    assert aurc([1, 1, 1, 1], [True, False, False, False]) == pytest.approx(3 / 4)


def test_risk_is_zero_when_all_is_right_and_one_when_nothing_is() -> None:
    assert aurc([0.3, 0.2], [True, True]) == 0
    assert aurc([0.3, 0.2], [False, False]) == 1


def test_risk_leaves_out_what_has_no_confidence_or_verdict() -> None:
    assert aurc([0.9, None, 0.5, 0.4], [True, False, None, False]) == pytest.approx((0 + 1 / 2) / 2)
    assert aurc([], []) is None
    assert risk_coverage([None, 0.5], [True, None]) is None


def test_a_thinned_curve_keeps_both_ends() -> None:
    full = risk_coverage([0.9, 0.8, 0.7, 0.6, 0.5], [True, True, True, True, False])
    thin = risk_coverage([0.9, 0.8, 0.7, 0.6, 0.5], [True, True, True, True, False], max_points=3)
    assert full is not None
    assert thin == Curve(x=(full.x[0], full.x[2], full.x[4]), y=(full.y[0], full.y[2], full.y[4]))


def test_reliability_bins_are_closed_above() -> None:
    bins = reliability([0.0, 0.1, 0.3, 0.31, 1.0], [False, True, True, False, True])
    assert [(b.n, b.accuracy) for b in bins] == [(2, 0.5), (1, 1), (1, 0), (1, 1)]
    assert [b.confidence for b in bins] == pytest.approx([0.05, 0.3, 0.31, 1])


def test_reliability_leaves_out_what_has_no_verdict() -> None:
    assert reliability([0.5, 0.5, None], [True, None, True]) == (Bin(confidence=0.5, accuracy=1, n=1),)
    assert reliability([], []) == ()


@pytest.mark.parametrize("confidence", [-0.1, 1.1, 7.0])
def test_a_confidence_that_is_no_probability_has_no_reliability(confidence: float) -> None:
    with pytest.raises(ValueError, match="no probabilities"):
        reliability([0.5, confidence], [True, True])


def test_the_calibration_error_weighs_bins_by_their_size() -> None:
    # 3 questions at .9 of which 2 are right, 1 at .2 that is wrong: 3/4 · |2/3 - .9| + 1/4 · |0 - .2|.
    bins = reliability([0.9, 0.9, 0.9, 0.2], [True, True, False, False])
    assert ece(bins) == pytest.approx(0.75 * (0.9 - 2 / 3) + 0.25 * 0.2)
    assert ece(reliability([1.0, 0.0], [True, False])) == 0
    assert ece(()) is None


def test_values_are_parallel_to_verdicts() -> None:
    with pytest.raises(ValueError, match="2 values, but 1"):
        aurc([0.5, 0.4], [True])


# Citations


@pytest.mark.parametrize(
    ("citation", "reached"),
    [
        (cited(100, 120), True),
        (cited(0, 500), True),
        (cited(105, 109), True),
        (cited(110, 130), True),
        (cited(111, 131), False),
        (cited(116, 124), True),
        (cited(117, 125), False),
        (cited(120, 140), False),
        (cited(110, 110), False),
        (cited(100, 120, doc="e"), False),
    ],
)
def test_a_citation_reaches_gold_from_half_of_the_shorter(citation: Cited, reached: bool) -> None:
    assert gold_cited(said(("It was.", [citation])), [span(100, 120)], "any") is reached


def test_all_gold_is_cited_only_when_each_span_is() -> None:
    gold = [span(0, 10), span(20, 30)]
    one, both = said(("A.", [cited(0, 10)])), said(("A.", [cited(0, 10)]), ("B.", [cited(20, 30)]))
    assert (gold_cited(one, gold, "any"), gold_cited(one, gold, "all")) == (True, False)
    assert (gold_cited(both, gold, "any"), gold_cited(both, gold, "all")) == (True, True)


def test_gold_is_not_cited_by_a_refusal_and_absent_where_there_is_none() -> None:
    assert gold_cited(REFUSED, [span(0, 10)], "any") is False
    assert gold_cited(REFUSED, [span(0, 10)], "all") is False
    assert gold_cited(ANSWER, [], "all") is None


def test_valid_spans_are_a_share_of_the_citations() -> None:
    answer = said(("A.", [cited(0, 1), cited(2, 3, valid=False)]), ("B.", [cited(4, 5)]), ("C.", []))
    assert spans_valid(answer) == pytest.approx(2 / 3)
    assert spans_valid(REFUSED) is None
    assert spans_valid(said(("A.", []))) is None


def words_in(premise: str, hypothesis: str) -> bool | None:
    """Entail by words; a premise with "?" cannot be judged."""
    return None if "?" in premise else set(hypothesis.split()) <= set(premise.split())


def test_a_supported_sentence_with_one_citation_scores_one() -> None:
    assert citation_scores(quoting("a b", "a b c"), words_in) == CitationScores(1, 1, 1, 1, 1, 1)


def test_an_unsupported_sentence_makes_all_its_citations_imprecise() -> None:
    assert citation_scores(quoting("a b", "a", "a c"), words_in) == CitationScores(0, 0, 1, 1, 2, 2)


def test_citations_that_are_needed_together_are_precise() -> None:
    assert citation_scores(quoting("a b", "a", "b"), words_in) == CitationScores(1, 1, 1, 1, 2, 2)


def test_a_citation_that_neither_supports_alone_nor_is_needed_is_imprecise() -> None:
    assert citation_scores(quoting("a b", "a b", "c"), words_in) == CitationScores(1, 0.5, 1, 1, 2, 2)


def test_citations_that_each_support_alone_are_precise() -> None:
    assert citation_scores(quoting("a b", "a b", "b a"), words_in) == CitationScores(1, 1, 1, 1, 2, 2)


def test_a_citation_that_others_make_up_for_is_imprecise() -> None:
    # "a" and "b" are each needed, unless "a c" stands in for "a".
    assert citation_scores(quoting("a b", "a", "b", "a c"), words_in).precision == pytest.approx(1 / 3)


def test_scores_are_shares_of_the_sentences_and_of_all_citations() -> None:
    answer = said(
        ("a b", [cited(0, 3, quote="a b"), cited(4, 5, quote="c")]), ("d", [cited(6, 7, quote="e")]), ("f", [])
    )
    assert citation_scores(answer, words_in) == CitationScores(1 / 3, 1 / 3, 3, 3, 3, 3)


def test_an_answer_without_citations_has_neither_recall_nor_precision() -> None:
    assert citation_scores(said(("a", [])), words_in) == CitationScores(0, 0, 1, 1, 0, 0)


def test_a_refusal_has_no_citations_to_score() -> None:
    assert citation_scores(REFUSED, words_in) == CitationScores(None, None, 0, 0, 0, 0)


def test_a_sentence_that_cannot_be_judged_is_left_out() -> None:
    answer = said(("a", [cited(0, 1, quote="a")]), ("b", [cited(2, 3, quote="?")]))
    assert citation_scores(answer, words_in) == CitationScores(1, 1, 2, 1, 2, 1)
    assert citation_scores(quoting("b", "?"), words_in) == CitationScores(None, None, 1, 0, 1, 0)
    mixed = said(("a", []), ("b", [cited(2, 3, quote="?")]))
    assert citation_scores(mixed, words_in) == CitationScores(0, None, 2, 1, 1, 0)


def test_a_sentence_whose_citations_cannot_be_told_apart_is_left_out_of_precision() -> None:
    assert citation_scores(quoting("a b", "x", "a b"), verbatim) == CitationScores(1, None, 1, 1, 2, 0)
    assert citation_scores(quoting("a b", "a b", "x a b"), verbatim) == CitationScores(1, 1, 1, 1, 2, 2)


def test_verbatim_knows_a_quote_and_nothing_else() -> None:
    assert verbatim("It was signed\n in May.", "was  signed in May") is True
    assert verbatim("It was signed in May.", "It was signed in June") is None
    assert verbatim("", "It") is None
    assert verbatim("It", " ") is None


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("Peskov said the talks had failed.", "the talks had failed."),
        ("“The talks have failed,” said Peskov.", "“The talks have failed,”"),
        ("The talks had failed, said the Kremlin’s spokesman.", "The talks had failed"),
        ("Peskov, the spokesman, said the talks had failed.", "the talks had failed."),
        ("Peskov, who said the talks had failed, left.", "the talks had failed"),
        ("According to the ministry, 12 people died.", "12 people died."),
        ("The strike killed 12, according to Kyiv.", "The strike killed 12"),
        ("The plan was announced by the ministry in May.", "The plan"),
        ("Russia claims that it won.", "it won."),
        ("Officials have repeatedly denied the claims.", "the claims."),
        ("Putin flew home and said that he would return.", "he would return."),
        ("The deal is dead, he added.", "The deal is dead"),
    ],
)
def test_a_reporting_clause_is_kept_whole_or_cut_off(source: str, shown: str) -> None:
    assert attribution_kept(source, source) is True
    assert attribution_kept(shown, source) is False


@pytest.mark.parametrize(
    "source",
    [
        "",
        "The talks failed in May.",
        "Russia's claims in Asia grew.",
        "The United States, France and Britain agreed.",
        "The plan was announced in May.",
        "It is too early to say more.",
        "He did not say when.",
        "He didn't say when.",
        "That said, little changed.",
        "As stated in the treaty, arms are limited.",
    ],
)
def test_a_sentence_that_reports_nobody_has_no_attribution_to_keep(source: str) -> None:
    assert attribution_kept("The talks failed", source) is None


def test_a_verb_without_its_speaker_keeps_no_attribution() -> None:
    assert attribution_kept("said the talks had failed", "Peskov said the talks had failed.") is False
    assert attribution_kept("Peskov was there", "Peskov said the talks had failed.") is False
