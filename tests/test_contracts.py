"""What every part behind a seam must do, held over the fakes and the real parts."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from rag.embedding import SentenceTransformerEmbeddings
from rag.token_match import TokenScorer
from rag.types import sha256
from rag.vectors import ChromaVectors, ServerVectors
from tests.fakes import HashEmbeddings

pytest_plugins = ["tests.chroma_fixtures"]

MODELS = [
    pytest.param(HashEmbeddings, id="fake"),
    pytest.param(lambda: SentenceTransformerEmbeddings("all-MiniLM-L6-v2"), id="minilm", marks=pytest.mark.slow),
]


@pytest.fixture(params=MODELS, scope="module")
def embeddings(request: pytest.FixtureRequest) -> Embeddings:
    make: Callable[[], Embeddings] = request.param
    return make()


def test_vectors_have_one_fixed_dimension_and_finite_values(embeddings: Any) -> None:
    vectors = embeddings.embed_documents(["Finland joined NATO.", "x", "", "word " * 2000])
    assert {len(vector) for vector in vectors} == {embeddings.dimension}
    assert all(math.isfinite(x) for vector in vectors for x in vector)


def test_vectors_of_words_are_of_unit_length(embeddings: Embeddings) -> None:
    vector = embeddings.embed_query("Finland joined NATO.")
    assert math.fsum(x * x for x in vector) == pytest.approx(1.0, abs=1e-3)


def test_the_same_text_gives_the_same_vector_alone_or_among_others(embeddings: Embeddings) -> None:
    alone = embeddings.embed_documents(["Finland joined NATO."])[0]
    among = embeddings.embed_documents(["A longer text about something else altogether.", "Finland joined NATO."])[1]
    assert alone == pytest.approx(among, abs=1e-5)
    assert embeddings.embed_query("Finland joined NATO.") == pytest.approx(alone, abs=1e-5)


def test_tokens_are_counted_without_special_ones(embeddings: Any) -> None:
    assert embeddings.count_tokens(["Finland joined", "", "one two three"]) == [2, 0, 3]


def test_token_vectors_stand_at_their_words_and_the_whole_is_the_embedding(embeddings: Any) -> None:
    text = "Finland joined NATO."
    made = embeddings.embed_tokens([text, "A longer text about something else altogether."])[0]
    words = {text[start:end] for start, end in made.spans if start < end}
    assert {"Finland", "joined", "NATO"} <= words
    assert made.vectors.shape == (len(made.spans), embeddings.dimension)
    assert [float(row @ row) for row in made.vectors.astype(float)] == pytest.approx([1] * len(made.spans), abs=0.01)
    assert made.pooled.tolist() == pytest.approx(embeddings.embed_query(text), abs=1e-3)


def test_the_scorer_puts_the_answering_sentence_before_the_related_and_the_unrelated(embeddings: Any) -> None:
    scorer: BaseCrossEncoder = TokenScorer(embeddings)
    question = "When did Finland join NATO?"
    sentences = ["Finland joined NATO on 4 April 2023.", "NATO has its seat in Brussels.", "The canal lacks water."]
    scores = scorer.score([(question, sentence) for sentence in sentences])
    assert list(scores) == sorted(scores, reverse=True)


Store = ChromaVectors | ServerVectors


@pytest.fixture(params=["folder", pytest.param("server", marks=pytest.mark.slow)])
def open_vectors(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """What opens the same vectors, once more at each call."""
    if request.param == "folder":
        return lambda: ChromaVectors(tmp_path / "chroma", HashEmbeddings())
    url, collection = request.getfixturevalue("chroma").url, request.getfixturevalue("collection")
    return lambda: ServerVectors(url, HashEmbeddings(), collection=collection)


@pytest.fixture
def vectors(open_vectors: Callable[[], Store]) -> Store:
    return open_vectors()


DOCUMENTS = [
    Document(id="a@1#0", page_content="grain exports", metadata={"text_sha256": "s1"}),
    Document(id="b@2#0", page_content="moon landing", metadata={"text_sha256": "s2"}),
]


def test_a_vector_store_adds_finds_and_deletes_and_keeps_ids(vectors: Store) -> None:
    store = vectors.at(0)
    store.add_documents(DOCUMENTS, ids=["a@1#0", "b@2#0"])
    query = HashEmbeddings().embed_query("grain exports")
    assert [d.id for d in store.similarity_search_by_vector(query, k=2)] == ["a@1#0", "b@2#0"]
    assert vectors.exact(0, query, ["s2"], k=5) == ["b@2#0"]
    store.delete(ids=["a@1#0"])
    assert list(vectors.ids(0)) == ["b@2#0"]


def test_what_was_deleted_can_no_longer_be_read(vectors: Store) -> None:
    vectors.at(0).add_documents(DOCUMENTS, ids=["a@1#0", "b@2#0"])
    vectors.at(0).delete(ids=["a@1#0"])
    vectors.compact(["a@1#0"])
    query = HashEmbeddings().embed_query("grain exports")
    assert [d.id for d in vectors.at(1).get_by_ids(["a@1#0", "b@2#0"])] == ["b@2#0"]
    assert vectors.closest(1, query, k=5) == ["b@2#0"]
    assert vectors.exact(1, query, ["s1"], k=5) == []


def test_a_vector_tells_the_digest_of_the_text_it_was_made_of(vectors: Store) -> None:
    vectors.at(0).add_documents(DOCUMENTS, ids=["a@1#0", "b@2#0"])
    assert vectors.digests(0, ["b@2#0", "unknown"]) == {"b@2#0": sha256("moon landing")}
    vectors.at(0).add_documents(DOCUMENTS[:1], ids=["b@2#0"])
    assert vectors.digests(0, ["b@2#0"]) == {"b@2#0": sha256("grain exports")}


@pytest.mark.parametrize("limit", [0, 100])
def test_the_closest_vectors_are_the_same_compared_one_by_one_and_through_the_graph(
    vectors: Store, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.vectors.local.COMPARE_LIMIT", limit)
    query = HashEmbeddings().embed_query("grain exports")
    assert vectors.closest(0, query, k=5) == []
    vectors.at(0).add_documents(DOCUMENTS, ids=["a@1#0", "b@2#0"])
    assert vectors.closest(1, query, k=5) == ["a@1#0", "b@2#0"]
    assert vectors.closest(1, query, k=1) == ["a@1#0"]


def test_each_of_many_near_alike_texts_is_found_by_its_own_words(vectors: Store) -> None:
    texts = {f"{n:03}": f"The codeword of report number {n} is {n * 7919}." for n in range(300)}
    documents = [Document(id=i, page_content=text, metadata={"text_sha256": i}) for i, text in texts.items()]
    vectors.at(0).add_documents(documents, ids=list(texts))
    model = HashEmbeddings()
    assert [vectors.closest(1, model.embed_query(text), k=1)[0] for text in texts.values()] == list(texts)


def test_of_equally_close_vectors_the_first_by_id_are_taken(vectors: Store) -> None:
    ids = [f"{n:03}" for n in range(100)]
    documents = [Document(id=i, page_content="from open sources", metadata={"text_sha256": i}) for i in ids[::-1]]
    vectors.at(0).add_documents(documents, ids=ids[::-1])
    query = HashEmbeddings().embed_query("open sources")
    assert vectors.closest(1, query, k=5) == ids[:5]
    assert vectors.exact(1, query, ids[50:], k=5) == ids[50:55]


def test_adding_the_same_id_again_replaces_it(vectors: Store) -> None:
    store = vectors.at(0)
    for _ in range(2):
        store.add_documents(DOCUMENTS, ids=["a@1#0", "b@2#0"])
    assert sorted(vectors.ids(0)) == ["a@1#0", "b@2#0"]


def test_a_store_opened_for_a_later_generation_sees_what_another_wrote(open_vectors: Callable[[], Store]) -> None:
    vectors, other = open_vectors(), open_vectors()
    assert list(vectors.ids(0)) == []
    other.at(0).add_documents(DOCUMENTS, ids=["a@1#0", "b@2#0"])
    assert sorted(vectors.ids(1)) == ["a@1#0", "b@2#0"]


def test_reset_leaves_nothing(vectors: Store) -> None:
    vectors.at(0).add_documents(DOCUMENTS, ids=["a@1#0", "b@2#0"])
    vectors.reset()
    assert list(vectors.ids(1)) == []
