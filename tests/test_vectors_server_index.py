"""An index whose vectors are on a server: nothing is lost when the server dies, and it answers as a local one does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Timer

import pytest
from langchain_core.embeddings import Embeddings

from rag.build import open_embeddings, open_index, open_retriever
from rag.catalogue.checks import chunk_digests
from rag.doctor import examine, recover, repair
from rag.errors import IndexUnusable
from rag.index import Index
from rag.ingest import sync
from rag.settings import Settings
from rag.vectors import ServerVectors
from tests.chroma_server import ChromaServer, Request, gate
from tests.fakes import HashEmbeddings

pytest_plugins = ["tests.chroma_fixtures"]

CORPUS = Path(__file__).parent.parent / "corpus"
WORDS = ["grain", "canal", "ceasefire", "pipeline", "tariff", "summit", "drought", "border"]
NAMES = [f"brief{n:02}" for n in range(24)]


def write_briefs(corpus: Path) -> None:
    corpus.mkdir()
    for n, name in enumerate(NAMES):
        text = "\n\n".join(f"Paragraph {part} of {name} is about the {WORDS[(n + part) % 8]}." for part in range(4))
        (corpus / f"{name}.md").write_text(f"---\ntitle: Report {name}\n---\n{text}", encoding="utf-8")


def over(url: str, collection: str, index: Index, embeddings: Embeddings) -> Index:
    """The index with its vectors on a server."""
    return replace(index, connect=lambda: ServerVectors(url, embeddings, collection=collection, timeout_s=10))


def small_index(folder: Path, url: str, collection: str) -> Index:
    settings = Settings.model_validate({"index": folder, "split": {"max_tokens": 16}, "ingest": {"batch_chunks": 8}})
    embeddings = HashEmbeddings()
    return over(url, collection, open_index(settings, create=True, embeddings=embeddings), embeddings)


@contextmanager
def dying(server: ChromaServer, *, at_write: int, after_s: float) -> Iterator[str]:
    """The address of a server that is killed so long after a write has come in."""
    writes: list[Request] = []

    def watch(request: Request) -> None:
        if request.path.endswith("/upsert"):
            writes.append(request)
            if len(writes) == at_write:
                Timer(after_s, server.kill).start()

    with gate(server.port, watch) as url:
        yield url


def check_whole(index: Index) -> None:
    assert examine(index) == ()
    ids = list(index.vectors.ids(index.catalogue.generation()))
    assert sorted(ids) == sorted(chunk_digests(index.catalogue.database))
    assert [row.brief_id for row in index.catalogue.briefs()] == NAMES


@pytest.mark.parametrize("after_s", [0.0, *(pytest.param(s, marks=pytest.mark.slow) for s in (0.004, 0.02))])
def test_an_ingest_whose_server_is_killed_in_a_batch_says_so_and_the_next_one_finishes_it(
    own_chroma: ChromaServer, tmp_path: Path, after_s: float
) -> None:
    write_briefs(tmp_path / "corpus")
    with dying(own_chroma, at_write=4, after_s=after_s) as url:
        index = small_index(tmp_path / "index", url, "geobrief")
        with pytest.raises(IndexUnusable, match=r"the Chroma server .* (cannot be reached|cannot write)"):
            sync(index, [tmp_path / "corpus"])
        own_chroma.stop()
        own_chroma.start()
        with index.writing(timeout_s=5) as writer:
            recover(writer)
        assert 0 < len(index.vectors.ids(0)) < len(NAMES) * 4
        assert sync(index, [tmp_path / "corpus"]).failed == []
        check_whole(index)


def test_a_repair_puts_back_what_the_server_has_lost_and_takes_out_what_is_not_the_indexs(
    chroma: ChromaServer, collection: str, tmp_path: Path
) -> None:
    write_briefs(tmp_path / "corpus")
    index = small_index(tmp_path / "index", chroma.url, collection)
    sync(index, [tmp_path / "corpus"])
    check_whole(index)
    lost, wrong = index.vectors.ids(0)[:2]
    store = index.vectors.at(0)
    stray = store.get_by_ids([lost])[0].model_copy(update={"id": "stray@0#0", "page_content": "another text"})
    store.add_documents([stray], ids=["stray@0#0"])
    store.add_documents([stray], ids=[wrong])
    store.delete(ids=[lost])
    assert sorted(examine(index)) == [
        f"1 chunks have no vector, such as {lost}",
        f"1 chunks have the vector of another text, such as {wrong}",
        "1 vectors belong to no chunk, such as stray@0#0",
    ]
    assert repair(index, lock_timeout_s=5) == 2
    check_whole(index)


def test_a_brief_that_is_forgotten_leaves_the_server(chroma: ChromaServer, collection: str, tmp_path: Path) -> None:
    write_briefs(tmp_path / "corpus")
    index = small_index(tmp_path / "index", chroma.url, collection)
    sync(index, [tmp_path / "corpus"])
    with index.writing(timeout_s=5) as writer:
        assert writer.forget("brief03")
    assert not [chunk_id for chunk_id in index.vectors.ids(0) if chunk_id.startswith("brief03")]
    assert examine(index) == ()


@pytest.mark.slow
def test_an_index_with_vectors_on_a_server_finds_the_same_as_one_on_this_machine(
    chroma: ChromaServer, collection: str, tmp_path: Path
) -> None:
    embeddings = open_embeddings(Settings())
    settings = Settings(index=tmp_path / "local")
    briefs = sorted(path for path in CORPUS.glob("*.md") if path.name != "README.md")[:10]
    local = open_index(settings, create=True, embeddings=embeddings)
    other = Settings(index=tmp_path / "shared")
    shared = over(chroma.url, collection, open_index(other, create=True, embeddings=embeddings), embeddings)
    found = []
    for index in (local, shared):
        assert len(sync(index, briefs).added) == 10
        assert examine(index) == ()
        retriever = open_retriever(index, settings, embeddings).model_copy(update={"rankings": ("dense",)})
        questions = [row.title for row in index.catalogue.briefs()]
        questions += [passage.page_content for title in questions for passage in retriever.search(title, k=3)]
        found.append({question: [p.id for p in retriever.search(question)] for question in questions})
    assert len(found[0]) > 20
    assert found[0] == found[1]
