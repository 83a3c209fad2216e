"""Vectors on a real Chroma server: shared by processes, and in words when something is wrong with it."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import httpx
import pytest
from langchain_core.documents import Document

from rag.errors import IndexUnusable
from rag.vectors import ServerVectors
from tests.chroma_server import ChromaServer, Reply, Request, gate, silent_server, tell_ids
from tests.fakes import HashEmbeddings
from tests.ports import free_port

pytestmark = pytest.mark.slow

pytest_plugins = ["tests.chroma_fixtures"]

QUERY = HashEmbeddings().embed_query("grain exports")


def add(vectors: ServerVectors, texts: dict[str, str]) -> None:
    documents = [Document(id=i, page_content=text, metadata={"text_sha256": i}) for i, text in texts.items()]
    vectors.at(0).add_documents(documents, ids=list(texts))


def opened(url: str, collection: str = "geobrief", token: str | None = None, timeout_s: float = 10) -> ServerVectors:
    return ServerVectors(url, HashEmbeddings(), collection=collection, token=token, timeout_s=timeout_s)


def test_nothing_is_sent_before_the_first_use() -> None:
    asked: list[Request] = []

    def note(request: Request) -> Reply:
        asked.append(request)
        return Reply(500)

    with gate(free_port(), note) as url:
        vectors = opened(url)
        assert asked == []
        with pytest.raises(IndexUnusable):
            vectors.at(0)
    assert len(asked) == 1


def test_a_server_that_is_started_later_is_used_without_opening_the_vectors_again(
    own_chroma: ChromaServer,
) -> None:
    vectors = opened(own_chroma.url)
    own_chroma.stop()
    with pytest.raises(IndexUnusable, match=rf"{own_chroma.url} cannot be reached .*; start it, or check store\.url"):
        vectors.at(0)
    own_chroma.start()
    add(vectors, {"a": "grain exports"})
    own_chroma.kill()
    with pytest.raises(IndexUnusable, match="cannot be reached"):
        vectors.closest(0, QUERY, k=1)
    own_chroma.start()
    assert vectors.closest(0, QUERY, k=1) == ["a"]
    add(vectors, {"b": "moon landing"})
    assert sorted(vectors.ids(0)) == ["a", "b"]


def test_a_server_that_does_not_answer_is_given_up_by_all_who_wait_for_it_at_once() -> None:
    with silent_server() as url, ThreadPoolExecutor(8) as pool:
        vectors = opened(url, timeout_s=0.5)
        started = monotonic()
        waiting = [pool.submit(vectors.closest, 0, QUERY, k=1) for _ in range(8)]
        for one in waiting:
            with pytest.raises(IndexUnusable, match=r"did not answer within 0\.5 s; .* raise store\.timeout_s"):
                one.result()
        assert monotonic() - started < 3


def test_another_process_that_has_the_vectors_open_sees_new_and_deleted_ones_at_once(
    chroma: ChromaServer, collection: str
) -> None:
    context = multiprocessing.get_context("forkserver")
    here, there = context.Pipe()
    child = context.Process(target=tell_ids, args=(chroma.url, collection, there))
    child.start()
    there.close()  # so that its end is noticed here
    try:
        assert here.recv() == "open"
        vectors = opened(chroma.url, collection)

        def seen() -> tuple[list[str], list[str]]:
            here.send("ids?")
            told: tuple[list[str], list[str]] = here.recv()
            return told

        assert seen() == ([], [])
        for n in range(20):
            add(vectors, {f"{n:02}": f"grain exports {n}"})
            ids, closest = seen()
            assert f"{n:02}" in ids
            assert len(closest) == min(n + 1, 10)
        vectors.at(0).delete(ids=["00"])
        assert "00" not in seen()[0]
        vectors.reset()
        add(vectors, {"new": "grain exports"})
        assert seen() == (["new"], ["new"])
    finally:
        child.kill()
        child.join(10)


def test_threads_that_make_a_collection_write_and_ask_at_the_same_time_lose_nothing(
    chroma: ChromaServer, collection: str
) -> None:
    shared = opened(chroma.url, collection)

    def work(n: int) -> list[str]:
        vectors = shared if n % 2 else opened(chroma.url, collection)
        for part in range(5):
            add(vectors, {f"{n}-{part}-{i}": f"report {n} {part} {i}" for i in range(4)})
            shared.close()
        return vectors.closest(0, HashEmbeddings().embed_query(f"report {n} 4 3"), k=200)

    with ThreadPoolExecutor(8) as pool:
        for n, found in enumerate(pool.map(work, range(8))):
            assert {f"{n}-{part}-{i}" for part in range(5) for i in range(4)} <= set(found)
    assert len(shared.ids(0)) == 160


def test_reset_leaves_other_collections_alone(chroma: ChromaServer, collection: str) -> None:
    mine, other = opened(chroma.url, collection), opened(chroma.url, f"{collection}-other")
    for vectors in (mine, other):
        add(vectors, {"a": "grain exports"})
    mine.reset()
    mine.reset()
    assert (mine.ids(0), other.ids(0)) == ([], ["a"])


def test_databases_are_kept_apart(chroma: ChromaServer, collection: str) -> None:
    tenants = f"{chroma.url}/api/v2/tenants"
    httpx.post(tenants, json={"name": f"t-{collection}"}).raise_for_status()
    httpx.post(f"{tenants}/t-{collection}/databases", json={"name": "briefs"}).raise_for_status()
    mine = ServerVectors(
        chroma.url, HashEmbeddings(), collection=collection, tenant=f"t-{collection}", database="briefs"
    )
    add(mine, {"a": "grain exports"})
    assert mine.ids(0) == ["a"]
    assert opened(chroma.url, collection).ids(0) == []


def test_no_more_is_sent_at_once_than_the_server_takes(chroma: ChromaServer, collection: str) -> None:
    sizes: list[tuple[str, int]] = []

    def small(request: Request) -> Reply | None:
        if request.path.endswith("/pre-flight-checks"):
            return Reply(200, b'{"max_batch_size": 7, "supports_base64_encoding": true}')
        if request.path.endswith(("/upsert", "/delete")):
            sizes.append((request.path.rsplit("/")[-1], len(httpx.Response(200, content=request.body).json()["ids"])))
        return None

    with gate(chroma.port, small) as url:
        vectors = opened(url, collection)
        add(vectors, {f"{n:02}": f"report {n}" for n in range(17)})
        vectors.at(0).delete(ids=[f"{n:02}" for n in range(8)])
    assert sizes == [("upsert", 7), ("upsert", 7), ("upsert", 3), ("delete", 7), ("delete", 1)]
    assert len(opened(chroma.url, collection).ids(0)) == 9


def test_no_vector_of_near_alike_texts_is_left_without_a_way_in(chroma: ChromaServer, collection: str) -> None:
    texts = {f"{n:03}": f"The codeword of report number {n} is {n * 7919}." for n in range(132)}
    query = HashEmbeddings().embed_query(texts["000"])
    for build in range(8):
        vectors = opened(chroma.url, f"{collection}-{build}")
        for start in range(0, len(texts), 64):
            add(vectors, dict(list(texts.items())[start : start + 64]))
        assert sorted(vectors.closest(0, query, k=len(texts))) == list(texts)


def test_all_vectors_are_listed_page_by_page(
    chroma: ChromaServer, collection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.vectors.server.PAGE", 10)
    vectors = opened(chroma.url, collection)
    texts = {f"{n:02}": f"report {n}" for n in range(35)}
    add(vectors, texts)
    assert sorted(vectors.ids(0)) == list(texts)
    query = HashEmbeddings().embed_query("report 33")
    assert vectors.exact(0, query, list(texts), k=1) == ["33"]


def test_no_word_of_a_text_is_in_the_files_of_the_server(own_chroma: ChromaServer) -> None:
    vectors = opened(own_chroma.url)
    add(vectors, {"a@1#0": "The zebrafish has stripes.", "b@2#0": "moon landing"})
    add(vectors, {"a@1#0": "The zebrafish has fins."})
    vectors.at(0).delete(ids=["a@1#0"])
    vectors.compact(["a@1#0"])
    own_chroma.stop()
    files = [path.read_bytes() for path in own_chroma.folder.rglob("*") if path.is_file()]
    assert any(b"b@2#0" in content for content in files)
    assert not any(word in content for content in files for word in (b"zebrafish", b"moon", b"landing"))


def test_what_the_server_still_gives_after_a_deletion_is_an_error(chroma: ChromaServer, collection: str) -> None:
    vectors = opened(chroma.url, collection)
    add(vectors, {"a": "grain exports"})
    with pytest.raises(IndexUnusable, match="still gives what was deleted, such as 'a'"):
        vectors.compact(["b", "a"])
