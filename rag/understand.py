"""What a question wants and of which briefs: its history folded in, its dates made a scope, its parts told apart."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date

from langchain_core.messages import BaseMessage

from rag.answer import BriefRef
from rag.catalogue import Catalogue
from rag.dates_asked import DateLimit, date_limit
from rag.event_dates import EventAsked, EventDate, event_asked
from rag.follow_up import names_of
from rag.language import foreign
from rag.lexicon import analyse
from rag.overview import Overview, Response
from rag.parts import parts
from rag.recency import wants_newest
from rag.requests import Request, asked_again, brief_meant, counts_briefs, understand, without_chat
from rag.rewrite import last_cited, last_said, rewrite, turns_of, wish_of
from rag.types import Scope


@dataclass(frozen=True)
class Understood:
    """A question as it is asked of the corpus.

    Attributes:
        question: as it was put.
        standalone: with what it leaves to the history.
        parts: what is asked of the corpus, one after the other.
        before: the last turn, where the question leaves something to the history; else empty.
        cited: ids of the briefs that its answer cites, as far as the history tells.
        scope: narrowed by `limit`, and to `brief`.
        brief: the brief that alone is asked, such as "the second one".
        event: that the question counts from.
        dated: the day of the event is known.
        response: what answers it without reading.
    """

    question: str
    standalone: str
    parts: tuple[str, ...]
    scope: Scope
    limit: DateLimit | None = None
    response: Response | None = None
    brief: BriefRef | None = None
    event: EventAsked | None = None
    dated: bool = False
    before: str = ""
    cited: tuple[str, ...] = ()

    def since(self, found: EventDate | None, *, oldest: str | None) -> Understood:
        """Limit the scope to briefs since the event, where that leaves out any brief of a corpus that old."""
        if self.event is None or found is None:
            return self
        limit = DateLimit(self.event.words, self.standalone, date_from=found.day, told_by=found.title)
        if oldest is None or str(found.day) <= oldest:
            return replace(self, dated=True)
        return replace(self, dated=True, limit=limit, scope=limit.within(self.scope))


@dataclass(frozen=True)
class Understanding:
    """Makes questions understood.

    Attributes:
        languages: ISO 639-1 codes that the models know; questions in others are refused; with none, no question is.
        rewrite: folds the history into a question.
        today: tells the day that "last week" is counted from.
    """

    catalogue: Catalogue
    overview: Overview
    languages: Collection[str] = ("en",)
    today: Callable[[], date] = date.today
    rewrite: Callable[[str, Sequence[BaseMessage]], str] = rewrite

    def __call__(self, question: str, history: Sequence[BaseMessage], scope: Scope, *, dates: bool) -> Understood:
        """Understand a question; with `dates`, words such as "as of May 2023" narrow its scope."""
        history = self._understandable(history)
        put = question if understand(question) else self._in_full(without_chat(question), history, scope)
        counted, goes_on = _counted(put, history), bool(turns_of(history))
        brief, rest = self._brief(put, counted, scope)
        if brief:
            scope = replace(scope, briefs=(brief.brief_id,))
        wished = bool(wish_of(put, goes_on=goes_on)) and (not goes_on or self._can_respond(put, scope, counted))
        standalone = rest if brief or wished else self._rewritten(put, history)
        limit = self._limit(standalone, scope) if dates else None
        if brief and limit and not limit.as_of:
            limit = None  # "last week" in a question to one brief is said of what it tells
        scope = limit.within(scope) if limit else scope
        asked = limit.rest if limit and limit.as_of else standalone
        wish = wish_of(limit.rest if limit else put, goes_on=goes_on)
        response = self._foreign(question) or self._responded(wish, scope, counted)
        event = event_asked(standalone) if dates and not limit and not response and not scope.date_from else None
        leans = not brief and standalone != put
        return Understood(
            question,
            standalone,
            parts(asked),
            scope,
            limit,
            response,
            brief,
            event,
            before=last_said(history) if leans else "",
            cited=last_cited(history) if leans else (),
        )

    def _brief(self, question: str, cited: Sequence[str], scope: Scope) -> tuple[BriefRef | None, str]:
        """Return the one brief of those cited that a question is asked of, and the question without saying so."""
        meant = None if scope.briefs or understand(question) else brief_meant(question)
        if meant is None or not (meant[0] <= len(cited) and cited):
            return None, question
        wanted = cited[meant[0] if meant[0] < 0 else meant[0] - 1]
        row = next((row for row in self.catalogue.briefs(scope) if row.brief_id == wanted), None)
        return (BriefRef(row.brief_id, row.title, row.date), meant[1]) if row else (None, question)

    def _in_full(self, question: str, history: Sequence[BaseMessage], scope: Scope) -> str:
        """Return a question that names only another brief or subject as the wish that it repeats, else as it is."""
        again = _repeated(question, _wishes(history))
        if again == question or counts_briefs(again):
            return again
        named = names_of(analyse(question)) and self._responded(understand(again), scope, ())
        return again if named else question

    def _can_respond(self, question: str, scope: Scope, cited: Sequence[str]) -> bool:
        """Whether a wish in a conversation is answered as it stands; else it may lean on what was said."""
        limit = self._limit(question, scope)
        wish = understand(limit.rest if limit else question) or understand(question)
        return self._responded(wish, limit.within(scope) if limit else scope, cited) is not None

    def _rewritten(self, question: str, history: Sequence[BaseMessage]) -> str:
        """Fold the history into a question; dates that it limits itself by take the place of those of before."""
        standalone = self.rewrite(question, history)
        if standalone == question:
            return question
        before, own = (date_limit(text, today=self.today()) for text in (standalone, question))
        replaced = before and before.words != (own.words if own else None)
        return before.rest if before and replaced and (own or wants_newest(question)) else standalone

    def _limit(self, question: str, scope: Scope) -> DateLimit | None:
        """Return the limit that a question sets on dates, where the corpus is dated and the limit leaves briefs out."""
        limit = date_limit(question, today=min(self.today(), scope.as_of or date.max))
        oldest = self.catalogue.oldest_date() if limit else None
        return limit if limit and oldest and (limit.as_of or str(limit.date_from) > oldest) else None

    def _understandable(self, history: Sequence[BaseMessage]) -> list[BaseMessage]:
        """Leave out the questions that were refused for their language, each with what was said to it."""
        kept: list[BaseMessage] = []
        is_known = True
        for message in history:
            if message.type == "human":
                is_known = foreign(str(message.text), self.languages) is None
            kept += [message] if is_known or message.type not in ("human", "ai") else []
        return kept

    def _foreign(self, question: str) -> Response | None:
        code = foreign(question, self.languages)
        if code is None:
            return None
        known = ", ".join(self.languages)
        return Response(
            reason=f"The question seems to be in a language ({code}) that the models do not know; they know {known}."
        )

    def _responded(self, request: Request | None, scope: Scope, cited: Sequence[str]) -> Response | None:
        return self.overview.respond(request, scope, last_cited=cited) if request else None


def _wishes(history: Sequence[BaseMessage]) -> list[tuple[str, tuple[str, ...]]]:
    """Return the questions of a conversation in full, each with the ids of the briefs of its answer."""
    asked: list[tuple[str, tuple[str, ...]]] = []
    for message in history:
        text = str(message.text).strip()
        if message.type == "human" and text:
            asked.append((_repeated(without_chat(text), asked), ()))
        elif message.type == "ai" and asked:
            asked[-1] = (asked[-1][0], last_cited([message]))
    return asked


def _repeated(question: str, asked: Sequence[tuple[str, tuple[str, ...]]]) -> str:
    """Return a question as the last answered one that it repeats of another brief or subject, else as it is."""
    before = (text for text, ids in reversed(asked) if ids)
    return asked_again(question, next(before, "")) or question


def _counted(question: str, history: Sequence[BaseMessage]) -> tuple[str, ...]:
    """Return the ids of the briefs of the last answer; "the second one" counts those of the last list of several.

    An answer of the one brief that was counted out is none: "Summarise the first one", "And the second one?"
    """
    if not counts_briefs(question):
        return last_cited(history)
    lists = (ids for text, ids in reversed(_wishes(history)) if ids and not counts_briefs(text))
    return next(lists, last_cited(history))
