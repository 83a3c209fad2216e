"""Files to briefs by Ray Data: one task a file, in order, a window of files at a time.

Workers read a file from where the driver found it. Where they see none there, or another content, the driver sends the
bytes. Each result carries the digest of what was parsed, so work that is done twice gives the same.
"""

from __future__ import annotations

import logging
import pickle
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rag.cluster.connection import ATTEMPTS
from rag.cluster.watchdog import watchdog
from rag.errors import ClusterFailed
from rag.load import ParsedSource, Source, SourceFile
from rag.load.sources import changed_bytes, parse_bytes
from rag.types import sha256

WINDOW_FILES = 256
WINDOW_BYTES = 64_000_000
CPUS_PER_PARSE = 0.25
"""What one that embeds leaves of a core: parsing must never wait for it to end."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A file that is to be parsed.

    Attributes:
        data: its bytes, when workers do not see the file.
    """

    file: SourceFile
    sha256: str
    n_bytes: int
    data: bytes | None = None


Entry = ParsedSource | Changed
Rows = Callable[[Sequence[Changed], Collection[str]], Iterator[ParsedSource | None]]
"""Gives for each changed file its result, in order; None when its worker did not see what the driver saw."""


@dataclass(frozen=True)
class ClusterParser:
    """Parses sources on a cluster; see `rag.load.ParseSources`.

    Attributes:
        rows: parses a window of files.
    """

    rows: Rows

    def __call__(
        self, sources: Iterable[Source], *, max_bytes: int, languages: Collection[str] = ("en",)
    ) -> Iterator[ParsedSource]:
        """Yield what became of each source. Reads ahead by a window."""
        for window in _windows(sources, max_bytes):
            yield from self._window(window, max_bytes, languages)

    def _window(self, window: Sequence[Entry], max_bytes: int, languages: Collection[str]) -> Iterator[ParsedSource]:
        changed = [entry for entry in window if isinstance(entry, Changed)]
        results = self.rows(changed, languages) if changed else iter(())
        for position, entry in enumerate(window):
            result = entry if isinstance(entry, ParsedSource) else next(results)
            if result is None:
                del results  # ends its tasks
                rest = [_with_data(entry, max_bytes) for entry in window[position:]]
                yield from self._window(rest, max_bytes, languages)
                return
            yield result


@dataclass(frozen=True)
class DatasetRows:
    """Parses a window of files as a Ray Data dataset.

    Attributes:
        start: connects to Ray.
        timeout_s: a task that takes longer is ended and tried again.
    """

    start: Callable[[], None]
    timeout_s: float

    def __call__(self, changed: Sequence[Changed], languages: Collection[str]) -> Iterator[ParsedSource | None]:
        """Yield a result for each file. Rows that are missing belong to files whose worker died each time."""
        self.start()
        _prepare()
        from ray.exceptions import RayError

        expected = 0
        try:
            for row in self._dataset(changed, languages).iter_rows():
                for lost in range(expected, row["n"]):
                    yield self._lost(changed[lost])
                expected = row["n"] + 1
                yield pickle.loads(row["result"])  # made by `parse_row`
        except RayError as error:
            raise ClusterFailed(f"the cluster stopped parsing ({type(error).__name__}); ingest again") from error
        for lost in range(expected, len(changed)):
            yield self._lost(changed[lost])

    def _dataset(self, changed: Sequence[Changed], languages: Collection[str]) -> Any:
        import ray.data

        rows = [
            {
                "n": n,
                "path": str(entry.file.path),
                "root": str(entry.file.root),
                "sha256": entry.sha256,
                "data": entry.data or b"",
            }
            for n, entry in enumerate(changed)
        ]
        parse_one = partial(parse_row, languages=tuple(languages), timeout_s=self.timeout_s)
        one_file_each = ray.data.from_items(rows, override_num_blocks=len(rows))
        with warnings.catch_warnings():
            # By itself Ray Data tries without end a file that workers die of. `max_retries` goes with Ray 2.64.
            warnings.simplefilter("ignore", DeprecationWarning)
            return one_file_each.map(parse_one, num_cpus=CPUS_PER_PARSE, max_retries=ATTEMPTS - 1)

    def _lost(self, entry: Changed) -> ParsedSource:
        reason = (
            f"cannot be parsed: its worker died {ATTEMPTS} times (a crash, too little memory, or longer than "
            f"{self.timeout_s:g} s); split the file"
        )
        return ParsedSource(entry.file, entry.sha256, reason=reason)


def parse_row(row: dict[str, Any], *, languages: Collection[str], timeout_s: float) -> dict[str, Any]:
    """Parse one file on a worker."""
    file = SourceFile(Path(row["path"]), Path(row["root"]))
    with watchdog(timeout_s):
        data = row["data"] or _seen(file, row["sha256"])
        result = None if data is None else _parsed(file, data, languages)
    return {"n": row["n"], "result": pickle.dumps(result)}


def _parsed(file: SourceFile, data: bytes, languages: Collection[str]) -> ParsedSource:
    try:
        return parse_bytes(file, data, languages=languages)
    except Exception as error:  # the edge of the worker: a fault in a reader is told of its file
        return ParsedSource(file, sha256(data), reason=f"cannot be parsed ({type(error).__name__}: {error})")


def _seen(file: SourceFile, digest: str) -> bytes | None:
    """Return the file's bytes as this machine sees it, if they are those of the digest."""
    try:
        data = file.path.read_bytes()
    except OSError:
        return None
    return data if sha256(data) == digest else None


def _windows(sources: Iterable[Source], max_bytes: int) -> Iterator[list[Entry]]:
    """Cut the sources into windows of some files and bytes; what needs no parsing is in its place among them."""
    window: list[Entry] = []
    n_bytes = 0
    for source in sources:
        entry = _entry(source, max_bytes)
        n_bytes += entry.n_bytes if isinstance(entry, Changed) else 0
        window.append(entry)
        if len(window) >= WINDOW_FILES or n_bytes >= WINDOW_BYTES:
            yield window
            window, n_bytes = [], 0
    if window:
        yield window


def _entry(source: Source, max_bytes: int) -> Entry:
    data = changed_bytes(source, max_bytes=max_bytes)
    return data if isinstance(data, ParsedSource) else Changed(source.file, sha256(data), len(data))


def _with_data(entry: Entry, max_bytes: int) -> Entry:
    """Read a file again, to send its bytes: it may have changed meanwhile."""
    if isinstance(entry, ParsedSource):
        return entry
    data = changed_bytes(Source(entry.file), max_bytes=max_bytes)
    return data if isinstance(data, ParsedSource) else Changed(entry.file, sha256(data), len(data), data)


def _prepare() -> None:
    """Have Ray Data keep the order, go on past files that fail, and say nothing."""
    from ray.data import DataContext

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of its own defaults
        context = DataContext.get_current()
    context.execution_options.preserve_order = True
    context.max_errored_blocks = -1
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
