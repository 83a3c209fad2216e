"""Questions and pairs of JSON lines, in the fields that the briefs form and the shared form have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from rag.evaluation.forms.rows import Faults, Row, read_rows
from rag.evaluation.question import GoldMode, GoldSpan, Pair, Question, Turn

LABELS = ("SUPPORTS", "REFUTES", "NOT ENOUGH INFO")
"""Whether a text bears a claim out, as in FEVER."""
_GOLD_MODES: Mapping[str, GoldMode] = MappingProxyType({"any": "any", "all": "all"})
_POLAR: Mapping[str, Literal["yes", "no"]] = MappingProxyType({"yes": "yes", "no": "no"})
_ROLES: Mapping[str, Literal["user", "assistant"]] = MappingProxyType(
    {"user": "user", "assistant": "assistant", "agent": "assistant", "model": "assistant"}
)


class Ids:
    """The ids of one kind of record, each with its place."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._places: dict[str, str] = {}

    def claim(self, identity: str, row: Row) -> None:
        """Note an id; one that was there before is a fault."""
        place = row.place if not row.within else f"{row.place}: {row.within.rstrip('.')}"
        first = self._places.setdefault(identity, place)
        if identity and first != place:
            row.fault(f"{self.kind} id {identity!r} is taken, it is also that of {first}; change or remove one of them")


def read_questions(path: Path, ids: Ids, faults: Faults, *, split: str | None = None) -> Iterator[Question]:
    """Yield the questions of a JSONL file. A line with a fault gives none.

    Args:
        split: that all questions of the file belong to; None where each names its own or none.
    """
    for _, row in read_rows(path, faults):
        n_faults = faults.n
        question = question_of(row)
        ids.claim(question.id, row)
        if split and question.split not in (None, split):
            row.fault(f"split is {question.split!r} in a file of the split {split!r}; correct one of them")
        if n_faults == faults.n:
            yield replace(question, split=split or question.split)


def question_of(row: Row) -> Question:
    """Read a question; what it is worth after a fault is not defined."""
    answerable = row.flag("answerable")
    gold = tuple(dict.fromkeys(_gold_span(span) for span in row.objects("gold")))
    doc_ids = row.texts("doc_ids") or tuple(dict.fromkeys(span.doc_id for span in gold))
    identity = row.text("id")
    answers = row.texts("answers")
    return Question(
        id=identity,
        text=row.text("question"),
        answerable=answerable,
        answers=answers if answerable else (),  # an unanswerable question's are reference refusals
        items=row.text_lists("items"),
        doc_ids=doc_ids,
        relevance=dict.fromkeys(doc_ids, 1),
        gold=gold,
        gold_mode=row.choice("gold_mode", _GOLD_MODES) or "any",
        polar=row.choice("polar", _POLAR),
        wrong_answers=row.texts("wrong_answers"),
        types=row.one_or_more("type"),
        split=row.optional_text("split") or None,
        history=tuple(_turn(turn) for turn in row.objects("history")),
        group=row.optional_text("story") or row.optional_text("conversation") or next(iter(doc_ids), identity),
        place=row.place,
    )


def read_pairs(path: Path, faults: Faults) -> Iterator[Pair]:
    """Yield the pairs of a JSONL file. A line with a fault gives none."""
    ids = Ids("pair")
    for _, row in read_rows(path, faults):
        n_faults = faults.n
        pair = Pair(
            id=row.text("id"),
            premise=row.text("premise"),
            hypothesis=row.text("hypothesis"),
            label=_label(row),
            split=row.optional_text("split") or None,
            reason=row.optional_text("reason") or "",
            group=row.optional_text("doc_id") or "",
            title=row.optional_text("title") or "",
            dated=row.optional_text("date") or "",
        )
        ids.claim(pair.id, row)
        if n_faults == faults.n:
            yield pair


def _label(row: Row) -> str:
    label = row.text("label")
    if label and label not in LABELS:
        row.fault(f"label is {label!r}; write one of {', '.join(map(repr, LABELS))}")
    return label


def _gold_span(row: Row) -> GoldSpan:
    doc_id, text = row.text("doc_id"), row.text("text")
    if row.fields.keys() & {"start", "end"}:
        return GoldSpan(doc_id, row.number("start"), row.number("end"), text)
    row.fault("start and end are missing; `python -m evals.briefs --write FILE` fills them in")
    return GoldSpan(doc_id, 0, 0, text)


def _turn(row: Row) -> Turn:
    if row.fields.get("role") is None:
        row.fault("role is missing; write user or assistant")
    return Turn(row.choice("role", _ROLES) or "user", row.text("text"))
