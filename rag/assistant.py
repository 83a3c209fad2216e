"""Flow two: a question to a checked answer. `stream` tells it as it happens, `ask` returns the end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Protocol

from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool

from rag.answer import (
    Answer,
    Answered,
    BriefRef,
    Event,
    Identities,
    Reading,
    Retrieved,
    Rewritten,
    Said,
    Sentence,
    Usage,
)
from rag.arguments import History, by_then, messages_of
from rag.bridge import bridged
from rag.catalogue import Catalogue
from rag.compose import BesideReader, compose
from rag.errors import UsageError
from rag.event_dates import event_date
from rag.langchain_parts import TOOL_DESCRIPTION, TOOL_NAME, AnswerRunnable, BriefRetriever, answer_tool, retrieved
from rag.overview import Response
from rag.printable import holds_halves
from rag.read import in_turn, share_evidence
from rag.relative_dates import relative_dates_note
from rag.tracing import Stages
from rag.types import Scope
from rag.understand import Understood
from rag.verify import Verifier
from rag.write import Writer
from rag.writing import written

NEAREST = 3
"""Briefs named beside an abstention."""

_NOT_EXACT = "The passages found could not be quoted exactly."
_STAGES = ("rewrite", "retrieve", "read", "answer", "verify")


class Retriever(Protocol):
    """Finds passages; `HybridRetriever` is one."""

    def search(self, question: str, *, scope: Scope = ..., k: int | None = None) -> list[Document]:
        """Return at most `k` passages of the scope, best first."""
        ...


class Reader(Protocol):
    """Reads passages; `SignalReader` is one."""

    def read(self, question: str, passages: Sequence[Document], *, near: Collection[str] = ()) -> Reading:
        """Order passages and their units by how well they answer; those of the briefs `near` are likelier to."""
        ...


class Understands(Protocol):
    """Makes questions understood; `Understanding` does."""

    def __call__(self, question: str, history: Sequence[BaseMessage], scope: Scope, *, dates: bool) -> Understood:
        """Tell what a question wants, and of which briefs."""
        ...


@dataclass(frozen=True)
class Assistant:
    """Answers questions over one index. Safe for threads.

    Attributes:
        catalogue: of the index that `retriever` searches.
        writer: writes over the evidence that answers; without one, answers are quotes.
        beside: knows what else answers, and what answers otherwise; without it rules alone find both.
        past: gives the assistant of a moment of the past, for scopes with `as_known_at`.
        threshold: confidence below which it abstains, in [0, 1].
        capture_text: traces hold the text of questions and answers.
    """

    understanding: Understands
    retriever: Retriever
    reader: Reader
    catalogue: Catalogue
    identities: Identities
    verifier: Verifier = field(default_factory=Verifier)
    writer: Writer | None = None
    beside: BesideReader | None = None
    past: Callable[[datetime], Assistant] | None = None
    threshold: float = 0.5
    max_sentences: int = 5
    max_question_chars: int = 4000
    capture_text: bool = False

    def ask(
        self,
        question: str,
        *,
        history: History = (),
        scope: Scope = Scope(),
        as_of: date | str | None = None,
        dates: bool = True,
    ) -> Answer:
        """Answer a question. Takes and raises what `stream` does."""
        for event in self.stream(question, history=history, scope=scope, as_of=as_of, dates=dates):
            if isinstance(event, Answered):
                return event.answer
        raise AssertionError("stream ends with Answered")

    def stream(
        self,
        question: str,
        *,
        history: History = (),
        scope: Scope = Scope(),
        as_of: date | str | None = None,
        dates: bool = True,
    ) -> Generator[Event, None, None]:
        """Yield `Rewritten` (again where reading finds what is described), `Retrieved`, a `Said` for each
        checked sentence, and last `Answered`.

        Args:
            history: what was said before: (question, answer) pairs, answers or their records, langchain messages.
                Answers as such, and messages that `rag.rewrite.message_of` writes, also tell which briefs they cite.
            scope: which briefs may be used.
            as_of: leaves out of the scope what was published later; "2024-05" is the end of that month.
            dates: whether words such as "as of May 2023" narrow the scope.

        Raises:
            UsageError: if the question is empty or too long, or an argument is wrong.
            IndexUnusable: if the index cannot be read.
        """
        question = checked(question, max_chars=self.max_question_chars)
        scope, said = by_then(scope, as_of), messages_of(history)
        stages = Stages(capture_text=self.capture_text)
        yield from stages.of(self._at(scope)._stream(question, said, scope, stages, dates=dates))

    def search(self, question: str, *, scope: Scope = Scope(), k: int | None = None) -> list[Document]:
        """Return at most `k` passages, best first, without reading them. Raises what `stream` does."""
        question = checked(question, max_chars=self.max_question_chars)
        return self._at(scope).retriever.search(question, scope=scope, k=k)

    def as_retriever(self, *, scope: Scope = Scope(), k: int | None = None) -> BaseRetriever:
        """Return a langchain retriever of what `search` finds in a scope."""
        return BriefRetriever(find=self.search, scope=scope, k=k)

    def as_runnable(self, *, scope: Scope = Scope()) -> Runnable[str | Mapping[str, Any], dict[str, Any]]:
        """Return a langchain runnable from a question to the fields of an `AnswerRecord`, streamed by sentences.

        Takes a string, or a mapping with `question` and, if wanted, `history`, `scope` (instead of that given here)
        and `as_of`.
        """
        return AnswerRunnable(self, scope)

    def as_tool(
        self, *, name: str = TOOL_NAME, description: str = TOOL_DESCRIPTION, scope: Scope = Scope()
    ) -> BaseTool:
        """Return a langchain tool for agents. Its content is quotes with their sources, its artifact an `AnswerRecord`.

        A model that uses it can narrow the scope, not leave it.
        """
        return answer_tool(self, name=name, description=description, scope=scope)

    def _at(self, scope: Scope) -> Assistant:
        """Return the assistant of the moment that a scope names."""
        return self.past(scope.as_known_at) if self.past and scope.as_known_at else self

    def _stream(
        self, question: str, history: Sequence[BaseMessage], scope: Scope, stages: Stages, *, dates: bool
    ) -> Generator[Event, None, None]:
        with stages.stage("rewrite"):
            asked = self._since_event(self.understanding(question, history, scope, dates=dates))
        yield Rewritten(asked.standalone, asked.parts)
        if asked.response:
            yield from self._respond(asked, asked.response, stages)
        else:
            yield from self._answer(asked, stages)

    def _answer(self, asked: Understood, stages: Stages) -> Iterator[Event]:
        with stages.stage("retrieve") as traced:
            found, near = self._found_for(asked)
            traced.note(passages=sum(map(len, found)))
        with stages.stage("read") as traced:
            each = [self.reader.read(*part, near=near) for part in zip(asked.parts, found, strict=True)]
            if hops := self._hops(asked):
                asked = replace(asked, parts=tuple(part for part, _ in hops))
                each = [reading for _, reading in hops]
            readings = share_evidence(each)
            traced.note(units=sum(len(reading.units) for reading in readings))
        if hops:
            yield Rewritten(asked.standalone, asked.parts)
        evidence = readings[0].evidence
        yield Retrieved(evidence)
        with stages.stage("answer"):
            answer = compose(
                asked.parts, readings, threshold=self.threshold, max_sentences=self.max_sentences, reader=self.beside
            )
        with stages.stage("verify"):
            said = tuple(self.verifier.verify(answer.quoted))
        usage: Usage | None = None
        told: tuple[str, ...] = ()
        if said and self.writer:
            with stages.stage("write"):
                shown = yield from written(
                    asked.standalone, readings, said, writer=self.writer, verifier=self.verifier, kept=answer.kept
                )
            said, usage, told = shown.sentences, shown.usage, shown.notes
        else:
            yield from map(Said, said)
        yield self._end(
            asked,
            stages,
            sentences=said,
            usage=usage,
            evidence=evidence,
            reason=None if said else answer.reason or _NOT_EXACT,
            answerable=max((r.answerable for r in readings if r.answerable is not None), default=None),
            nearest=() if said else nearest(evidence),
            notes=(*(answer.notes if said else ()), *told, *_relative_dates(said)),
            conflicts=answer.differ if said else (),
        )

    def _found_for(self, asked: Understood) -> tuple[list[list[Document]], tuple[str, ...]]:
        """Search for each part: what it finds in turn with what is found for that which it may lean on.

        That is the whole question, or, for a question that goes on with a conversation, what was said last. Also
        returns the ids of the briefs that were spoken of last.
        """
        found = [self._found(part, asked.scope) for part in asked.parts]
        several = len(found) > 1
        is_sought = asked.before and not (several and asked.cited)
        before = self._found(asked.before, asked.scope) if is_sought else []
        near = asked.cited or tuple(str(passage.metadata["brief_id"]) for passage in before[:1])
        leant_on = self._found(asked.standalone, asked.scope) if several else before
        return [in_turn(own, leant_on) for own in found], near

    def _since_event(self, asked: Understood) -> Understood:
        """Read for the day of the event that a question counts from."""
        if asked.event is None:
            return asked
        found = event_date(asked.event, self._read(asked.event.question, asked.scope), self.threshold)
        return asked.since(found, oldest=self.catalogue.oldest_date())

    def _hops(self, asked: Understood) -> list[tuple[str, Reading]]:
        """Read for what a question describes first, and then for the question with its name."""
        if len(asked.parts) != 1:
            return []
        return bridged(asked.parts[0], lambda question: self._read(question, asked.scope), self.threshold)

    def _read(self, question: str, scope: Scope) -> Reading:
        return self.reader.read(question, self._found(question, scope))

    def _found(self, question: str, scope: Scope) -> list[Document]:
        return retrieved(self.retriever.search, question, scope)

    def _respond(self, asked: Understood, response: Response, stages: Stages) -> Iterator[Event]:
        """Say what needs no reading; what is quoted is checked all the same."""
        yield Retrieved(response.evidence)
        with stages.stage("verify"):
            said = tuple(self.verifier.verify(response.sentences))
        yield from map(Said, said)
        remark, reason = response.remark, response.reason
        yield self._end(
            asked,
            stages,
            sentences=said,
            evidence=response.evidence,
            remark=remark,
            briefs=response.briefs,
            reason=reason,
        )

    def _end(self, asked: Understood, stages: Stages, *, notes: tuple[str, ...] = (), **told: Any) -> Answered:
        answer = Answer(
            question=asked.question,
            standalone_question=asked.standalone,
            scope=asked.scope,
            parts=asked.parts,
            limited_by=asked.limit.words if asked.limit else None,
            identities=self.identities,
            notes=(*notes, *self._notes(asked)),
            timings_ms=stages.timings_ms(_STAGES),
            **told,
        )
        stages.note(
            question=answer.question,
            answer=answer.text,
            parts=len(answer.parts),
            passages=len(answer.evidence),
            sentences=len(answer.sentences),
            abstained=answer.abstained,
            answerable=answer.answerable,
        )
        return Answered(answer)

    def _notes(self, asked: Understood) -> Iterator[str]:
        if asked.limit:
            yield f"Limited to {asked.limit}, because the question says “{asked.limit.words}”."
        elif asked.event and not asked.dated:
            yield f"No day is found for “{asked.event.words}”, so briefs of all dates were read."
        if asked.brief:
            yield f"Asked of “{asked.brief.title}” alone."
        undated = self.catalogue.count_undated() if asked.scope.needs_date else 0
        if undated:
            briefs = "brief" if undated == 1 else "briefs"
            yield f"{undated} undated {briefs} left out, because the question is limited by date."


def _relative_dates(said: Sequence[Sentence]) -> Iterator[str]:
    """Say what "yesterday" and the like mean in what is cited."""
    cited = {(c.n, c.quote, c.passage.metadata["date"]): None for sentence in said for c in sentence.citations}
    yield from filter(None, (relative_dates_note(*one) for one in cited))


def checked(question: str, *, max_chars: int) -> str:
    """Return the question without blank space around it.

    Raises:
        UsageError: if it holds no letter or digit, or half a character, or is longer than `max_chars`.
    """
    question = question.strip()
    if not any(character.isalnum() for character in question):
        raise UsageError("the question is empty; ask in words")
    if len(question) > max_chars:
        raise UsageError(f"the question has {len(question):,} characters, the limit is {max_chars:,}; shorten it")
    if holds_halves(question):
        raise UsageError("the question holds half a character, which is no text; convert it to UTF-8")
    return question


def nearest(evidence: Sequence[Document], *, limit: int = NEAREST) -> tuple[BriefRef, ...]:
    """Return the briefs that the best passages belong to, best first."""
    refs = [BriefRef(p.metadata["brief_id"], p.metadata["title"], p.metadata["date"]) for p in evidence]
    return tuple(dict.fromkeys(refs))[:limit]
