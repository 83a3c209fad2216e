"""Which briefs are asked: fields for dates, regions, sources and topics, and a chip for each that is set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import gradio as gr

from rag.days import day
from rag.errors import UsageError
from rag.types import Scope
from rag.ui.escape import escaped
from rag.ui.library import Facets

_DATES = {"date_from": "From", "date_to": "To", "as_of": "As of"}
_LISTS = {"regions": "Region", "sources": "Source", "topics": "Topic"}


@dataclass(frozen=True, slots=True)
class ScopeBar:
    """The parts of the bar.

    Attributes:
        fields: what the scope is made of, in the order of `names`.
        chips: shows what is set; its select event names what is to be removed.
    """

    opener: gr.Button
    panel: gr.Group
    fields: tuple[gr.Textbox | gr.Dropdown, ...]
    chips: gr.HTML
    clear: gr.Button


def names() -> tuple[str, ...]:
    """Return the names of the fields in order; they are those of `Scope`."""
    return (*_DATES, *_LISTS)


def build_scope_bar(script: str) -> ScopeBar:
    """Lay out the bar: a button that opens the fields, and the chips beside it."""
    with gr.Row(elem_id="gb-scope"):
        opener = gr.Button("Limit the briefs", size="sm", scale=0, min_width=0, elem_id="gb-scope-open")
        chips = gr.HTML(chips_html({}), js_on_load=script, apply_default_css=False, elem_id="gb-chips")
    with gr.Group(visible=False, elem_id="gb-scope-panel") as panel:
        with gr.Row():
            dates = [_date_field(label) for label in _DATES.values()]
        with gr.Row():
            lists = [_list_field(label) for label in _LISTS.values()]
        clear = gr.Button("Ask all briefs", size="sm", scale=0, min_width=0)
    return ScopeBar(opener, panel, (*dates, *lists), chips, clear)


def _date_field(label: str) -> gr.Textbox:
    return gr.Textbox(label=label, placeholder="2024, 2024-05 or 2024-05-16", max_length=10, min_width=120)


def _list_field(label: str) -> gr.Dropdown:
    return gr.Dropdown([], label=label, multiselect=True, value=[], min_width=160)


def choices(facets: Facets) -> tuple[gr.Dropdown, ...]:
    """Return the updates that offer what the corpus holds now."""
    return tuple(gr.Dropdown(choices=list(getattr(facets, name))) for name in _LISTS)


def scope_of(values: Sequence[Any]) -> Scope:
    """Read the fields, in order.

    Raises:
        UsageError: if a date is none.
    """
    given = dict(zip(names(), values, strict=True))
    return Scope(
        date_from=_day(given["date_from"], "date_from"),
        date_to=_day(given["date_to"], "date_to"),
        as_of=_day(given["as_of"], "as_of"),
        regions=tuple(given["regions"] or ()),
        sources=tuple(given["sources"] or ()),
        topics=tuple(given["topics"] or ()),
    )


def chips_html(given: Mapping[str, Any]) -> str:
    """Return a chip for each field that is set; a date that is none says so."""
    chips = [_chip(name, value, f"{_DATES[name]} {value}") for name in _DATES if (value := given.get(name))]
    chips += [_chip(name, value, value) for name in _LISTS for value in given.get(name) or ()]
    wrong = "".join(f'<span class="gb-wrong" role="alert">{escaped(text)}</span>' for text in _wrong(given))
    return f'<div class="gb-chips">{"".join(chips) or "<span>All briefs</span>"}{wrong}</div>'


def without(values: Sequence[Any], removed: Mapping[str, str]) -> tuple[Any, ...]:
    """Return the fields' values without the one that a chip stood for."""
    name, value = removed.get("name"), removed.get("value")
    return tuple(
        given if field != name else ("" if field in _DATES else [one for one in given or () if one != value])
        for field, given in zip(names(), values, strict=True)
    )


def _chip(name: str, value: str, text: str) -> str:
    return (
        f'<button type="button" class="gb-chip" data-name="{name}" data-value="{escaped(value)}" '
        f'aria-label="Remove the limit: {escaped(text)}">{escaped(text)} <span aria-hidden="true">×</span></button>'
    )


def _wrong(given: Mapping[str, Any]) -> list[str]:
    found = []
    for name in _DATES:
        try:
            _day(given.get(name), name)
        except UsageError as error:
            found.append(str(error))
    return found


def _day(value: str | None, name: str) -> date | None:
    """Read a day, month or year: the first day of it where the scope begins there, else the last."""
    return day(_DATES[name], value, last=name != "date_from") if value and value.strip() else None
