"""Evidence to an answer word for word: the units that answer, each with its citation, or the reason for silence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from langchain_core.documents import Document

from rag.answer import SILENT, Reading, ScoredUnit, Sentence
from rag.answer_types import answer_type, new_names, offers
from rag.cite import quoted
from rag.further import FurtherReader, brief_of, further
from rag.lexicon import STOP_WORDS, Word, Words, analyse, other_forms, present
from rag.rarity import background
from rag.signals import header, slice_of
from rag.types import Span, Unit

# Share of the best unit's score that a further unit needs: in a list question, and from another brief.
_CLOSE_LIST = 0.5
_CLOSE_BRIEF = 0.6
# Share of stems in common above which two units say the same.
_ALIKE = 0.7
_PRONOUN = re.compile(
    r"[\"“'‘]?(?:(?:he|she|they|his|her|their)\b|its?\b(?! (?:is|was|remains|will be) \w+ (?:if|whether|that|to)\b))",
    re.IGNORECASE,
)


def quote(
    question: str,
    reading: Reading,
    *,
    threshold: float,
    max_sentences: int = 5,
    reader: FurtherReader | None = None,
) -> tuple[tuple[Sentence, ...], str | None]:
    """Quote the units that answer, in reading order; or say why there are none.

    Usually that is the best unit alone. Another joins when it scores close to the best and brings more of a list that
    was asked for, or when it is of another brief and the reader holds that it belongs to the answer. A sentence that
    opens with a pronoun follows the one before it.

    Args:
        question: the standalone question.
        reading: the scored units and the evidence that they number.
        threshold: probability that anything answers below which nothing is quoted.
        max_sentences: most sentences in the answer.
        reader: tells what belongs to the answer; without it a unit of another brief joins when it scores close.

    Returns:
        Sentences whose support is not set, and None; or no sentences and a reason for people.
    """
    if not reading.units or _confidence(reading) < threshold:
        return (), _reason(question, reading.evidence)
    chosen = _choose(question, reading, max_sentences, reader)
    sentences: list[Sentence] = []
    why = answer_type(question) == "why"
    for n, span, context in _in_order(chosen, reading.evidence, max_sentences, with_reason=why):
        sentences.append(quoted(n, reading.evidence[n - 1], span, context))
    return tuple(sentences), None


def _confidence(reading: Reading) -> float:
    return reading.units[0].score if reading.answerable is None else reading.answerable


def _choose(question: str, reading: Reading, limit: int, reader: FurtherReader | None) -> list[ScoredUnit]:
    """Pick the best unit and those that add to it."""
    listed = answer_type(question) == "list"
    chosen = _whole_list(reading, of_items=listed)[:limit]
    joining = further(question, reading, reader) if reader else _close(reading)
    for unit in (*joining, *(reading.units if listed else ())):
        if len(chosen) == limit:
            break
        if not any(_same(unit, other, reading.evidence) for other in chosen) and (
            unit in joining or _is_of_the_list(question, unit, chosen, reading)
        ):
            chosen.append(unit)
    return chosen


def _close(reading: Reading) -> list[ScoredUnit]:
    """Return the best unit of each brief but the first that scores close to the best of all."""
    first: dict[str, ScoredUnit] = {}
    for unit in reading.units:
        first.setdefault(brief_of(unit, reading.evidence), unit)
    best, *others = first.values()
    return [unit for unit in others if unit.score >= _CLOSE_BRIEF * best.score]


def _is_of_the_list(question: str, unit: ScoredUnit, chosen: Sequence[ScoredUnit], reading: Reading) -> bool:
    """Whether a unit of a brief that is quoted is close to the best and brings more of the list that is asked for."""
    briefs = {brief_of(other, reading.evidence) for other in chosen}
    if brief_of(unit, reading.evidence) not in briefs or unit.score < _CLOSE_LIST * reading.units[0].score:
        return False
    said = " ".join(other.text for other in chosen)
    return unit.unit.kind in ("item", "row") or bool(new_names(f"{question} {said}", unit.text))


def _whole_list(reading: Reading, *, of_items: bool) -> list[ScoredUnit]:
    """Return the best unit, or the list that it leads into or, if that is wanted, is an item of.

    A lead-in alone says nothing: where no passage holds its whole list, the items that follow it come with it.
    """
    best = reading.units[0]
    holds = (u for u in reading.units if u.unit.kind == "list" and u.n == best.n
             and u.unit.start <= best.unit.start and best.unit.end <= u.unit.end)  # fmt: skip
    whole = next(holds, None) if best.unit.kind == "sentence" or (of_items and best.unit.kind == "item") else None
    return [whole] if whole else _with_items(best, reading.evidence)


def _with_items(lead: ScoredUnit, evidence: Sequence[Document]) -> list[ScoredUnit]:
    """Return a unit, with the items that it leads into in the first passage that holds it and any of them."""
    span, brief = (lead.unit.start, lead.unit.end), brief_of(lead, evidence)
    for n, passage in [(lead.n, evidence[lead.n - 1]), *enumerate(evidence, 1)]:
        offset = passage.metadata["start"]
        if passage.metadata["brief_id"] != brief or not offset <= span[0] < span[1] <= passage.metadata["end"]:
            continue
        items = [Unit(m["start"], m["end"], "item", Span(*span)) for m in passage.metadata["units"]
                 if m["kind"] == "item" and (m["context_start"], m["context_end"]) == span]  # fmt: skip
        if items:
            units = (ScoredUnit(n, item, slice_of(passage, item.start, item.end), lead.score) for item in items)
            return [replace(lead, n=n), *units]
    return [lead]


def _same(a: ScoredUnit, b: ScoredUnit, evidence: Sequence[Document]) -> bool:
    """Whether two units overlap, or say nearly the same with the same names and numbers.

    Jaccard index of their stems against `_ALIKE`. Source: Jaccard, "Nouvelles recherches sur la distribution
    florale", 1908.
    """
    if brief_of(a, evidence) == brief_of(b, evidence) and _overlap(a.unit, b.unit):
        return True
    mine, other = analyse(a.text), analyse(b.text)
    if _particulars(mine) - other.stems or _particulars(other) - mine.stems:
        return False
    return len(mine.stems & other.stems) >= _ALIKE * len(mine.stems | other.stems)


def _particulars(words: Words) -> frozenset[str]:
    """Return the stems of the names of a text, and its numbers."""
    return words.numbers.union(word.stem for run in words.names for word in run)


def _overlap(a: Unit | Span, b: Unit | Span) -> bool:
    return a.start < b.end and b.start < a.end


def _in_order(
    chosen: Sequence[ScoredUnit], evidence: Sequence[Document], limit: int, *, with_reason: bool = False
) -> list[tuple[int, Span, Span | None]]:
    """Put the units in reading order, each that opens with a pronoun after the sentence before it, if there is room.

    With `with_reason` the sentence after the best unit follows it, unless the best states a reason itself.
    """
    spans = {(u.n, u.unit.start): (u.n, Span(u.unit.start, u.unit.end), u.unit.context) for u in chosen}

    def taken(unit: ScoredUnit, beside: Span) -> bool:
        """Whether what stands beside a unit in its brief is quoted already, be it from another passage."""
        ids = {n: evidence[n - 1].metadata["brief_id"] for n, *_ in spans.values()}
        return any(ids[n] == brief_of(unit, evidence) and _overlap(beside, span) for n, span, _ in spans.values())

    for unit in chosen:
        before = _before(unit, evidence[unit.n - 1])
        if before and len(spans) < limit and _PRONOUN.match(unit.text) and not taken(unit, before):
            spans[unit.n, before.start] = (unit.n, before, None)
    best = chosen[0]
    after = _after(best, evidence[best.n - 1]) if with_reason and offers("why", best.text) < 1 else None
    if after and len(spans) < limit and not taken(best, after):
        spans[best.n, after.start] = (best.n, after, None)
    return [spans[key] for key in sorted(spans)]


def _before(unit: ScoredUnit, passage: Document) -> Span | None:
    """Return the span of the sentence that stands before a unit in its passage."""
    ends = [(m["end"], m["start"]) for m in passage.metadata["units"]
            if m["kind"] == "sentence" and m["end"] <= unit.unit.start]  # fmt: skip
    return Span(max(ends)[1], max(ends)[0]) if ends else None


def _after(unit: ScoredUnit, passage: Document) -> Span | None:
    """Return the span of the sentence that stands after a unit in its passage."""
    starts = [(m["start"], m["end"]) for m in passage.metadata["units"]
              if m["kind"] == "sentence" and m["start"] >= unit.unit.end]  # fmt: skip
    return Span(*min(starts)) if starts else None


def _reason(question: str, evidence: Sequence[Document]) -> str:
    """Say why nothing is quoted: no passage, a name or number that no passage holds, or nothing close enough."""
    if not evidence:
        return f"{SILENT}: it holds no passage on this question."
    texts = [analyse(_read_text(passage)) for passage in evidence]
    for run in _asked_names(question):
        if any(all(not _stands(word, run, text) for text in texts) for word in run):
            return f"{SILENT}: no passage found mentions {' '.join(word.text for word in run)}."
    return f"{SILENT}: nothing found comes close enough to an answer."


def _read_text(passage: Document) -> str:
    """Return a passage with what stands above it, and the date of its brief as it is and in words."""
    return f"{'. '.join(header(passage))}. {passage.page_content} {passage.metadata.get('date') or ''}"


def _stands(word: Word, name: tuple[Word, ...], text: Words) -> bool:
    """Whether a text holds a word of a name, or what stands for it: initialism, long form, country, other name."""
    return any(present(form, text) > 0 for form in (word.stem, *other_forms(word, name)))


def _asked_names(question: str) -> list[tuple[Word, ...]]:
    """Names of the question, and its numbers and lower-case names as names of one word."""
    words = analyse(question)
    inside = {word for run in words.names for word in run}
    others = (w for w in words.words if w not in inside and w.text.lower() not in STOP_WORDS)
    known = background().names
    runs = [*words.names, *((w,) for w in others if w.text[0].isdigit() or w.stem in known)]
    return [run for run in runs if len(run[0].text) > 1 or run[0].text.isdigit()]
