"""The part of a web page that is its text, without what surrounds it."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rag.load.markup import markdown

# Of the words that trafilatura finds, the share that the main element has to hold; the rest may be a stray teaser.
MAIN_SHARE = 0.9
LINKS_SHARE = 0.9
# A longer page is read whole: to search it would cost seconds and gigabytes.
MAX_SEARCHED_CHARS = 5_000_000

_N_WORDS = 3
_BESIDE = re.compile(
    r"\b(comments?|sidebar|cookies?|consent|shar(e|ing)|social|related|newsletter|subscribe|promo|advert\w*|breadcrumbs?)"
    r"(?![a-z])",
    re.IGNORECASE,
)
# Cells only where a table arranges the page: to go into a table of data would lose its other rows.
_INNER = "./div|./main|./article|./section|./form|./center|./table//td[string-length(.) > 1000]"


def main_text(tree: Any) -> str:
    """The main text of a page as Markdown; all visible text where none stands out. Removes scripts from the tree.

    trafilatura says which part is the main text. Its own Markdown is not used: it escapes characters, breaks sentences
    at <q>, and drops headings and repeated paragraphs, and what is quoted has to be what the page says.
    """
    for script in list(tree.iter("script")):
        script.drop_tree()
    body = next(tree.iter("body"), tree)
    found = _found(tree) if len(body.text_content()) <= MAX_SEARCHED_CHARS else ""
    if not found:
        return markdown(body)
    counts = _Counts.of(body, {words for line in found.splitlines() for words in _shingles(line)})
    main = _container(body, counts)
    _drop_boilerplate(main, counts)
    return markdown(main) or markdown(body)


def _found(tree: Any) -> str:
    import trafilatura

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    return trafilatura.extract(tree, include_comments=False, include_tables=True, favor_recall=True) or ""


@dataclass(slots=True)
class _Counts:
    """Numbers of words inside each element: all, those in links, and those (as runs of three) that were found."""

    words: Counter[Any] = field(default_factory=Counter)
    linked: Counter[Any] = field(default_factory=Counter)
    found: Counter[Any] = field(default_factory=Counter)

    @classmethod
    def of(cls, body: Any, shingles: set[tuple[str, ...]]) -> _Counts:
        counts = cls()
        # Children come before their parents, so that one pass over the page is enough however deep it is.
        for element in reversed(list(body.iter())):
            for text in (element.text, *(child.tail for child in element)):
                counts.words[element] += len((text or "").split())
                counts.found[element] += sum(words in shingles for words in _shingles(text or ""))
            if element.tag == "a":
                counts.linked[element] = counts.words[element]
            if element is not body:
                parent = element.getparent()
                for counter in (counts.words, counts.linked, counts.found):
                    counter[parent] += counter[element]
        return counts


def _shingles(text: str) -> Iterator[tuple[str, ...]]:
    """Runs of three words; a shorter text is one run."""
    words = re.findall(r"[^\W_]+", text.lower())
    if 0 < len(words) < _N_WORDS:
        yield tuple(words)
    yield from zip(words, words[1:], words[2:], strict=False)


def _container(body: Any, counts: _Counts) -> Any:
    """The innermost element that holds nearly all of what was found."""
    element = body
    while counts.found[body]:
        inner = (e for e in element.xpath(_INNER) if counts.found[e] >= MAIN_SHARE * counts.found[body])
        child = next(inner, None)
        if child is None:
            break
        element = child
    return element


def _drop_boilerplate(main: Any, counts: _Counts) -> None:
    """Remove lists of nothing but links, and parts that name themselves as beside the point, that were not found."""
    for element in list(main.iterdescendants("div", "section", "ul", "ol", "p")):
        named = " ".join((element.get("class", ""), element.get("id", "")))
        is_links = 0 < counts.words[element] * LINKS_SHARE <= counts.linked[element]
        if counts.words[element] and not counts.found[element] and (is_links or _BESIDE.search(named)):
            element.drop_tree()
