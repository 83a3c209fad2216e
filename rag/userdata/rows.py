"""Kept conversations as the rest of geobrief sees them, and how what they hold is written and read."""

from __future__ import annotations

import json
import logging
import re
import unicodedata
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row

from rag.errors import UsageError
from rag.printable import one_line, shorten
from rag.record import AnswerRecord

Verdict = Literal["up", "down"]

UNREADABLE = "This answer was kept in a form that can no longer be read. Ask the question again."
MAX_QUESTION_AS_TITLE_CHARS = 80
MAX_TITLE_CHARS = 200

_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SavedConversation:
    """A conversation in a list.

    Attributes:
        created_at: in UTC, as ISO 8601.
        changed_at: when its last turn was added.
    """

    id: str
    title: str
    created_at: str
    changed_at: str
    n_turns: int


@dataclass(frozen=True, slots=True)
class SavedTurn:
    """A question with its answer, or why there is none.

    Attributes:
        asked_at: in UTC, as ISO 8601.
        reason: what who gave the verdict wrote.
    """

    id: str
    question: str
    asked_at: str
    answer: AnswerRecord | None
    failure: str | None
    verdict: Verdict | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a user thought of an answer; times in UTC, as ISO 8601."""

    question: str
    asked_at: str
    given_at: str
    user: str
    verdict: Verdict
    reason: str | None
    answer: AnswerRecord


def saved_turn(row: Row[Any]) -> SavedTurn:
    """Read a row of `turns` with verdict and reason. An answer that cannot be read becomes the turn's failure."""
    answer = read_answer(row.answer, row.id)
    failure = UNREADABLE if answer is None and row.answer is not None else row.failure
    return SavedTurn(row.id, row.question, row.asked_at, answer, failure, row.verdict, row.reason)


def feedback_of(row: Row[Any]) -> Feedback | None:
    """Read a row of `turns` with user and feedback; None where its answer cannot be read."""
    answer = read_answer(row.answer, row.id)
    if answer is None:
        return None
    return Feedback(row.question, row.asked_at, row.given_at, row.user, row.verdict, row.reason, answer)


def read_answer(written: str | None, turn_id: str) -> AnswerRecord | None:
    """Read an answer; None where there is none, and where it cannot be read, which is logged."""
    if written is None:
        return None
    try:
        record = AnswerRecord.model_validate_json(written)
        record.answer()  # what reads as a record may still cite a passage that it does not hold
    except (UsageError, ValueError, LookupError, TypeError) as error:
        _log.warning("the answer of turn %s cannot be read: %s", turn_id, error)
        return None
    return record


def written_answer(answer: AnswerRecord) -> str:
    """Return an answer as JSON. Half characters are written as U+FFFD: no file in UTF-8 holds them."""
    return without_halves(json.dumps(answer.model_dump(by_alias=True), ensure_ascii=False))


def without_halves(text: str) -> str:
    """Return a text with U+FFFD in place of NUL, at which SQLite's functions stop, and of half surrogate pairs."""
    return _UNKEEPABLE.sub("\ufffd", text)


def words_of(*texts: str) -> str:
    """Return texts as they are searched: without regard to case, composition and kind of white space."""
    folded = unicodedata.normalize("NFKC", without_halves("\n".join(texts))).casefold()
    return " ".join(folded.split())


def title_of(question: str) -> str:
    """Return a question as the title of its conversation: one line, cut at a word."""
    return shorten(one_line(question), MAX_QUESTION_AS_TITLE_CHARS)


def given_title(title: str) -> str:
    """Return a title as a user gave it, on one line and cut at 200 characters."""
    return shorten(one_line(title), MAX_TITLE_CHARS)
