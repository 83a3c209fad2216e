"""Text of briefs and datasets made fit for a terminal or a label.

Nothing reaches a terminal as a control sequence: escapes and other control characters are shown as "�".
"""

from __future__ import annotations

import re
import unicodedata

_HALF = re.compile("[\ud800-\udfff]")


def holds_halves(text: str) -> bool:
    """Return whether a text holds half of a surrogate pair, which no UTF-8 can hold and no model reads."""
    return bool(_HALF.search(text))


def printable(text: str) -> str:
    """Return the text without control characters and bidirectional overrides, line breaks and tabs kept."""
    return "".join("�" if _acts(character) else character for character in text)


def one_line(text: str) -> str:
    """Return printable text with its blank space, line breaks included, as single spaces."""
    return re.sub(r"\s+", " ", printable(text)).strip()


def shorten(text: str, limit: int) -> str:
    """Cut a text at a word before the limit, and mark the cut."""
    if len(text) <= limit:
        return text
    cut = text[:limit].rsplit(" ", 1)[0]
    return f"{cut} …"


def _acts(character: str) -> bool:
    category = unicodedata.category(character)
    return (category == "Cc" and character not in "\n\t") or category in ("Cf", "Cs", "Zl", "Zp")
