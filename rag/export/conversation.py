"""A conversation as one JSON object, which `geobrief verify` reads back. Fields are only ever added."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Self

from pydantic import model_validator

from rag.printable import printable
from rag.record import AnswerRecord, CitationRecord, Record


@dataclass(frozen=True, slots=True)
class ExportedTurn:
    """A question with what came of it.

    Attributes:
        asked_at: a moment in ISO 8601.
        answer: None where none was given.
        failure: why none was given, where that is known.
    """

    question: str
    asked_at: str | None
    answer: AnswerRecord | None
    failure: str | None = None


class TurnRecord(Record):
    """A question with its answer, or with why there is none."""

    question: str
    asked_at: str | None = None
    answer: AnswerRecord | None = None
    failure: str | None = None

    @classmethod
    def of(cls, turn: ExportedTurn) -> Self:
        """Read a turn."""
        failure = None if turn.failure is None else _whole(turn.failure)
        asked_at = None if turn.asked_at is None else _whole(turn.asked_at)
        return cls(question=_whole(turn.question), asked_at=asked_at, answer=turn.answer, failure=failure)


class ConversationRecord(Record):
    """A conversation. `references` are the spans that its answers cite, each once, numbered from 1."""

    schema_version: Literal[1] = 1
    kind: Literal["conversation"] = "conversation"
    title: str
    turns: list[TurnRecord]
    references: list[CitationRecord]

    @classmethod
    def of(cls, title: str, turns: Sequence[ExportedTurn]) -> Self:
        """Read a conversation."""
        records = [TurnRecord.of(turn) for turn in turns]
        return cls(title=_whole(title), turns=records, references=references_of(answer_of(records)))

    @model_validator(mode="after")
    def _references_are_what_is_cited(self) -> Self:
        # Only the citations of the answers are checked against the corpus: a reference that says something else would
        # stand there unchecked.
        if self.references != references_of(answer_of(self.turns)):
            raise ValueError("its references are not what its answers cite")
        return self

    @property
    def answers(self) -> list[AnswerRecord]:
        """The answers, in order."""
        return answer_of(self.turns)

    def to_json(self) -> str:
        """Return the object as JSON text. What acts on a terminal is written as an escape, "\\u202e" say."""
        text = json.dumps(self.model_dump(mode="json", by_alias=True), ensure_ascii=False, indent=2)
        acting = {ord(c): json.dumps(c)[1:-1] for c in set(text) if c != printable(c)}
        return text.translate(acting) + "\n"


class FileKind(Record):
    """What an exported file says that it is; an answer says nothing."""

    kind: object = None


def answer_of(turns: Iterable[ExportedTurn | TurnRecord]) -> list[AnswerRecord]:
    """Return the answers that were given, in order."""
    return [turn.answer for turn in turns if turn.answer is not None]


SpanKey = tuple[str, int, int, str]


def span_of(citation: CitationRecord) -> SpanKey:
    """Return what makes two citations one reference: the same characters of the same version of a brief."""
    return (citation.brief_id, citation.start, citation.end, citation.text_sha256)


def references_of(answers: Iterable[AnswerRecord]) -> list[CitationRecord]:
    """Return the first citation of each cited span, numbered from 1 in the order in which they come up."""
    first: dict[SpanKey, CitationRecord] = {}
    for answer in answers:
        for sentence in answer.sentences:
            for citation in sentence.citations:
                first.setdefault(span_of(citation), citation)
    return [citation.model_copy(update={"n": n}) for n, citation in enumerate(first.values(), 1)]


def made_on(turns: Sequence[ExportedTurn]) -> datetime | None:
    """Return when the last question was asked, in UTC; None where no turn says it."""
    for turn in reversed(turns):
        try:
            moment = datetime.fromisoformat(turn.asked_at or "")
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None


def _whole(text: str) -> str:
    """Return the text without halves of surrogate pairs, which no UTF-8 can hold."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)
