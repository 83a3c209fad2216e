"""The tab of the corpus: a table of the briefs, one to read, charts, and what changes the corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
from gradio.context import Context

from rag.ui.corpus.changes import Acting, build_adding, build_removing, wire_changes
from rag.ui.corpus.view import Showing, build_view, wire_view
from rag.ui.library import Library
from rag.uploads import Uploads


def build_corpus_tab(
    library: Library, uploads: Uploads | None, *, may_write: Callable[[str], bool] = lambda user: True
) -> None:
    """Lay out the tab and wire it, in the `gr.Tab` where it is called. It is filled whenever it is opened.

    Args:
        uploads: takes briefs in and out; without it the corpus is only shown.
        may_write: whether the user of that name, empty where nobody logs in, may change the corpus.
    """
    opened = _opening()
    with gr.Column(elem_id="gb-corpus", min_width=0):
        adding = build_adding() if uploads else None
        view = build_view()
    with view.beside:
        removing = build_removing() if uploads else None
    showing = Showing(view, library, uploads.holds) if uploads else Showing(view, library)
    opened(showing.all, [view.query, view.chosen], view.filled, show_progress="hidden", api_visibility="private")
    wire_view(showing)
    if uploads and adding and removing:
        wire_changes(Acting(adding, removing, showing, uploads, may_write), opened)


def _opening() -> Any:
    """Return the event of the tab around being opened; where there is none, that of the page."""
    tab = next((block for block in _around() if isinstance(block, gr.Tab)), None)
    if tab is not None:
        return tab.select
    assert Context.root_block is not None, "a tab is built in gr.Blocks"
    return Context.root_block.load


def _around() -> Iterator[object]:
    block: Any = Context.block
    while block is not None:
        yield block
        block = block.parent
