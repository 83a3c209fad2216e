"""What callers give in plain form, such as pairs of strings or "2024-05", as the stages take it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from pydantic import ConfigDict, ValidationError

from rag.answer import Answer
from rag.days import day
from rag.errors import UsageError
from rag.printable import holds_halves
from rag.record import AnswerRecord, ScopeRecord
from rag.rewrite import message_of
from rag.types import Scope

Turns = BaseMessage | tuple[str, str] | Answer | AnswerRecord
"""A langchain message, a question with its answer's text, or an answer, which knows its question and its briefs."""

History = Sequence[Turns]
"""What was said before, the oldest first; the kinds of turns can be mixed."""

_ROLES = ("human", "user", "ai", "assistant", "system", "developer", "tool")


class GivenScope(ScopeRecord):
    """A scope from a caller: a field that is none is refused, since it would leave the scope wider than was meant."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


def messages_of(history: History) -> list[BaseMessage]:
    """Return the history as messages.

    Raises:
        UsageError: if a part of it is none of `Turns`, is a record that is not whole, or holds half a character.
    """
    if isinstance(history, str | Mapping):
        raise UsageError(f"the history is a {type(history).__name__}; give a list of (question, answer) pairs")
    messages = [message for turn in history for message in _messages(turn)]
    if any(holds_halves(str(message.text)) for message in messages):
        raise UsageError("the history holds half a character, which is no text; convert it to UTF-8")
    return messages


def _messages(turn: object) -> Iterator[BaseMessage]:
    match turn:
        case BaseMessage():
            yield turn
        case Answer():
            yield HumanMessage(turn.question)
            yield message_of(turn)
        case AnswerRecord():
            yield from _messages(_answer(turn))
        case (str(role), str()) if role in _ROLES:
            raise UsageError(f"the history has a pair that begins with the role {role!r}; pair question and answer")
        case (str(question), str(answer)):
            yield HumanMessage(question)
            yield AIMessage(answer)
        case _:
            raise UsageError(
                f"the history holds a {type(turn).__name__}; it takes (question, answer) pairs, messages and answers"
            )


def _answer(record: AnswerRecord) -> Answer:
    try:
        return record.answer()
    except (LookupError, ValueError) as error:
        raise UsageError(
            f"the history holds an answer record that is not whole ({error}); give it as `AnswerRecord.of` made it"
        ) from error


def scope_of(given: Scope | ScopeRecord | Mapping[str, Any]) -> Scope:
    """Return the scope that a mapping with the fields of `ScopeRecord` describes.

    Raises:
        UsageError: if a field is unknown, a date none, or a name holds what no brief's does.
    """
    if isinstance(given, Scope):
        return given
    try:
        record = given if isinstance(given, ScopeRecord) else GivenScope.model_validate(given)
        return record.scope()
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise UsageError(f"the scope is wrong: {problems}") from error
    except ValueError as error:
        raise UsageError(f"the scope is wrong: {error}; write dates as YYYY-MM-DD") from error


def by_then(scope: Scope, as_of: date | str | None) -> Scope:
    """Return the scope without briefs published after a day; a month or year stands for its last day.

    A scope that has an earlier `as_of` keeps it, so that it can be given to someone who may narrow it only.

    Raises:
        UsageError: if it is no date.
    """
    if as_of is None:
        return scope
    if isinstance(as_of, datetime):
        as_of = as_of.date()
    until = as_of if isinstance(as_of, date) else day("as_of", as_of, last=True)
    return replace(scope, as_of=min(filter(None, (until, scope.as_of))))
