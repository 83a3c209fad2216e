"""Fold the conversation into a question that can be understood alone."""

from __future__ import annotations

import re
from collections.abc import Sequence

from langchain_core.messages import BaseMessage

MAX_OWN_WORDS = 12
"""A longer question says itself what it is about."""

_REFERS = re.compile(
    r"\b(?:he|she|it|they|him|her|them|his|hers|its|their|theirs|there|this|that|these|those|then|same|both)\b"
    r"|^(?:and|but|or|also|what about|how about)\b|^(?:who|when|where|why|how|what|which)\s*\??$",
    re.IGNORECASE,
)


def rewrite(question: str, history: Sequence[BaseMessage]) -> str:
    """Return the question, preceded by the last one that stood alone when it refers back.

    It refers back when it is short and has a pronoun, opens with "and" or "what about", or is a bare question word:

        "Who visited Beijing?", "And when?" -> "Who visited Beijing? And when?"
        "Who visited Beijing?", "Who won the election in Taiwan?" -> "Who won the election in Taiwan?"
    """
    if not refers_back(question):
        return question
    for message in reversed(history):
        if message.type == "human" and not refers_back(str(message.text)):
            return f"{str(message.text).strip()} {question}"
    return question


def refers_back(question: str) -> bool:
    """Whether a question needs an earlier one to be understood."""
    words = question.split()
    names = any(word[:1].isupper() for word in words[1:])
    return len(words) <= MAX_OWN_WORDS and not names and _REFERS.search(question.strip()) is not None
