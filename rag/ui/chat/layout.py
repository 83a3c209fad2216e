"""The conversation with its evidence: what is on the page, and the updates that show a conversation there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from rag.ui.chat.asking import Desk, restored
from rag.ui.chat.conversation import Turn
from rag.ui.chat.evidence import evidence_html
from rag.ui.chat.render import answer_html, follow_ups_html, question_html
from rag.ui.package import package_text

Updates = dict[Any, Any]
REPLACES = "The next question takes the place of this one, and of all that was asked after it."
NOTHING: Updates = gr.skip()
"""Changes nothing; an empty dict is an error to gradio."""


@dataclass(frozen=True, slots=True)
class Chat:
    """The parts of the page that a conversation changes.

    Attributes:
        turns: the conversation of one browser tab, kept by the server and never read back from the page.
        editing: place of the turn that the next question comes in place of; -1 for none.
        replacing: says so, with `leave` as the way out.
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
    replacing: gr.Row
    leave: gr.Button
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
        with gr.Row(visible=False, elem_id="gb-replacing") as replacing:
            gr.HTML(f"<p>{REPLACES}</p>", apply_default_css=False)
            leave = gr.Button("Leave it as it is", size="sm", scale=0, min_width=140)
        box, ask, stop = _question_row()
    with gr.Column(elem_id="gb-evidence", min_width=0):
        evidence = gr.HTML(evidence_html(None), js_on_load=package_text("chat/script.js"), apply_default_css=False)
        again = gr.HTML("", js_on_load=package_text("chat/again.js"), elem_classes="gb-hidden")
    return Chat(
        box=box,
        ask=ask,
        stop=stop,
        chat=chat,
        evidence=evidence,
        again=again,
        unlimited=unlimited,
        replacing=replacing,
        leave=leave,
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
        chat.replacing: gr.Row(visible=False),
        chat.conversation: conversation,
        chat.why: gr.Row(visible=False),
    }


def shown_by(chat: Chat) -> list[Any]:
    """Return the parts that `emptied` updates."""
    return [*answered_by(chat), chat.conversation, chat.why]


def answered_by(chat: Chat) -> list[Any]:
    """Return the parts that change while an answer grows."""
    over = [chat.editing, chat.unlimited, chat.replacing]
    return [chat.box, chat.ask, chat.stop, chat.chat, chat.evidence, chat.turns, *over]


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
