"""The store of conversations and feedback. A user sees and changes nothing of another's."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, exists, func, insert, or_, select, update

from rag.catalogue.database import now
from rag.errors import UsageError
from rag.record import AnswerRecord
from rag.userdata.database import Database
from rag.userdata.rows import (
    Feedback,
    SavedConversation,
    SavedTurn,
    Verdict,
    feedback_of,
    given_title,
    saved_turn,
    title_of,
    without_halves,
    words_of,
    written_answer,
)
from rag.userdata.schema import conversations, feedback, turns

USERDATA_FILE = "conversations.sqlite3"
"""Name of the file in the folder of an index."""

_ID = re.compile(r"[A-Za-z0-9_-]{22}")
_ID_BYTES = 16


class UserData:
    """Conversations and feedback in one SQLite file.

    One object serves all threads of a process; several processes may have the file open. User "" is the one of a
    machine without sign-in. Ids come from the browser: whatever is no id of this user's is treated as unknown.

    Every method raises IndexUnusable, with what to do, where the file cannot be read or written; UsageError where
    the name of the user holds half a character.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, or make it. Raises as `Database` does."""
        self._database = Database(path)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def conversations(self, user: str, *, containing: str = "", limit: int = 200) -> Sequence[SavedConversation]:
        """Return the user's conversations, the one with the newest turn first.

        Args:
            containing: words next to each other in the title, a question or the text of an answer, in any case.
        """
        statement = _listed(user).order_by(conversations.c.changed_at.desc(), conversations.c.n.desc())
        if sought := words_of(containing):
            in_turn = turns.c.conversation == conversations.c.n, func.instr(turns.c.words, sought) > 0
            in_title = func.instr(conversations.c.title_words, sought) > 0
            statement = statement.where(or_(in_title, exists().where(*in_turn)))
        with self._database.reading() as connection:
            rows = connection.execute(statement.limit(max(0, limit)))
            return tuple(SavedConversation(*row) for row in rows)

    def conversation(self, user: str, conversation_id: str) -> SavedConversation | None:
        """Return a conversation; None where it is not the user's."""
        with self._database.reading() as connection:
            row = connection.execute(_listed(user).where(conversations.c.id == _id(conversation_id))).one_or_none()
            return None if row is None else SavedConversation(*row)

    def turns(self, user: str, conversation_id: str) -> Sequence[SavedTurn]:
        """Return the turns of a conversation, the oldest first; none where it is not the user's."""
        statement = (
            select(turns, feedback.c.verdict, feedback.c.reason)
            .join(conversations)
            .outerjoin(feedback)
            .where(conversations.c.user == _user(user), conversations.c.id == _id(conversation_id))
            .order_by(turns.c.n)
        )
        with self._database.reading() as connection:
            return tuple(saved_turn(row) for row in connection.execute(statement))

    def add_turn(
        self,
        user: str,
        conversation_id: str | None,
        question: str,
        *,
        answer: AnswerRecord | None,
        failure: str | None = None,
        replaces: str | None = None,
    ) -> tuple[str, str]:
        """Add a turn to a conversation; return the ids of both.

        Args:
            conversation_id: None, or one that is not the user's, starts a new conversation.
            replaces: a turn of the conversation that goes, with all after it, feedback included.
        """
        moment, turn_id = now(), secrets.token_urlsafe(_ID_BYTES)
        values = {
            "id": turn_id,
            "question": without_halves(question),
            "asked_at": moment,
            "failure": None if failure is None else without_halves(failure),
            "words": words_of(question, answer.text if answer else ""),
            "answer": None if answer is None else written_answer(answer),
        }
        with self._database.writing() as connection:
            mine = _place(connection, user, conversation_id)
            if mine is None:
                conversation_id = secrets.token_urlsafe(_ID_BYTES)
                mine = _start(connection, user, conversation_id, question, moment)
            n_gone = _cut(connection, mine, replaces)
            connection.execute(insert(turns).values(conversation=mine, **values))
            connection.execute(update(conversations).where(conversations.c.n == mine).values(changed_at=moment))
        if n_gone:
            self._database.empty_log()
        return str(conversation_id), turn_id

    def rename(self, user: str, conversation_id: str, title: str) -> None:
        """Give a conversation another title, on one line and at most 200 characters; a blank one changes nothing."""
        shown = given_title(title)
        if not shown:
            return
        mine = conversations.c.user == _user(user), conversations.c.id == _id(conversation_id)
        with self._database.writing() as connection:
            connection.execute(update(conversations).where(*mine).values(title=shown, title_words=words_of(shown)))

    def delete(self, user: str, conversation_id: str) -> None:
        """Delete a conversation for good: its text is overwritten on the disk, in the write-ahead log too."""
        mine = conversations.c.user == _user(user), conversations.c.id == _id(conversation_id)
        with self._database.writing() as connection:
            n_gone = connection.execute(delete(conversations).where(*mine)).rowcount
        if n_gone:
            self._database.empty_log()

    def give_feedback(self, user: str, turn_id: str, verdict: Verdict | None, reason: str | None = None) -> None:
        """Keep what the user thinks of an answer; a verdict of None takes it back.

        Args:
            reason: None keeps the one that was given with the same verdict.
        """
        mine = select(turns.c.n).join(conversations).where(conversations.c.user == _user(user))
        with self._database.writing() as connection:
            turn = connection.scalar(mine.where(turns.c.id == _id(turn_id), turns.c.answer.is_not(None)))
            if turn is None:
                return
            given = connection.execute(select(feedback).where(feedback.c.turn == turn)).one_or_none()
            connection.execute(delete(feedback).where(feedback.c.turn == turn))
            if verdict is not None:
                if reason is None and given is not None and given.verdict == verdict:
                    reason = given.reason
                kept = None if reason is None else without_halves(reason)
                connection.execute(insert(feedback).values(turn=turn, verdict=verdict, reason=kept, given_at=now()))
        if given is not None:
            self._database.empty_log()

    def feedback(self) -> Sequence[Feedback]:
        """Return what all users thought of answers, the oldest first. Answers that cannot be read are left out."""
        statement = (
            select(turns, conversations.c.user, feedback.c.verdict, feedback.c.reason, feedback.c.given_at)
            .join(conversations)
            .join(feedback)
            .order_by(feedback.c.given_at, turns.c.n)
        )
        with self._database.reading() as connection:
            return tuple(kept for row in connection.execute(statement) if (kept := feedback_of(row)))


def _listed(user: str) -> Any:
    n_turns = select(func.count()).where(turns.c.conversation == conversations.c.n).scalar_subquery()
    shown = (conversations.c[name] for name in ("id", "title", "created_at", "changed_at"))
    return select(*shown, n_turns).where(conversations.c.user == _user(user))


def _place(connection: Connection, user: str, conversation_id: str | None) -> int | None:
    """Return where the user's conversation stands."""
    mine = conversations.c.user == _user(user), conversations.c.id == _id(conversation_id)
    return connection.scalar(select(conversations.c.n).where(*mine))


def _start(connection: Connection, user: str, conversation_id: str, question: str, moment: str) -> int:
    title = title_of(question)
    values = {"id": conversation_id, "user": _user(user), "title": title, "title_words": words_of(title)}
    made = connection.execute(insert(conversations).values(created_at=moment, changed_at=moment, **values))
    return int(made.inserted_primary_key[0])  # type: ignore[index]


def _cut(connection: Connection, conversation: int, turn_id: str | None) -> int:
    """Delete a turn of a conversation and all after it; return how many went."""
    first = select(turns.c.n).where(turns.c.conversation == conversation, turns.c.id == _id(turn_id))
    gone = turns.c.conversation == conversation, turns.c.n >= first.scalar_subquery()
    return connection.execute(delete(turns).where(*gone)).rowcount


def _id(value: object) -> str:
    """Return an id as it came from a browser, or "", which is nobody's, where it cannot be one."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def _user(user: str) -> str:
    try:
        user.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"the name of the user {user!r} holds half a character; use another name") from error
    return user
