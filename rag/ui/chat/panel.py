"""What the right-hand panel shows for a link: the evidence of a turn, or a brief opened at a citation."""

from __future__ import annotations

from collections.abc import Sequence

from rag.answer import BriefRef
from rag.ui.chat.conversation import Turn
from rag.ui.chat.evidence import evidence_html
from rag.ui.chat.links import Link
from rag.ui.chat.reader_view import brief_html, missing_html, places
from rag.ui.library import Library


def panel_html(link: Link, turns: Sequence[Turn], library: Library | None) -> str:
    """Return the panel for a link; the evidence where the link leads nowhere."""
    turn = turns[link.turn]
    if library is None:
        return evidence_html(turn, number=link.turn)
    if link.kind == "citation":
        return _at_citation(link, turn, library)
    if link.kind == "brief" and 0 < link.at <= len(turn.evidence):
        known = turn.evidence[link.at - 1].metadata
        return _brief(known["brief_id"], known.get("text_sha256"), link, turn, library, at=known["start"])
    refs = _refs(link.kind, turn)
    if link.at < len(refs):
        return _brief(refs[link.at].brief_id, None, link, turn, library)
    return evidence_html(turn, number=link.turn)


def _at_citation(link: Link, turn: Turn, library: Library) -> str:
    chosen = next((p for p in places(turn) if (p.sentence, p.index) == (link.at, link.index)), None)
    if chosen is None:
        return evidence_html(turn, number=link.turn)
    known = chosen.citation.passage.metadata
    brief = library.whole(known["brief_id"], known.get("text_sha256") or None)
    return brief_html(brief, turn, number=link.turn, chosen=chosen) if brief else missing_html(link.turn)


def _brief(brief_id: str, text_sha256: str | None, link: Link, turn: Turn, library: Library, *, at: int = 0) -> str:
    brief = library.whole(brief_id, text_sha256 or None)
    return brief_html(brief, turn, number=link.turn, at=at) if brief else missing_html(link.turn)


def _refs(kind: str, turn: Turn) -> Sequence[BriefRef]:
    if turn.answer is None:
        return ()
    return {"nearest": turn.answer.nearest, "listed": turn.answer.briefs}.get(kind, ())
