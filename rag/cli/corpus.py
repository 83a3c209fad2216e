"""Commands that look after the corpus: ingest, briefs, forget, doctor, verify."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli.options import (
    ConfigOption,
    FromOption,
    IndexOption,
    JsonOption,
    LockOption,
    RegionOption,
    SourceOption,
    ToOption,
    TopicOption,
    scope_from,
    settings_from,
)
from rag.cli.progress import ingest_progress
from rag.cli.starter import starter_corpus
from rag.errors import UsageError
from rag.printable import one_line, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.index import Index
    from rag.ingest import SyncReport
    from rag.record import AnswerRecord
    from rag.settings import Settings
    from rag.verify import Claim, Judgement, Verifier

briefs_app = typer.Typer(help="List, show, remove or restore briefs.", no_args_is_help=True, rich_markup_mode=None)

BriefArgument = Annotated[str, typer.Argument(help="Id of the brief, as `geobrief briefs list` shows it.")]


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
) -> None:
    """Bring the index in step with files. What did not change is neither parsed nor embedded.

    Example: geobrief ingest ~/briefs --prune; geobrief ingest --starter
    """
    paths = [*(paths or ()), *([starter_corpus()] if starter else [])]
    if not paths:
        raise UsageError("nothing to ingest; name folders, files or globs, or --starter")
    settings = settings_from(index, config)
    failed = _ingest_once(settings, paths, prune, dry_run, lock_timeout, json_)
    if watch and not dry_run:
        _follow(settings, paths, prune, lock_timeout, json_)
    if failed:
        raise typer.Exit(3)


@briefs_app.command("list")
def briefs_list(
    index: IndexOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
    date_from: FromOption = None,
    date_to: ToOption = None,
    region: RegionOption = None,
    source: SourceOption = None,
    topic: TopicOption = None,
) -> None:
    """List the briefs, newest first.

    Example: geobrief briefs list --region asia --from 2024
    """
    scope = scope_from(date_from, date_to, None, region, source, topic)
    rows = _open(settings_from(index, config)).catalogue.briefs(scope)
    if json_:
        from dataclasses import asdict

        typer.echo(json.dumps({"briefs": [asdict(row) for row in rows]}, ensure_ascii=False, indent=2))
        return
    for row in rows:
        chunks = f"{row.chunks} chunk{'s' if row.chunks != 1 else ''}"
        typer.echo(f"{row.brief_id}  {row.date or 'undated'}  {one_line(row.title)}  ({chunks})")
    typer.echo(f"{len(rows)} briefs", err=True)


@briefs_app.command("show")
def briefs_show(
    brief_id: BriefArgument, index: IndexOption = None, config: ConfigOption = None, json_: JsonOption = False
) -> None:
    """Show a brief with its provenance and versions.

    Example: geobrief briefs show 2024-05-16-putin-beijing
    """
    versions = _open(settings_from(index, config)).catalogue.versions(brief_id)
    if not versions:
        raise _unknown(brief_id)
    if json_:
        from dataclasses import asdict

        typer.echo(json.dumps({"versions": [asdict(version) for version in versions]}, ensure_ascii=False, indent=2))
        return
    newest = versions[0]
    for key, value in newest.metadata.items():
        if value not in (None, [], False):
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            typer.echo(f"{key}: {one_line(shown)}")
    typer.echo(f"file: {newest.source_path}\ntext sha256: {newest.text_sha256}\nversions: {len(versions)}")
    typer.echo(f"state: {'present' if newest.superseded_at is None else 'withdrawn'}\n\n{printable(newest.text)}")


@briefs_app.command("remove")
def briefs_remove(
    brief_id: BriefArgument, index: IndexOption = None, config: ConfigOption = None, lock_timeout: LockOption = None
) -> None:
    """Withdraw a brief, and keep ingest from bringing the same text back. `briefs restore` undoes it.

    Example: geobrief briefs remove 2024-05-16-putin-beijing
    """
    settings = settings_from(index, config)
    with _open(settings).writing(timeout_s=_wait(settings, lock_timeout)) as writer:
        if not writer.catalogue.remove(brief_id):
            raise _unknown(brief_id)
    typer.echo(f"removed {brief_id}; `geobrief briefs restore {brief_id}` and an ingest bring it back")


@briefs_app.command("restore")
def briefs_restore(
    brief_id: BriefArgument, index: IndexOption = None, config: ConfigOption = None, lock_timeout: LockOption = None
) -> None:
    """Allow ingest to bring a removed brief back.

    Example: geobrief briefs restore 2024-05-16-putin-beijing
    """
    settings = settings_from(index, config)
    with _open(settings).writing(timeout_s=_wait(settings, lock_timeout)) as writer:
        if not writer.catalogue.restore(brief_id):
            raise UsageError(f"brief {brief_id!r} was not removed; `geobrief briefs list` shows what is there")
    typer.echo(f"restored {brief_id}; the next ingest of its file brings it back")


def forget(
    brief_id: BriefArgument, index: IndexOption = None, config: ConfigOption = None, lock_timeout: LockOption = None
) -> None:
    """Delete every version of a brief for good: text, chunks and vectors. Only digests stay, to keep it out.

    Example: geobrief forget 2024-05-16-putin-beijing
    """
    settings = settings_from(index, config)
    with _open(settings).writing(timeout_s=_wait(settings, lock_timeout)) as writer:
        if not writer.forget(brief_id):
            raise _unknown(brief_id)
    typer.echo(f"forgot {brief_id}; its text is gone from the index, the source file is untouched")


def doctor(
    index: IndexOption = None,
    config: ConfigOption = None,
    repair: Annotated[bool, typer.Option("--repair", help="Rebuild what is derived and differs.")] = False,
    lock_timeout: LockOption = None,
) -> None:
    """Check catalogue, vectors and model against each other. Exit code 1 when something is wrong.

    Example: geobrief doctor --repair
    """
    from rag.doctor import examine
    from rag.doctor import repair as mend

    settings = settings_from(index, config)
    opened = _open(settings)
    found = examine(opened)
    for fault in found:
        typer.echo(f"fault: {fault}")
    if found and repair:
        embedded = mend(opened, lock_timeout_s=_wait(settings, lock_timeout))
        found = examine(opened)
        typer.echo(f"repaired; {embedded} chunks embedded" if not found else f"still wrong: {'; '.join(found)}")
    elif not found:
        typer.echo(f"sound: {len(opened.catalogue.briefs())} briefs, {opened.catalogue.count_chunks()} chunks")
    if found:
        raise typer.Exit(1)


def verify(
    path: Annotated[
        Path, typer.Argument(help="An answer exported by `geobrief ask --json`, or a conversation exported as JSON.")
    ],
    index: IndexOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Check each citation of an exported answer or conversation again. Exit code 1 when one changed or is missing.

    Example: geobrief ask "who signed it" --json > answer.json; geobrief verify answer.json
    """
    from rag.verify import FAILING, verify_record

    records = _read_record(path)
    settings = settings_from(index, config)

    @cache
    def verifier() -> Verifier:
        from rag.build import open_verifier

        return open_verifier(settings)

    def judge(claims: Sequence[Claim]) -> Sequence[Judgement]:
        return verifier().judge(claims)

    versions = cache(_open(settings).catalogue.versions)
    verdicts = [verdict for record in records for verdict in verify_record(record, versions, judge)]
    if json_:
        rows = [{"verdict": v.verdict, "sentence": v.sentence, **v.citation.model_dump()} for v in verdicts]
        typer.echo(json.dumps({"citations": rows}, ensure_ascii=False, indent=2))
    else:
        for v in verdicts:
            c = v.citation
            typer.echo(f"{v.verdict}: [{c.n}] {one_line(c.brief_id)} {c.start}-{c.end} “{one_line(c.quote)}”")
        typer.echo(f"{len(verdicts)} citations checked", err=True)
    if any(v.verdict in FAILING for v in verdicts):
        raise typer.Exit(1)


def _read_record(path: Path) -> list[AnswerRecord]:
    """Read the answers of an exported file: one, or all of a conversation."""
    from pydantic import ValidationError

    from rag.export.conversation import ConversationRecord, FileKind
    from rag.record import AnswerRecord

    try:
        data = path.read_bytes()
        if FileKind.model_validate_json(data).kind == "conversation":
            return ConversationRecord.model_validate_json(data).answers
        return [AnswerRecord.model_validate_json(data)]
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise UsageError(
            f"{path} is no exported answer ({where}: {first['msg']}); make one with `ask --json`"
        ) from error


def _ingest_once(
    settings: Settings, paths: Sequence[str], prune: bool, dry_run: bool, lock_timeout: float | None, json_: bool
) -> bool:
    """Ingest once and print the report; return whether a file failed."""
    from rag.build import open_index, sync_limits
    from rag.errors import IndexMissing
    from rag.ingest import plan, sync
    from rag.uploads import with_uploads

    paths = [str(path) for path in with_uploads(settings.index, paths)]
    limits = sync_limits(settings, lock_timeout_s=lock_timeout)
    if dry_run:
        try:
            known = open_index(settings)
        except IndexMissing:
            known = None
        report = plan(known, paths, prune=prune, limits=limits)
    else:
        opened = open_index(settings, create=True)
        with ingest_progress() as progress:
            report = sync(opened, paths, prune=prune, limits=limits, progress=progress)
    _print_report(report, dry_run=dry_run, json_=json_)
    return bool(report.failed)


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


def _follow(settings: Settings, paths: Sequence[str], prune: bool, lock_timeout: float | None, json_: bool) -> None:
    from watchfiles import watch

    from rag.load import find

    folders = {str(file.root) for file in find(paths).files} | {path for path in paths if Path(path).is_dir()}
    if not folders:
        raise UsageError(f"nothing to watch at {', '.join(paths)}")
    typer.echo(f"watching {', '.join(sorted(folders))}; Ctrl-C ends", err=True)
    for _ in watch(*folders, raise_interrupt=True):
        _ingest_once(settings, paths, prune, False, lock_timeout, json_)


def _open(settings: Settings) -> Index:
    from rag.build import open_index

    return open_index(settings)


def _wait(settings: Settings, lock_timeout: float | None) -> float:
    return settings.ingest.lock_timeout_s if lock_timeout is None else lock_timeout


def _unknown(brief_id: str) -> UsageError:
    return UsageError(f"there is no brief {brief_id!r}; `geobrief briefs list` shows what is there")
