"""Commands that look after the corpus: briefs, forget, doctor, verify."""

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
    utf8,
)
from rag.errors import UsageError
from rag.printable import one_line, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.index import Index
    from rag.record import AnswerRecord
    from rag.settings import Settings
    from rag.verify import Claim, Judgement, Verifier

briefs_app = typer.Typer(help="List, show, remove or restore briefs.", no_args_is_help=True, rich_markup_mode=None)

BriefArgument = Annotated[
    str, typer.Argument(callback=utf8, help="Id of the brief, as `geobrief briefs list` shows it.")
]


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
        typer.echo(f"{one_line(row.brief_id)}  {row.date or 'undated'}  {one_line(row.title)}  ({chunks})")
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
    typer.echo(f"file: {one_line(newest.source_path)}\ntext sha256: {newest.text_sha256}\nversions: {len(versions)}")
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

    What an ingest that is running has not finished is left out.

    Example: geobrief doctor --repair
    """
    from rag.doctor import examine, is_being_written
    from rag.doctor import repair as mend

    settings = settings_from(index, config)
    opened = _open(settings)
    found = examine(opened)
    if is_being_written(opened):
        typer.echo("an ingest is running; what it has not finished was left out")
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
    """Check an exported answer or conversation again. Exit code 1 when a citation changed, or a sentence has none.

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
    uncited = [sentence for record in records for sentence in record.sentences if not sentence.citations]
    if json_:
        rows = [{"verdict": v.verdict, "sentence": v.sentence, **v.citation.model_dump()} for v in verdicts]
        typer.echo(json.dumps({"citations": rows}, ensure_ascii=False, indent=2))
    else:
        for v in verdicts:
            c = v.citation
            typer.echo(f"{v.verdict}: [{c.n}] {one_line(c.brief_id)} {c.start}-{c.end} “{one_line(c.quote)}”")
        for sentence in uncited:
            typer.echo(f"uncited: “{one_line(sentence.text)}”")
        typer.echo(f"{len(verdicts)} citations checked", err=True)
    if uncited or any(v.verdict in FAILING for v in verdicts):
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


def _open(settings: Settings) -> Index:
    from rag.build import open_index

    return open_index(settings)


def _wait(settings: Settings, lock_timeout: float | None) -> float:
    return settings.ingest.lock_timeout_s if lock_timeout is None else lock_timeout


def _unknown(brief_id: str) -> UsageError:
    return UsageError(f"there is no brief {brief_id!r}; `geobrief briefs list` shows what is there")
