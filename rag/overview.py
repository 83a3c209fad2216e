"""What is no question to the briefs: small talk, which briefs there are, the gist of some, word for word."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import zip_longest
from typing import Any

from langchain_core.documents import Document

from rag.answer import BriefRef, Sentence
from rag.catalogue import BriefRow, Catalogue
from rag.cite import quoted
from rag.dates_in_text import StatedDate, dates_in, may_be_one
from rag.lexicon import STOP_WORDS, Word, analyse, present, stands_for, stem
from rag.requests import ALL, Request
from rag.types import Scope, Span

LISTED = 10
"""Most briefs that a list names."""

_MIN_WORDS = 6
_NAME_WORDS = 4
"""With more words, what no brief is on may be a question."""


@dataclass(frozen=True, slots=True)
class Response:
    """What is said without a question to the briefs.

    Attributes:
        remark: words of geobrief itself, on itself and on what the corpus holds.
        briefs: briefs that the remark speaks of.
        reason: why there is nothing to say.
    """

    remark: str | None = None
    briefs: tuple[BriefRef, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    evidence: tuple[Document, ...] = ()
    reason: str | None = None


@dataclass(frozen=True)
class Overview:
    """Responds to requests from the catalogue.

    Attributes:
        max_sentences: most sentences of a digest.
    """

    catalogue: Catalogue
    max_sentences: int = 5

    def respond(self, request: Request, scope: Scope, *, last_cited: Sequence[str] = ()) -> Response | None:
        """Return the response, or None where the request is better read as a question to the briefs.

        Args:
            last_cited: ids of the briefs that the last answer cites or lists, of which "this brief" is the first.
        """
        if request.kind == "thanks":
            return Response("You are welcome.")
        rows = self.catalogue.briefs(scope)
        if request.kind == "greeting":
            return Response(f"Hello. Ask me about the briefs: {_extent(rows)}.")
        if request.kind == "help":
            return Response(_HELP.format(extent=_extent(rows)))
        if request.kind == "sources":
            return self._sources(rows, last_cited)
        if request.those:
            return self._of_those(rows, scope, last_cited if request.those == ALL else _at(request.those, last_cited))
        if request.this:
            cited = _at([request.this], last_cited)
            return self._of_this(rows, scope, cited or (scope.briefs[:1] if request.this == 1 else ()))
        if request.kind == "mentions":
            return self._mentioning(request.about, rows, scope)
        on = _on(request.about, rows)
        if request.kind == "briefs":
            return self._listed(request.about, rows, on, scope)
        if not on and request.about:
            return None
        return self._news(request, on, scope)

    def _listed(self, about: str, rows: Sequence[BriefRow], on: Sequence[BriefRow], scope: Scope) -> Response | None:
        if not about:
            return Response(f"The corpus holds {_extent(rows)}{_within(scope)}.", _refs(rows[:LISTED]))
        titled = {row.brief_id for row in on}
        mentioned = set(self.catalogue.mentioning(_searched(about), scope)) - titled
        others = [row for row in rows if row.brief_id in mentioned]
        within = _within(scope)
        if not on and not others:
            return None if len(about.split()) > _NAME_WORDS else self._not_listed(about, rows, scope)
        none = f"No brief{within} is on {about} by its title, region, topics or date"
        parts = [f"{_extent(on)} on {about}{within}" if on else none]
        parts += [
            f"{_count(len(others), 'more brief' if on else 'brief')} mention{'s' * (len(others) == 1)} it"
        ] * bool(others)
        return Response("; ".join(parts) + ".", _refs([*on, *others][:LISTED]))

    def _not_listed(self, about: str, rows: Sequence[BriefRow], scope: Scope) -> Response:
        """Name the briefs that mention the rarest word of a subject that none holds whole."""
        words = _searched(about)
        held = {word: set(self.catalogue.mentioning([word], scope)) for word in words if len(words) > 1}
        rarest = min((word for word in held if held[word]), key=lambda word: len(held[word]), default=None)
        if rarest is None:
            or_mentions = " or mentions it" if words else " by its title, region, topics or date"
            return Response(reason=f"The corpus holds no brief{_within(scope)} that is on {about}{or_mentions}.")
        some = [row for row in rows if row.brief_id in held[rarest]]
        verb = "mentions" if len(some) == 1 else "mention"
        told = f"No brief{_within(scope)} is on {about} or holds all its words; {_count(len(some), 'brief')} {verb}"
        return Response(f"{told} “{rarest}”.", _refs(some[:LISTED]))

    def _sources(self, rows: Sequence[BriefRow], cited: Sequence[str]) -> Response:
        by_id = {row.brief_id: row for row in rows}
        found = [by_id[brief_id] for brief_id in cited if brief_id in by_id]
        if not found:
            return Response(f"Answers quote the briefs of the corpus: {_extent(rows)}.", _refs(rows[:LISTED]))
        return Response(f"The last answer rests on {_count(len(found), 'brief')}.", _refs(found[:LISTED]))

    def _mentioning(self, about: str, rows: Sequence[BriefRow], scope: Scope) -> Response | None:
        """Quote sentences that name a subject, one of each brief before a second of any, the newest brief first."""
        words = _searched(about)
        held = set(self.catalogue.mentioning(words, scope))
        naming = [row for row in rows if row.brief_id in held]
        found = [_units_with(words, self.catalogue.passages_of([row.brief_id], scope)) for row in naming[:LISTED]]
        picked = [one for nth in zip_longest(*found) for one in nth if one is not None][: self.max_sentences]
        if not picked:
            return None
        quoted_ones = len({passage.metadata["brief_id"] for passage, _ in picked})
        shown = "" if quoted_ones == len(naming) else f", {quoted_ones} of them quoted"
        order = ", the newest first" if len(naming) > 1 else ""
        verb = "mentions" if len(naming) == 1 else "mention"
        return _quoting(picked, f"{_extent(naming)} {verb} {about}{_within(scope)}{shown}{order}:")

    def _of_this(self, rows: Sequence[BriefRow], scope: Scope, chosen: Sequence[str]) -> Response:
        row = next((row for row in rows if row.brief_id in chosen), None)
        if row is None:
            return Response(_WHICH)
        spans = _paragraph_openings(self.catalogue.passages_of([row.brief_id], scope))
        picked = sorted({i * len(spans) // self.max_sentences for i in range(self.max_sentences)} if spans else ())
        about = f"“{row.title}”, {row.date or 'undated'}, in its own words:"
        return _quoting([spans[i] for i in picked], about)

    def _of_those(self, rows: Sequence[BriefRow], scope: Scope, chosen: Sequence[str]) -> Response:
        by_id = {row.brief_id: row for row in rows}
        some = [by_id[one] for one in chosen if one in by_id][: self.max_sentences]
        if not some:
            return Response(_WHICH)
        held = [_paragraph_openings(self.catalogue.passages_of([row.brief_id], scope)) for row in some]
        each = max(1, self.max_sentences // len(some))
        titles = "; ".join(f"“{row.title}”, {row.date or 'undated'}" for row in some)
        return _quoting([opening for openings in held for opening in openings[:each]], f"How they open: {titles}:")

    def _news(self, request: Request, on: Sequence[BriefRow], scope: Scope) -> Response:
        if not on:
            return Response(reason=f"The corpus holds no brief{_within(scope)}.")
        dated = [row for row in on if row.date] or list(on)
        newest = dated[: self.max_sentences]
        held = [self.catalogue.passages_of([row.brief_id], scope) for row in newest]
        openings = [opening for passages in held for opening in _paragraph_openings(passages)[:1]]
        about = f" on {request.about}" if request.about else ""
        shown = "the newest first" if len(newest) == len(on) else f"the newest {len(newest)}"
        return _quoting(openings, f"{_extent(on)}{about}{_within(scope)}; how they open, {shown}:")


_WHICH = "Which brief? Name its subject, or ask again after an answer that cites it."
_HELP = (
    "I answer questions from {extent}, by quoting: every sentence stands word for word where its citation points. "
    "Where the briefs do not answer, I say so. Ask in plain English, and follow up as in a conversation. You can also "
    "ask which briefs there are on a subject, for the gist of a brief or of a story (“Summarise this brief”), what is "
    "new (“What has changed on Sudan since March 2024?”), how two things compare, or how matters stood as of a date."
)


def _at(places: Sequence[int], cited: Sequence[str]) -> list[str]:
    """Return what stands at places that count from 1, or from the end where they are negative."""
    return [cited[place if place < 0 else place - 1] for place in places if abs(place) <= len(cited)]


def _on(about: str, rows: Sequence[BriefRow]) -> list[BriefRow]:
    """Return the briefs on a subject; all, for none.

    Their title, region, topics or year hold its every word, and their date or title a day or month of it.
    """
    terms, dates = _subject(about)
    if about and not terms and not dates:
        return []
    return [
        row
        for row in rows
        if all(_holds(row, term) for term in terms) and (not dates or any(_dated(row, *date) for date in dates))
    ]


def _subject(about: str) -> tuple[list[Word], list[tuple[StatedDate, tuple[Word, ...]]]]:
    """Return the words that tell a subject, "US" among them and "us" not, and its days and months with their words."""
    asked = f"in {about}"  # after "in", "May" is a month
    words = analyse(asked).words
    dates = [
        (told, tuple(w for w in words if told.start <= w.start < told.end)) for told in dates_in(asked) if told.month
    ]
    inside = {w for _, within in dates for w in within}
    telling = [w for w in words if w.stem.startswith("=") or w.text.lower() not in STOP_WORDS]
    return [w for w in telling if w not in inside], dates


def _dated(row: BriefRow, told: StatedDate, words: Sequence[Word]) -> bool:
    """Whether a day or month may be the date of a brief, or stands in its title."""
    own = dates_in(row.date or "")[:1]
    return any(may_be_one(one, told) for one in own) or all(_holds(row, word) for word in words)


def _holds(row: BriefRow, term: Word) -> bool:
    words = analyse(" . ".join([row.title, *row.regions, *row.topics, (row.date or "")[:4]]))
    return any(present(name, words) > 0 for name in (term.stem, *stands_for(term)))


def _searched(about: str) -> list[str]:
    """Return the words of a subject to search texts for; none for a mere date, and no "US", which "us" is like."""
    terms, dates = _subject(about)
    words = [*terms, *(word for _, within in dates for word in within)] if terms else []
    return [word.text for word in words if not word.stem.startswith("=")]


def _extent(rows: Sequence[BriefRow]) -> str:
    """Say how many briefs there are and of which time: "12 briefs of 2023-04-16 to 2024-02-01"."""
    dates = sorted(row.date for row in rows if row.date)
    undated = len(rows) - len(dates)
    period = "" if not dates else f" of {dates[0]}" + (f" to {dates[-1]}" if dates[-1] != dates[0] else "")
    more = f", {undated} of them undated" if undated and dates else ""
    return f"{_count(len(rows), 'brief')}{period}{more}"


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _within(scope: Scope) -> str:
    since, until = scope.date_from, scope.as_of or scope.date_to
    return (f" since {_shown(since)}" if since else "") + (f" until {_shown(until)}" if until else "")


def _shown(day: date) -> str:
    return day.isoformat()


def _refs(rows: Sequence[BriefRow]) -> tuple[BriefRef, ...]:
    return tuple(BriefRef(row.brief_id, row.title, row.date) for row in rows)


def _paragraph_openings(passages: Sequence[Document]) -> list[tuple[Document, Span]]:
    """Return the sentences that open a brief and its paragraphs, in order; where there is none, the first unit."""
    found: list[tuple[Document, Span]] = []
    short: list[tuple[Document, Span]] = []
    end = 0
    for passage, unit in _apart(passages):
        start = unit["start"]
        opens = end <= passage.metadata["start"] or "\n" in _between(passage, end, start)
        end = unit["end"]
        whole = unit["kind"] == "sentence" and len(_text(passage, unit).split()) >= _MIN_WORDS
        (found if opens and whole else short).append((passage, Span(start, end)))
    return found or short[:1]


def _units_with(words: Sequence[str], passages: Sequence[Document]) -> list[tuple[Document, Span]]:
    """Return the units that hold every word, in order."""
    stems = [stem(word) for word in words]
    held = _apart(passages, lambda text: all(present(one, analyse(text)) > 0 for one in stems))
    return [(passage, Span(unit["start"], unit["end"])) for passage, unit in held]


def _apart(
    passages: Sequence[Document], wanted: Callable[[str], bool] = bool
) -> Iterator[tuple[Document, Mapping[str, Any]]]:
    """Yield the wanted units of a brief's passages in order, none that an earlier one holds: passages overlap."""
    end = 0
    for passage in passages:
        for unit in passage.metadata["units"]:
            if unit["end"] > end and wanted(_text(passage, unit)):
                yield passage, unit
                end = unit["end"]


def _text(passage: Document, unit: Mapping[str, int]) -> str:
    return _between(passage, unit["start"], unit["end"])


def _between(passage: Document, start: int, end: int) -> str:
    offset: int = passage.metadata["start"]
    return passage.page_content[start - offset : end - offset]


def _quoting(spans: Sequence[tuple[Document, Span]], remark: str) -> Response:
    """Quote spans in the order given, over the passages that they stand in."""
    number: dict[str, int] = {}
    evidence: list[Document] = []
    sentences = []
    for passage, span in spans:
        if passage.metadata["chunk_id"] not in number:
            evidence.append(passage)
            number[passage.metadata["chunk_id"]] = len(evidence)
        sentences.append(quoted(number[passage.metadata["chunk_id"]], passage, span))
    return Response(remark, sentences=tuple(sentences), evidence=tuple(evidence))
