"""What the tab of the corpus shows: a table of the briefs, the one that is read, and charts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from rag.ui.corpus.charts import count, month_figure, months_html, plot, region_figure, regions_html
from rag.ui.corpus.reader import GONE, NOTHING_CHOSEN, whole_html
from rag.ui.corpus.rows import IsUpload, Query, listed, table_html
from rag.ui.library import Library
from rag.ui.package import package_text

MAX_SEARCH_CHARS = 200

Updates = dict[Any, Any]


@dataclass(frozen=True, slots=True)
class View:
    """The parts that show the corpus.

    Attributes:
        beside: column above the brief that is read, for what is done with it.
        query: what is asked of the table, of one browser tab.
        chosen: id of the brief that is read; empty for none.
    """

    search: gr.Textbox
    table: gr.HTML
    reader: gr.HTML
    beside: gr.Column
    plots: tuple[gr.Plot, gr.Plot]
    texts: tuple[gr.HTML, gr.HTML]
    query: gr.State
    chosen: gr.State

    @property
    def filled(self) -> list[Any]:
        """The parts that `Showing.all` gives updates of."""
        return [self.table, self.reader, *self.plots, *self.texts]


def build_view() -> View:
    """Lay out table, reader and charts; all are empty until the tab is opened."""
    with gr.Row(elem_id="gb-corpus-main", equal_height=False):
        with gr.Column(elem_id="gb-corpus-left", min_width=0):
            search = gr.Textbox(
                label="Search the list of briefs",
                placeholder="Words of title, source, region, topic, date or id",
                max_length=MAX_SEARCH_CHARS,
                elem_id="gb-corpus-search",
            )
            table = _html("gb-corpus-table", js_on_load=package_text("corpus/table.js"))
        with gr.Column(elem_id="gb-corpus-right", min_width=0):
            beside = gr.Column(min_width=0)
            reader = _html("gb-corpus-reader", NOTHING_CHOSEN, js_on_load=package_text("corpus/reader.js"))
    with gr.Row(elem_id="gb-corpus-charts", equal_height=False):
        regions, region_text = _build_chart("Briefs by region")
        months, month_text = _build_chart("Briefs by month")
    plots, texts = (regions, months), (region_text, month_text)
    return View(search, table, reader, beside, plots, texts, gr.State(Query()), gr.State(""))


def _build_chart(title: str) -> tuple[gr.Plot, gr.HTML]:
    with gr.Column(elem_classes="gb-corpus-chart", min_width=0):
        gr.HTML(f"<h2>{title}</h2>", apply_default_css=False)
        return gr.Plot(show_label=False, container=False), gr.HTML("", apply_default_css=False)


def _html(elem_id: str, value: str = "", **options: Any) -> gr.HTML:
    return gr.HTML(value, elem_id=elem_id, apply_default_css=False, **options)


@dataclass(frozen=True, slots=True)
class Showing:
    """Gives the updates of a view from what the library holds now."""

    view: View
    library: Library
    is_upload: IsUpload = lambda path: False

    def all(self, query: Query, chosen: str) -> Updates:
        """Return the updates of every part."""
        return {**self.table(query, chosen), **self._charts(), self.view.reader: self._reader(chosen)}

    def table(self, query: Query, chosen: str) -> Updates:
        """Return the update of the table."""
        found = listed(self.library.briefs(), query, self.is_upload)
        return {self.view.table: table_html(found, query, self.is_upload, chosen=chosen)}

    def brief(self, query: Query, chosen: str) -> Updates:
        """Return the updates that open a brief."""
        return {**self.table(query, chosen), self.view.reader: self._reader(chosen), self.view.chosen: chosen}

    def _reader(self, chosen: str) -> str:
        if not chosen:
            return NOTHING_CHOSEN
        brief = self.library.whole(chosen)
        return whole_html(brief) if brief else GONE

    def _charts(self) -> Updates:
        counts = count(self.library.briefs())
        figures = (region_figure(counts), month_figure(counts))
        texts = (regions_html(counts), months_html(counts))
        shown = (bool(counts.regions), bool(counts.months))
        plots = (gr.Plot(plot(figure), visible=some) for figure, some in zip(figures, shown, strict=True))
        return dict(zip((*self.view.plots, *self.view.texts), (*plots, *texts), strict=True))


def wire_view(showing: Showing) -> None:
    """Let the search box and the buttons of the table answer."""
    view = showing.view
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}

    def search(words: str, query: Query, chosen: str) -> Updates:
        asked = replace(query, words=(words or "")[:MAX_SEARCH_CHARS], page=0)
        return {**showing.table(asked, chosen), view.query: asked}

    inputs = [view.search, view.query, view.chosen]
    view.search.change(search, inputs, [view.table, view.query], trigger_mode="always_last", **quiet)
    outputs = [view.table, view.reader, view.query, view.chosen]
    view.table.select(_presser(showing), [view.query, view.chosen], outputs, **quiet)


def _presser(showing: Showing) -> Callable[..., Updates]:
    def press(query: Query, chosen: str, event: gr.EventData) -> Updates:
        sent = event._data if isinstance(event._data, dict) else {}
        if isinstance(brief_id := sent.get("brief"), str):
            return showing.brief(query, brief_id)
        asked = query.pressed(sent)
        return {**showing.table(asked, chosen), showing.view.query: asked}

    return press
