"""The reading budget: how many units, how many tokens, and in what batches."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from langchain_core.cross_encoders import BaseCrossEncoder

from rag.answer import Reading
from rag.measure import MAX_TOKENS, READ_PASSAGES, Measured, Scorers, choose, measure, n_tokens
from rag.read import CLOSE_UNITS, SignalReader, answer_signals, is_plain
from rag.signals import Asked, ask, candidates
from tests.test_read import passage

QUESTION = "Who signed the grain accord?"
ASKED = ask(QUESTION, {}, 0)


class Untouched(BaseCrossEncoder):
    """Fails when it is asked."""

    def score(self, text_pairs: Sequence[tuple[str, str]]) -> list[float]:
        raise AssertionError("a model was called")

    def match(self, asked: Asked, texts: Sequence[str]) -> dict[str, dict[str, float]]:
        raise AssertionError("a model was called")


def chosen(*sentences: str, max_units: int = 24, max_tokens: int = MAX_TOKENS) -> list[str]:
    found = choose(ASKED, [passage(" ".join(sentences))], max_units=max_units, max_tokens=max_tokens)
    return [m.candidate.text for m in found]


def test_the_most_promising_units_are_chosen_first_and_a_smaller_budget_chooses_the_first_of_them() -> None:
    sentences = ("Rain fell.", "Envoys signed the grain accord.", "The accord holds.", "Nobody came.")
    every = chosen(*sentences)
    assert every[0] == "Envoys signed the grain accord."
    assert sorted(every) == sorted(sentences)
    assert [chosen(*sentences, max_units=n) for n in (1, 2, 3)] == [every[:1], every[:2], every[:3]]


def test_a_unit_that_passes_the_token_budget_is_left_out_and_a_shorter_one_after_it_is_chosen() -> None:
    long = "The grain accord " + "of wheat " * 40 + "holds."
    sentences = ("Envoys signed the grain accord.", "The accord holds.", long)
    assert chosen(*sentences) == ["Envoys signed the grain accord.", long, "The accord holds."]
    assert chosen(*sentences, max_tokens=100) == ["Envoys signed the grain accord.", "The accord holds."]


def test_the_first_unit_is_read_however_long_it_is() -> None:
    long = "The grain accord " + "of wheat " * 400 + "was signed."
    assert chosen(long, "Rain fell.", max_tokens=50) == [long]


@pytest.mark.parametrize("text", ["договор о зерне подписан", "穀物協定が署名された", "\ud800 half a pair", "x" * 30])
def test_tokens_are_estimated_for_any_text_and_never_as_none(text: str) -> None:
    assert len(text) // 4 <= n_tokens(text) <= len(text)
    assert n_tokens(text) > 0


def test_units_of_passages_after_the_tenth_are_not_read() -> None:
    passages = [passage(f"Envoys signed accord {n}.", brief_id=f"b{n:02}") for n in range(READ_PASSAGES + 3)]
    found = choose(ASKED, passages, max_units=100)
    assert len(found) == READ_PASSAGES
    assert {m.candidate.place for m in found} == set(range(READ_PASSAGES))


def test_where_there_is_no_unit_no_model_is_called() -> None:
    untouched = Untouched()
    assert measure(ASKED, [], Scorers(untouched, untouched, untouched), max_units=24) == []


def test_the_reader_keeps_to_its_token_budget() -> None:
    class Seen(BaseCrossEncoder):
        def score(self, text_pairs: Sequence[tuple[str, str]]) -> list[float]:
            seen.extend(second for _, second in text_pairs)
            return [0.0] * len(text_pairs)

    seen: list[str] = []
    hostile = " ".join(f"Envoys signed the grain accord {n} " + "and so on " * 60 + "there." for n in range(40))
    SignalReader(Scorers(Seen(), Seen()), lambda stems: ({}, 0), max_tokens=1_000).read(QUESTION, [passage(hostile)])
    shown = {text for text in seen if "\n\n" in text}
    assert 0 < sum(map(n_tokens, shown)) <= 1_000


class Ranked(BaseCrossEncoder):
    """Gives log-odds by the number that a sentence holds, and remembers how many sentences each call had."""

    def __init__(self, scores: dict[str, float]) -> None:
        self.scores = scores
        self.calls: list[int] = []

    def score(self, text_pairs: Sequence[tuple[str, str]]) -> list[float]:
        self.calls.append(len(text_pairs))
        return [
            next((s for word, s in self.scores.items() if word in text.split("\n\n")[0]), 0.0) for _, text in text_pairs
        ]


class Alike(BaseCrossEncoder):
    """Finds every pair as close as any other."""

    def score(self, text_pairs: Sequence[tuple[str, str]]) -> list[float]:
        return [0.5] * len(text_pairs)


def read_in_two(scores: dict[str, float], *, first_units: int = 3) -> tuple[Ranked, list[str], float | None]:
    """Read six sentences of falling promise, so many of them first."""
    words = ("grain accord signed", "grain accord", "grain", "wheat", "maize", "rice")
    passages = [passage(f"Some {word} here.", brief_id=f"b{n}") for n, word in enumerate(words)]
    ranked = Ranked(scores)
    reader = SignalReader(Scorers(Alike(), ranked), lambda stems: ({}, 0), first_units=first_units)
    reading = reader.read(QUESTION, passages)
    return ranked, [unit.text for unit in reading.units], reading.answerable


def test_reading_stops_where_the_best_of_the_first_units_leads_plainly() -> None:
    ranked, units, _ = read_in_two({"grain accord signed": 9.0})
    assert ranked.calls == [3]
    assert units[0] == "Some grain accord signed here."
    assert len(units) == 3


def test_reading_goes_on_where_the_first_units_leave_it_open_and_a_later_unit_may_come_first() -> None:
    level = {"grain accord signed": -6.0, "grain accord": -3.0, "grain": -1.0}
    ranked, units, _ = read_in_two({**level, "rice": 20.0})
    assert ranked.calls == [3, 3]
    assert units[0] == "Some rice here."
    assert len(units) == 6


def test_reading_on_gives_what_reading_at_once_gives() -> None:
    level = {"grain accord signed": -6.0, "grain accord": -3.0, "grain": -1.0, "maize": 1.0}
    assert read_in_two(level)[1:] == read_in_two(level, first_units=100)[1:]


def test_one_unit_alone_leads_nothing() -> None:
    (only,) = choose(ASKED, [passage("Envoys signed it.")], max_units=1)
    assert not is_plain([(9.0, only)])
    assert is_plain([(2.0, only), (1.0, only)])
    assert not is_plain([(2.0, only), (1.1, only)])


def read_closely(closer: dict[str, float], *, without: bool = False) -> tuple[Ranked, list[str], Reading]:
    """Read eight sentences of falling promise, the first six of them again by a larger reader."""
    words = "north south east west wheat maize rice rye".split()
    passages = [passage(f"Some grain accord signed {word}.", brief_id=f"b{n}") for n, word in enumerate(words)]
    first = Ranked({word: -float(n) for n, word in enumerate(words)})
    again = Ranked(closer)
    scorers = Scorers(Alike(), first, closer=None if without else again)
    reading = SignalReader(scorers, lambda stems: ({}, 0)).read(QUESTION, passages)
    return again, [unit.text.split()[-1].strip(".") for unit in reading.units], reading


def test_the_units_that_come_first_are_read_again_and_ordered_anew_before_the_others() -> None:
    again, units, reading = read_closely({"maize": 20.0, "rice": 30.0})
    assert again.calls == [CLOSE_UNITS]
    assert units[0] == "maize"
    assert units[-2:] == ["rice", "rye"]  # not read closely, whatever would be said of it
    scores = [unit.score for unit in reading.units]
    assert scores == sorted(scores, reverse=True)
    assert scores[CLOSE_UNITS] < scores[CLOSE_UNITS - 1]
    assert ["closer" in unit.signals for unit in reading.units] == [True] * CLOSE_UNITS + [False] * 2


def test_what_a_closer_reader_says_moves_whether_anything_answers() -> None:
    low, high = (read_closely({"north": odds})[2].answerable for odds in (-6.0, 6.0))
    assert low is not None
    assert high is not None
    assert low < high


def test_without_a_closer_reader_the_readers_word_stands_for_its() -> None:
    again, units, reading = read_closely({}, without=True)
    assert again.calls == []
    assert units[0] == "north"
    assert not any("closer" in unit.signals for unit in reading.units)
    [candidate] = candidates([passage("Envoys signed the grain accord.")])
    signals = answer_signals(ASKED, [Measured(candidate, {"reader": -1.5, "similarity": 0.5})], [0.0])
    assert signals["closer"] == signals["reader"] == -1.5
