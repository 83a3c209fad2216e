"""What the evidence says beside an answer: its sentences, and how each bears on the question and on the answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from langchain_core.documents import Document

from rag.answer import Reading, Sentence
from rag.cite import quoted
from rag.clauses import alike, is_content, root
from rag.conflicts.sides import is_about
from rag.conflicts.tellers import is_contested, same_teller, teller
from rag.lexicon import MONTHS, analyse, stem
from rag.types import Span

NEAR = 2
"""Sentences from one account to the other one of a brief that tells two."""
MOST = 160
"""Sentences of the evidence that are looked at, so that no question costs more than a bound."""
_LEAST_WORDS = 3
_MOST_SHARED = 3
_CONTESTED_FOR = 2
_TINY = 1e-9
_MONTHS = frozenset(stem(month) for month in MONTHS)
_NO_MATTER = re.compile(
    r"\b(?:how (?:high|strong|large|big|long|far|old|fast|deep|wide|heavy|tall)|how|many|much|numbers?|sources?"
    r"|figures?|share|percentage|proportion|portion|part|amount|sum|size|volume|rate|count|counts|versions?|accounts?"
    r"|give|given|gave|competing|conflicting|different|two|both|total|date|day|time|year|what|which|when|where|who"
    r"|people|persons|according|take|took|place|happen\w*|put)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, eq=False)
class Account:
    """A sentence, list item or table row of the evidence.

    Attributes:
        n: number of its passage in the evidence, from 1.
        label: what heads it, such as "Toll", or says before it that there are two accounts; or nothing.
        place: its place among those of its brief, in reading order.
        score: of the reader, as a share of the best unit's; 0 where the reader has not scored it.
        teller: stems of the words that name who tells it, carried over from the sentence before by a pronoun.
        before: the sentence before it, or nothing.
        contested: whether one of the two sentences before says that there are two accounts.
    """

    n: int
    span: Span
    kind: str
    context: Span | None
    text: str
    label: str
    place: int
    passage: Document
    score: float
    teller: frozenset[str]
    before: str
    contested: bool

    @property
    def brief(self) -> str:
        """Id of its brief."""
        return str(self.passage.metadata["brief_id"])

    @property
    def dated(self) -> str:
        """ISO date of its brief, or nothing."""
        return str(self.passage.metadata["date"] or "")

    @cached_property
    def content(self) -> frozenset[str]:
        """Roots of its content words, with those of its label."""
        return content(f"{self.label} {self.text}")

    @property
    def lead(self) -> str:
        """What leads into a list that it is an item of, or heads a table; or nothing."""
        if self.context is None:
            return ""
        offset = self.passage.metadata["start"]
        return self.passage.page_content[max(0, self.context.start - offset) : max(0, self.context.end - offset)]

    def quote(self) -> Sentence:
        """Quote it."""
        return quoted(self.n, self.passage, self.span, self.context)


@dataclass(frozen=True)
class Asked:
    """A question as accounts are held against it.

    Attributes:
        matter: roots of what it asks about, without names, numbers, and words that say what kind of answer is wanted.
        names: roots of its names.
        long_names: those of each name of several words.
    """

    text: str
    matter: frozenset[str]
    names: frozenset[str]
    long_names: tuple[frozenset[str], ...]

    def said(self, account: Account) -> float:
        """Return the share of the matter that an account says."""
        return share(self.matter, account.content)

    def carried(self, account: Account) -> float:
        """Return the share of the matter that an account says, or the sentence before it."""
        return share(self.matter, account.content | content(account.before))


def asked(question: str) -> Asked:
    """Read a question."""
    runs = [frozenset(root(word) for word in run) for run in analyse(question).names]
    names = frozenset[str]().union(*runs)
    words = analyse(_NO_MATTER.sub(" ", question)).words
    matter = {root(w) for w in words if is_content(w) and w.number is None} - names
    return Asked(question, frozenset(matter), names, tuple(run for run in runs if len(run) > 1))


def share(roots: frozenset[str], others: frozenset[str]) -> float:
    """Return the share of some roots that are among others, as they are or by a kindred one."""
    return sum(alike(one, others) for one in roots) / len(roots) if roots else 0.0


def accounts(question: str, reading: Reading) -> list[Account]:
    """Return the sentences of the evidence that are of what the question is about, the reader's choice first.

    These are in the brief of the best unit, or in one that holds the names of the question.
    """
    best = reading.units[0]
    scores = {(u.n, u.unit.start, u.unit.end): u.score / max(best.score, _TINY) for u in reading.units}
    home = str(reading.evidence[best.n - 1].metadata["brief_id"])
    by_brief: dict[str, list[tuple[int, Document]]] = {}
    for n, passage in enumerate(reading.evidence, 1):
        by_brief.setdefault(str(passage.metadata["brief_id"]), []).append((n, passage))
    found = [
        one
        for brief, passages in by_brief.items()
        if brief == home or is_about(question, [passage for _, passage in passages])
        for one in _placed(passages, scores)
    ]
    return sorted(found, key=lambda one: -one.score)[:MOST]


def near(one: Account, other: Account, *, within: int = NEAR) -> bool:
    """Whether two accounts stand by each other in a brief."""
    return one.brief == other.brief and 0 < abs(one.place - other.place) <= within


def apart(one: Account, other: Account) -> bool:
    """Whether two accounts come from two briefs, not told by one teller, or the second is told by another by name.

    Two items of a list or rows of a table stand beside each other, not against.
    """
    if one.brief == other.brief and "sentence" not in (one.kind, other.kind):
        return False
    return told_apart(one, other) if one.brief == other.brief else not same_teller(one.teller, other.teller)


def told_apart(one: Account, other: Account) -> bool:
    """Whether the second account is somebody's word, and not that of whoever tells the first."""
    return bool(other.teller) and not same_teller(one.teller, other.teller)


def hands_over(one: Account, other: Account) -> bool:
    """Whether the second account is the next sentence after the first, and two are named who tell one each."""
    follows = near(one, other, within=1) and one.place < other.place and one.kind == other.kind == "sentence"
    return follows and bool(one.teller) and told_apart(one, other)


def overlap(one: Account, other: Account) -> float:
    """Return the share of the shorter account's words that the other one has, 0 where they are few."""
    small, large = sorted((_undated(one), _undated(other)), key=len)
    shared = sum(alike(word, large) for word in small)
    return shared / len(small) if shared >= _MOST_SHARED else 0.0


def _undated(account: Account) -> frozenset[str]:
    return frozenset(made for made in account.content if not made[0].isdigit() and made not in _MONTHS)


def _placed(
    passages: Sequence[tuple[int, Document]], scores: Mapping[tuple[int, int, int], float]
) -> Iterator[Account]:
    """Yield a brief's accounts in reading order, each once, with what heads it and with who tells it."""
    head, place, contested = "", 0, 0
    who: frozenset[str] = frozenset()
    before = ""
    for start, end, n, passage, unit in _units(passages, scores):
        text = passage.page_content[start - passage.metadata["start"] : end - passage.metadata["start"]]
        if len(text.split()) < _LEAST_WORDS:
            head = text
            continue
        told = teller(text)
        who = frozenset() if told is None else told.stems | (who if told.pronoun else frozenset())
        context = None if unit["context_start"] is None else Span(unit["context_start"], unit["context_end"])
        if not text.rstrip().endswith("?"):
            score = scores.get((n, start, end), 0.0)
            span = Span(start, end)
            yield Account(n, span, unit["kind"], context, text, head, place, passage, score, who, before, contested > 0)
        contested = _CONTESTED_FOR if is_contested(text) else contested - 1
        before = text
        head, place = (text if contested == _CONTESTED_FOR else head if contested > 0 else ""), place + 1


def _units(
    passages: Sequence[tuple[int, Document]], scores: Mapping[tuple[int, int, int], float]
) -> list[tuple[int, int, int, Document, Mapping[str, Any]]]:
    """Return the units of a brief's passages but for whole lists, in reading order; of two alike the one scored."""
    found: dict[tuple[int, int], tuple[int, int, int, Document, Mapping[str, Any]]] = {}
    for n, passage in passages:
        for unit in passage.metadata["units"]:
            span = (unit["start"], unit["end"])
            if unit["kind"] != "list" and (span not in found or (n, *span) in scores):
                found[span] = (*span, n, passage, unit)
    return [found[span] for span in sorted(found)]


def content(text: str) -> frozenset[str]:
    """Return the roots of the content words of a text."""
    return frozenset(root(word) for word in analyse(text).words if is_content(word))
