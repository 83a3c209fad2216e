"""A question put on the page: which turn it makes, and how the conversation is kept."""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace

from rag.answer import Answered
from rag.errors import RagError, UsageError
from rag.record import AnswerRecord
from rag.types import Scope
from rag.ui.chat.conversation import Answers, Turn, converse
from rag.ui.chat.follow_ups import follow_ups
from rag.ui.chat.links import link_of
from rag.ui.chat.scope_bar import scope_of
from rag.ui.chat.stopping import Stops
from rag.ui.library import Library
from rag.userdata import SavedTurn, UserData, Verdict

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Desk:
    """What the page works with.

    Attributes:
        library: gives whole briefs; without one, the panel shows passages only.
        userdata: keeps conversations; without one, they end with the page.
        stops: tells the answers under way when they are wanted no more; a page is known by its `session_hash`.
    """

    assistant: Answers
    library: Library | None = None
    userdata: UserData | None = None
    stops: Stops = field(default_factory=Stops)

    @property
    def newest(self) -> str | None:
        """Date of the newest brief."""
        return self.library.newest() if self.library else None


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it is put.

    Attributes:
        turns: what was said before it.
        replaces: id of the kept turn in whose place it comes.
        fields: of the scope bar.
        dates: whether dates in its words limit the briefs.
    """

    question: str
    turns: tuple[Turn, ...] = ()
    replaces: str | None = None
    fields: tuple[object, ...] = ()
    dates: bool = True


def instead_of(number: int, question: str, turns: Sequence[Turn], fields: tuple[object, ...]) -> Asked:
    """Return a question that comes in the place of a turn and of all after it."""
    replaces = next((turn.saved_as for turn in turns[number:] if turn.saved_as), None)  # a failed one is not kept
    return Asked(question, tuple(turns[:number]), replaces, fields)


def asked_again(data: object, turns: Sequence[Turn], fields: tuple[object, ...]) -> Asked | None:
    """Read what the page sent: a turn's question again, or one that was offered after the last answer."""
    link = link_of(data, len(turns))
    if link is None:
        return None
    if link.kind == "again":
        return instead_of(link.turn, turns[link.turn].question, turns, fields)
    answer = turns[link.turn].answer
    offered = follow_ups(answer) if answer is not None and link.kind == "follow" else ()
    return Asked(offered[link.at], tuple(turns), fields=fields) if link.at < len(offered) else None


def answering(desk: Desk, asked: Asked) -> Generator[Turn, None, None]:
    """Yield the turn as it grows; limits that cannot be read are its failure."""
    try:
        scope = scope_of(asked.fields) if asked.fields else Scope()
    except UsageError as error:
        yield Turn(asked.question, failure=str(error))
        return
    yield from converse(desk.assistant, asked.question, turns=asked.turns, scope=scope, dates=asked.dates)


def kept(desk: Desk, asked: Asked, turn: Turn, *, user: str, conversation: str) -> tuple[Turn, str]:
    """Keep an answered turn; return it with its id, and the conversation's. What cannot be kept is logged."""
    if desk.userdata is None or turn.answer is None:
        return turn, conversation
    try:
        record = AnswerRecord.of(turn.answer)
        conversation, saved_as = desk.userdata.add_turn(
            user, conversation or None, turn.question, answer=record, replaces=asked.replaces
        )
    except (RagError, ValueError):  # the latter: an answer that no record can hold
        _log.exception("the turn was not kept")
        return turn, conversation
    return replace(turn, saved_as=saved_as), conversation


def restored(desk: Desk, *, user: str, conversation: str) -> tuple[Turn, ...]:
    """Return the turns of a kept conversation; none where it is not the user's."""
    if desk.userdata is None or not conversation:
        return ()
    return tuple(_turn(saved) for saved in desk.userdata.turns(user, conversation))


def judged(desk: Desk, turns: Sequence[Turn], number: int, verdict: str, *, user: str) -> tuple[Turn, ...]:
    """Keep what a user thinks of an answer; the same verdict again takes it back."""
    turn = turns[number]
    if desk.userdata is None or turn.saved_as is None or verdict not in ("up", "down"):
        return tuple(turns)
    given: Verdict | None = None if turn.verdict == verdict else "up" if verdict == "up" else "down"
    desk.userdata.give_feedback(user, turn.saved_as, given)
    return (*turns[:number], replace(turn, verdict=given), *turns[number + 1 :])


def _turn(saved: SavedTurn) -> Turn:
    events = () if saved.answer is None else (Answered(saved.answer.answer()),)
    return Turn(saved.question, events, saved.failure, saved_as=saved.id, verdict=saved.verdict)
