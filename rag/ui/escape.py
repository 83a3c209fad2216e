"""Text of briefs and users as HTML that shows it and does nothing else."""

from __future__ import annotations

import html
import re
from urllib.parse import urlsplit

# With the marks that turn the direction of what follows: a brief could show 000,1 as 1,000.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
# Text of scripts that run from right to left has these for good reason; in others they turn figures as the above do.
_DIRECTION = re.compile("[\u061c\u200e\u200f]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u061b\u061d-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
# A newline would end the HTML block; the others are the marks of Markdown, LaTeX and templates.
_MARKUP = re.compile(r"[\n\t$`\\*_\[\]{}|~!]")


def escaped(text: str) -> str:
    """Return the text as HTML that shows it character by character, fit for elements and quoted attributes."""
    printable = _CONTROL.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
    if not _RIGHT_TO_LEFT.search(printable):
        printable = _DIRECTION.sub("\ufffd", printable)
    return _MARKUP.sub(lambda mark: f"&#{ord(mark[0])};", html.escape(printable, quote=True))


def is_web_address(url: str | None) -> bool:
    """Whether the text is an http or https address and nothing else, so that it may become a link."""
    if not url or re.search(r"[\s\x00-\x1f\x7f-\x9f\"'<>\\`\ud800-\udfff]", url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def source_link(url: str | None) -> str:
    """Return a link to where a brief was published; empty where that is no web address."""
    if not is_web_address(url):
        return ""
    return f'<a href="{escaped(url or "")}" target="_blank" rel="noopener noreferrer nofollow">Open the source</a>'
