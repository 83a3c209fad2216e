"""A whole brief as the tab of the corpus shows it."""

from __future__ import annotations

from rag.ui.chat.reader_view import cut_note, pieces, window
from rag.ui.escape import escaped, source_link
from rag.ui.library import WholeBrief

NOTHING_CHOSEN = '<p class="gb-quiet gb-corpus-hint">Choose a brief to read it here.</p>'
GONE = '<p class="gb-note">This brief is no longer in the index.</p>'


def whole_html(brief: WholeBrief) -> str:
    """Return a brief with its provenance, as plain text."""
    start, end = window(brief, 0)
    cut = "" if (start, end) == (0, len(brief.text)) else cut_note(brief, start, end)
    facts = " · ".join(
        f"<bdi>{escaped(fact)}</bdi>" for fact in (brief.date or "undated", brief.source or "source not stated")
    )
    remark = f'<p class="gb-note">{escaped(brief.remark)}</p>' if brief.remark else ""
    return (
        f'<article class="gb-panel gb-reader gb-corpus-brief" aria-label="Brief" tabindex="-1">'
        f'<h2 class="gb-title"><bdi>{escaped(brief.title)}</bdi></h2><p class="gb-about">{facts}</p>{remark}'
        f'<p class="gb-links">{source_link(brief.url)}<span class="gb-id">{escaped(brief.brief_id)}</span></p>{cut}'
        f'<div class="gb-brief">{"".join(pieces(brief, start, end, ()))}</div></article>'
    )
