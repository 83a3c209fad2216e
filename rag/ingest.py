"""Flow one: files to briefs to chunks to the index."""

from __future__ import annotations

import fnmatch
import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from rag.catalogue import Catalogue, Publication, SourceRow, Standing
from rag.index import Index, IndexWriter
from rag.load import Failure, ParsedSource, ParseSources, Source, SourceFile, find, parse_sources
from rag.types import Brief

Progress = Callable[[int, int, int], None]
"""Called with files done, files in all, chunks embedded."""


@dataclass
class SyncReport:
    """What an ingest did; the first four lists hold brief ids.

    Attributes:
        withheld: briefs that were removed earlier, so that they were not brought back.
        chunks_total: chunks of all present briefs afterwards.
    """

    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    withheld: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    chunks_embedded: int = 0
    chunks_total: int = 0
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class SyncLimits:
    """Limits of one ingest, as in the settings."""

    max_bytes: int = 50_000_000
    lock_timeout_s: float = 30.0
    languages: Collection[str] = ("en",)


def sync(
    index: Index,
    paths: Sequence[Path | str],
    *,
    prune: bool = False,
    limits: SyncLimits = SyncLimits(),
    progress: Progress | None = None,
    parse_all: ParseSources = parse_sources,
) -> SyncReport:
    """Bring the index in step with files: folders, single files or globs.

    A file with the digest it had is neither parsed nor embedded. One bad file does not stop the others. What was
    in the index stays answerable until its successor is complete.

    Args:
        prune: withdraw briefs whose file under the given paths is gone.
        parse_all: parses the files; `rag.cluster` has one that does it on other machines.

    Raises:
        IndexLocked: if another process keeps writing.
        IndexMismatch: if the index was made with another model or splitter.
    """
    started = time.perf_counter()
    found = find(paths)
    with index.writing(timeout_s=limits.lock_timeout_s) as writer:
        writer.record_identity()
        sync = _Sync(index.catalogue, limits, SyncReport(failed=list(found.failures)))
        for done, source in enumerate(sync.parsed(found.files, parse_all)):
            if progress:
                writer.on_embedded = partial(progress, done, len(found.files))
                progress(done, len(found.files), writer.chunks_embedded)
            sync.take(source, writer)
        writer.flush()
        sync.take_deferred(writer, parse_all)
        if prune:
            sync.prune(paths, {str(file.path) for file in found.files}, writer)
        if progress:
            progress(len(found.files), len(found.files), writer.chunks_embedded)
    sync.report.chunks_embedded = writer.chunks_embedded
    return _finished(sync.report, index.catalogue, started)


def plan(
    index: Index | None, paths: Sequence[Path | str], *, prune: bool = False, limits: SyncLimits = SyncLimits()
) -> SyncReport:
    """Say what `sync` would do, without writing or embedding anything; `index` is None when there is none yet."""
    started = time.perf_counter()
    found = find(paths)
    catalogue = index.catalogue if index else None
    sync = _Sync(catalogue, limits, SyncReport(failed=list(found.failures)))
    for source in sync.parsed(found.files, parse_sources):
        sync.take(source, None)
    sync.take_deferred(None, parse_sources)
    if prune:
        sync.prune(paths, {str(file.path) for file in found.files}, None)
    return _finished(sync.report, catalogue, started)


@dataclass
class _Sync:
    """One pass over files: decides what each one means, and tells the writer, if there is one.

    Attributes:
        claimed: by id, the file that a brief was found in.
        released: ids of briefs that are no longer in the file that had them.
        deferred: files with a brief of another file, which may yet turn out to have released it.
    """

    catalogue: Catalogue | None
    limits: SyncLimits
    report: SyncReport
    claimed: dict[str, str] = field(default_factory=dict)
    released: set[str] = field(default_factory=set)
    deferred: list[SourceFile] = field(default_factory=list)

    def parsed(self, files: Sequence[SourceFile], parse_all: ParseSources) -> Iterator[ParsedSource]:
        """Parse files, those aside that have the digest they had."""
        sources = (self._source(file) for file in files)
        return parse_all(sources, max_bytes=self.limits.max_bytes, languages=self.limits.languages)

    def _source(self, file: SourceFile) -> Source:
        known = self.catalogue.source(str(file.path)) if self.catalogue else None
        if known is None:
            return Source(file)
        return Source(SourceFile(file.path, Path(known.root)), known.sha256 if known.complete else None)

    def take_deferred(self, writer: IndexWriter | None, parse_all: ParseSources) -> None:
        """Stage what is new in the files that were put off, each once what the ones before released is published."""
        for source in self.parsed(self.deferred, parse_all):
            self.take(source, writer, last=True)
            if writer:
                writer.flush()

    def take(self, source: ParsedSource, writer: IndexWriter | None, *, last: bool = False) -> None:
        """Stage what is new in a file; one with a brief of another file is put off, unless this is its last turn."""
        path, parsed = str(source.file.path), source.parsed
        if source.reason is not None:
            self.report.failed.append(Failure(path, source.reason))
            return
        if parsed is None:
            self.report.unchanged += self._present_ids(path)
            return
        standings = [(brief, self._standing(brief)) for brief in parsed.briefs]
        if not last and any(b.id in self.released or self._held_by(b.id, standing, path) for b, standing in standings):
            self.deferred.append(source.file)
            return
        self.report.failed += [Failure(path, reason) for reason in parsed.failures]
        self.report.warnings += [f"{path}: {warning}" for warning in parsed.warnings]
        failures = len(self.report.failed)
        admitted = [(brief, standing) for brief, standing in standings if self._admit(brief, standing, path)]
        complete = not parsed.failures and failures == len(self.report.failed)
        gone = self._gone(path, [brief.id for brief in parsed.briefs]) if complete else []
        self.report.removed += gone
        self.released.update(gone)
        changed = [brief for brief, standing in admitted if not standing.same]
        if writer:
            row = SourceRow(path, str(source.file.root), source.sha256, complete)
            writer.replace(Publication(row, [brief for brief, _ in admitted], gone), changed)

    def prune(self, paths: Sequence[Path | str], seen: Collection[str], writer: IndexWriter | None) -> None:
        """Withdraw the briefs of files that lie under the given paths and are gone."""
        failed = {failure.path for failure in self.report.failed}
        roots = [str(Path(path).resolve()) for path in paths if str(path) not in failed]
        for path in self.catalogue.source_paths() if self.catalogue else ():
            named = any(path == str(Path(given).resolve()) for given in paths)
            if path in seen or not (named or any(_lies_under(path, root) for root in roots)) or not _is_gone(path):
                continue
            self.report.removed += self._present_ids(path)
            self.report.failed = [f for f in self.report.failed if str(Path(f.path).resolve()) != path]
            if writer:
                writer.catalogue.withdraw_source(path)

    def _present_ids(self, path: str) -> list[str]:
        return list(self.catalogue.brief_ids(path)) if self.catalogue else []

    def _standing(self, brief: Brief) -> Standing:
        found = self.catalogue.standing(brief) if self.catalogue else Standing(None, same=False, removed=False)
        return replace(found, owner=None, same=False) if brief.id in self.released else found

    def _held_by(self, brief_id: str, standing: Standing, path: str) -> str | None:
        """Return the other file that has an id: the indexed one while it exists, else the first in path order."""
        owner = self.claimed.get(brief_id) or standing.owner
        return None if owner is None or owner == path or _is_gone(owner) else owner

    def _admit(self, brief: Brief, standing: Standing, path: str) -> bool:
        """Report what a brief means to the index, and tell whether it may come in."""
        if standing.removed:
            self.report.withheld.append(brief.id)
            return False
        if owner := self._held_by(brief.id, standing, path):
            reason = f"id {brief.id!r} is already used by {owner}; give one of them another id"
            self.report.failed.append(Failure(path, reason))
            return False
        self.claimed[brief.id] = path
        kind = "added" if standing.owner is None else "unchanged" if standing.same else "updated"
        getattr(self.report, kind).append(brief.id)
        return True

    def _gone(self, path: str, kept: Collection[str]) -> list[str]:
        return [brief_id for brief_id in self._present_ids(path) if brief_id not in set(kept)]


def _lies_under(path: str, root: str) -> bool:
    """Whether a path lies in a folder, or is matched by a glob."""
    return Path(path).is_relative_to(root) or any(
        fnmatch.fnmatch(path, pattern) for pattern in (root, root.replace("/**/", "/"))
    )


def _is_gone(path: str) -> bool:
    """Whether nothing is there; a path that cannot be looked at counts as there, so that no brief is lost by it."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _finished(report: SyncReport, catalogue: Catalogue | None, started: float) -> SyncReport:
    report.chunks_total = catalogue.count_chunks() if catalogue else 0
    report.seconds = round(time.perf_counter() - started, 3)
    return report
