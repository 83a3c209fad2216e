"""The Evaluate tab: a kept report, its tables and charts, and the failures to browse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import get_render_context

from rag.errors import UsageError
from rag.ui.evaluate.failures import ALL, KINDS, Filters, chosen, failures_html, n_pages
from rag.ui.evaluate.reports import OpenReport, Reports, label_of, nothing_html, problem_html

_MOST_SEARCHED = 200
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


@dataclass(frozen=True, slots=True)
class _Tab:
    """The parts of the tab.

    Attributes:
        name: file name of the report that is shown; None before one is.
        page: of the failures, from 1.
        filters: the fields that make `Filters`, in its order.
    """

    name: gr.State
    page: gr.State
    picker: gr.Dropdown
    overview: gr.HTML
    browser: gr.Column
    filters: tuple[gr.Dropdown | gr.Textbox, ...]
    listing: gr.HTML
    back: gr.Button
    forward: gr.Button

    @property
    def of_page(self) -> list[Any]:
        """What changes with the page of the failures."""
        return [self.page, self.listing, self.back, self.forward]

    @property
    def of_report(self) -> list[Any]:
        """What changes with the report."""
        return [self.name, self.overview, self.browser, *self.filters, *self.of_page]


def build_evaluate_tab(folder: Path) -> None:
    """Lay out the tab and wire it; to be called inside a `gr.Tab`, whose selection renews the list of reports.

    Args:
        folder: where `geobrief eval` keeps its reports; it need not exist yet.
    """
    surrounding = get_render_context()
    if not isinstance(surrounding, gr.Tab):
        raise TypeError("the Evaluate tab is built inside a gr.Tab")
    reports = Reports(folder)
    tab = _layout(folder)
    every = [tab.picker, *tab.of_report]
    surrounding.select(partial(_renewed, reports), tab.name, every, **_QUIET)
    tab.picker.input(partial(_opened, reports), tab.picker, tab.of_report, trigger_mode="always_last", **_QUIET)
    shown = [tab.name, *tab.filters]
    gr.on(
        # Not `input` of the text: gradio swallows the first one after the server has set the value.
        [field.input if isinstance(field, gr.Dropdown) else field.change for field in tab.filters],
        partial(_page, reports, 0),
        [*shown, gr.State(1)],
        tab.of_page,
        trigger_mode="always_last",
        **_QUIET,
    )
    for button, step in ((tab.back, -1), (tab.forward, 1)):
        button.click(partial(_page, reports, step), [*shown, tab.page], tab.of_page, **_QUIET).then(
            None, js="() => { document.getElementById('gb-failures')?.scrollIntoView(); }", **_QUIET
        )


def _layout(folder: Path) -> _Tab:
    with gr.Column(elem_id="gb-evaluate"):
        picker = gr.Dropdown([], label="Report", visible=False, filterable=False, elem_id="gb-evaluate-picker")
        overview = gr.HTML(nothing_html(folder), elem_classes="gb-report", apply_default_css=False)
        with gr.Column(visible=False, elem_id="gb-failures", elem_classes="gb-report") as browser:
            gr.HTML("<h3>Failures</h3>", apply_default_css=False)
            with gr.Row(elem_id="gb-evaluate-filters"):
                filters = _filters()
            listing = gr.HTML("", elem_classes="gb-report", apply_default_css=False)
            with gr.Row(elem_id="gb-evaluate-pager"):
                back = gr.Button("Previous", size="sm", scale=0, min_width=0, interactive=False)
                forward = gr.Button("Next", size="sm", scale=0, min_width=0, interactive=False)
    return _Tab(gr.State(), gr.State(1), picker, overview, browser, filters, listing, back, forward)


def _filters() -> tuple[gr.Dropdown | gr.Textbox, ...]:
    return (
        gr.Dropdown([("All systems", ALL)], value=ALL, label="System", min_width=160, filterable=False),
        gr.Dropdown([("All types", ALL)], value=ALL, label="Type of question", min_width=160, filterable=False),
        gr.Dropdown(_kinds(), value=ALL, label="Failure", min_width=160, filterable=False),
        gr.Textbox(
            label="Search",
            placeholder="question, answer, document",
            max_length=_MOST_SEARCHED,
            max_lines=1,
            min_width=160,
        ),
    )


def _kinds() -> list[tuple[str, str]]:
    return [("All failures", ALL), *((label, kind) for kind, label in KINDS.items())]


def _renewed(reports: Reports, name: str | None) -> list[Any]:
    """Renew the list; a report that is shown stays as it is, else the newest that can be read is opened."""
    listed = reports.listed()
    names = [kept.name for kept in listed]
    choices = [(label_of(kept), kept.name) for kept in listed]
    if name in names:
        return [gr.Dropdown(choices=choices, value=name, visible=True), *([gr.skip()] * _N_OF_REPORT)]
    if not names:
        return [gr.Dropdown(choices=[], value=None, visible=False), *_closed(nothing_html(reports.folder))]
    newest = next((kept.name for kept in listed if not kept.unreadable), names[0])
    return [gr.Dropdown(choices=choices, value=newest, visible=True), *_opened(reports, newest)]


def _opened(reports: Reports, name: str) -> list[Any]:
    """Show a report, with the failures of the system that answers."""
    try:
        opened = reports.open(name)
    except UsageError as error:
        return _closed(problem_html(error))
    system = opened.main_system or ALL
    filters = [
        _dropdown("All systems", opened.systems, system),
        _dropdown("All types", opened.types, ALL),
        gr.Dropdown(choices=_kinds(), value=ALL),
        gr.Textbox(value=""),
    ]
    return [name, gr.HTML(opened.overview), gr.Column(visible=True), *filters, *_shown(opened, Filters(system), 1)]


def _closed(html: str) -> list[Any]:
    """Show a text in place of a report."""
    return [None, gr.HTML(html), gr.Column(visible=False), *([gr.skip()] * (_N_OF_REPORT - 3))]


def _page(reports: Reports, step: int, name: str | None, *given: Any) -> list[Any]:
    """Show the page `step` after the given one; `given` are the filters, then the page."""
    if name is None:
        return [gr.skip()] * _N_OF_PAGE
    *fields, page = given
    try:
        opened = reports.open(name)
    except UsageError as error:
        return [1, gr.HTML(problem_html(error)), gr.Button(interactive=False), gr.Button(interactive=False)]
    system, kind_of_question, kind, text = (value or "" for value in fields)
    return _shown(opened, Filters(system, kind_of_question, kind, text), page + step)


def _shown(opened: OpenReport, filters: Filters, page: int) -> list[Any]:
    found = chosen(opened.failures, filters)
    last = n_pages(found)
    page = min(max(page, 1), last)
    html = failures_html(found, page, of=len(opened.failures))
    return [page, gr.HTML(html), gr.Button(interactive=page > 1), gr.Button(interactive=page < last)]


def _dropdown(everything: str, names: Sequence[str], value: str) -> gr.Dropdown:
    return gr.Dropdown(choices=[(everything, ALL), *((name, name) for name in names)], value=value)


_N_OF_PAGE = 4
_N_OF_REPORT = 11
