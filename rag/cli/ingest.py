"""The command that brings the index in step with files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rag.cli.options import ConfigOption, IndexOption, JsonOption, LockOption, settings_from
from rag.cli.progress import ingest_progress
from rag.cli.starter import starter_corpus
from rag.errors import IndexLocked, UsageError
from rag.printable import printable

if TYPE_CHECKING:
    from watchfiles import Change

    from rag.index import Index
    from rag.ingest import SyncReport
    from rag.load import ParseSources
    from rag.settings import Settings

Engine = Literal["local", "ray"]

TICK_MS = 1000
"""How long changes are waited for before it is looked whether an ingest is still to be done."""


def ingest(
    paths: Annotated[list[str] | None, typer.Argument(help="Folders, files or globs.")] = None,
    starter: Annotated[bool, typer.Option("--starter", help="Take in the briefs of geobrief, too.")] = False,
    index: IndexOption = None,
    config: ConfigOption = None,
    prune: Annotated[bool, typer.Option("--prune", help="Withdraw briefs whose file under PATHS is gone.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, write nothing.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Stay and follow changes until Ctrl-C.")] = False,
    lock_timeout: LockOption = None,
    json_: JsonOption = False,
    engine: Annotated[Engine, typer.Option("--engine", help="Where files are parsed and embedded.")] = "local",
    ray_address: Annotated[
        str | None,
        typer.Option("--ray-address", help="HOST:PORT or auto (default RAY_ADDRESS, else a Ray on this machine)."),
    ] = None,
) -> None:
    """Bring the index in step with files. What did not change is neither parsed nor embedded.

    Example: geobrief ingest ~/briefs --prune; geobrief ingest --starter
    """
    paths = [*(paths or ()), *([starter_corpus()] if starter else [])]
    if not paths:
        raise UsageError("nothing to ingest; name folders, files or globs, or --starter")
    if ray_address and engine != "ray":
        raise UsageError(f"--ray-address {ray_address!r} needs --engine ray")
    run = _Run(settings_from(index, config), paths, prune, lock_timeout, json_, engine, ray_address)
    if watch and not dry_run:
        run.follow()
    elif run.plan() if dry_run else run.sync():
        raise typer.Exit(3)


@dataclass(frozen=True)
class _Run:
    """One call of the command."""

    settings: Settings
    paths: Sequence[str]
    prune: bool
    lock_timeout: float | None
    json: bool
    engine: Engine
    ray_address: str | None

    def plan(self) -> bool:
        """Print what an ingest would do; return whether a file failed."""
        from rag.build import open_index, sync_limits
        from rag.errors import IndexMissing
        from rag.ingest import plan

        try:
            known = open_index(self.settings)
        except IndexMissing:
            known = None
        limits = sync_limits(self.settings, lock_timeout_s=self.lock_timeout)
        return self._tell(plan(known, self._places(), prune=self.prune, limits=limits), would_be=True)

    def sync(self) -> bool:
        """Ingest once and print the report; return whether a file failed."""
        from rag.build import sync_limits
        from rag.ingest import sync

        limits = sync_limits(self.settings, lock_timeout_s=self.lock_timeout)
        with self._opened() as (index, parse_all), ingest_progress() as progress:
            report = sync(
                index, self._places(), prune=self.prune, limits=limits, progress=progress, parse_all=parse_all
            )
        return self._tell(report)

    def follow(self) -> None:
        """Ingest at once, and again whenever a file changes, until Ctrl-C.

        Files are watched before the first ingest begins. One that another writer kept from the index is tried again.
        """
        from watchfiles import watch

        from rag.load import find

        files = {str(file.root) for file in find(self.paths).files}
        folders = files | {str(Path(path).resolve()) for path in self.paths if Path(path).is_dir()}
        if not folders:
            raise UsageError(f"nothing to watch at {', '.join(self.paths)}")
        typer.echo(f"watching {', '.join(sorted(folders))}; Ctrl-C ends", err=True)
        outside = _outside(self.settings.folder)
        is_due = True
        for changes in watch(*sorted(folders), watch_filter=outside, rust_timeout=TICK_MS, yield_on_timeout=True):
            if is_due or changes:
                is_due = not self._try_sync()

    def _try_sync(self) -> bool:
        """Ingest; return whether the index was free, and tell who writes where it was not."""
        try:
            self.sync()
        except IndexLocked as error:
            typer.echo(f"geobrief: {error} (this is tried again)", err=True)
            return False
        return True

    def _places(self) -> list[str]:
        from rag.uploads import with_uploads

        return [str(path) for path in with_uploads(self.settings.index, self.paths)]

    @contextmanager
    def _opened(self) -> Iterator[tuple[Index, ParseSources]]:
        """Open the index, with what parses for it: this process, or a cluster."""
        from rag.build import open_index
        from rag.load import parse_sources

        if self.engine == "local":
            yield open_index(self.settings, create=True), parse_sources
            return
        from rag.cluster import open_cluster

        with open_cluster(self.settings, address=self.ray_address) as cluster:
            yield cluster.open_index(), cluster.parse

    def _tell(self, report: SyncReport, *, would_be: bool = False) -> bool:
        _print_report(report, dry_run=would_be, json_=self.json)
        return bool(report.failed)


def _outside(folder: Path) -> Callable[[Change, str], bool]:
    """Return a filter of changes that passes over those in a folder: an ingest writes to its index."""
    from watchfiles import DefaultFilter

    usual = DefaultFilter()
    return lambda change, path: usual(change, path) and not Path(path).is_relative_to(folder)


def _print_report(report: SyncReport, *, dry_run: bool, json_: bool) -> None:
    for failure in report.failed:
        typer.echo(f"failed: {printable(failure.path)}: {printable(failure.reason)}", err=True)
    for warning in report.warnings:
        typer.echo(f"warning: {printable(warning)}", err=True)
    if json_:
        typer.echo(json.dumps(report.to_dict(), ensure_ascii=False))
        return
    counts = {name: len(getattr(report, name)) for name in ("added", "updated", "unchanged", "removed", "failed")}
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count or name in ("added", "unchanged"))
    withheld = f", {len(report.withheld)} withheld (removed earlier)" if report.withheld else ""
    typer.echo(
        f"{'would be: ' if dry_run else ''}{told}{withheld}; {report.chunks_embedded} chunks embedded, "
        f"{report.chunks_total} in the index, {report.seconds:.1f} s"
    )
