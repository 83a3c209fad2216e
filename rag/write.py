"""Evidence to sentences that an LLM writes. What it writes is a draft until `verify` has proved it."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, HumanMessage

from rag.answer import Reading
from rag.clauses import TITLES
from rag.machine_talk import speaks_to_machines, visible
from rag.prompts import fence, prompt
from rag.tracing import chat_span, in_own_context, tokens_taken

MAX_EXTRACTS = 5
MAX_SENTENCES = 6
"""Sentences taken from a reply; what a model writes after them is not read."""
MAX_REPLY_CHARS = 4_000
CACHED = 256
_REASONS = ("finish_reason", "stop_reason", "done_reason")
"""Where providers say why a reply ended."""
_STOPPED = frozenset("content_filter error safety recitation blocklist prohibited_content spii refusal".split())
"""Reasons of a reply that was not written to its end."""

_MARK = re.compile(r"\[(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\]")
_END = re.compile(r"""[.!?]["”’')\]]*(?:\s*\[[\d,;\s]+\])*(?=\s+[^\s\[]|\s*\n)""")
_ABBREVIATED = re.compile(
    rf"(?:\b(?:[A-Z]|{'|'.join(sorted(word.title() for word in TITLES))}"
    r"|Jan|Feb|Mar|Apr|Aug|Sept?|Oct|Nov|Dec)|\b\w\.\w)\.$"
)
_ENDED = re.compile(r"""[.!?]["”’')]*(?:\s*\[[\d,;\s]+\])*\s*$""")
_LIST_MARK = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")
_SAYS_NOTHING = re.compile(
    r"\b(?:extracts?|passages?|briefs?) do(?:es)? not (?:say|answer|contain|mention)", re.IGNORECASE
)
_NUMBER_OF_LIST = re.compile(r"(?:\w+ )?\d+[.)]?")
_RUNS_ON = re.compile(r"\b(?P<phrase>\w+(?: \w+){3})\b(?:.*?\b(?P=phrase)\b){2}", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?(?:-->|$)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Draft:
    """A sentence as a model wrote it, without its marks.

    Attributes:
        cites: numbers of the evidence that it names, from 1; empty where it names none.
    """

    text: str
    cites: tuple[int, ...]


@dataclass
class Tokens:
    """Tokens that a reply took.

    Attributes:
        told: whether the model says so; else each piece of the reply counts as one.
    """

    into: int = 0
    out: int = 0
    cached: bool = False
    told: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Writer:
    """Has a chat model write over evidence. Safe for threads; replies are kept by model, evidence and prompt.

    Attributes:
        name: of the model, for records and as part of a reply's key.
        prices: of a million tokens of prompt and of reply.
        timeout_s: longest time that a reply may take.
    """

    model: BaseChatModel
    name: str
    prices: tuple[float, float] | None = None
    timeout_s: float = 60.0
    _kept: OrderedDict[str, str] = field(default_factory=OrderedDict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def write(self, question: str, readings: Sequence[Reading], tokens: Tokens) -> Iterator[Draft]:
        """Yield sentences as they are finished, at most `MAX_SENTENCES`. One model call, none where the reply is kept.

        Args:
            readings: over one evidence; the passages of the best units are shown.
            tokens: is counted up.

        Raises:
            Exception: what the model's own client raises when it cannot be reached or stops.
        """
        asked = self.prompt(question, readings)
        key = hashlib.sha256(f"{self.name}\n{asked}".encode()).hexdigest()
        for n, draft in enumerate(drafts(self._reply(key, asked, tokens)), 1):
            yield draft
            if n == MAX_SENTENCES:
                return

    def cost(self, tokens: Tokens) -> float | None:
        """What tokens cost, in the currency of the prices."""
        if self.prices is None:
            return None
        return (tokens.into * self.prices[0] + tokens.out * self.prices[1]) / 1e6

    def prompt(self, question: str, readings: Sequence[Reading]) -> str:
        """Write what the model is told: the best passages, numbered as the evidence is, between fences."""
        evidence = readings[0].evidence
        best = [unit.n for unit in sorted((u for r in readings for u in r.units), key=lambda unit: -unit.score)]
        shown = sorted(list(dict.fromkeys(best))[:MAX_EXTRACTS])
        extracts = "\n\n".join(f"[{n}] {_told(evidence[n - 1])}" for n in shown)
        return prompt("answer", question=" ".join(question.split()), extracts=extracts, fence=fence(extracts))

    def _reply(self, key: str, asked: str, tokens: Tokens) -> Iterator[str]:
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None:
            tokens.cached = True
            yield kept
            return
        parts: list[str] = []
        finished = False
        try:
            with closing(in_own_context(self._called(asked, tokens))) as chunks:
                for chunk in chunks:
                    finished = _ended(chunk) or finished
                    parts.append(str(chunk.text))
                    yield parts[-1]
                    if sum(map(len, parts)) > MAX_REPLY_CHARS:
                        finished = True
                        break
        except GeneratorExit:  # enough was read, or nobody reads on: only the former is worth keeping
            text = "".join(parts)
            if sum(1 for _ in islice(drafts(iter([text])), MAX_SENTENCES)) >= MAX_SENTENCES:
                self._keep(key, text)
            raise
        if not finished and not _ENDED.search("".join(parts)):
            raise ConnectionError("the reply breaks off")
        self._keep(key, "".join(parts))

    def _called(self, asked: str, tokens: Tokens) -> Generator[AIMessageChunk, None, None]:
        until = time.monotonic() + self.timeout_s
        with chat_span(self.name) as traced:
            try:
                for chunk in self.model.stream([HumanMessage(asked)]):
                    _count(chunk, tokens)
                    yield chunk
                    if time.monotonic() > until:
                        raise TimeoutError(f"the model took longer than {self.timeout_s:g} s")
            finally:
                traced.set(tokens_taken(tokens.into, tokens.out))

    def _keep(self, key: str, reply: str) -> None:
        if not reply.strip():
            return
        with self._lock:
            self._kept[key] = reply
            while len(self._kept) > CACHED:
                self._kept.popitem(last=False)


def drafts(tokens: Iterator[str]) -> Iterator[Draft]:
    """Cut a stream of text into sentences, each as soon as the next one has begun; the rest at the end.

    A rest without a full stop was cut off, and is left out.
    """
    held = ""
    for token in tokens:
        held += token
        while (end := _sentence_end(held)) is not None:
            piece, held = held[:end], held[end:]
            yield from _draft(piece)
    if _ENDED.search(held):
        yield from _draft(held)


def _sentence_end(text: str) -> int | None:
    for match in _END.finditer(text):
        if not _ABBREVIATED.search(text[: match.start() + 1]):
            return match.end()
    return None


def _draft(piece: str) -> Iterator[Draft]:
    cites = tuple(dict.fromkeys(int(n) for marks in _MARK.findall(piece) for n in re.findall(r"\d+", marks)))
    text = " ".join(_LIST_MARK.sub("", _MARK.sub("", piece)).split())
    text = re.sub(r"\s+([.,;!?])", r"\1", text)
    says = any(character.isalnum() for character in text) and not _NUMBER_OF_LIST.fullmatch(text)
    if says and not _SAYS_NOTHING.search(text) and not _RUNS_ON.search(text):
        yield Draft(text, cites)


def _told(passage: Document) -> str:
    """Write a passage as the model is shown it: title and date, then its text without what speaks to machines."""
    data = passage.metadata
    title = "untitled" if speaks_to_machines(data["title"]) else data["title"]
    about = ", ".join(filter(None, [title, data["date"] or "undated"]))
    return f"({visible(about)})\n{visible(_for_models(passage))}"


def _for_models(passage: Document) -> str:
    text, start = _COMMENT.sub(lambda match: " " * len(match.group()), passage.page_content), passage.metadata["start"]
    for unit in passage.metadata["units"]:
        first, last = unit["start"] - start, unit["end"] - start
        if speaks_to_machines(text[first:last]):
            text = f"{text[:first]}{' ' * (last - first)}{text[last:]}"
    lines = (line for line in text.splitlines() if not speaks_to_machines(line))
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _ended(chunk: AIMessageChunk) -> bool:
    """Whether a piece tells that the reply is at its end.

    Raises:
        ConnectionError: if it was stopped by a filter or an error.
    """
    told = [str(reason) for key in _REASONS if (reason := chunk.response_metadata.get(key))]
    if stopped := next((reason for reason in told if reason.lower() in _STOPPED), None):
        raise ConnectionError(f"the reply was stopped: {stopped}")
    return bool(told)


def _count(chunk: AIMessageChunk | Any, tokens: Tokens) -> None:
    """Count what the model tells, which may come in parts, and until it does, each piece as a token."""
    if used := getattr(chunk, "usage_metadata", None):
        tokens.into = tokens.into * tokens.told + used["input_tokens"]
        tokens.out = tokens.out * tokens.told + used["output_tokens"]
        tokens.told = True
    elif chunk.text and not tokens.told:
        tokens.out += 1
