"""Examine an index, and repair what is derived from the catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice

from rag.catalogue import PendingChunk
from rag.catalogue.checks import all_briefs, chunk_digests, chunk_faults, pending_chunks, text_faults, unused_texts
from rag.errors import IndexCorrupt, IndexLocked, IndexMismatch, IndexUnusable
from rag.index import Index, IndexWriter

BATCH = 200


def examine(index: Index) -> tuple[str, ...]:
    """Say in words what is wrong with an index; empty when it is sound.

    Checked: model and splitter identity, the catalogue's structure, digests and spans, what an interrupted ingest
    left, and the vector store against the catalogue by count, id and content. What an ingest that is running has not
    finished is no fault.
    """
    damage = text_faults(index.catalogue.database)
    unusable = tuple(_unusable(index))
    return (*damage, *_rebuild_reasons(index), *unusable, *_unfinished(index, has_vectors=not unusable))


def is_being_written(index: Index) -> bool:
    """Whether a process is writing to an index now."""
    try:
        with _held(index):
            return False
    except IndexLocked:
        return True
    except IndexUnusable:  # nobody can write
        return False


def repair(index: Index, *, lock_timeout_s: float) -> int:
    """Rebuild what is derived and differs; return the number of chunks embedded.

    Everything is rebuilt when the index was made with other settings, or chunks, or vectors cannot be used; else only
    missing, wrong and superfluous vectors are put right. The text of briefs is never touched.

    Raises:
        IndexLocked: if another process keeps writing.
        IndexCorrupt: if the catalogue itself is damaged.
    """
    with index.writing(timeout_s=lock_timeout_s, check=False, finish=False) as writer:
        damage = text_faults(index.catalogue.database)
        if damage:
            raise IndexCorrupt(f"{'; '.join(damage)}; forget these briefs and ingest them again")
        if any(_rebuild_reasons(index)) or any(_unusable(index)):
            _rebuild(index, writer)
        else:
            _patch(index, writer)
        return writer.chunks_embedded


def recover(writer: IndexWriter) -> None:
    """Put the vectors right after a run that was killed; what it staged stays, for the next ingest to use."""
    if any(_unusable(writer.index)):
        _rebuild(writer.index, writer)
    else:
        _align(writer.index, writer)


def _rebuild_reasons(index: Index) -> Iterator[str]:
    try:
        index.check_identity()
    except IndexMismatch as error:
        yield str(error)
    yield from chunk_faults(index.catalogue.database)


class _CutShort(Exception):
    """Ends the hold of a lock as the run that held it before ended, so that its note stays for the next writer."""


@contextmanager
def _held(index: Index) -> Iterator[None]:
    """Hold the index's lock, if it is free, and change nothing."""
    with suppress(_CutShort), index.lock(0) as cut_short:
        yield
        if cut_short:
            raise _CutShort


def _unfinished(index: Index, *, has_vectors: bool) -> tuple[str, ...]:
    """Say what is not finished and nobody is at: what is found is looked at again while nobody can write."""

    def look() -> tuple[str, ...]:
        return (*_staged(index), *(_vector_faults(index) if has_vectors else ()))

    found = look()
    if not found:
        return ()
    try:
        with _held(index):
            return look()
    except IndexLocked:
        return ()
    except IndexUnusable:
        return found


def _staged(index: Index) -> Iterator[str]:
    staged = unused_texts(index.catalogue.database)
    if staged:
        yield (
            f"{staged} texts are staged but not published: an ingest was interrupted; "
            "run it again, or drop them with `geobrief doctor --repair`"
        )


def _unusable(index: Index) -> Iterator[str]:
    try:
        index.vectors.ids(index.catalogue.generation())
    except IndexCorrupt as error:
        yield str(error)


def _vector_faults(index: Index) -> Iterator[str]:
    missing, wrong, orphans = _compare(index)
    for ids, what in ((missing, "have no vector"), (wrong, "have the vector of another text")):
        if ids:
            yield f"{len(ids)} chunks {what}, such as {ids[0]}"
    if orphans:
        yield f"{len(orphans)} vectors belong to no chunk, such as {orphans[0]}"


def _compare(index: Index) -> tuple[list[str], list[str], list[str]]:
    """Return the ids of chunks without vector, of chunks with a wrong one, and of vectors without chunk.

    A vector that was written but not yet recorded counts as missing: its run was interrupted.
    """
    expected = chunk_digests(index.catalogue.database)
    generation = index.catalogue.generation()
    held = set(index.vectors.ids(generation))
    recorded = {chunk_id for chunk_id, digest in expected.items() if digest is not None}
    wrong: list[str] = []
    ids = iter(sorted(held & recorded))
    while batch := list(islice(ids, BATCH)):
        made_of = index.vectors.digests(generation, batch)
        wrong += [chunk_id for chunk_id in batch if made_of.get(chunk_id) != expected[chunk_id]]
    return sorted(expected.keys() - (held & recorded)), wrong, sorted(held - expected.keys())


def _rebuild(index: Index, writer: IndexWriter) -> None:
    """Cut and embed every text anew. Identity comes first, so that a rebuild that stops is seen as unfinished."""
    index.vectors.reset()
    writer.catalogue.purge_staged()
    if deletions := writer.index.catalogue.vector_deletions():
        writer.catalogue.compact()  # a forget that was cut short may have left traces
        writer.catalogue.clear_vector_deletions(deletions)
    writer.record_identity()
    pending: list[PendingChunk] = []
    for brief in all_briefs(index.catalogue.database):
        parts = index.split(brief)
        pending += writer.catalogue.restage(brief, parts, [index.embedded(brief, part) for part in parts])
        if len(pending) >= index.batch_chunks:
            writer.embed(pending)
            pending = []
    writer.embed(pending)
    writer.catalogue.touch()


def _patch(index: Index, writer: IndexWriter) -> None:
    writer.catalogue.purge_staged()
    _align(index, writer)


def _align(index: Index, writer: IndexWriter) -> None:
    """Delete vectors that no chunk has, embed chunks that have none or that of another text."""
    index.vectors.close()
    writer.finish_deletions()
    missing, wrong, orphans = _compare(index)
    if orphans:
        writer.delete_vectors(orphans)
    writer.embed(list(pending_chunks(index.catalogue.database, missing + wrong)))
    writer.catalogue.touch()
