"""Words of a question met by words of a unit, with vectors that are equal for equal words and else at right angles."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from rag.signals import ask
from rag.token_match import PADDED_CHARS, TokenScorer, batches
from rag.types import TokenVectors
from tests.fakes import HashEmbeddings

QUESTION = "Which fish did Norway ban?"


class Counted(HashEmbeddings):
    def __init__(self) -> None:
        super().__init__()
        self.encoded: list[str] = []

    def embed_tokens(self, texts: list[str]) -> list[TokenVectors]:
        self.encoded += texts
        return super().embed_tokens(texts)


def match(text: str) -> dict[str, float]:
    return dict(TokenScorer(HashEmbeddings()).match(ask(QUESTION, {}, 0), [text])[text])


def test_a_text_that_holds_every_word_meets_them_all() -> None:
    met = match("Which fish did Norway ban")
    assert met["matched"] == pytest.approx(1, abs=0.01)
    assert met["matched_terms"] == pytest.approx(1, abs=0.01)
    assert met["unmatched"] == pytest.approx(0, abs=0.01)


def test_names_and_plain_words_are_met_apart() -> None:
    met = match("Norway met Iceland")
    assert met["matched"] == pytest.approx(1 / 5, abs=0.01)
    assert met["matched_names"] == pytest.approx(1, abs=0.01)
    assert met["matched_plain"] == pytest.approx(0, abs=0.01)
    assert 0 < met["matched_terms"] < 1


def test_the_rarest_word_that_nothing_is_like_tells() -> None:
    rare = max(term.weight for term in ask(QUESTION, {}, 0).terms)
    assert match("Nothing of it")["unmatched"] == pytest.approx(rare, abs=0.01)


def test_an_empty_text_meets_nothing() -> None:
    assert match("...") == {
        "matched": 0, "matched_terms": 0, "matched_names": 0, "matched_plain": 0, "unmatched": 1
    }  # fmt: skip


def test_scores_are_cosines_of_whole_texts() -> None:
    scorer = TokenScorer(HashEmbeddings())
    assert scorer.score([("fish", "fish"), ("fish", "moon")]) == pytest.approx([1, 0])


def test_a_text_is_encoded_once_while_it_is_kept() -> None:
    embeddings = Counted()
    scorer = TokenScorer(embeddings, max_cached=2)
    for text in ("apple", "apple", "bread", "apple"):
        scorer.score([("fish", text)])
    assert embeddings.encoded == ["fish", "apple", "bread", "apple"]


def test_texts_are_encoded_in_batches_of_like_lengths_and_none_twice() -> None:
    texts = ["b" * 900, "a", "c" * 1_100, "d" * 3_999, "e" * 9_000, "aa"]
    found = batches(texts)
    assert found == [["a", "aa", "b" * 900], ["c" * 1_100], ["d" * 3_999], ["e" * 9_000]]
    assert all(len(group) == 1 or len(group) * len(group[-1]) <= PADDED_CHARS for group in found)


def test_the_order_of_texts_changes_neither_batches_nor_vectors() -> None:
    texts = ["Norway banned cod.", "Iceland did not.", "Cod", "Rain fell on the harbour all day long."]
    one, other = Counted(), Counted()
    first = TokenScorer(one).score([(QUESTION, text) for text in texts])
    second = TokenScorer(other).score([(QUESTION, text) for text in reversed(texts)])
    assert first == second[::-1]
    assert one.encoded == other.encoded == sorted([QUESTION, *texts], key=len)


def test_threads_that_push_each_others_texts_out_get_what_one_gets() -> None:
    questions = [[(f"fish {n}", f"fish {m}") for m in range(12)] for n in range(8)]
    alone = [TokenScorer(HashEmbeddings()).score(pairs) for pairs in questions]
    shared = TokenScorer(HashEmbeddings(), max_cached=3)
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(shared.score, questions * 5))
    assert together == alone * 5
