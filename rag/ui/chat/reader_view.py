"""A whole brief with the cited characters marked, and the way to the next citation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag.answer import Citation
from rag.ui.chat.conversation import Turn
from rag.ui.chat.evidence import CLOSE
from rag.ui.escape import escaped, source_link
from rag.ui.library import WholeBrief

MAX_CHARS = 200_000
"""Characters of a brief that are shown; of a longer one, those around the place that is asked for."""


@dataclass(frozen=True, slots=True)
class Place:
    """A citation of a turn: the sentence's index from 0, and the citation's index in it."""

    sentence: int
    index: int
    citation: Citation


def places(turn: Turn) -> list[Place]:
    """Return the citations of a turn in order."""
    return [Place(s, i, c) for s, one in enumerate(turn.sentences) for i, c in enumerate(one.citations)]


def brief_html(brief: WholeBrief, turn: Turn, *, number: int, chosen: Place | None = None, at: int = 0) -> str:
    """Return a brief to be read beside a turn of the conversation.

    Args:
        number: the turn's place in the conversation, from 0.
        chosen: the citation that it is opened at.
        at: character that it is opened at where no citation is chosen.
    """
    mine = [place for place in places(turn) if _is_in(place, brief)]
    start, end = window(brief, chosen.citation.start if chosen else at)
    spans = [
        (max(p.citation.start, start) - start, min(p.citation.end, end) - start, _same(p, chosen))
        for p in mine
        if p.citation.start < end and start < p.citation.end
    ]
    cut = "" if (start, end) == (0, len(brief.text)) else cut_note(brief, start, end)
    text = "".join(pieces(brief, start, end, spans))
    return (
        f'<section class="gb-panel gb-reader" aria-label="Brief">{CLOSE}{_head(brief, turn, number, chosen)}{cut}'
        f'<div class="gb-brief" tabindex="-1">{text}</div></section>'
    )


def missing_html(number: int) -> str:
    """Return what stands in the place of a brief that is no longer in the index."""
    return (
        f'<section class="gb-panel gb-reader" aria-label="Brief">{CLOSE}{_to_evidence(number)}'
        "<p>This brief is no longer in the index.</p></section>"
    )


def _same(one: Place, other: Place | None) -> bool:
    return other is not None and (one.sentence, one.index) == (other.sentence, other.index)


def _is_in(place: Place, brief: WholeBrief) -> bool:
    known = place.citation.passage.metadata
    return bool(known["brief_id"] == brief.brief_id and known.get("text_sha256") in (None, brief.text_sha256))


def window(brief: WholeBrief, at: int) -> tuple[int, int]:
    """Return start and end of the part of a brief that is shown around a character."""
    length = len(brief.text)
    start = 0 if length <= MAX_CHARS else max(0, min(at - MAX_CHARS // 2, length - MAX_CHARS))
    return start, min(length, start + MAX_CHARS)


def cut_note(brief: WholeBrief, start: int, end: int) -> str:
    """Return what says that a part of a brief is shown."""
    return f'<p class="gb-quiet">Characters {start:,} to {end:,} of {len(brief.text):,} are shown.</p>'


def _head(brief: WholeBrief, turn: Turn, number: int, chosen: Place | None) -> str:
    facts = [brief.date or "undated", brief.source or "source not stated"]
    if chosen and chosen.citation.page:
        facts.append(f"page {chosen.citation.page}")
    about = " · ".join(f"<span>{escaped(fact)}</span>" for fact in facts)
    remark = f'<p class="gb-note">{escaped(brief.remark)}</p>' if brief.remark else ""
    return (
        f'<nav class="gb-nav" aria-label="Citations">{_to_evidence(number)}{_steps(turn, number, chosen)}</nav>'
        f'<h2 class="gb-title">{escaped(brief.title)}</h2><p class="gb-about">{about}</p>{remark}'
        f'<p class="gb-links">{source_link(brief.url)}<span class="gb-id">{escaped(brief.brief_id)}</span></p>'
    )


def _to_evidence(number: int) -> str:
    return f'<a href="#turn-{number}-evidence">Evidence</a>'


def _steps(turn: Turn, number: int, chosen: Place | None) -> str:
    """Return the links to the citations before and after the chosen one, which may lie in other briefs."""
    if chosen is None:
        return ""
    all_places = places(turn)
    here = next(i for i, p in enumerate(all_places) if _same(p, chosen))
    before = all_places[here - 1] if here else None
    after = all_places[here + 1] if here + 1 < len(all_places) else None
    return (
        f"{_step(before, number, 'Previous')}<span>Citation {here + 1} of {len(all_places)}</span>"
        f"{_step(after, number, 'Next')}"
    )


def _step(place: Place | None, number: int, word: str) -> str:
    if place is None:
        return f'<span class="gb-off" aria-hidden="true">{word}</span>'
    return f'<a href="{citation_link(number, place.sentence, place.index)}">{word}</a>'


def citation_link(number: int, sentence: int, index: int) -> str:
    """Return the link that opens the brief at a citation."""
    return f"#turn-{number}-sentence-{sentence}-citation-{index}"


def pieces(brief: WholeBrief, start: int, end: int, spans: Sequence[tuple[int, int, bool]]) -> Iterator[str]:
    """Yield the escaped text with its marks and, where it has pages, the number of each at its start."""
    text = brief.text[start:end]
    pages = {first - start: n for n, first in enumerate(brief.page_starts, 1) if start <= first < end}
    cuts = sorted({0, len(text), *pages, *(edge for a, b, _ in spans for edge in (a, b))})
    for a, b in pairwise(cuts):
        if a in pages:
            yield f'<span class="gb-page">Page {pages[a]}</span>'
        here = [chosen for s, e, chosen in spans if s <= a and b <= e]
        piece = escaped(text[a:b])
        kind = ' class="is-chosen" tabindex="-1"' if any(here) else ""
        yield f"<mark{kind}>{piece}</mark>" if here else piece
