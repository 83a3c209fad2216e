"""What happens in the conversation when something is pressed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from rag.ui.chat.asking import Asked, Desk, answering, asked_again, instead_of, judged, kept
from rag.ui.chat.conversation import Turn
from rag.ui.chat.evidence import evidence_html
from rag.ui.chat.layout import NOTHING, Chat, Updates, answered_by, emptied, messages
from rag.ui.chat.links import link_of
from rag.ui.chat.panel import panel_html
from rag.ui.chat.scope_bar import ScopeBar
from rag.ui.chat.stopping import until


def wire_chat(chat: Chat, scope: ScopeBar, desk: Desk) -> Any:
    """Let the parts answer; return the event of asking."""
    # One listener for every way to ask: the page runs a listener once at a time, so no answer is overtaken by a
    # second one that started from the same conversation.
    asking = gr.on(
        [
            chat.box.submit,
            chat.ask.click,
            chat.unlimited.click,
            chat.again.select,
            *(button.click for button in chat.examples),
        ],
        _responder(chat, desk),
        [chat.box, chat.turns, chat.editing, chat.conversation, *scope.fields],
        [*answered_by(chat), chat.conversation, chat.why],
        show_progress="minimal",
        show_progress_on=chat.chat,
        api_visibility="private",
    )
    chat.stop.click(
        _stopper(chat, desk), chat.turns, answered_by(chat), show_progress="hidden", api_visibility="private"
    )
    chat.evidence.select(
        _follower(chat, desk),
        chat.turns,
        [chat.evidence, chat.box, chat.editing, chat.replacing, chat.turns, chat.chat, chat.why, chat.judging],
        show_progress="hidden",
        api_visibility="private",
    )
    chat.leave.click(
        lambda: ("", -1, gr.Row(visible=False)),
        outputs=[chat.box, chat.editing, chat.replacing],
        show_progress="hidden",
        api_visibility="private",
    )
    gr.on(
        [chat.why_send.click, chat.why_box.submit],
        _reason_giver(desk),
        [chat.why_box, chat.turns, chat.judging],
        [chat.why_box, chat.why],
        show_progress="hidden",
        api_visibility="private",
    )
    return asking


def _responder(chat: Chat, desk: Desk) -> Callable[..., Iterator[Updates]]:
    examples = {button._id: text for button, text in chat.examples.items()}

    def respond(
        question: str,
        turns: tuple[Turn, ...],
        editing: int,
        conversation: str,
        date_from: str,
        date_to: str,
        as_of: str,
        regions: list[str],
        sources: list[str],
        topics: list[str],
        event: gr.EventData,
        request: gr.Request,
    ) -> Iterator[Updates]:
        fields = (date_from, date_to, as_of, regions, sources, topics)
        pressed = event.target._id if event.target else None
        if pressed == chat.again._id:
            again = asked_again(event._data, turns, fields)
            if again is None:
                return
            asked = again
        elif pressed == chat.unlimited._id and turns:
            asked = Asked(turns[-1].question, turns, fields=fields, dates=False)
        elif pressed in examples:
            asked = Asked(examples[pressed], turns, fields=fields)
        elif 0 <= editing < len(turns):
            asked = instead_of(editing, question or "", turns, fields)
        else:
            asked = Asked(question or "", turns, fields=fields)
        page = request.session_hash or ""
        stopped = desk.stops.begin(page)
        try:
            yield from _grow(chat, desk, asked, conversation or "", request.username or "", stopped)
        finally:
            desk.stops.end(page, stopped)

    return respond


def _grow(
    chat: Chat, desk: Desk, asked: Asked, conversation: str, user: str, stopped: threading.Event
) -> Iterator[Updates]:
    """Yield the updates of the page while an answer grows."""
    newest, number = desk.newest, len(asked.turns)
    yield {
        chat.box: "",
        chat.ask: gr.Button(interactive=False, visible=False),
        chat.stop: gr.Button(visible=True),
        chat.unlimited: gr.Button(visible=False),
        chat.editing: -1,
        chat.replacing: gr.Row(visible=False),
        chat.why: gr.Row(visible=False),
    }
    for grown in until(stopped, answering(desk, asked)):
        turn = grown
        if stopped.is_set():
            break
        if turn.is_over:
            turn, conversation = kept(desk, asked, turn, user=user, conversation=conversation)
        so_far = (*asked.turns, turn)
        shown: Updates = {
            chat.chat: messages(so_far, newest=newest),
            chat.evidence: evidence_html(turn, number=number),
            chat.turns: so_far,
        }
        if turn.is_over:
            limited = turn.answer is not None and turn.answer.limited_by is not None
            shown |= {
                chat.ask: gr.Button(interactive=True, visible=True),
                chat.stop: gr.Button(visible=False),
                chat.unlimited: gr.Button(visible=limited),
                chat.conversation: conversation,
            }
        yield shown
    if stopped.is_set():
        yield NOTHING  # what comes last is sent once more when all is over, after what the stop has shown


def _stopper(chat: Chat, desk: Desk) -> Callable[..., Updates]:
    def stop(turns: tuple[Turn, ...], request: gr.Request) -> Updates:
        desk.stops.stop(request.session_hash or "")
        if turns and not turns[-1].is_over:
            turns = (*turns[:-1], replace(turns[-1], stopped=True))
        return {
            chat.ask: gr.Button(interactive=True, visible=True),
            chat.stop: gr.Button(visible=False),
            chat.chat: messages(turns, newest=desk.newest),
            chat.turns: turns,
        }

    return stop


def begin_anew(chat: Chat, desk: Desk) -> Callable[[gr.Request], Updates]:
    """Return what empties the page and stops the answer under way."""

    def begin(request: gr.Request) -> Updates:
        desk.stops.stop(request.session_hash or "")
        return emptied(chat)

    return begin


def _follower(chat: Chat, desk: Desk) -> Callable[..., Updates]:
    def follow(turns: tuple[Turn, ...], event: gr.EventData, request: gr.Request) -> Updates:
        link = link_of(event._data, len(turns))
        if link is None or link.kind in ("again", "follow"):
            return NOTHING
        if link.kind == "edit":
            shown = gr.Row(visible=True)
            return {chat.box: turns[link.turn].question, chat.editing: link.turn, chat.replacing: shown}
        if link.kind in ("up", "down"):
            if not turns[-1].is_over:
                return NOTHING  # the answer that grows would overwrite it, or be overwritten
            turns = judged(desk, turns, link.turn, link.kind, user=request.username or "")
            asks_why = turns[link.turn].verdict == "down"
            return {
                chat.turns: turns,
                chat.chat: messages(turns, newest=desk.newest),
                chat.why: gr.Row(visible=asks_why),
                chat.judging: link.turn,
            }
        return {chat.evidence: panel_html(link, turns, desk.library)}

    return follow


def _reason_giver(desk: Desk) -> Callable[..., tuple[str, Any]]:
    def give(reason: str, turns: tuple[Turn, ...], judging: int, request: gr.Request) -> tuple[str, Any]:
        if desk.userdata and 0 <= judging < len(turns) and (saved_as := turns[judging].saved_as):
            desk.userdata.give_feedback(request.username or "", saved_as, "down", reason)
        return "", gr.Row(visible=False)

    return give
