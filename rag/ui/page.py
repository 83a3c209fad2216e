"""The page: conversation left, evidence right, and above them which briefs are asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from rag.ui.chat.asking import Desk
from rag.ui.chat.conversation import Answers, Turn
from rag.ui.chat.events import begin_anew, wire_chat
from rag.ui.chat.history import build_history, wire_history
from rag.ui.chat.layout import NOTHING, Chat, Updates, build_chat, restore, shown_by
from rag.ui.chat.scope_bar import ScopeBar, build_scope_bar, chips_html, choices, names, without
from rag.ui.corpus.tab import build_corpus_tab
from rag.ui.escape import escaped
from rag.ui.evaluate.tab import build_evaluate_tab
from rag.ui.library import Library
from rag.ui.package import package_text
from rag.uploads import Uploads
from rag.userdata import UserData

CONCURRENT_ANSWERS = 4
MOST_WAITING = 200
"""Presses that wait for their turn; gradio refuses more."""
"""How many questions are answered at a time; further ones wait in the queue."""

KEEP_RECEIVED_S = (600, 600)
"""How often files that were received are looked at, and from what age their copies in the temporary folder go."""

_INTRODUCTION = "Ask about the briefs. Every sentence of an answer points at the words it rests on."


def build_ui(
    assistant: Answers,
    *,
    examples: Sequence[str],
    title: str = "geobrief",
    library: Library | None = None,
    userdata: UserData | None = None,
    uploads: Uploads | None = None,
    reports: Path | None = None,
) -> gr.Blocks:
    """Lay out the page and wire it to the assistant. Every browser tab has a conversation of its own.

    Args:
        library: gives whole briefs, lists and charts; without one there is no tab of the corpus.
        userdata: keeps conversations; without one they end with the page.
        uploads: takes briefs in; without one the corpus is only shown.
        reports: folder of the reports that evaluations left; without one there is no tab of them.
    """
    desk = Desk(assistant, library, userdata)
    ui = gr.Blocks(
        title=title, analytics_enabled=False, fill_height=True, fill_width=True, delete_cache=KEEP_RECEIVED_S
    )
    with ui:
        opener, fresh, account = _build_bar(title, has_history=userdata is not None)
        ui.load(account_html, None, account, show_progress="hidden", api_visibility="private")
        with gr.Tabs(elem_id="gb-tabs"):
            with gr.Tab("Chat", elem_id="gb-tab-chat"):
                scope = build_scope_bar(package_text("chat/chips.js"))
                with gr.Row(elem_id="gb-columns", equal_height=True):
                    history = build_history(opener)
                    chat = build_chat(examples)
            if library is not None:
                with gr.Tab("Corpus", elem_id="gb-tab-corpus"):
                    build_corpus_tab(library, uploads)
            if reports is not None:
                with gr.Tab("Evaluate", elem_id="gb-tab-evaluate"):
                    build_evaluate_tab(reports)
        asking = wire_chat(chat, scope, desk)
        wire_history(history, chat, desk, asking)
        fresh.click(
            begin_anew(chat, desk),
            None,
            shown_by(chat),
            show_progress="hidden",
            api_visibility="private",
        )
        _wire_scope(scope)
        _wire_load(ui, chat, scope, desk)
    ui.queue(default_concurrency_limit=CONCURRENT_ANSWERS, max_size=MOST_WAITING)
    return ui


def _build_bar(title: str, *, has_history: bool) -> tuple[gr.Button, gr.Button, gr.HTML]:
    with gr.Row(elem_id="gb-bar"):
        gr.HTML(
            f'<header class="gb-top"><h1>{escaped(title)}</h1><p>{_INTRODUCTION}</p></header>',
            apply_default_css=False,
        )
        opener = gr.Button("Conversations", size="sm", scale=0, min_width=0, visible=has_history)
        fresh = gr.Button("New conversation", size="sm", scale=0, min_width=0)
        return opener, fresh, gr.HTML("", apply_default_css=False, elem_id="gb-account")


def account_html(request: gr.Request) -> str:
    """Return who is signed in and the way out; empty where nobody signs in."""
    if not request.username:
        return ""
    name = escaped(request.username)
    return f'<form method="post" action="/sign-out"><button type="submit">Sign out {name}</button></form>'


def _wire_scope(scope: ScopeBar) -> None:
    fields = list(scope.fields)
    opened = gr.State(False)
    scope.opener.click(
        lambda is_open: (not is_open, gr.Group(visible=not is_open)),
        opened,
        [opened, scope.panel],
        show_progress="hidden",
        api_visibility="private",
    )
    gr.on(
        [field.change for field in fields],
        lambda *values: chips_html(dict(zip(names(), values, strict=True))),
        fields,
        scope.chips,
        show_progress="hidden",
        api_visibility="private",
    )
    scope.chips.select(_remover(), fields, fields, show_progress="hidden", api_visibility="private")
    scope.clear.click(lambda: ("", "", "", [], [], []), None, fields, show_progress="hidden", api_visibility="private")


def _remover() -> Callable[..., tuple[Any, ...]]:
    def remove(
        date_from: str,
        date_to: str,
        as_of: str,
        regions: list[str],
        sources: list[str],
        topics: list[str],
        event: gr.EventData,
    ) -> tuple[Any, ...]:
        removed = event._data if isinstance(event._data, dict) else {}
        return without((date_from, date_to, as_of, regions, sources, topics), removed)

    return remove


def _wire_load(ui: gr.Blocks, chat: Chat, scope: ScopeBar, desk: Desk) -> None:
    show = restore(chat, desk)

    def reopened(conversation: str, turns: tuple[Turn, ...], request: gr.Request) -> Updates:
        return NOTHING if turns else show(conversation, request)  # who asks at once is not interrupted

    ui.load(
        reopened,
        [chat.conversation, chat.turns],
        shown_by(chat),
        show_progress="hidden",
        api_visibility="private",
    )
    if library := desk.library:
        lists = [field for field in scope.fields if isinstance(field, gr.Dropdown)]
        ui.load(lambda: choices(library.facets()), None, lists, show_progress="hidden", api_visibility="private")
