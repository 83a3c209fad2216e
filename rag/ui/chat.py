"""The conversation with its evidence: what is on the page, and what happens when something is pressed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from rag.ui.asking import Asked, Desk, answering, asked_again, instead_of, judged, kept, restored
from rag.ui.conversation import Turn
from rag.ui.evidence import evidence_html
from rag.ui.links import link_of
from rag.ui.package import package_text
from rag.ui.panel import panel_html
from rag.ui.render import answer_html, follow_ups_html, question_html
from rag.ui.scope_bar import ScopeBar

Updates = dict[Any, Any]
NOTHING: Updates = gr.skip()
"""Changes nothing; an empty dict is an error to gradio."""


@dataclass(frozen=True, slots=True)
class Chat:
    """The parts of the page that a conversation changes.

    Attributes:
        turns: the conversation of one browser tab, kept by the server and never read back from the page.
        editing: place of the turn that the next question comes in place of; -1 for none.
        conversation: id of the kept conversation, which the browser remembers over a reload.
        again: invisible; its select event asks a question again.
    """

    box: gr.Textbox
    ask: gr.Button
    stop: gr.Button
    chat: gr.Chatbot
    evidence: gr.HTML
    again: gr.HTML
    unlimited: gr.Button
    examples: Mapping[gr.Button, str]
    why: gr.Row
    why_box: gr.Textbox
    why_send: gr.Button
    turns: gr.State
    editing: gr.State
    judging: gr.State
    conversation: gr.BrowserState


def build_chat(examples: Sequence[str]) -> Chat:
    """Lay out conversation and evidence, side by side in the row where it is called."""
    with gr.Column(elem_id="gb-conversation", min_width=0):
        chat = _chatbot()
        unlimited = gr.Button("Ask without the date limit", size="sm", visible=False, elem_id="gb-unlimited")
        with gr.Row(visible=False, elem_id="gb-why") as why:
            why_box = gr.Textbox(label="What is wrong with this answer?", max_length=2000, scale=1)
            why_send = gr.Button("Send", size="sm", scale=0, min_width=80)
        with gr.Row(elem_id="gb-examples"):
            buttons = {gr.Button(text, size="sm", min_width=0): text for text in examples}
        box, ask, stop = _question_row()
    with gr.Column(elem_id="gb-evidence", min_width=0):
        evidence = gr.HTML(evidence_html(None), js_on_load=package_text("script.js"), apply_default_css=False)
        again = gr.HTML("", js_on_load=package_text("again.js"), elem_classes="gb-hidden")
    return Chat(
        box=box,
        ask=ask,
        stop=stop,
        chat=chat,
        evidence=evidence,
        again=again,
        unlimited=unlimited,
        examples=buttons,
        why=why,
        why_box=why_box,
        why_send=why_send,
        turns=gr.State(()),
        editing=gr.State(-1),
        judging=gr.State(-1),
        # Not a secret: the id opens a conversation to its owner alone. A fixed one survives a restart of the server.
        conversation=gr.BrowserState("", storage_key="geobrief-conversation", secret="geobrief"),
    )


def _chatbot() -> gr.Chatbot:
    return gr.Chatbot(
        label="Conversation",
        show_label=False,
        elem_id="gb-chat",
        height=None,
        latex_delimiters=[],
        sanitize_html=True,
        buttons=[],
        feedback_options=None,
        allow_file_downloads=False,
        group_consecutive_messages=False,
        placeholder="Ask a question, or choose one below.",
    )


def _question_row() -> tuple[gr.Textbox, gr.Button, gr.Button]:
    with gr.Row(elem_id="gb-ask"):
        box = gr.Textbox(
            label="Question",
            show_label=False,
            placeholder="Ask about the briefs",
            max_lines=6,
            autofocus=True,
            container=False,
        )
        ask = gr.Button("Ask", variant="primary", scale=0, min_width=80)
        return box, ask, gr.Button("Stop", variant="stop", scale=0, min_width=80, visible=False)


def wire_chat(chat: Chat, scope: ScopeBar, desk: Desk) -> Any:
    """Let the parts answer; return the event of asking, which others may cancel."""
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
        [*_answered(chat), chat.conversation, chat.why],
        show_progress="minimal",
        show_progress_on=chat.chat,
        api_visibility="private",
    )
    chat.stop.click(
        _stopper(chat, desk), chat.turns, _answered(chat), cancels=[asking], show_progress="hidden",
        api_visibility="private",
    )  # fmt: skip
    chat.evidence.select(
        _follower(chat, desk),
        chat.turns,
        [chat.evidence, chat.box, chat.editing, chat.turns, chat.chat, chat.why, chat.judging],
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


def emptied(chat: Chat, turns: tuple[Turn, ...] = (), *, newest: str | None = None, conversation: str = "") -> Updates:
    """Return the updates that show a conversation, by default a new one."""
    last = evidence_html(turns[-1], number=len(turns) - 1) if turns else evidence_html(None)
    return {
        chat.box: "",
        chat.ask: gr.Button(interactive=True, visible=True),
        chat.stop: gr.Button(visible=False),
        chat.chat: messages(turns, newest=newest),
        chat.evidence: last,
        chat.turns: turns,
        chat.editing: -1,
        chat.unlimited: gr.Button(visible=False),
        chat.conversation: conversation,
        chat.why: gr.Row(visible=False),
    }


def shown_by(chat: Chat) -> list[Any]:
    """Return the parts that `emptied` updates."""
    return [*_answered(chat), chat.conversation, chat.why]


def _answered(chat: Chat) -> list[Any]:
    return [chat.box, chat.ask, chat.stop, chat.chat, chat.evidence, chat.turns, chat.editing, chat.unlimited]


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
        yield from _grow(chat, desk, asked, conversation or "", request.username or "")

    return respond


def _grow(chat: Chat, desk: Desk, asked: Asked, conversation: str, user: str) -> Iterator[Updates]:
    """Yield the updates of the page while an answer grows."""
    newest, number = desk.newest, len(asked.turns)
    yield {
        chat.box: "",
        chat.ask: gr.Button(interactive=False, visible=False),
        chat.stop: gr.Button(visible=True),
        chat.unlimited: gr.Button(visible=False),
        chat.editing: -1,
        chat.why: gr.Row(visible=False),
    }
    for grown in answering(desk, asked):
        turn = grown
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


def _stopper(chat: Chat, desk: Desk) -> Callable[[tuple[Turn, ...]], Updates]:
    def stop(turns: tuple[Turn, ...]) -> Updates:
        if turns and not turns[-1].is_over:
            turns = (*turns[:-1], replace(turns[-1], stopped=True))
        return {
            chat.ask: gr.Button(interactive=True, visible=True),
            chat.stop: gr.Button(visible=False),
            chat.chat: messages(turns, newest=desk.newest),
            chat.turns: turns,
        }

    return stop


def _follower(chat: Chat, desk: Desk) -> Callable[..., Updates]:
    def follow(turns: tuple[Turn, ...], event: gr.EventData, request: gr.Request) -> Updates:
        link = link_of(event._data, len(turns))
        if link is None or link.kind in ("again", "follow"):
            return NOTHING
        if link.kind == "edit":
            return {chat.box: turns[link.turn].question, chat.editing: link.turn}
        if link.kind in ("up", "down"):
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


def restore(chat: Chat, desk: Desk) -> Callable[..., Updates]:
    """Return what shows a kept conversation by its id; nothing changes where there is none."""

    def show(conversation: str, request: gr.Request) -> Updates:
        turns = restored(desk, user=request.username or "", conversation=conversation or "")
        return emptied(chat, turns, newest=desk.newest, conversation=conversation) if turns else NOTHING

    return show


def messages(turns: Sequence[Turn], *, newest: str | None = None) -> list[dict[str, str]]:
    """The conversation as gradio's Chatbot takes it."""
    shown = []
    for number, turn in enumerate(turns):
        if turn.question.strip():
            shown.append({"role": "user", "content": question_html(turn.question)})
        shown.append({"role": "assistant", "content": answer_html(turn, number=number, newest=newest)})
    if turns and turns[-1].is_over and (next_ones := follow_ups_html(turns[-1], len(turns) - 1)):
        shown.append({"role": "assistant", "content": next_ones})
    return shown
