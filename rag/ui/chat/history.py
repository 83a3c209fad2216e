"""Kept conversations: a list to search, and what can be done with each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from rag.export import KINDS
from rag.ui.chat.asking import Desk
from rag.ui.chat.layout import NOTHING, Chat, Updates, emptied, restore, shown_by
from rag.ui.escape import escaped
from rag.ui.package import package_text
from rag.userdata import SavedConversation

_NAMES = {"md": "Markdown", "docx": "Word", "pdf": "PDF", "json": "JSON"}


@dataclass(frozen=True, slots=True)
class History:
    """The parts of the list.

    Attributes:
        listing: its select event says what is to be done with which conversation.
        acting: id of the conversation that is being renamed, or "".
    """

    opener: gr.Button
    column: gr.Column
    search: gr.Textbox
    listing: gr.HTML
    renaming: gr.Row
    name: gr.Textbox
    save: gr.Button
    acting: gr.State
    is_open: gr.State


def build_history(opener: gr.Button) -> History:
    """Lay out the list; `opener` shows and hides it."""
    with gr.Column(visible=False, elem_id="gb-history", min_width=0) as column:
        search = gr.Textbox(label="Search conversations", max_length=200)
        with gr.Row(visible=False, elem_id="gb-renaming") as renaming:
            name = gr.Textbox(label="New name", max_length=200, scale=1)
            save = gr.Button("Rename", size="sm", scale=0, min_width=80)
        listing = gr.HTML(listing_html(()), js_on_load=package_text("chat/history.js"), apply_default_css=False)
    return History(opener, column, search, listing, renaming, name, save, gr.State(""), gr.State(False))


def listing_html(conversations: Sequence[SavedConversation], *, asked: str = "", doomed: str = "") -> str:
    """Return the list.

    Args:
        asked: what was searched for.
        doomed: id of the conversation that is deleted at the next press.
    """
    if not conversations:
        empty = "No conversation holds these words." if asked.strip() else "No conversation is kept yet."
        return f'<section aria-label="Conversations"><p class="gb-quiet">{empty}</p></section>'
    items = "".join(_item(one, one.id == doomed) for one in conversations)
    return f'<section aria-label="Conversations"><ul class="gb-history">{items}</ul></section>'


def _item(one: SavedConversation, is_doomed: bool) -> str:
    title, turns = escaped(one.title), f"{one.n_turns} question" + ("" if one.n_turns == 1 else "s")
    deleting = ("confirm", "Delete for good") if is_doomed else ("delete", "Delete")
    acts = "".join(_button(one, act, text) for act, text in (("rename", "Rename"), deleting))
    exports = "".join(
        f'<a href="/export/{escaped(one.id)}.{kind}" download aria-label="Export as {_NAMES[kind]}: {title}">{kind}</a>'
        for kind in KINDS
    )
    return (
        f'<li>{_button(one, "open", one.title)}<span class="gb-quiet">{escaped(one.changed_at[:10])} · {turns}</span>'
        f'<span class="gb-acts">{acts}<span class="gb-quiet">Export</span>{exports}</span></li>'
    )


def _button(one: SavedConversation, act: str, text: str) -> str:
    label = "" if act == "open" else f' aria-label="{text}: {escaped(one.title)}"'
    return f'<button type="button" data-act="{act}" data-id="{escaped(one.id)}"{label}>{escaped(text)}</button>'


def wire_history(history: History, chat: Chat, desk: Desk, asking: Any) -> None:
    """Let the list answer; `asking` is the event after which it may have changed."""
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    history.opener.click(
        _toggler(history, desk),
        [history.is_open, history.search],
        [history.is_open, history.column, history.listing],
        **quiet,
    )
    history.search.change(_lister(desk), history.search, history.listing, **quiet)
    asking.then(_lister(desk), history.search, history.listing, **quiet)
    history.listing.select(
        _actor(history, chat, desk),
        [history.search, chat.conversation],
        [*shown_by(chat), history.listing, history.renaming, history.name, history.acting],
        **quiet,
    )
    gr.on(
        [history.save.click, history.name.submit],
        _renamer(desk),
        [history.acting, history.name, history.search],
        [history.listing, history.renaming],
        **quiet,
    )


def _listed(desk: Desk, user: str, search: str, doomed: str = "") -> str:
    if desk.userdata is None:
        return listing_html(())
    return listing_html(desk.userdata.conversations(user, containing=search or ""), asked=search or "", doomed=doomed)


def _lister(desk: Desk) -> Callable[..., str]:
    def listed(search: str, request: gr.Request) -> str:
        return _listed(desk, request.username or "", search)

    return listed


def _toggler(history: History, desk: Desk) -> Callable[..., Updates]:
    def toggle(is_open: bool, search: str, request: gr.Request) -> Updates:
        return {
            history.is_open: not is_open,
            history.column: gr.Column(visible=not is_open),
            history.listing: _listed(desk, request.username or "", search),
        }

    return toggle


def _actor(history: History, chat: Chat, desk: Desk) -> Callable[..., Updates]:
    show = restore(chat, desk)

    def act(search: str, current: str, event: gr.EventData, request: gr.Request) -> Updates:
        sent = event._data if isinstance(event._data, dict) else {}
        what, chosen, user = sent.get("act"), sent.get("id"), request.username or ""
        if desk.userdata is None or not isinstance(chosen, str):
            return NOTHING
        if what == "open":
            desk.stops.stop(request.session_hash or "")
            return show(chosen, request)
        if what == "rename" and (one := desk.userdata.conversation(user, chosen)):
            return {history.renaming: gr.Row(visible=True), history.name: one.title, history.acting: chosen}
        if what == "delete":
            return {history.listing: _listed(desk, user, search, chosen)}
        if what == "confirm":
            if chosen == current:
                desk.stops.stop(request.session_hash or "")  # its answer would keep it anew
            desk.userdata.delete(user, chosen)
            gone = emptied(chat) if chosen == current else {}
            return {**gone, history.listing: _listed(desk, user, search)}
        return NOTHING

    return act


def _renamer(desk: Desk) -> Callable[..., tuple[str, Any]]:
    def rename(chosen: str, name: str, search: str, request: gr.Request) -> tuple[str, Any]:
        user = request.username or ""
        if desk.userdata and chosen and name.strip():
            desk.userdata.rename(user, chosen, name.strip())
        return _listed(desk, user, search), gr.Row(visible=False)

    return rename
