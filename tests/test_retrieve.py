from __future__ import annotations

from datetime import date, datetime

import pytest
from langchain_core.documents import Document

from rag.build import open_index, open_retriever
from rag.retrieve import HybridRetriever, fuse
from rag.types import Scope
from rag.vectors.ranking import by_id, ranked
from tests.conftest import Desk


def test_fusion_adds_reciprocal_ranks() -> None:
    fused = fuse({"dense": ["a", "b"], "lexical": ["b", "c"]}, k=60)
    assert fused == [("b", 1 / 62 + 1 / 61), ("a", 1 / 61), ("c", 1 / 62)]


def test_fusion_of_nothing_is_nothing() -> None:
    assert fuse({"dense": [], "lexical": []}) == []


def test_ties_keep_the_order_of_first_appearance() -> None:
    assert [i for i, _ in fuse({"dense": ["a"], "lexical": ["b"]})] == ["a", "b"]


@pytest.fixture
def stocked(desk: Desk) -> Desk:
    desk.write("old.md", "Ministers discussed grain exports.", title="Old", date="2022-07-22", region="[europe]")
    desk.write("month.md", "Ministers discussed grain prices.", title="Month", date="2023-05", topics="[Energy]")
    desk.write("new.md", "Ministers discussed grain harvests.", title="New", date="2024-03-01", source="Desk A")
    desk.write("undated.md", "Ministers discussed grain storage.", title="Undated")
    desk.ingest()
    return desk


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope(), {"old", "month", "new", "undated"}),
        (Scope(date_from=date(2023, 5, 20)), {"month", "new"}),
        (Scope(date_to=date(2023, 5, 10)), {"old", "month"}),
        (Scope(as_of=date(2023, 5, 30)), {"old"}),
        (Scope(as_of=date(2023, 5, 31)), {"old", "month"}),
        (Scope(regions=("Europe",)), {"old"}),
        (Scope(topics=("energy",)), {"month"}),
        (Scope(sources=("desk a",)), {"new"}),
        (Scope(sources=("nobody",)), set()),
        (Scope(briefs=("old", "undated")), {"old", "undated"}),
        (Scope(briefs=("old",), date_from=date(2023, 5, 20)), set()),
    ],
)
def test_a_scope_admits_exactly_its_briefs(stocked: Desk, scope: Scope, expected: set[str]) -> None:
    assert set(stocked.found("grain ministers", scope)) == expected


def test_a_narrow_scope_is_filled_from_beyond_the_first_hits(desk: Desk) -> None:
    for n in range(80):
        desk.write(f"near-{n}.md", "Grain grain grain.", title=f"N{n}", source="A")
    desk.write("far.md", "Something else about grain and other matters entirely.", title="Far", source="B")
    desk.ingest()
    retriever = _retriever(desk, rankings=("dense",))
    assert [p.metadata["brief_id"] for p in retriever.search("grain", scope=Scope(sources=("B",)))] == ["far"]


@pytest.mark.parametrize("exact_limit", [1000, 1])
def test_former_versions_of_a_brief_do_not_crowd_out_present_ones(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, exact_limit: int
) -> None:
    monkeypatch.setattr("rag.retrieve.EXACT_LIMIT", exact_limit)
    monkeypatch.setattr("rag.retrieve.OVERFETCH", 1)
    desk.write("near.md", "\n\n".join("Grain. " * 60 for _ in range(100)), title="Near")
    desk.write("far.md", "Something else about grain and other matters entirely.", title="Far")
    assert desk.ingest().chunks_embedded >= 40
    desk.write("near.md", "Nothing of the kind.", title="Near")
    desk.ingest()
    retriever = _retriever(desk, rankings=("dense",))
    assert [p.metadata["brief_id"] for p in retriever.search("grain")] == ["far", "near"]


@pytest.mark.parametrize("known_at", [None, datetime.max])
def test_a_brief_of_a_scope_is_found_among_many_with_the_same_text(desk: Desk, known_at: datetime | None) -> None:
    for n in range(40):
        desk.write(f"twin{n:02}.md", "No incidents were reported.", title="Daily")
    desk.ingest()
    retriever = open_retriever(desk.open(), desk.settings, desk.embeddings, known_at=known_at)
    dense = retriever.model_copy(update={"rankings": ("dense",)})
    found = dense.search("Were incidents reported?", scope=Scope(briefs=("twin39",)))
    assert [p.metadata["brief_id"] for p in found] == ["twin39"]


def test_vectors_of_any_length_are_ranked_by_their_direction() -> None:
    ids, vectors = by_id({"ids": ["b", "a", "c"], "embeddings": [[1.0, 0.0], [10.0, 10.0], [0.0, 0.0]]})
    assert ranked(ids, vectors, [2.0, 0.0], k=3) == ["b", "a", "c"]
    assert ranked(*by_id({"ids": [], "embeddings": []}), [2.0, 0.0], k=3) == []


@pytest.mark.parametrize(
    "question",
    ['"', "grain AND", "grain OR (", "NEAR(a b)", "body: grain", "grain*", "^grain", "-grain", "'; DROP TABLE t; --"],
)
def test_user_text_is_never_query_syntax(stocked: Desk, question: str) -> None:
    found = _retriever(stocked, rankings=("lexical",)).search(question)
    assert {p.metadata["brief_id"] for p in found} in (set(), {"old", "month", "new", "undated"})


def test_passages_say_by_which_rankings_they_were_found(stocked: Desk) -> None:
    passage = _retriever(stocked).search("grain storage")[0]
    assert passage.metadata["brief_id"] == "undated"
    assert passage.metadata["ranks"] == {"dense": 1, "lexical": 1}
    assert passage.metadata["fused"] == pytest.approx(2 / 61)


def test_the_passage_is_the_brief_s_text_at_its_span(stocked: Desk) -> None:
    for passage in _retriever(stocked).search("grain"):
        version = stocked.open().catalogue.versions(passage.metadata["brief_id"])[0]
        assert version.text[passage.metadata["start"] : passage.metadata["end"]] == passage.page_content
        assert version.text_sha256 == passage.metadata["text_sha256"]


def test_it_is_a_langchain_retriever(stocked: Desk) -> None:
    retriever = _retriever(stocked)
    documents = retriever.invoke("grain storage")
    assert isinstance(documents[0], Document)
    assert documents[0].page_content == "Ministers discussed grain storage."


def test_vectors_that_the_catalogue_does_not_know_are_ignored(stocked: Desk) -> None:
    index = stocked.open()
    stray = Document(id="stray@00000000#0", page_content="grain grain", metadata={"brief_id": "stray"})
    index.vectors.at(index.catalogue.generation()).add_documents([stray], ids=["stray@00000000#0"])
    assert "stray" not in stocked.found("grain")


def test_porter_stems_match_other_forms_of_a_word(desk: Desk) -> None:
    desk.write("a.md", "They will cooperate on energy.", title="A")
    desk.write("b.md", "A storm hit the coast.", title="B")
    desk.ingest()
    found = _retriever(desk, rankings=("lexical",)).search("cooperation")
    assert [p.metadata["brief_id"] for p in found] == ["a"]


def _retriever(desk: Desk, rankings: tuple[str, ...] = ("dense", "lexical")) -> HybridRetriever:
    index = open_index(desk.settings, embeddings=desk.embeddings)
    return open_retriever(index, desk.settings, desk.embeddings).model_copy(update={"rankings": rankings})
