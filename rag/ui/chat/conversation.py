"""One conversation: a tuple of turns, each built up from the events of its answer."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from langchain_core.documents import Document
from langchain_core.messages import BaseMessage, HumanMessage

from rag.answer import Answer, Answered, Event, Retrieved, Rewritten, Said, Sentence
from rag.errors import RagError
from rag.rewrite import message_of
from rag.types import Scope

WENT_WRONG = "Something went wrong; the log has details. The question can be asked again."

_log = logging.getLogger(__name__)


class Answers(Protocol):
    """What the chat needs of an assistant."""

    def stream(
        self, question: str, *, history: Sequence[BaseMessage] = (), scope: Scope = ..., dates: bool = True
    ) -> Iterator[Event]:
        """Yield the events of answering; the last is `Answered`.

        Raises:
            RagError: with a message made for people.
        """


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and what is known of its answer so far.

    Attributes:
        events: what the assistant has yielded, in order.
        failure: why there will be no answer, for people; None while there may be one.
        stopped: the answer was stopped by who asked.
        saved_as: id of the turn where it is kept.
        verdict: what who asked thinks of it.
    """

    question: str
    events: tuple[Event, ...] = ()
    failure: str | None = None
    stopped: bool = False
    saved_as: str | None = None
    verdict: Literal["up", "down"] | None = None

    @property
    def answer(self) -> Answer | None:
        """The whole answer, once it has come."""
        return next((event.answer for event in self.events if isinstance(event, Answered)), None)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self.failure is not None or self.stopped or self.answer is not None

    @property
    def evidence(self) -> tuple[Document, ...]:
        """The numbered passages, as far as known."""
        if self.answer is not None:
            return self.answer.evidence
        return next((event.evidence for event in self.events if isinstance(event, Retrieved)), ())

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        """The sentences so far."""
        if self.answer is not None:
            return self.answer.sentences
        return tuple(event.sentence for event in self.events if isinstance(event, Said))

    @property
    def parts(self) -> tuple[str, ...]:
        """The question as understood, in its parts; the question as asked until then."""
        known = next((e for e in reversed(self.events) if isinstance(e, Rewritten)), Rewritten(self.question))
        return known.parts or (known.standalone_question,)


def converse(
    assistant: Answers, question: str, *, turns: Sequence[Turn] = (), scope: Scope = Scope(), dates: bool = True
) -> Iterator[Turn]:
    """Yield the new turn again and again as it grows; the last one `is_over`.

    This is the edge of the process: whatever goes wrong becomes the turn's `failure`. What geobrief raises on
    purpose is shown as it is, anything else goes to the log.
    """
    turn = Turn(question)
    yield turn
    try:
        for event in assistant.stream(question, history=history(turns), scope=scope, dates=dates):
            turn = replace(turn, events=(*turn.events, event))
            yield turn
    except RagError as error:
        yield Turn(question, failure=str(error))
        return
    except Exception:
        _log.exception("answering failed")
        yield Turn(question, failure=WENT_WRONG)
        return
    if turn.answer is None:
        _log.error("the stream of events ended without an answer")
        yield Turn(question, failure=WENT_WRONG)


def history(turns: Sequence[Turn]) -> tuple[BaseMessage, ...]:
    """The answered turns as messages, oldest first; failures are not part of what was said."""
    answered = [(turn.question, turn.answer) for turn in turns if turn.answer is not None]
    return tuple(m for asked, a in answered for m in (HumanMessage(content=asked), message_of(a)))
