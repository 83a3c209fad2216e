"""A conversation as a file: Markdown, DOCX and PDF to read, JSON to check with `geobrief verify`.

The first three say the same in the same order, as `contents` lists it. Their text is made fit to show: what acts on a
terminal, a renderer or a reader's eye is written as "�" or escaped. The JSON keeps every character.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, get_args

from rag.errors import UsageError
from rag.export.conversation import ConversationRecord, ExportedTurn

__all__ = ["KINDS", "MEDIA_TYPES", "ConversationRecord", "ExportedTurn", "Kind", "export", "file_name"]

Kind = Literal["md", "docx", "pdf", "json"]

KINDS: tuple[Kind, ...] = get_args(Kind)

MEDIA_TYPES: Mapping[Kind, str] = MappingProxyType(
    {
        "md": "text/markdown; charset=utf-8",
        "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "pdf": "application/pdf",
        "json": "application/json",
    }
)

MAX_NAME_CHARS = 80

# Windows opens a device by these names, whatever the suffix.
_DEVICES = re.compile(r"con|prn|aux|nul|(?:com|lpt)\d")


def file_name(title: str, kind: Kind) -> str:
    """Return a name for the file: letters a to z, digits and single dashes, at most 80 characters with its suffix.

    `file_name("Čau: NATO/EU?", "pdf")` is "cau-nato-eu.pdf"; a title of which nothing is left gives "conversation".
    """
    _check(kind)
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode("ascii").lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[: MAX_NAME_CHARS - len(kind) - 1].rstrip("-")
    if not slug or _DEVICES.fullmatch(slug):
        slug = f"conversation-{slug}".rstrip("-")
    return f"{slug}.{kind}"


def export(title: str, turns: Sequence[ExportedTurn], kind: Kind) -> bytes:
    """Return the conversation as a file of that kind. The same input gives the same bytes.

    The date that a PDF or DOCX says it was made on is that of the last question; without one it says none.

    Raises:
        UsageError: if there is no such kind.
    """
    _check(kind)
    return _WRITERS[kind](title, turns)


def _check(kind: str) -> None:
    if kind not in KINDS:
        raise UsageError(f"a conversation cannot be exported as {kind!r}; the kinds are {', '.join(KINDS)}")


def _json(title: str, turns: Sequence[ExportedTurn]) -> bytes:
    return ConversationRecord.of(title, turns).to_json().encode("utf-8")


def _markdown(title: str, turns: Sequence[ExportedTurn]) -> bytes:
    from rag.export.markdown import write_markdown

    return write_markdown(title, turns)


def _docx(title: str, turns: Sequence[ExportedTurn]) -> bytes:
    from rag.export.word import write_docx

    return write_docx(title, turns)


def _pdf(title: str, turns: Sequence[ExportedTurn]) -> bytes:
    from rag.export.pdf import write_pdf

    return write_pdf(title, turns)


_WRITERS: Mapping[Kind, Callable[[str, Sequence[ExportedTurn]], bytes]] = MappingProxyType(
    {"md": _markdown, "docx": _docx, "pdf": _pdf, "json": _json}
)
