"""Reading: which units answer, in which order, and how surely."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from rag.answer_types import answer_type, new_names, offers
from rag.errors import ModelUnusable
from rag.lexicon import analyse, kin, present, search_words, stem
from rag.measure import Scorers
from rag.rarity import background, idf, rarity
from rag.read import SignalReader, share_evidence
from rag.signals import Term, ask, candidates, coverage, logistic, missing

TEXT = "Envoys met in Oslo. They signed a grain accord on 3 May 2021. The accord covers wheat, maize and rice."


class WrittenScores(BaseCrossEncoder):
    """Gives the written score to sentences that hold a phrase, else 0, and remembers what it was asked."""

    def __init__(self, scores: Mapping[str, float]) -> None:
        self.scores = scores
        self.calls: list[Sequence[tuple[str, str]]] = []

    def score(self, text_pairs: Sequence[tuple[str, str]]) -> list[float]:
        self.calls.append(text_pairs)
        return [max((s for phrase, s in self.scores.items() if phrase in text), default=0.0) for _, text in text_pairs]


class FirstLetter(Embeddings):
    """Embeds a text as the axis of its first letter, and counts what it encodes."""

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.encoded += texts
        return [[2.0 * (text[0].lower() == "a"), 2.0 * (text[0].lower() == "b")] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def passage(text: str = TEXT, *, brief_id: str = "oslo", start: int = 0, **extra: Any) -> Document:
    """Make a passage whose units are the sentences of a text that stands at `start` in its brief."""
    units, at = [], 0
    for sentence in text.replace(". ", ".|").split("|"):
        at = text.index(sentence, at)
        units.append({"start": start + at, "end": start + at + len(sentence), "kind": "sentence", "context": None,
                      "context_start": None, "context_end": None})  # fmt: skip
    meta = {"brief_id": brief_id, "title": "Grain talks", "date": "2021-05-04", "heading": "", "page": None,
            "start": start, "end": start + len(text), "units": units, "ranks": {"dense": 1}, "fused": 0.01}  # fmt: skip
    return Document(id=f"{brief_id}@00000000#0", page_content=text, metadata={**meta, **extra})


def reader(**scores: float) -> SignalReader:
    """Make a reader over an index of which nothing is known, with written scores."""
    written = WrittenScores({k.replace("_", " "): v for k, v in scores.items()})
    return SignalReader(Scorers(written), lambda stems: ({}, 0))


def test_of_alike_units_those_of_briefs_that_were_spoken_of_last_come_first() -> None:
    passages = [passage(brief_id=name) for name in ("oslo", "bergen")]
    for near, first in (((), "bergen"), (("oslo",), "oslo"), (("bergen",), "bergen")):
        reading = reader(wheat=0.9).read("Which crops does it cover?", passages, near=near)
        assert [reading.evidence[unit.n - 1].metadata["brief_id"] for unit in reading.units[:1]] == [first]


def test_the_unit_that_the_scorer_prefers_comes_first_when_words_do_not_decide() -> None:
    reading = reader(wheat=0.9).read("Which crops does it cover?", [passage()])
    assert reading.units[0].text == "The accord covers wheat, maize and rice."


def test_units_are_exact_slices_of_their_passage_wherever_it_stands_in_the_brief() -> None:
    reading = reader().read("Where did the envoys meet?", [passage(start=700)])
    for unit in reading.units:
        held = reading.evidence[unit.n - 1]
        offset = held.metadata["start"]
        assert unit.text == held.page_content[unit.unit.start - offset : unit.unit.end - offset]


def test_the_passage_with_the_best_unit_becomes_number_one() -> None:
    other = passage("Rain fell all day. Nobody came.", brief_id="rain")
    reading = reader(Oslo=0.8).read("Where did the envoys meet?", [other, passage()])
    assert [p.metadata["brief_id"] for p in reading.evidence] == ["oslo", "rain"]
    assert reading.units[0].n == 1


def test_reading_marks_copies_and_leaves_the_passages_alone() -> None:
    given = passage()
    reading = reader().read("Where did the envoys meet?", [given])
    assert not {"signals", "marked"} & given.metadata.keys()
    assert reading.evidence[0].metadata["signals"]["score"] == reading.units[0].score
    first = reading.evidence[0].metadata["marked"][0]
    assert (first["start"], first["end"]) == (reading.units[0].unit.start, reading.units[0].unit.end)


def test_scores_fall_from_the_best_unit_and_stay_between_0_and_1() -> None:
    scores = [unit.score for unit in reader(Oslo=0.8).read("Where did the envoys meet?", [passage()]).units]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_a_question_whose_name_stands_nowhere_scores_below_the_same_question_with_the_right_name() -> None:
    right = reader(grain=0.6).read("When was the Oslo grain accord signed?", [passage()])
    wrong = reader(grain=0.6).read("When was the Caracas grain accord signed?", [passage()])
    assert wrong.units[0].score < right.units[0].score


def test_a_question_about_another_year_scores_below_the_same_question_about_the_right_year() -> None:
    right = reader(grain=0.6).read("What accord did envoys sign in 2021?", [passage()])
    wrong = reader(grain=0.6).read("What accord did envoys sign in 2019?", [passage()])
    assert wrong.units[0].score < right.units[0].score


def test_the_scorer_is_called_once_for_at_most_max_units() -> None:
    scorer = WrittenScores({})
    SignalReader(Scorers(scorer), lambda stems: ({}, 0), max_units=2).read("Where?", [passage(), passage(brief_id="b")])
    assert len(scorer.calls) == 1
    assert len({sentence for _, sentence in scorer.calls[0]}) <= 4


@pytest.mark.parametrize(
    ("date", "opens"), [("2021-05-04", "May 4 2021. "), ("2021-05", "May 2021. "), ("2021", "2021. "), (None, "")]
)
def test_a_reader_sees_date_title_and_the_sentence_before(date: str | None, opens: str) -> None:
    scorer = WrittenScores({"wheat": 2.0})
    reader = SignalReader(Scorers(WrittenScores({}), scorer), lambda stems: ({}, 0))
    reading = reader.read("What does it cover?", [passage(date=date)])
    around = f"{opens}Grain talks. They signed a grain accord on 3 May 2021."
    shown = f"The accord covers wheat, maize and rice.\n\n{around}"
    assert ("What does it cover?", shown) in scorer.calls[0]
    assert {unit.signals["reader"] for unit in reading.units} == {0.0, 2.0}


def test_a_unit_that_two_passages_share_is_scored_once() -> None:
    reading = reader().read("Where did the envoys meet?", [passage(), passage()])
    assert len(reading.units) == 3


def test_a_question_in_a_brief_answers_nothing() -> None:
    text = "How much gas came? It brought 356 million cubic metres."
    units = [{"start": 0, "end": 18, "kind": "sentence"}, {"start": 19, "end": len(text), "kind": "sentence"}]
    found = candidates([Document(text, metadata={"brief_id": "b", "title": "T", "start": 0, "units": units})])
    assert [(one.text, one.before) for one in found] == [("It brought 356 million cubic metres.", "How much gas came?")]


def test_no_passages_give_an_empty_reading() -> None:
    reading = reader().read("Where did the envoys meet?", [])
    assert (reading.evidence, reading.units, reading.answerable) == ((), (), 0.0)


def test_passages_that_hold_only_questions_are_evidence_for_every_part_that_finds_them() -> None:
    asking = passage("Who led Niger in 2022?", chunk_id="oslo#0")
    readings = share_evidence([reader().read(part, [asking]) for part in ("Who led Niger?", "Who led it in 2024?")])
    assert [(len(one.evidence), one.units, one.answerable) for one in readings] == [(1, (), 0.0)] * 2


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_a_model_that_gives_no_numbers_is_told_and_answers_nothing(score: float) -> None:
    with pytest.raises(ModelUnusable, match="WrittenScores"):
        reader(Oslo=score).read("Where did the envoys meet?", [passage()])
    assert logistic(float("nan")) == 0


def test_reading_twice_gives_the_same() -> None:
    first, second = (reader(Oslo=0.5).read("Where did they meet?", [passage()]) for _ in range(2))
    assert first == second


def test_the_reader_asks_document_frequencies_of_the_content_stems() -> None:
    asked: list[Sequence[str]] = []

    def document_frequency(stems: Sequence[str]) -> tuple[Mapping[str, int], int]:
        asked.append(stems)
        return {}, 0

    SignalReader(Scorers(WrittenScores({})), document_frequency).read("Where did the envoys meet in Oslo?", [passage()])
    assert asked == [("envoi", "meet", "oslo")]


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Who signed it?", "who"),
        ("When was it signed?", "when"),
        ("In what year was it signed?", "when"),
        ("Which city hosted the talks?", "where"),
        ("How many envoys came?", "number"),
        ("What anniversary is it?", "ordinal"),
        ("what sectors will they cooperate on", "list"),
        ("Who is in the delegation?", "list"),
        ("Why did they meet?", "why"),
        ("Did they sign?", "polar"),
        ("What did they sign?", "thing"),
    ],
)
def test_the_question_word_tells_what_is_asked_for(question: str, kind: str) -> None:
    assert answer_type(question) == kind


@pytest.mark.parametrize(
    ("question", "answering", "other"),
    [
        ("When did they sign?", "They signed on 3 May.", "They signed it."),
        ("How many envoys came?", "There were 12 envoys.", "Envoys came."),
        ("How many envoys came?", "There were 12 envoys.", "They came on day 3."),
        ("Where did Ann go?", "Ann went to Oslo.", "Ann went away."),
        ("Who met Ann?", "Ann met Bob Smith.", "Ann met a man."),
        ("What anniversary is it?", "It is the 75th anniversary.", "It is an anniversary."),
        ("Which sectors are covered?", "It covers wheat, maize, and rice.", "It covers wheat."),
        ("Why did Ann go?", "Ann went because of the rain.", "Ann went away."),
    ],
)
def test_a_text_offers_what_is_asked_for_by_its_form(question: str, answering: str, other: str) -> None:
    assert offers(question, answering) > offers(question, other)


def test_names_of_the_question_are_not_new() -> None:
    runs = new_names("Did Ann Lee meet Bob?", "Bob met Ann Lee and Carl Roe.")
    assert [[word.text for word in run] for run in runs] == [["Carl", "Roe"]]


def test_coverage_is_the_share_of_weight_that_stands_in_the_texts() -> None:
    terms = [Term("oslo", 0.6, True, False), Term("accord", 0.2, False, False)]
    assert coverage(terms, analyse("Envoys met in Oslo.")) == pytest.approx(0.75)
    assert coverage(terms, analyse("Oslo"), analyse("an accord")) == pytest.approx(1.0)
    assert coverage([], analyse("Oslo")) == 1.0


def test_missing_is_the_weight_of_the_rarest_term_that_stands_nowhere() -> None:
    terms = [Term("oslo", 0.6, True, False), Term("accord", 0.2, False, False)]
    assert missing(terms, analyse("An accord.")) == 0.6
    assert missing(terms, analyse("The Oslo accord.")) == 0.0


def test_an_initialism_stands_for_the_name_and_the_name_for_the_initialism() -> None:
    assert present("=us", analyse("The United States objected.")) == 1.0
    assert "=us" in analyse("The U.S. objected.").stems
    assert "=us" not in analyse("They told us.").stems


def test_the_initialism_of_a_long_name_skips_its_small_words() -> None:
    assert "=prc" in analyse("The People's Republic of China objected.").stems


def test_a_capital_stands_for_its_country() -> None:
    asked = ask("What did Washington say?", {}, 0)
    assert coverage(asked.terms, analyse("The United States objected.")) == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Why did Turkey block Sweden?", "Türkiye has not ratified the accession of Sweden."),
        ("Why did Türkiye block Sweden?", "Turkey has not ratified the accession of Sweden."),
        ("Why did Ankara block Sweden?", "Türkiye has not ratified the accession of Sweden."),
        ("Who rules Burma?", "The junta of Myanmar ended the talks."),
    ],
)
def test_a_place_of_two_names_is_found_by_either(question: str, text: str) -> None:
    asked = ask(question, {}, 0)
    assert all(term.within(analyse(text)) for term in asked.terms if term.name)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How many turkeys were culled?", "Türkiye has not ratified the accession."),
        ("What did Hollande say about Mali?", "The Netherlands sent troops to Mali."),
        ("Where was the ivory seized?", "Côte d'Ivoire elected a president."),
    ],
)
def test_a_word_like_the_name_of_a_place_does_not_stand_for_it(question: str, text: str) -> None:
    assert not any(term.within(analyse(text)) for term in ask(question, {}, 0).terms if term.stem != "mali")


def test_the_first_word_of_a_sentence_is_a_name_only_if_known_as_one() -> None:
    assert [run[0].text for run in analyse("Talks began. China agreed.").names] == ["China"]


def test_a_year_an_ordinal_and_a_number_with_commas_are_numbers() -> None:
    assert analyse("In 1949, the 75th of 1,000.").numbers == {"1949", "75", "1000"}


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("china", "chines", True),
        ("ukrain", "ukrainian", True),
        ("interest", "internat", False),
        ("iran", "iraq", False),
        ("niger", "nigeria", False),
    ],
)
def test_kindred_stems_differ_by_an_ending(a: str, b: str, same: bool) -> None:
    assert kin(a, b) is same


def test_stems_are_those_of_the_catalogues_tokenizer() -> None:
    sqlite3 = pytest.importorskip("sqlite3")
    words = "technology assemblies possibly us is cooperation sanctions café ministers apologise running renewable"
    base = sqlite3.connect(":memory:")
    base.execute("create virtual table t using fts5(x, tokenize='porter unicode61')")
    base.execute("create virtual table v using fts5vocab(t, instance)")
    base.executemany("insert into t(rowid, x) values (?, ?)", enumerate(words.split(), 1))
    theirs = [term for (term,) in base.execute("select term from v order by doc")]
    base.close()
    assert [stem(word) for word in words.split()] == theirs


def test_idf_runs_from_0_everywhere_to_1_nowhere() -> None:
    assert (idf(10, 10), idf(0, 10)) == (0.0, 1.0)


def test_an_index_of_one_chunk_takes_rarity_from_the_background() -> None:
    table = background()
    alone = idf(table.df["putin"], table.n)
    assert rarity("putin", {"putin": 1}, 1) == pytest.approx(alone, abs=0.01)
    assert rarity("putin", {"putin": 100_000}, 100_000) == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("What did the WHO say about mpox?", ["who", "mpox"]),
        ("US tariffs in May 2026", ["us", "tariffs", "may", "2026"]),
        ("What did the US do?", ["us"]),
        ("WHAT IS IT", ["what", "is", "it"]),
        ("May I ask who won?", ["ask"]),
        ("What did Ekrem İmamoğlu say?", ["ekrem", "imamoğlu"]),
        ("Did Erdog\u0306an win?", ["erdoğan", "win"]),
        ("Why did Turkey wait?", ["turkey", "wait", "türkiye"]),
    ],
)
def test_full_text_is_searched_for_the_words_that_tell(question: str, words: list[str]) -> None:
    assert search_words(question) == words


def test_an_accent_that_is_a_character_of_its_own_parts_no_word() -> None:
    words = analyse("Erdog\u0306an won in Nig\u0307de.").words
    assert [word.stem for word in words] == ["erdogan", "won", "in", "nigd"]
    assert (words[0].name, words[0].text) == (True, "Erdog\u0306an")


def test_a_word_that_is_repeated_without_end_costs_no_more_than_others() -> None:
    begun = time.perf_counter()
    assert len(analyse("oslo " * 200_000).positions["oslo"]) == 200_000
    assert time.perf_counter() - begun < 20


def test_threads_that_stem_at_once_get_what_one_gets() -> None:
    words = [f"{head}{tail}" for head in ("negoti", "sanct", "republ", "diplom", "relat") for tail in _ENDINGS] * 40
    alone = [stem.__wrapped__(word) for word in words]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(4) as threads:
            together = list(threads.map(lambda _: [stem.__wrapped__(word) for word in words], range(4)))
    finally:
        sys.setswitchinterval(interval)
    assert together == [alone] * 4


_ENDINGS = "ations ating ional ibly ousness iveness fulness alism icate ization ement".split()
