"""Options that commands share, and settings from them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag.errors import ClusterFailed, IndexUnusable, RagError, SourceError, UsageError
from rag.printable import holds_halves, shorten

if TYPE_CHECKING:
    from rag.settings import Settings
    from rag.types import Scope

FAILURE_CODES: tuple[tuple[type[RagError], int], ...] = (
    (UsageError, 2),
    (SourceError, 3),
    (IndexUnusable, 4),
    (ClusterFailed, 4),
    (RagError, 1),
)
"""Exit code of each kind of failure, the first that fits."""


def utf8(value: str | list[str] | None) -> str | list[str] | None:
    """Return what was given to a command.

    Raises:
        UsageError: if it holds bytes that are not UTF-8, which no brief holds and no index takes.
    """
    for given in [value] if isinstance(value, str) else value or ():
        if holds_halves(given):  # they stand for bytes that are no text
            raise UsageError(f"{shorten(repr(given), 100)} is not text in UTF-8; type or convert it as that")
    return value


def from_stdin(read: Callable[[], str]) -> str:
    """Return what is read from standard input.

    Raises:
        UsageError: if it is not text in the encoding of standard input. It may be a password, so it is not shown.
    """
    try:
        text = read()
    except UnicodeDecodeError:
        text = None
    if text is None or holds_halves(text):
        raise UsageError(f"standard input is not text in {sys.stdin.encoding}; convert it")
    return text


IndexOption = Annotated[
    Path | None, typer.Option("--index", help="Folder of the index (default .geobrief, or GEOBRIEF_INDEX).")
]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="Settings file (default geobrief.toml).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else on stdout.")]
FromOption = Annotated[str | None, typer.Option("--from", help="Only briefs dated on or after it: YYYY[-MM[-DD]].")]
ToOption = Annotated[str | None, typer.Option("--to", help="Only briefs dated on or before it: YYYY[-MM[-DD]].")]
AsOfOption = Annotated[str | None, typer.Option("--as-of", help="As the corpus stood on that day: YYYY[-MM[-DD]].")]
KnownOption = Annotated[
    str | None,
    typer.Option(
        "--as-known-at", help="As the corpus had been ingested by then: YYYY[-MM[-DD]], or an ISO time; UTC if no zone."
    ),
]
RegionOption = Annotated[
    list[str] | None, typer.Option("--region", callback=utf8, help="Only briefs of this region; repeatable.")
]
SourceOption = Annotated[
    list[str] | None, typer.Option("--source", callback=utf8, help="Only briefs of this source; repeatable.")
]
TopicOption = Annotated[
    list[str] | None, typer.Option("--topic", callback=utf8, help="Only briefs on this topic; repeatable.")
]
BriefOption = Annotated[
    list[str] | None, typer.Option("--brief", callback=utf8, help="Only the brief of this id; repeatable.")
]
DatesOption = Annotated[
    bool, typer.Option("--dates/--no-dates", help='Whether "as of May 2023" in the question narrows the scope.')
]
InsecureOption = Annotated[
    bool, typer.Option("--insecure", help="Let everybody in who reaches an address that is not this machine's.")
]
AllowHostOption = Annotated[
    list[str] | None,
    typer.Option("--allow-host", help="Further NAME or NAME:PORT it is reached by, as by a proxy; repeatable."),
]
LockOption = Annotated[float | None, typer.Option("--lock-timeout", min=0, help="Seconds to wait for another writer.")]


def settings_from(index: Path | None, config: Path | None, **flags: Any) -> Settings:
    """Read the settings under the flags that every command has."""
    from rag.settings import load_settings

    return load_settings(config, index=index, **flags)


def require_loopback(host: str, *, insecure: bool, instead: str, warning: str = "") -> None:
    """Refuse to open the corpus to a network, unless that is asked for, which is warned of.

    Args:
        instead: what to do rather, for the refusal.
        warning: what else is to be known of an open address.

    Raises:
        UsageError: if the host is reached from other machines.
    """
    from rag.ui.web.hosts import is_loopback

    if is_loopback(host):
        return
    if not insecure:
        raise UsageError(
            f"{host!r} is reached from other machines, and anybody there could ask and read; {instead}, "
            "or let everybody in with --insecure"
        )
    typer.echo(f"geobrief: warning: anybody who reaches {host!r} can ask and read{warning}", err=True)


def scope_from(
    date_from: str | None,
    date_to: str | None,
    as_of: str | None,
    regions: list[str] | None,
    sources: list[str] | None,
    topics: list[str] | None,
    briefs: list[str] | None = None,
    as_known_at: str | None = None,
) -> Scope:
    """Build a scope from the flags.

    Raises:
        UsageError: if a date is none, or the range is empty.
    """
    from rag.types import Scope

    scope = Scope(
        date_from=_day("--from", date_from, last=False),
        date_to=_day("--to", date_to, last=True),
        as_of=_day("--as-of", as_of, last=True),
        as_known_at=_moment("--as-known-at", as_known_at),
        regions=tuple(regions or ()),
        sources=tuple(sources or ()),
        topics=tuple(topics or ()),
        briefs=tuple(briefs or ()),
    )
    if scope.date_from and scope.date_to and scope.date_from > scope.date_to:
        raise UsageError(f"--from {date_from} is after --to {date_to}; no brief can match")
    return scope


def _moment(flag: str, value: str | None) -> datetime | None:
    """Read a moment; a day, month or year stands for its last moment."""
    if value is None or not re.search(r"\d[Tt ]\d", value):
        day = _day(flag, value, last=True)
        return datetime.combine(day, time.max, tzinfo=UTC) if day else None
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo:
            moment.astimezone(UTC)  # the first and last hours that a calendar has are in no year of UTC
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{flag}: {value!r} is no time; write it as 2024-05-01T12:00") from error
    return moment


def _day(flag: str, value: str | None, *, last: bool) -> date | None:
    from rag.days import day

    return None if value is None else day(flag, value, last=last)
