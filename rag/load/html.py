"""Web pages: the main text as Markdown, and what the page itself states about title, date, source and address."""

from __future__ import annotations

import codecs
import json
import re
from collections import deque
from collections.abc import Iterator
from typing import Any

from rag.errors import SourceError
from rag.load.brief import Parsed, make_brief, reading, title_of
from rag.load.main_text import main_text
from rag.load.markup import markdown
from rag.load.text import decode, refuse_binary, tidy
from rag.types import DateInterval

_NO_TEXT = "has no text in it; save the page with its content"
_CHARSET = re.compile(rb"""<(?:meta|\?xml)[^>]{0,200}?(?:charset|encoding)\s*=\s*["']?([\w.:-]{1,40})""", re.IGNORECASE)
_BOMS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_UNREAD = ("script", "style", "template", "noscript", "iframe", "object", "svg")
_DATE_NAMES = (
    "article:published_time",
    "og:article:published_time",
    "datepublished",
    "dc.date.issued",
    "dcterms.issued",
    "dc.date",
    "dcterms.date",
    "dcterms.created",
    "citation_publication_date",
    "publication_date",
    "publish-date",
    "publish_date",
    "pubdate",
    "date",
)


def read_html(data: bytes, default_id: str, fallback_title: str) -> Parsed:
    """Read one brief from a page. Its date is what the page states in metadata, never a guess.

    Raises:
        SourceError: if it is no text or holds none.
    """
    with reading("HTML page"):
        tree = _tree(_decode(data))
        named = _metadata(tree)
        heading = next((_line(h1) for h1 in tree.iter("h1")), None)
        page_title = next((_line(title) for title in tree.iter("title")), None)
        fields = {"date": _date(tree, named), "source": named.get("og:site_name"), "url": _address(tree)}
        text = tidy(main_text(tree)).strip()
    if not text:
        raise SourceError(_NO_TEXT)
    titles = (named.get("og:title"), heading, page_title, title_of(text), fallback_title)
    return Parsed((make_brief(fields, text, default_id=default_id, titles=titles),))


def text_of_fragment(markup: str) -> str:
    """Text of a piece of HTML such as a feed entry, as Markdown; empty when it holds none."""
    if not markup.strip():
        return ""
    with reading("HTML fragment"):
        return tidy(markdown(_tree(f"<html><body>{markup}</body></html>"))).strip()


def is_web_address(value: object) -> bool:
    """Whether a value is an http or https address without spaces."""
    return isinstance(value, str) and re.fullmatch(r"https?://[^\s<>\"']+", value, re.IGNORECASE) is not None


def _decode(data: bytes) -> str:
    if data.startswith(_BOMS):
        return decode(data)
    declared = _CHARSET.search(data[:4096])
    # Valid UTF-8 is UTF-8 whatever the page declares; windows-1252 is what browsers assume when nothing is declared.
    for encoding in ("utf-8", declared[1].decode() if declared else "cp1252"):
        try:
            text = data.decode(encoding)
        except (LookupError, UnicodeError):
            continue
        refuse_binary(text)
        return text
    raise SourceError("is not text in the encoding that it declares; save it as UTF-8")


def _tree(markup: str) -> Any:
    """Parse a page and remove all that a reader of the page does not see."""
    from lxml import etree, html  # type: ignore[import-untyped, unused-ignore]

    if not markup.strip():
        raise SourceError(_NO_TEXT)
    # Bytes, since lxml refuses a string with an XML declaration.
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
    tree = etree.fromstring(markup.encode("utf-8", "replace"), parser)
    if any(error.level_name == "FATAL" and error.type_name == "ERR_RESOURCE_LIMIT" for error in parser.error_log):
        raise SourceError("is nested too deeply or too large, so that text would be lost; save it as plain text")
    if tree is None:
        raise SourceError(_NO_TEXT)
    for element in list(tree.iter("script")):
        if element.get("type", "").strip().lower() != "application/ld+json":
            element.drop_tree()
    for element in [element for element in tree.iter(etree.Element) if _is_hidden(element)]:
        if element.getparent() is not None:
            element.drop_tree()
    return tree


def _is_hidden(element: Any) -> bool:
    if element.tag in ("html", "body"):  # pages hide these until their scripts have run
        return False
    if element.tag in _UNREAD:
        return bool(element.tag != "script")
    return (
        element.get("hidden") is not None
        or element.get("aria-hidden", "").strip().lower() == "true"
        or _HIDDEN_STYLE.search(element.get("style", "")) is not None
    )


def _line(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())


def _metadata(tree: Any) -> dict[str, str]:
    """First content of each meta element, by its name, property or itemprop in lower case."""
    named: dict[str, str] = {}
    for meta in tree.iter("meta"):
        content = tidy(meta.get("content", "")).strip()
        for attribute in ("property", "name", "itemprop"):
            name = meta.get(attribute, "").strip().lower()
            if name and content:
                named.setdefault(name, content)
    return named


def _address(tree: Any) -> str | None:
    for link in tree.iter("link"):
        if "canonical" in link.get("rel", "").lower().split() and is_web_address(link.get("href", "").strip()):
            return str(link.get("href").strip())
    return None


def _date(tree: Any, named: dict[str, str]) -> DateInterval | None:
    stated = [named[name] for name in _DATE_NAMES if name in named]
    for value in (*stated, *_linked_data_dates(tree), *_time_elements(tree)):
        try:
            return DateInterval.parse(value.strip().replace("/", "-"))
        except ValueError:
            continue
    return None


def _linked_data_dates(tree: Any) -> Iterator[str]:
    for script in tree.iter("script"):
        try:
            waiting = deque([json.loads(script.text or "")])
        except (ValueError, RecursionError):
            continue
        while waiting:
            node = waiting.popleft()
            if isinstance(node, dict):
                published = node.get("datePublished")
                if isinstance(published, str):
                    yield published
            if isinstance(node, dict | list):
                waiting.extend(node.values() if isinstance(node, dict) else node)


def _time_elements(tree: Any) -> Iterator[str]:
    """Dates of time elements that are marked as the publication, else the only one of the page or its article."""
    times = [time for time in tree.iter("time") if time.get("datetime")]
    marked = [t for t in times if t.get("pubdate") is not None or t.get("itemprop", "").lower() == "datepublished"]
    inside = [t for t in times if any(parent.tag in ("article", "main") for parent in t.iterancestors())]
    for candidates in (marked[:1], inside[:1], times if len(times) == 1 else []):
        yield from (str(time.get("datetime")) for time in candidates)
