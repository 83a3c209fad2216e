"""RSS and Atom files: one brief for each entry."""

from __future__ import annotations

import io
import re
from email.utils import parsedate
from functools import partial
from typing import Any

from rag.errors import SourceError
from rag.load.brief import Parsed, gather, make_brief, reading, shorten, show, slug, title_of
from rag.load.html import is_web_address, text_of_fragment
from rag.load.text import tidy
from rag.types import MAX_ID_CHARS, Brief, DateInterval

# feedparser's time grows faster than the depth of nesting: 5 s at 100,000, well under 1 s here. Feeds need about ten.
MAX_DEPTH = 10_000

_CDATA = re.compile(rb"<!\[CDATA\[.*?(?:\]\]>|\Z)", re.DOTALL)
_TAG = re.compile(rb"<(/?)[A-Za-z]|(/)>")
_ENTITY = re.compile(rb"<!ENTITY\b", re.IGNORECASE)


def read_feed(data: bytes, default_id: str, fallback_title: str) -> Parsed:
    """Read the entries of a feed. An entry's date is the one it states; its id is the default id and its own.

    Raises:
        SourceError: if it is no feed, declares entities, or no entry can be read.
    """
    import feedparser  # type: ignore[import-untyped, unused-ignore]

    ascii_only = data.replace(b"\x00", b"")  # of UTF-16 too
    # A few lines of entity declarations can stand for gigabytes. No feed needs them.
    if _ENTITY.search(ascii_only):
        raise SourceError("declares XML entities, which feeds do not need; remove its <!ENTITY lines")
    if _depth(ascii_only) > MAX_DEPTH:
        raise SourceError("is nested too deeply for a feed; export it again from its source")
    with reading("feed"):
        # A stream, since feedparser takes a string for an address or a file name. It fetches nothing for a stream.
        feed = feedparser.parse(io.BytesIO(data), resolve_relative_uris=False)
    if not feed.get("version"):
        raise SourceError("is no RSS or Atom feed; save the feed itself, or a page as .html")
    source = shorten(_plain(feed.feed.get("title"))) or None
    parsed = gather(
        (f"entry {n}", partial(_entry, entry, f"{default_id}-{n}", default_id, source, fallback_title))
        for n, entry in enumerate(feed.entries, start=1)
    )
    if not feed.get("bozo") or not _is_cut_off(feed.get("bozo_exception")):
        return parsed
    damage = f"the feed is damaged XML ({show(str(feed.bozo_exception))}); entries may be missing, save it again"
    return Parsed(parsed.briefs, parsed.failures, (damage,))


def _depth(data: bytes) -> int:
    depth = deepest = 0
    for tag in _TAG.finditer(_CDATA.sub(b"", data)):
        depth += -1 if tag[1] or tag[2] else 1
        deepest = max(deepest, depth)
    return deepest


def _entry(entry: Any, fallback_id: str, prefix: str, source: str | None, fallback_title: str) -> Brief:
    text = _text(entry)
    title = _plain(entry.get("title"))
    if not text:
        raise SourceError(f"({shorten(title, 60) or 'untitled'}) has no text; use a feed that carries its articles")
    link = entry.get("link") if is_web_address(entry.get("link")) else None
    own = re.sub(r"^[a-z]+://", "", str(entry.get("id") or link or title or ""))
    room = max(20, min(100, MAX_ID_CHARS - 1 - len(prefix)))
    fields = {
        "id": f"{prefix}-{slug(own, max_chars=room)}" if own.strip() else fallback_id,
        "date": _date(entry),
        "source": source,
        "url": link,
    }
    return make_brief(fields, text, default_id=fallback_id, titles=(title, title_of(text), fallback_title))


def _text(entry: Any) -> str:
    """The first content that holds text, else the summary."""
    for content in (*entry.get("content", ()), entry.get("summary_detail") or {}):
        value = str(content.get("value") or "")
        text = tidy(value).strip() if content.get("type") == "text/plain" else text_of_fragment(value)
        if text:
            return text
    return ""


def _plain(markup: object) -> str:
    """A title on one line; feeds write markup into titles too."""
    value = str(markup or "")
    return " ".join((text_of_fragment(value) if re.search(r"<\w|&\w+;|&#", value) else tidy(value)).split())


def _date(entry: Any) -> DateInterval | None:
    """The day that the entry states, in the zone that it states."""
    for name in ("published", "updated"):
        stated = entry.get(name)
        if stated:
            return _as_written(str(stated)) or _as_parsed(entry.get(f"{name}_parsed"))
    return None


def _as_written(stated: str) -> DateInterval | None:
    try:
        return DateInterval.parse(stated)
    except ValueError:
        return _as_parsed(parsedate(stated))


def _as_parsed(parts: Any) -> DateInterval | None:
    if parts is None:
        return None
    try:
        return DateInterval.parse(f"{parts[0]:04d}-{parts[1]:02d}-{parts[2]:02d}")
    except ValueError:
        return None


def _is_cut_off(error: object) -> bool:
    # feedparser also reports harmless disagreements about the encoding.
    return type(error).__name__ in {"SAXParseException", "ExpatError"}
