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
from rag.language import foreign
from rag.overview import Overview, Response
from rag.parts import parts
from rag.recency import wants_newest
from rag.requests import Request, brief_meant, understand
from rag.rewrite import last_cited, last_said, rewrite
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
        brief, rest = self._brief(question, history, scope)
        if brief:
            scope = replace(scope, briefs=(brief.brief_id,))
        standalone = rest if brief or understand(question) else self._rewritten(question, history)
        limit = self._limit(standalone, scope) if dates else None
        if brief and limit and not limit.as_of:
            limit = None  # "last week" in a question to one brief is said of what it tells
        scope = limit.within(scope) if limit else scope
        asked = limit.rest if limit and limit.as_of else standalone
        response = self._foreign(question) or self._responded(
            understand(limit.rest if limit else question), scope, history
        )
        event = event_asked(standalone) if dates and not limit and not response and not scope.date_from else None
        leans = not brief and standalone != question
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

    def _brief(self, question: str, history: Sequence[BaseMessage], scope: Scope) -> tuple[BriefRef | None, str]:
        """Return the one brief of the last answer that a question is asked of, and the question without saying so."""
        meant = None if understand(question) else brief_meant(question)
        cited = last_cited(history) if meant and not scope.briefs else ()
        if meant is None or not (meant[0] <= len(cited) and cited):
            return None, question
        wanted = cited[meant[0] if meant[0] < 0 else meant[0] - 1]
        row = next((row for row in self.catalogue.briefs(scope) if row.brief_id == wanted), None)
        return (BriefRef(row.brief_id, row.title, row.date), meant[1]) if row else (None, question)

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

    def _foreign(self, question: str) -> Response | None:
        code = foreign(question, self.languages)
        if code is None:
            return None
        known = ", ".join(self.languages)
        return Response(
            reason=f"The question seems to be in a language ({code}) that the models do not know; they know {known}."
        )

    def _responded(self, request: Request | None, scope: Scope, history: Sequence[BaseMessage]) -> Response | None:
        return self.overview.respond(request, scope, last_cited=last_cited(history)) if request else None
