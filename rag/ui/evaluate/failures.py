"""The questions that a system got wrong: found, filtered, and shown as HTML. No text of a report becomes markup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from rag.evaluation.records import Cited, Gold, Hit, QuestionRecord, Report, Said
from rag.printable import one_line
from rag.ui.escape import escaped

PAGE_SIZE = 20
ALL = ""
KINDS = {
    "wrong": "Wrong answer",
    "refused": "Refused, though answerable",
    "answered": "Answered, though not answerable",
    "error": "Failed with an error",
}
_HITS_SHOWN = 10
_MOST_CHARS = 4000
"""A longer text is cut: a report may hold whole documents as passages."""


@dataclass(frozen=True)
class Failure:
    """A question that a system got wrong."""

    record: QuestionRecord
    kind: str

    @cached_property
    def text(self) -> str:
        """What a search looks through."""
        record = self.record
        said = [record.said.text, record.said.reason or ""] if record.said else []
        documents = [*record.gold_docs, *(hit.doc_id for hit in record.hits)]
        asked = [record.id, record.question, record.standalone_question or ""]
        return _folded(" ".join([*asked, *record.answers, *said, *documents, record.error or ""]))


@dataclass(frozen=True, slots=True)
class Filters:
    """Which failures are shown; an empty text stands for all."""

    system: str = ALL
    type: str = ALL
    kind: str = ALL
    text: str = ""


def failures_of(report: Report) -> tuple[Failure, ...]:
    """Return the failures, by question and then by system, as the report has them."""
    order = {record.id: n for n, record in reversed(list(enumerate(report.records)))}
    found = [Failure(record, kind) for record in report.records if (kind := kind_of(record))]
    return tuple(sorted(found, key=lambda failure: order[failure.record.id]))


def kind_of(record: QuestionRecord) -> str | None:
    """Return the kind of failure; None where a question went well, was only searched, or cannot be scored."""
    if record.error is not None:
        return "error"
    if record.said is None:
        return None
    if record.said.abstained == record.answerable:
        return "refused" if record.answerable else "answered"
    return "wrong" if record.correct is False else None


def chosen(failures: Sequence[Failure], filters: Filters) -> list[Failure]:
    """Return the failures that pass all filters."""
    text = _folded(filters.text)
    return [
        failure
        for failure in failures
        if filters.system in (ALL, failure.record.system)
        and filters.kind in (ALL, failure.kind)
        and (filters.type == ALL or filters.type in failure.record.types)
        and text in failure.text
    ]


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def n_pages(found: Sequence[Failure]) -> int:
    """Return the number of pages, at least one."""
    return max(1, -(-len(found) // PAGE_SIZE))


def failures_html(found: Sequence[Failure], page: int, *, of: int) -> str:
    """Return a page of the failures, from 1; `of` counts those before filtering."""
    first = (page - 1) * PAGE_SIZE
    shown = found[first : first + PAGE_SIZE]
    if not shown:
        text = "No failure passes the filters." if of else "This report has no failure to show."
        return f'<p class="gb-quiet" role="status">{text}</p>'
    count = f"{first + 1:,} to {first + len(shown):,} of {len(found):,}"
    filtered = "" if len(found) == of else f", filtered from {of:,}"
    items = "".join(f"<li>{_item(failure)}</li>" for failure in shown)
    return (
        f'<p class="gb-quiet" role="status">Failures {count}{filtered}</p>'
        f'<ol class="gb-failures" start="{first + 1}">{items}</ol>'
    )


def _item(failure: Failure) -> str:
    record = failure.record
    about = [record.system, ", ".join(record.types), record.id]
    if record.confidence is not None:
        about.append(f"confidence {record.confidence:.3f}")
    facts = " · ".join(f"<bdi>{escaped(one_line(fact))}</bdi>" for fact in about if fact)
    return (
        f'<article class="gb-card"><p class="gb-about"><b class="gb-tag">{escaped(KINDS[failure.kind])}</b> {facts}</p>'
        f"<h4>{_text(record.question)}</h4>{''.join(_parts(record))}</article>"
    )


def _parts(record: QuestionRecord) -> Iterator[str]:
    if record.n_history:
        yield _part("Before it", f"<p>{record.n_history} earlier turns</p>")
    if record.standalone_question and record.standalone_question != record.question:
        yield _part("Understood as", f"<p>{_text(record.standalone_question)}</p>")
    yield _part("Accepted", _accepted(record))
    if record.error is not None:
        yield _part("Error", f"<p>{_text(record.error)}</p>")
    if record.said:
        yield _part("Said", _said(record.said, record.gold))
    if record.hits and (missing := [gold for gold in record.gold if not any(_holds(hit, gold) for hit in record.hits)]):
        yield _part("Not retrieved", "".join(_quote(g.doc_id, g.start, g.end, _text(g.text)) for g in missing))
    if record.hits:
        yield _retrieved(record)


def _part(name: str, body: str) -> str:
    return f'<section class="gb-part"><h5>{escaped(name)}</h5><div>{body}</div></section>'


def _accepted(record: QuestionRecord) -> str:
    if record.answers:
        return f"<ul>{''.join(f'<li>{_text(answer)}</li>' for answer in record.answers)}</ul>"
    return f"<p>{'none is given' if record.answerable else 'a refusal'}</p>"


def _said(said: Said, gold: Sequence[Gold]) -> str:
    if said.abstained:
        return f"<p>{_text(f'Refused: {said.reason}' if said.reason else 'Refused')}</p>"
    sentences, quotes, n = [], [], 0
    for sentence in said.sentences:
        numbers = []
        for citation in sentence.citations:
            n += 1
            numbers.append(f"[{n}]")
            quotes.append(_citation(n, citation, gold))
        sentences.append(f"<p>{_text(sentence.text)} {escaped(' '.join(numbers))}</p>")
    return "".join([*sentences, *quotes])


def _citation(n: int, citation: Cited, gold: Sequence[Gold]) -> str:
    notes = [] if citation.valid else ["the quote does not stand there"]
    if any(_overlap(span, citation) for span in gold):
        notes.append("gold")
    return _quote(citation.doc_id, citation.start, citation.end, _text(citation.quote), number=n, notes=notes)


def _quote(
    doc_id: str, start: int, end: int, quoted: str, *, number: int | None = None, notes: Sequence[str] = ()
) -> str:
    before = "" if number is None else f"{escaped(f'[{number}]')} "
    after = "".join(f" · {escaped(note)}" for note in notes)
    where = f"{before}<bdi>{escaped(one_line(doc_id))}</bdi> {start}–{end}{after}"
    return f'<p class="gb-about">{where}</p><blockquote>{quoted}</blockquote>'


def _retrieved(record: QuestionRecord) -> str:
    items = "".join(_passage(hit, record) for hit in record.hits[:_HITS_SHOWN])
    more = len(record.hits) - _HITS_SHOWN
    left = f'<p class="gb-quiet">and {more} more</p>' if more > 0 else ""
    n = len(record.hits)
    return f"<details><summary>Retrieved: {n} passage{'s' * (n != 1)}</summary>{items}{left}</details>"


def _passage(hit: Hit, record: QuestionRecord) -> str:
    spans = [gold for gold in record.gold if _holds(hit, gold)]
    note = "gold passage" if spans else "gold document" if hit.doc_id in record.gold_docs else ""
    where = f"{hit.rank}. <bdi>{escaped(one_line(hit.doc_id))}</bdi>{f' · <b>{note}</b>' if note else ''}"
    return f'<p class="gb-about">{where}</p><blockquote>{_marked(hit, spans)}</blockquote>'


def _marked(hit: Hit, spans: Sequence[Gold]) -> str:
    """Return the passage with its gold marked, where the offsets are those of this text."""
    if hit.start is None or hit.end is None or hit.end - hit.start != len(hit.text) or len(hit.text) > _MOST_CHARS:
        return _text(hit.text)
    parts, at = [], 0
    for span in sorted(spans, key=lambda gold: gold.start):
        start, end = max(span.start - hit.start, at), min(span.end - hit.start, len(hit.text))
        if start < end:
            parts += [escaped(hit.text[at:start]), f"<mark>{escaped(hit.text[start:end])}</mark>"]
            at = end
    return "".join([*parts, escaped(hit.text[at:])])


def _holds(hit: Hit, gold: Gold) -> bool:
    """Whether a passage holds gold: by its span, or by its words where a system gives no spans."""
    if hit.start is not None:
        return _overlap(gold, hit)
    return hit.doc_id == gold.doc_id and one_line(gold.text) in one_line(hit.text)


def _overlap(gold: Gold, other: Hit | Cited) -> bool:
    if other.start is None or other.end is None or gold.doc_id != other.doc_id:
        return False
    return gold.start < other.end and other.start < gold.end


def _text(text: str) -> str:
    return escaped(text if len(text) <= _MOST_CHARS else f"{text[:_MOST_CHARS]} …")
