"""What an exported conversation says, in order: one list of blocks that each kind of file writes in its own way."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rag.export.conversation import ExportedTurn, SpanKey, answer_of, references_of, span_of
from rag.printable import printable
from rag.record import AnswerRecord, CitationRecord, NearestRecord, ScopeRecord, SentenceRecord

Style = Literal["title", "section", "question", "quiet", "sentence", "item", "note", "reference", "quote", "detail"]

HOW_TO_CHECK = (
    "`geobrief verify FILE.json` checks the JSON export of this conversation: whether each quote stands, character for "
    "character, at the place that its citation names in the briefs of an index."
)

# XML can hold neither.
_NO_CHARACTER = re.compile("[\ufffe\uffff]")
_JOINERS = re.compile("([\u200c\u200d])")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph or a heading.

    Attributes:
        text: fit to show, with single line breaks; of briefs or users, so markup in it is text.
        lead: our words before it, such as "Note:".
        numbers: of the references that bear it out.
        remark: our words after it.
        anchor: the number of the reference that begins here.
    """

    style: Style
    text: str
    lead: str = ""
    numbers: tuple[int, ...] = ()
    remark: str = ""
    anchor: int | None = None


def shown(text: str) -> str:
    """Return the text as it can be shown anywhere: no control characters, no bidirectional overrides, no empty lines.

    Joiners are kept: without them Persian and Indic words are misspelt.
    """
    unified = _NO_CHARACTER.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
    safe = "".join(part if _JOINERS.fullmatch(part) else printable(part) for part in _JOINERS.split(unified))
    return "\n".join(filter(None, (re.sub(r"[ \t]+", " ", line).strip() for line in safe.split("\n"))))


def line(text: str) -> str:
    """Return shown text on one line."""
    return shown(text).replace("\n", " ")


def begins_rtl(text: str) -> bool:
    """Whether the first letter that has a direction is written from right to left."""
    directions = (unicodedata.bidirectional(character) for character in text)
    return next((found for found in directions if found in ("L", "R", "AL")), "L") != "L"


def contents(title: str, turns: Sequence[ExportedTurn]) -> Iterator[Block]:
    """Yield what the conversation says: its title, its turns, its references, and how to check them."""
    references = references_of(answer_of(turns))
    numbers = {span_of(reference): reference.n for reference in references}
    yield Block("title", line(title) or "Conversation")
    for turn in turns:
        yield from _turn(turn, numbers)
    if references:
        yield Block("section", "References")
    for reference in references:
        yield from _reference(reference)
    yield Block("section", "How to check")
    yield Block("note", HOW_TO_CHECK)


def _turn(turn: ExportedTurn, numbers: Mapping[SpanKey, int]) -> Iterator[Block]:
    yield Block("question", line(turn.question) or "(an empty question)")
    if turn.asked_at:
        yield Block("quiet", line(turn.asked_at), "Asked:")
    if turn.answer is not None:
        yield from _answer(turn.question, turn.answer, numbers)
    if turn.failure is not None:
        yield Block("note", shown(turn.failure), "Failed:")
    elif turn.answer is None:
        yield Block("note", "No answer was given.")


def _answer(question: str, answer: AnswerRecord, numbers: Mapping[SpanKey, int]) -> Iterator[Block]:
    asked = [part.strip() for part in answer.parts or [answer.standalone_question]]
    if asked != [question.strip()]:
        yield Block("quiet", line(" · ".join(asked)), "Understood as:")
    yield from _scope(answer)
    if answer.remark is not None:
        yield Block("sentence", shown(answer.remark))
    yield from map(_listed, answer.briefs)
    for sentence in answer.sentences:
        yield _sentence(sentence, numbers)
    if answer.abstained:
        yield Block("sentence", shown(answer.reason or answer.text), "Not answered:")
        if answer.nearest:
            yield Block("quiet", "Nearest briefs:")
            yield from map(_listed, answer.nearest)
    for note in dict.fromkeys([*answer.notes, *answer.conflicts]):
        yield Block("note", shown(note), "Briefs disagree:" if note in answer.conflicts else "Note:")


def _sentence(sentence: SentenceRecord, numbers: Mapping[SpanKey, int]) -> Block:
    cited = tuple(sorted({numbers[span_of(citation)] for citation in sentence.citations}))
    return Block("sentence", shown(sentence.text), numbers=cited, remark=_remark(sentence))


def _remark(sentence: SentenceRecord) -> str:
    if any(sentence.text == citation.quote for citation in sentence.citations):
        return ""
    return "written, not checked" if sentence.support is None else f"written, checked, support {sentence.support:.2f}"


def _listed(brief: NearestRecord) -> Block:
    return Block("item", line(" · ".join([brief.title, brief.date or "undated", brief.brief_id])))


def _scope(answer: AnswerRecord) -> Iterator[Block]:
    limits = line("; ".join(_limits(answer.scope)))
    if limits:
        words = f" (from “{line(answer.limited_by)}”)" if answer.limited_by else ""
        yield Block("quiet", limits + words, "Limited to briefs:")


def _limits(scope: ScopeRecord) -> Iterator[str]:
    told = {
        "from": scope.from_,
        "to": scope.to,
        "published by": scope.as_of,
        "ingested by": scope.as_known_at,
        "of regions": ", ".join(scope.regions),
        "of sources": ", ".join(scope.sources),
        "on topics": ", ".join(scope.topics),
        "named": ", ".join(scope.briefs),
    }
    return (f"{name} {value}" for name, value in told.items() if value)


def _reference(reference: CitationRecord) -> Iterator[Block]:
    page = f"page {reference.page}" if reference.page is not None else None
    about = filter(None, [reference.title, reference.date or "undated", reference.source, page])
    yield Block("reference", line(" · ".join(about)), f"[{reference.n}]", anchor=reference.n)
    yield Block("quote", shown(reference.quote))
    yield Block("detail", line(f"{reference.brief_id}, characters {reference.start}-{reference.end}"), "Brief:")
    yield Block("detail", line(reference.sha256), "Source file sha256:")
    yield Block("detail", line(reference.text_sha256), "Text sha256:")
    if reference.url:
        yield Block("detail", line(reference.url), "Address:")
