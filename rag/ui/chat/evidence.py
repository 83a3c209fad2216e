"""The numbered passages of a turn, the cited ones first, their cited characters marked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from langchain_core.documents import Document

from rag.answer import Sentence
from rag.ui.chat.conversation import Turn
from rag.ui.escape import escaped, source_link

CLOSE = '<button type="button" class="gb-close" aria-label="Close">×</button>'
"""Shown where the panel is a sheet over the conversation."""


def evidence_html(turn: Turn | None, *, number: int = 0) -> str:
    """Return the evidence of a turn. `number` is the turn's place in the conversation, from 0."""
    if turn is None:
        return _panel("<p>The passages behind each answer appear here, with the quoted words marked.</p>")
    if not turn.evidence:
        return _panel(f'<p class="gb-quiet">{"No passages for this question." if turn.is_over else "Searching…"}</p>')
    cards = {n: _card(passage, n, turn, number) for n, passage in enumerate(turn.evidence, 1)}
    cited = {citation.n for sentence in turn.sentences for citation in sentence.citations}
    others = "".join(card for n, card in cards.items() if n not in cited)
    if others and cited:
        others = f"<details><summary>Also read, not cited ({len(cards) - len(cited)})</summary>{others}</details>"
    asked = f'<p class="gb-asked">{escaped(turn.question[:200])}</p>'
    return _panel(asked + "".join(card for n, card in cards.items() if n in cited) + others)


def _panel(body: str) -> str:
    return f'<section class="gb-panel" aria-label="Evidence">{CLOSE}<h2>Evidence</h2>{body}</section>'


def _card(passage: Document, n: int, turn: Turn, number: int) -> str:
    known = passage.metadata
    name = f"turn-{number}-evidence-{n}"
    marked = _marked(passage.page_content, _cited_spans(turn.sentences, n, known["start"]))
    heading = f'<p class="gb-heading">{escaped(known["heading"])}</p>' if known.get("heading") else ""
    return (
        f'<article class="gb-card" id="{name}" tabindex="-1" aria-labelledby="{name}-title">'
        f'<header><span class="gb-number">{n}</span>'
        f'<div><h3 id="{name}-title">{escaped(known["title"])}</h3>{_about(known, _pages(turn.sentences, n))}</div>'
        f"{_score(known)}</header>{heading}<blockquote>{marked}</blockquote>{_below(known, n, number)}</article>"
    )


def _score(known: Mapping[str, Any]) -> str:
    score = known.get("signals", {}).get("score")
    if score is None:
        return ""
    told = "How likely this passage answers, by the reader"
    return f'<span class="gb-score" title="{told}"><span class="gb-hidden">{told}: </span>{score:.2f}</span>'


def _below(known: Mapping[str, Any], n: int, number: int) -> str:
    back = f'<a class="gb-back" href="#turn-{number}-answer">Back to the answer</a>'
    whole = f'<a href="#turn-{number}-brief-{n}">Read the brief</a>'
    brief = f'<span class="gb-id">{escaped(known["brief_id"])}</span>'
    return f"<footer>{whole}{source_link(known.get('url'))}{back}{brief}</footer>"


def _about(known: Mapping[str, Any], pages: Sequence[int]) -> str:
    region = known.get("region") or ()
    pages = pages or ([known["page"]] if known.get("page") else [])
    facts = [
        known.get("date") or "undated",
        known.get("source") or "source not stated",
        region if isinstance(region, str) else ", ".join(region),
        "page " + ", ".join(map(str, pages)) if pages else "",
    ]
    return f'<p class="gb-about">{" · ".join(f"<span>{escaped(fact)}</span>" for fact in facts if fact)}</p>'


def _pages(sentences: Iterable[Sentence], n: int) -> list[int]:
    return sorted({c.page for s in sentences for c in s.citations if c.n == n and c.page is not None})


def _cited_spans(sentences: Sequence[Sentence], n: int, offset: int) -> list[tuple[int, int, int]]:
    """(start, end, index of the sentence) within the passage that starts at `offset` of its brief."""
    return [(c.start - offset, c.end - offset, i) for i, s in enumerate(sentences) for c in s.citations if c.n == n]


def _marked(text: str, spans: Sequence[tuple[int, int, int]]) -> str:
    """The escaped text with <mark> around the spans; where they overlap, one mark names every sentence it serves."""
    inside = [(max(0, start), min(len(text), end), index) for start, end, index in spans]
    cuts = sorted({0, len(text), *(edge for start, end, _ in inside if start < end for edge in (start, end))})
    parts = []
    for start, end in pairwise(cuts):
        serves = sorted({i for s, e, i in inside if s <= start and end <= e})
        piece = escaped(text[start:end])
        names = " ".join(map(str, serves))
        parts.append(f'<mark data-sentences="{names}">{piece}</mark>' if serves else piece)
    return "".join(parts)
