"""The rules of order and failure of an ingest on a cluster, with fakes in place of the cluster."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pytest

from rag.cluster import open_cluster
from rag.cluster import parsing as cluster_parsing
from rag.cluster.connection import require_ray
from rag.cluster.embedding import ClusterEmbeddings
from rag.cluster.parsing import Changed, ClusterParser, parse_row
from rag.errors import ClusterFailed, UsageError
from rag.ingest import sync
from rag.load import ParsedSource
from rag.load.sources import parse_bytes
from rag.settings import Settings
from tests.conftest import Desk
from tests.fakes import HashEmbeddings


class FakeRows:
    """Parses here; workers see the files whose names are not among `unseen`, and die of those in `deadly`."""

    def __init__(self, unseen: Collection[str] = (), deadly: Collection[str] = ()) -> None:
        self.unseen = unseen
        self.deadly = deadly
        self.calls: list[list[str]] = []
        self.shipped: list[str] = []

    def __call__(self, changed: Sequence[Changed], languages: Collection[str]) -> Iterator[ParsedSource | None]:
        self.calls.append([entry.file.path.name for entry in changed])
        for entry in changed:
            name = entry.file.path.name
            if entry.data is not None:
                self.shipped.append(name)
            if name in self.deadly:
                yield ParsedSource(entry.file, entry.sha256, reason="its worker died")
            elif entry.data is None and name in self.unseen:
                yield None
            else:
                yield parse_bytes(entry.file, entry.data or entry.file.path.read_bytes(), languages=languages)


def write_all(desk: Desk, names: str) -> None:
    for name in names:
        desk.write(f"{name}.md", f"The codeword of {name} is {name * 5}.", title=name)


def ingest(desk: Desk, rows: FakeRows) -> tuple[list[str], list[str]]:
    report = sync(desk.open(), [desk.corpus], parse_all=ClusterParser(rows))
    return report.added, [Path(failure.path).name for failure in report.failed]


def test_files_that_a_cluster_parses_come_in_path_order(desk: Desk) -> None:
    write_all(desk, "cab")
    assert ingest(desk, FakeRows()) == (["a", "b", "c"], [])


def test_only_changed_files_go_to_the_cluster(desk: Desk) -> None:
    write_all(desk, "abc")
    desk.ingest()
    write_all(desk, "d")
    desk.write("b.md", "Another text.", title="b")
    rows = FakeRows()
    report = sync(desk.open(), [desk.corpus], parse_all=ClusterParser(rows))
    assert rows.calls == [["b.md", "d.md"]]
    assert (report.unchanged, report.updated, report.added) == (["a", "c"], ["b"], ["d"])


def test_an_unchanged_corpus_asks_the_cluster_for_nothing(desk: Desk) -> None:
    write_all(desk, "ab")
    desk.ingest()
    rows = FakeRows()
    assert ingest(desk, rows) == ([], [])
    assert rows.calls == []


def test_a_file_that_workers_do_not_see_is_sent_to_them_with_those_behind_it(desk: Desk) -> None:
    write_all(desk, "abcd")
    rows = FakeRows(unseen=["b.md", "d.md"])
    assert ingest(desk, rows) == (["a", "b", "c", "d"], [])
    assert rows.shipped == ["b.md", "c.md", "d.md"]


def test_a_file_that_changes_while_it_waits_is_taken_in_as_it_is_when_it_is_sent(desk: Desk) -> None:
    write_all(desk, "ab")

    class Changing(FakeRows):
        def __call__(self, changed: Sequence[Changed], languages: Collection[str]) -> Iterator[ParsedSource | None]:
            if not self.calls:
                desk.write("b.md", "It was changed meanwhile.", title="b")
            yield from super().__call__(changed, languages)

    assert ingest(desk, Changing(unseen=["b.md"])) == (["a", "b"], [])
    assert [v.text for v in desk.open().catalogue.versions("b")] == ["It was changed meanwhile."]
    assert desk.ingest().unchanged == ["a", "b"]


def test_a_file_that_vanishes_before_it_is_sent_fails_alone(desk: Desk) -> None:
    write_all(desk, "abc")

    class Vanishing(FakeRows):
        def __call__(self, changed: Sequence[Changed], languages: Collection[str]) -> Iterator[ParsedSource | None]:
            (desk.corpus / "b.md").unlink(missing_ok=True)
            yield from super().__call__(changed, languages)

    assert ingest(desk, Vanishing(unseen=["b.md"])) == (["a", "c"], ["b.md"])


def test_a_file_that_workers_die_of_fails_and_is_tried_again_by_the_next_ingest(desk: Desk) -> None:
    write_all(desk, "abc")
    assert ingest(desk, FakeRows(deadly=["b.md"])) == (["a", "c"], ["b.md"])
    assert ingest(desk, FakeRows()) == (["b"], [])


def test_of_two_files_with_one_id_the_first_keeps_it_on_a_cluster_too(desk: Desk) -> None:
    desk.write("a.md", "One.", id="same")
    desk.write("b.md", "Two.", id="same")
    assert ingest(desk, FakeRows(unseen=["a.md"])) == (["same"], ["b.md"])


def test_no_more_files_wait_than_fit_a_window(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_parsing, "WINDOW_FILES", 2)
    write_all(desk, "abcde")
    rows = FakeRows()
    assert ingest(desk, rows) == (["a", "b", "c", "d", "e"], [])
    assert rows.calls == [["a.md", "b.md"], ["c.md", "d.md"], ["e.md"]]


def test_no_more_bytes_wait_than_fit_a_window(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_parsing, "WINDOW_BYTES", 100)
    desk.write("a.md", "x" * 90)
    desk.write("b.md", "y" * 90)
    desk.write("c.md", "z" * 90)
    rows = FakeRows()
    ingest(desk, rows)
    assert rows.calls == [["a.md", "b.md"], ["c.md"]]


def row_of(path: Path, digest: str, data: bytes = b"") -> dict[str, object]:
    return {"n": 0, "path": str(path), "root": str(path.parent), "sha256": digest, "data": data}


def result_of(row: dict[str, object]) -> ParsedSource | None:
    import pickle

    result: ParsedSource | None = pickle.loads(parse_row(row, languages=("en",), timeout_s=60)["result"])
    return result


def test_a_worker_that_sees_another_content_parses_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Another text.")
    assert result_of(row_of(tmp_path / "a.md", "0" * 64)) is None
    assert result_of(row_of(tmp_path / "gone.md", "0" * 64)) is None


def test_a_worker_parses_the_bytes_that_it_is_sent(tmp_path: Path) -> None:
    result = result_of(row_of(tmp_path / "gone.md", "0" * 64, b"Sent text."))
    assert result is not None
    assert result.parsed is not None
    assert [brief.text for brief in result.parsed.briefs] == ["Sent text."]


def test_a_fault_in_a_reader_is_told_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(*_args: object, **_kwargs: object) -> ParsedSource:
        raise MemoryError("no room")

    monkeypatch.setattr(cluster_parsing, "parse_bytes", faulty)
    result = result_of(row_of(tmp_path / "a.md", "", b"text"))
    assert result is not None
    assert result.reason == "cannot be parsed (MemoryError: no room)"


def test_pieces_hold_texts_of_about_equal_length_and_vectors_come_back_in_order() -> None:
    pieces: list[list[str]] = []

    def embed(given: Sequence[list[str]]) -> list[list[list[float]]]:
        pieces.extend(given)
        return [[[float(len(text))] for text in piece] for piece in given]

    made = ClusterEmbeddings(HashEmbeddings(), embed, 2).embed_documents(["a", "bbb", "cc", "eeeee", "dddd"])
    assert made == [[1.0], [3.0], [2.0], [5.0], [4.0]]
    assert pieces == [["eeeee", "dddd"], ["bbb", "cc"], ["a"]]


def test_questions_are_embedded_here_and_all_else_is_the_models_own() -> None:
    model = HashEmbeddings()
    embeddings = ClusterEmbeddings(model, lambda pieces: pytest.fail("asked the cluster"), 2)
    assert embeddings.embed_query("Oslo") == model.embed_query("Oslo")
    assert (embeddings.identity, embeddings.dimension, embeddings.dtype) == ("hash-256", 256, "float32")
    assert embeddings.count_tokens(["Oslo, Bergen"]) == [3]
    assert not hasattr(embeddings, "no_such_thing")


def test_a_missing_extra_names_itself_and_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r'pip install "geobrief\[cluster\]"'):
        require_ray(None)


def test_an_address_of_ray_client_is_refused() -> None:
    with pytest.raises(UsageError, match="Ray Client"):
        require_ray("ray://head:10001")


def test_a_cluster_that_has_nothing_to_do_starts_no_ray(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from rag.cluster import connection

    write_all(desk, "ab")
    desk.ingest()
    monkeypatch.setenv("GEOBRIEF_EMBEDDING__MODEL", "tests.fakes:HashEmbeddings")
    monkeypatch.setattr(connection.Connection, "start", lambda self: pytest.fail("started Ray"))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with open_cluster(Settings(index=desk.settings.index)) as cluster:
        report = sync(cluster.open_index(), [desk.corpus], parse_all=cluster.parse)
    assert report.unchanged == ["a", "b"]


def test_a_failed_cluster_is_no_failure_of_a_file(desk: Desk) -> None:
    write_all(desk, "abc")

    class Failing(FakeRows):
        def __call__(self, changed: Sequence[Changed], languages: Collection[str]) -> Iterator[ParsedSource | None]:
            yield from super().__call__(changed[:1], languages)
            raise ClusterFailed("the cluster is gone")

    with pytest.raises(ClusterFailed):
        ingest(desk, Failing())
    report = desk.ingest()
    assert (sorted(report.added + report.unchanged), report.failed) == (["a", "b", "c"], [])
    assert os.listdir(desk.corpus)
