"""Names of uploaded files made safe to keep."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

MAX_NAME_CHARS = 120
MAX_NAME_BYTES = 240
"""File systems take 255; the rest is for the hidden name of a file that is being copied."""

_RESERVED = re.compile(r'[<>:"|?*]')
_NUMBER_CHARS = 6


def safe_name(given: str) -> str:
    """Return a name without folders, characters that act or are not seen, and dots that hide it.

    `safe_name("../../.briefs\\u202efdp.md")` is "briefsfdp.md". A name of which nothing is left is "brief".
    """
    last = re.split(r"[/\\]", given)[-1]
    seen = "".join(
        c for c in unicodedata.normalize("NFC", last) if not unicodedata.category(c).startswith(("C", "Z")) or c == " "
    )
    stem, suffix = _parts(_RESERVED.sub("_", seen).strip(" ."))
    return _fitting(stem or "brief", suffix)


def numbered(name: str) -> Iterator[str]:
    """Yield the name, and then that name with -2, -3 and so on before its suffix."""
    yield name
    stem, suffix = _parts(name)
    for number in range(2, 10 ** (_NUMBER_CHARS - 1)):
        yield _fitting(stem, f"-{number}{suffix}")


def _parts(name: str) -> tuple[str, str]:
    stem, dot, suffix = name.rpartition(".")
    return (stem.rstrip(" ."), f".{suffix}") if dot and len(suffix) <= 10 else (name, "")


def _fitting(stem: str, suffix: str) -> str:
    stem = stem[: MAX_NAME_CHARS - len(suffix)]
    while len((stem + suffix).encode()) > MAX_NAME_BYTES:
        stem = stem[:-1]
    return stem.rstrip(" .") + suffix
