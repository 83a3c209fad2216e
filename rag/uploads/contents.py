"""Whether a file is what its name says, by its first bytes."""

from __future__ import annotations

import codecs
import io
import zipfile
from collections.abc import Mapping
from pathlib import PurePath

from rag.errors import SourceError
from rag.load import READERS

_HEAD = 4096
_WORD_PART = "word/document.xml"
_BINARY: Mapping[bytes, str] = {
    b"%PDF-": "a PDF",
    b"PK\x03\x04": "a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Office file",
    b"{\\rtf": "an RTF text",
    b"\x89PNG": "a picture",
    b"GIF8": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"SQLite format 3": "a database",
}
_OPENINGS: Mapping[str, tuple[str, str]] = {
    ".json": ("{[", "JSON"),
    ".jsonl": ("{", "JSON lines"),
    ".rss": ("<", "a feed"),
    ".atom": ("<", "a feed"),
    ".xml": ("<", "XML"),
}
"""What a text of a kind begins with, and the kind in words."""


def check_content(name: str, data: bytes) -> None:
    """Check that content and name agree.

    Raises:
        SourceError: if the suffix is none that briefs are read from, the name is never read as a brief, or the
            content is of another kind.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix not in READERS:
        raise SourceError(f"has no known suffix; the known ones are {', '.join(sorted(READERS))}")
    if name.lower() == "readme.md":
        raise SourceError("README.md is never read as a brief; rename it")
    if not data:
        raise SourceError("is empty; write a text into it")
    found = _binary_kind(data)
    if suffix == ".pdf":
        _expect(found == "a PDF", suffix, found)
    elif suffix == ".docx":
        _expect(found == "a Word document", suffix, found)
    else:
        _expect(found is None, suffix, found)
        _check_text(suffix, data)


def _binary_kind(data: bytes) -> str | None:
    """Name what the bytes are where they are no text; a PDF may begin a little later."""
    kind = next((name for magic, name in _BINARY.items() if data.startswith(magic)), None)
    if kind == "a program" and data.startswith(b"MZ") and b"\x00" not in data[:_HEAD]:
        return None
    if kind == "a zip archive" and _holds_word(data):
        return "a Word document"
    return "a PDF" if kind is None and b"%PDF-" in data[:1024] and b"\x00" in data[:_HEAD] else kind


def _holds_word(data: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _WORD_PART in archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return False


def _check_text(suffix: str, data: bytes) -> None:
    head = data[:_HEAD]
    is_utf16 = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if not is_utf16 and b"\x00" in head:
        raise SourceError(f"is named {suffix} but is no text; save it as UTF-8")
    text = head.decode("utf-16" if is_utf16 else "utf-8-sig", "ignore").lstrip()
    openings, kind = _OPENINGS.get(suffix, ("", ""))
    if openings and not text.startswith(tuple(openings)):
        raise SourceError(f"is named {suffix} but is not {kind}; name it as what it is")


def _expect(agrees: bool, suffix: str, found: str | None) -> None:
    if not agrees:
        raise SourceError(f"is named {suffix} but is {found or 'something else'}; name it as what it is")
