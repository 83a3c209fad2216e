"""What a verdict on an answer says of the right answer to its question, over the present briefs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from rag.dates_asked import date_limit
from rag.evaluation.question import GoldSpan, doc_id_of
from rag.recency import wants_newest
from rag.record import AnswerRecord, CitationRecord
from rag.requests import understand
from rag.types import sha256
from rag.userdata import Feedback
from rag.userdata.rows import words_of

DIFFERENTLY = "the answer was judged differently by others, or at another time"


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, and what it becomes.

    Attributes:
        gold: what the answer quoted, at its place in the present briefs; None where one of it is there no more.
        question_id: of the question that it became, or became part of.
        left_out: why it became no question.
    """

    feedback: Feedback
    gold: tuple[GoldSpan, ...] | None = None
    question_id: str | None = None
    left_out: str | None = None


@dataclass(frozen=True, slots=True)
class PresentBriefs:
    """The present briefs.

    Attributes:
        texts: of those that are cited.
        newest_at: when the last one came in.
    """

    texts: Mapping[str, str]
    newest_at: str


def judged_on(feedback: Sequence[Feedback], briefs: PresentBriefs) -> Sequence[Judged]:
    """Return what each verdict becomes. Verdicts that contradict each other become nothing."""
    judged = [_judged(one, briefs) for one in feedback]
    groups: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        groups[_key(one)].append(one)
    return tuple(_settled(one, groups[_key(one)]) for one in judged)


def _judged(feedback: Feedback, briefs: PresentBriefs) -> Judged:
    spans = [_present(citation, briefs.texts) for citation in cited(feedback.answer)]
    gold = tuple(span for span in spans if span)
    judged = Judged(feedback, gold if len(gold) == len(spans) else None)
    left_out = next((why for why, stands_in_the_way in _OBSTACLES if stands_in_the_way(judged, briefs)), None)
    return replace(judged, left_out=left_out)


def cited(answer: AnswerRecord) -> Iterator[CitationRecord]:
    """Yield what the sentences quote: the quote without its context, or all that bears out a written sentence."""
    for sentence in answer.sentences:
        is_quote = bool(sentence.citations) and sentence.text == sentence.citations[0].quote
        yield from sentence.citations[:1] if is_quote else sentence.citations


def _present(citation: CitationRecord, texts: Mapping[str, str]) -> GoldSpan | None:
    """Return where a quote stands now: at its place, else at the only other one; None where that cannot be told."""
    text, quote = texts.get(citation.brief_id, ""), citation.quote
    start = citation.start
    if not quote.strip() or text[start : citation.end] != quote:
        if not quote.strip() or text.count(quote) != 1:
            return None
        start = text.index(quote)
    return GoldSpan(doc_id_of(citation.brief_id), start, start + len(quote), quote)


def _is_part(judged: Judged, _: PresentBriefs) -> bool:
    """Whether limits other than the question's own words chose the briefs."""
    scope, limited_by = judged.feedback.answer.scope, judged.feedback.answer.limited_by
    if scope.regions or scope.sources or scope.topics or scope.briefs or scope.as_known_at or scope.to:
        return True
    return bool(scope.from_ or scope.as_of) and limited_by is None


def _is_relative(judged: Judged, _: PresentBriefs) -> bool:
    """Whether the question's dates count from the day on which it is asked."""
    answer, asked_on = judged.feedback.answer, date.fromisoformat(judged.feedback.asked_at[:10])
    if answer.limited_by is None:
        return False
    then, later = (date_limit(answer.standalone_question, today=day) for day in (asked_on, asked_on + timedelta(400)))
    return then != later


def _is_overtaken(judged: Judged, briefs: PresentBriefs) -> bool:
    """Whether a brief came in since that may answer what was refused, or say how things stand now."""
    answer = judged.feedback.answer
    may_change = answer.abstained or wants_newest(answer.standalone_question)
    return may_change and briefs.newest_at > judged.feedback.asked_at


_OBSTACLES: tuple[tuple[str, Callable[[Judged, PresentBriefs], bool]], ...] = (
    ("what is right is not known of an answer that was disliked", lambda one, _: one.feedback.verdict == "down"),
    (
        "the question is about the corpus or the conversation",
        lambda one, _: one.feedback.answer.remark is not None or understand(one.feedback.answer.question) is not None,
    ),
    ("the question was asked of some of the briefs only", _is_part),
    ("the question counts from the day on which it is asked", _is_relative),
    (
        "no brief was read for it",
        lambda one, _: one.feedback.answer.abstained and not one.feedback.answer.evidence,
    ),
    ("briefs that came in since may answer it otherwise", _is_overtaken),
    ("a brief that the answer quotes has changed or is gone", lambda one, _: one.gold is None),
)
"""Why a verdict becomes no question, in the order in which it is looked for."""


def _settled(one: Judged, group: Sequence[Judged]) -> Judged:
    if one.left_out:
        return one
    disliked = any(_quoted(other) == _quoted(one) and other.feedback.verdict == "down" for other in group)
    liked = [other for other in group if other.feedback.verdict == "up" and _refuses(other) != _refuses(one)]
    # A refusal that newer briefs overtook says nothing against an answer; any answer says something against a refusal.
    if disliked or any(other.left_out is None or not _refuses(other) for other in liked):
        return replace(one, left_out=DIFFERENTLY)
    return replace(one, question_id=f"feedback-{sha256(_key(one))[:12]}")


def _refuses(one: Judged) -> bool:
    return one.feedback.answer.abstained


def _key(one: Judged) -> str:
    return words_of(one.feedback.answer.standalone_question)


def _quoted(one: Judged) -> frozenset[tuple[str, str]]:
    """What an answer quotes of which brief; nothing for a refusal."""
    return frozenset((citation.brief_id, citation.quote) for citation in cited(one.feedback.answer))
