"""Answers and evidence as HTML. All text that is not written here is escaped.

The same strings go into gradio's Chatbot, which reads Markdown. Each message is therefore one HTML block on one line:
inside such a block no Markdown, link or image syntax is read, and `escaped` leaves none to read anyway.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from langchain_core.documents import Document

from rag.types import Answer, BriefRef, Sentence
from rag.ui.conversation import Turn

MAX_SHOWN_CHARS = 2_000

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
# A newline would end the HTML block; the others are the marks of Markdown, LaTeX and templates.
_MARKUP = re.compile(r"[\n\t$`\\*_\[\]{}|~!]")


def escaped(text: str) -> str:
    """Return the text as HTML that shows it character by character, fit for elements and quoted attributes."""
    printable = _CONTROL.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _MARKUP.sub(lambda mark: f"&#{ord(mark[0])};", html.escape(printable, quote=True))


def question_html(question: str) -> str:
    """What the user asked; a very long question is cut, with its length."""
    shown, rest = question[:MAX_SHOWN_CHARS], len(question) - MAX_SHOWN_CHARS
    cut = f' <span class="gb-quiet">… ({len(question):,} characters)</span>' if rest > 0 else ""
    return f'<div class="gb-question">{escaped(shown.strip())}{cut}</div>'


def answer_html(turn: Turn, *, number: int) -> str:
    """The answer as far as it has come. `number` is the turn's place in the conversation, from 0."""
    if turn.failure is not None:
        return f'<div class="gb-answer gb-failure">{escaped(turn.failure)}</div>'
    parts = [_understood(turn), _remark(turn)]
    parts += [_sentence(s, i, turn, number) for i, s in enumerate(turn.sentences)]
    if turn.answer is None:
        parts.append('<p class="gb-quiet gb-pending">Reading the briefs…</p>')
    else:
        parts += [_abstention(turn.answer), _notes(turn.answer), _evidence_link(turn, number)]
    return f'<div class="gb-answer" id="turn-{number}-answer">{"".join(parts)}</div>'


def evidence_html(turn: Turn | None, *, number: int = 0) -> str:
    """The numbered passages of one turn, the cited ones first, their cited characters marked."""
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
    return f'<section class="gb-panel" aria-label="Evidence"><h2>Evidence</h2>{body}</section>'


def _understood(turn: Turn) -> str:
    if [part.strip() for part in turn.parts] == [turn.question.strip()]:
        return ""
    return f'<p class="gb-quiet">Understood as: {escaped(" · ".join(turn.parts))}</p>'


def _remark(turn: Turn) -> str:
    if turn.answer is None or turn.answer.remark is None:
        return ""
    return f'<p class="gb-remark">{escaped(turn.answer.remark)}</p>{_list(turn.answer.briefs)}'


def _list(briefs: Sequence[BriefRef]) -> str:
    items = "".join(
        f"<li>{escaped(ref.title)} <span class='gb-quiet'>{escaped(ref.date or 'undated')}</span></li>"
        for ref in briefs
    )
    return f'<ul class="gb-nearest">{items}</ul>' if items else ""


def _sentence(sentence: Sentence, index: int, turn: Turn, number: int) -> str:
    numbers = dict.fromkeys(citation.n for citation in sentence.citations)
    links = "".join(_citation_link(n, index, turn, number) for n in numbers)
    return f'<p class="gb-sentence"><span class="gb-text">{escaped(sentence.text)}</span> {links}</p>'


def _citation_link(n: int, index: int, turn: Turn, number: int) -> str:
    known = turn.evidence[n - 1].metadata if 0 < n <= len(turn.evidence) else {}
    about = escaped(" · ".join(filter(None, [known.get("title"), known.get("date") or "undated"])))
    target = f"#turn-{number}-sentence-{index}-evidence-{n}"
    return f'<a class="gb-cite" href="{target}" title="{about}">&#91;{n}&#93;</a>'


def _abstention(answer: Answer) -> str:
    if not answer.abstained:
        return ""
    reason = escaped(answer.reason or "The briefs do not say.")
    nearest = _list(answer.nearest)
    briefs = f'<p class="gb-quiet">Nearest briefs</p>{nearest}' if nearest else ""
    return f'<p class="gb-reason">{reason}</p>{briefs}'


def _notes(answer: Answer) -> str:
    return "".join(f'<p class="gb-note">Note: {escaped(note)}</p>' for note in answer.notes)


def _evidence_link(turn: Turn, number: int) -> str:
    if not turn.evidence:
        return ""
    return f'<p class="gb-more"><a href="#turn-{number}-evidence">Show evidence ({len(turn.evidence)})</a></p>'


def _card(passage: Document, n: int, turn: Turn, number: int) -> str:
    known = passage.metadata
    name = f"turn-{number}-evidence-{n}"
    marked = _marked(passage.page_content, _cited_spans(turn.sentences, n, known["start"]))
    heading = f'<p class="gb-heading">{escaped(known["heading"])}</p>' if known.get("heading") else ""
    return (
        f'<article class="gb-card" id="{name}" tabindex="-1" aria-labelledby="{name}-title">'
        f'<header><span class="gb-number">{n}</span>'
        f'<div><h3 id="{name}-title">{escaped(known["title"])}</h3>{_about(known, _pages(turn.sentences, n))}</div>'
        f"</header>{heading}<blockquote>{marked}</blockquote>{_below(known, number)}</article>"
    )


def _below(known: Mapping[str, Any], number: int) -> str:
    back = f'<a class="gb-back" href="#turn-{number}-answer">Back to the answer</a>'
    brief = f'<span class="gb-id">{escaped(known["brief_id"])}</span>'
    return f"<footer>{_source_link(known.get('url'))}{back}{brief}</footer>"


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


def _source_link(url: str | None) -> str:
    if not is_web_address(url):
        return ""
    return f'<a href="{escaped(url or "")}" target="_blank" rel="noopener noreferrer nofollow">Open the source</a>'


def is_web_address(url: str | None) -> bool:
    """Whether the text is an http or https address and nothing else, so that it may become a link."""
    if not url or re.search(r"[\s\x00-\x1f\x7f-\x9f\"'<>\\`\ud800-\udfff]", url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


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
