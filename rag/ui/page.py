"""The page: conversation left, evidence right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import gradio as gr

from rag.ui.conversation import Answers, Turn, converse
from rag.ui.render import answer_html, escaped, evidence_html, question_html

CONCURRENT_ANSWERS = 4
"""How many questions are answered at a time; further ones wait in the queue."""

_INTRODUCTION = "Ask about the briefs. Every sentence of an answer points at the words it rests on."

Updates = dict[Any, Any]


@dataclass(frozen=True, slots=True)
class _Parts:
    """What changes on the page.

    Attributes:
        turns: the conversation of one browser tab, kept by the server and never read back from the page.
    """

    box: gr.Textbox
    ask: gr.Button
    chat: gr.Chatbot
    evidence: gr.HTML
    turns: gr.State
    again: gr.Button
    unlimited: gr.Button


def build_ui(assistant: Answers, *, examples: Sequence[str], title: str = "geobrief") -> gr.Blocks:
    """Lay out the chat and wire it to the assistant. Every browser tab has a conversation of its own."""
    ui = gr.Blocks(title=title, analytics_enabled=False, fill_height=True, fill_width=True)
    with ui:
        again = _bar(title)
        with gr.Row(elem_id="gb-columns", equal_height=True):
            with gr.Column(elem_id="gb-conversation", min_width=0):
                chat = _chat()
                unlimited = gr.Button("Ask without the date limit", size="sm", visible=False, elem_id="gb-unlimited")
                buttons = _example_buttons(examples)
                box, ask = _question_row()
            with gr.Column(elem_id="gb-evidence", min_width=0):
                evidence = gr.HTML(evidence_html(None), js_on_load=package_text("script.js"), apply_default_css=False)
        _wire(_Parts(box, ask, chat, evidence, gr.State(()), again, unlimited), assistant, buttons)
    ui.queue(default_concurrency_limit=CONCURRENT_ANSWERS)
    return ui


def package_text(name: str) -> str:
    """A text file of this package."""
    return files("rag.ui").joinpath(name).read_text(encoding="utf-8")


def _bar(title: str) -> gr.Button:
    with gr.Row(elem_id="gb-bar"):
        gr.HTML(
            f'<header class="gb-top"><h1>{escaped(title)}</h1><p>{_INTRODUCTION}</p></header>', apply_default_css=False
        )
        return gr.Button("New conversation", size="sm", scale=0, min_width=0)


def _chat() -> gr.Chatbot:
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


def _example_buttons(examples: Sequence[str]) -> Mapping[gr.Button, str]:
    with gr.Row(elem_id="gb-examples"):
        return {gr.Button(text, size="sm", min_width=0): text for text in examples}


def _question_row() -> tuple[gr.Textbox, gr.Button]:
    with gr.Row(elem_id="gb-ask"):
        box = gr.Textbox(
            label="Question",
            show_label=False,
            placeholder="Ask about the briefs",
            max_lines=6,
            autofocus=True,
            container=False,
        )
        return box, gr.Button("Ask", variant="primary", scale=0, min_width=80)


def _wire(parts: _Parts, assistant: Answers, examples: Mapping[gr.Button, str]) -> None:
    # One listener for every way to ask: the page runs a listener once at a time, so no answer is overtaken by a
    # second one that started from the same conversation.
    asking = gr.on(
        [parts.box.submit, parts.ask.click, parts.unlimited.click, *(button.click for button in examples)],
        _responder(parts, assistant, {button._id: text for button, text in examples.items()}),
        [parts.box, parts.turns],
        [parts.box, parts.ask, parts.chat, parts.evidence, parts.turns, parts.unlimited],
        show_progress="minimal",
        show_progress_on=parts.chat,
        api_visibility="private",
    )
    parts.again.click(
        lambda: ("", gr.Button("Ask", interactive=True), [], evidence_html(None), (), gr.Button(visible=False)),
        None,
        [parts.box, parts.ask, parts.chat, parts.evidence, parts.turns, parts.unlimited],
        cancels=[asking],
        show_progress="hidden",
        api_visibility="private",
    )
    parts.evidence.select(
        _evidence_of_turn, parts.turns, parts.evidence, show_progress="hidden", api_visibility="private"
    )


def _responder(
    parts: _Parts, assistant: Answers, examples: Mapping[int, str]
) -> Callable[[str, tuple[Turn, ...], gr.EventData], Iterator[Updates]]:
    def respond(question: str, turns: tuple[Turn, ...], event: gr.EventData) -> Iterator[Updates]:
        pressed = event.target._id if event.target else None
        again = pressed == parts.unlimited._id and bool(turns)
        asked = turns[-1].question if again else examples.get(pressed, question) if pressed is not None else question
        yield {
            parts.box: "",
            parts.ask: gr.Button("Answering…", interactive=False),
            parts.unlimited: gr.Button(visible=False),
        }
        for turn in converse(assistant, asked or "", turns=turns, dates=not again):
            so_far = (*turns, turn)
            shown: Updates = {parts.chat: messages(so_far), parts.evidence: evidence_html(turn, number=len(turns))}
            if turn.is_over:
                limited = turn.answer is not None and turn.answer.limited_by is not None
                shown |= {
                    parts.turns: so_far,
                    parts.ask: gr.Button("Ask", interactive=True),
                    parts.unlimited: gr.Button(visible=limited),
                }
            yield shown

    return respond


def messages(turns: Sequence[Turn]) -> list[dict[str, str]]:
    """The conversation as gradio's Chatbot takes it."""
    shown = []
    for number, turn in enumerate(turns):
        if turn.question.strip():
            shown.append({"role": "user", "content": question_html(turn.question)})
        shown.append({"role": "assistant", "content": answer_html(turn, number=number)})
    return shown


def _evidence_of_turn(turns: tuple[Turn, ...], event: gr.EventData) -> Any:
    number = event._data.get("turn") if isinstance(event._data, dict) else None
    if not isinstance(number, int) or not 0 <= number < len(turns):
        return gr.skip()
    return evidence_html(turns[number], number=number)
