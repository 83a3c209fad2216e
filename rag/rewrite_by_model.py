"""Have an LLM fold the conversation into the question; the rule-based result stands where that fails or invents."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, HumanMessage

from rag.language import foreign
from rag.lexicon import analyse, present
from rag.machine_talk import speaks_to_machines, visible
from rag.prompts import fence, prompt
from rag.rewrite import rewrite
from rag.tracing import chat_span, tokens_taken

MAX_TURNS = 6
MAX_MESSAGE_CHARS = 600
MAX_CHARS = 400

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rewriter:
    """Rewrites by an LLM.

    Attributes:
        name: of the model, for the log.
    """

    model: BaseChatModel
    name: str

    def __call__(self, question: str, history: Sequence[BaseMessage]) -> str:
        """Return the question made to stand alone. Never raises for what a model does. One model call.

        What the model gives is taken if it is one line that names no name and no number but those of the conversation.
        A question in another language is put into English; its names may be spelt otherwise there.
        """
        by_rule = rewrite(question, history)
        in_other = foreign(question, ("en",)) is not None
        if not history and not in_other:
            return by_rule
        told = "\n".join(_line(message) for message in history[-MAX_TURNS:])
        try:
            asked = prompt("rewrite", conversation=told, question=" ".join(question.split()), fence=fence(told))
            with chat_span(self.name) as traced:
                message = self.model.invoke([HumanMessage(asked)])
                if used := message.usage_metadata:
                    traced.set(tokens_taken(used["input_tokens"], used["output_tokens"]))
            reply = str(message.text)
        except Exception as error:
            _log.warning("the language model %s failed: %s: %s", self.name, type(error).__name__, error)
            return by_rule
        made = _one_line(reply)
        return made if made and (in_other or _invents_nothing(made, f"{told} {question}")) else by_rule


def _line(message: BaseMessage) -> str:
    who = "Analyst" if message.type == "human" else "Answer"
    text = visible(str(message.text))[:MAX_MESSAGE_CHARS]
    lines = [line for line in text.splitlines() if not speaks_to_machines(line)]
    return f"{who}: {' '.join(' '.join(lines).split())}"


def _one_line(reply: str) -> str | None:
    lines = [line.strip(' "“”*') for line in reply.strip().splitlines() if line.strip()]
    if len(lines) != 1 or not 3 <= len(lines[0]) <= MAX_CHARS or not re.search(r"\w", lines[0]):
        return None
    return re.sub(r"^(?:the )?(?:rewritten |standalone )?question(?: alone)?: *", "", lines[0], flags=re.IGNORECASE)


def _invents_nothing(made: str, told: str) -> bool:
    words, known = analyse(made), analyse(told)
    names = [word.stem for run in words.names for word in run]
    numbers = [word.stem for word in words.words if word.text[0].isdigit()]
    return all(present(stem, known) > 0 for stem in (*names, *numbers))
