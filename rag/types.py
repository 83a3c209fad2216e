"""The nouns of geobrief. Pydantic where data crosses the boundary, frozen dataclasses inside.

Spans count Unicode code points of `Brief.text`: `brief.text[start:end]` is the quoted text, always.
"""

from __future__ import annotations

import calendar
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_serializer, field_validator

if TYPE_CHECKING:
    import numpy as np
    from langchain_core.documents import Document
    from numpy.typing import NDArray

UnitKind = Literal["sentence", "list", "item", "row"]

_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")


def sha256(data: bytes | str) -> str:
    """Return the SHA-256 of bytes, or of a string's UTF-8 form, as 64 hex digits."""
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    return hashlib.sha256(raw).hexdigest()


@dataclass(frozen=True, slots=True, order=True)
class DateInterval:
    """A date as precise as its source states it: a day, a month or a year.

    `DateInterval.parse("2024-05")` runs from 2024-05-01 to 2024-05-31 and prints as "2024-05".
    """

    start: date
    end: date

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read `2024`, `2024-05`, `2024-05-16`, a `date`, or a timestamp that starts with one.

        Raises:
            ValueError: if the value is no such date.
        """
        if isinstance(value, datetime):
            value = value.date()
        if isinstance(value, date):
            return cls(value, value)
        text = str(value).strip()
        match = _DATE.fullmatch(text) or _DATE.match(re.sub(r"[T ]\d\d:.*", "", text))
        if match is None or (match.end() != len(text) and not re.match(r"[T ]\d\d:", text[match.end() :])):
            raise ValueError(f"{text!r} is no date; write YYYY, YYYY-MM or YYYY-MM-DD")
        year, month, day = (int(part) if part else None for part in match.groups())
        try:
            if month is None:
                return cls(date(year or 0, 1, 1), date(year or 0, 12, 31))
            if day is None:
                last = calendar.monthrange(year or 0, month)[1]
                return cls(date(year or 0, month, 1), date(year or 0, month, last))
            exact = date(year or 0, month, day)
        except (ValueError, calendar.IllegalMonthError) as error:
            raise ValueError(f"{text!r} is no date: {error}") from error
        return cls(exact, exact)

    def __str__(self) -> str:
        if self.start == self.end:
            return self.start.isoformat()
        if (self.start.year, self.start.month) == (self.end.year, self.end.month):
            return self.start.strftime("%Y-%m")
        return f"{self.start.year:04d}"


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of code points in a brief's text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """Vectors of a text's tokens in their context.

    Attributes:
        vectors: of shape (n_tokens, dimension), each of unit length.
        spans: start and end of each token in the text; (0, 0) for special ones.
        pooled: unit vector of the whole text.
    """

    vectors: NDArray[np.float16]
    spans: tuple[tuple[int, int], ...]
    pooled: NDArray[np.float32]

    @property
    def words(self) -> list[int]:
        """Places of the tokens that are no special ones."""
        return [i for i, (start, end) in enumerate(self.spans) if start < end]


@dataclass(frozen=True, slots=True)
class Unit:
    """What can be quoted: a sentence, a list with its lead-in, a list item, or a table row.

    Attributes:
        context: the span that makes it readable alone (a table's header row, a list's lead-in), if any.
    """

    start: int
    end: int
    kind: UnitKind
    context: Span | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of whole units that is embedded together; `brief.text[start:end]` is its text.

    Attributes:
        ordinal: position in the brief, from 0.
        heading: the headings above it, outermost first, joined by " › "; empty when there are none.
        page: page of its first character, from 1, where the source has pages.
    """

    ordinal: int
    start: int
    end: int
    heading: str
    page: int | None
    units: tuple[Unit, ...]


class Brief(BaseModel):
    """One dated text with its provenance, as published.

    Attributes:
        date: as precise as the source states it; None is undated, never guessed from the file system.
        reliability: NATO Admiralty grade of the source, A to F.
        credibility: NATO Admiralty grade of the information, 1 to 6.
        constructed: the text was written to illustrate, not to report.
        page_starts: offset in `text` of each page's first character, where the source has pages.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True)

    id: str = Field(min_length=1, max_length=200)
    title: str = Field(min_length=1, max_length=500)
    text: str = Field(min_length=1, repr=False)
    date: DateInterval | None = None
    source: str | None = None
    url: str | None = None
    region: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    reliability: Literal["A", "B", "C", "D", "E", "F"] | None = None
    credibility: Literal["1", "2", "3", "4", "5", "6"] | None = None
    language: str | None = None
    based_on: tuple[str, ...] = ()
    constructed: bool = False
    page_starts: tuple[int, ...] = ()

    @field_validator("id")
    @classmethod
    def _id_is_printable(cls, value: str) -> str:
        if not re.fullmatch(r"[^\s#@/\\\x00-\x1f]+", value):
            raise ValueError(f"id {value!r} holds a space, a slash, '#' or '@'; use letters, digits and '-'")
        return value

    @field_validator("date", mode="before")
    @classmethod
    def _parse_date(cls, value: object) -> DateInterval | None:
        if value is None or value == "" or isinstance(value, DateInterval):
            return value or None  # type: ignore[return-value]
        return DateInterval.parse(value)

    @field_serializer("date")
    def _show_date(self, value: DateInterval | None) -> str | None:
        return None if value is None else str(value)

    @field_validator("source", "url", "language", "title", mode="before")
    @classmethod
    def _one_string(cls, value: object) -> object:
        return str(value).strip() if isinstance(value, int | float) else value

    @field_validator("reliability", "credibility", mode="before")
    @classmethod
    def _grade(cls, value: object) -> object:
        return None if value in (None, "") else str(value).strip().upper()

    @field_validator("region", "topics", "based_on", mode="before")
    @classmethod
    def _list_of_strings(cls, value: object) -> object:
        if value is None:
            return ()
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return tuple(str(part) for part in value) if isinstance(value, list | tuple) else value

    @property
    def text_sha256(self) -> str:
        """Digest of the text, which names this version in chunk ids and citations."""
        return sha256(self.text)

    def metadata(self) -> dict[str, Any]:
        """Everything but the text, as plain JSON values."""
        return self.model_dump(mode="json", exclude={"text"})


@dataclass(frozen=True, slots=True)
class Scope:
    """Which briefs may be used. An empty field does not restrict.

    A brief is in a date range when its interval overlaps it, and within `as_of` when all of its interval has
    passed by then; an undated brief is in neither. Of a brief with several versions, `as_of` takes the newest
    that had been published. With `as_known_at`, only what had been ingested by that moment counts (in UTC where it
    names no zone).
    """

    date_from: date | None = None
    date_to: date | None = None
    as_of: date | None = None
    as_known_at: datetime | None = None
    regions: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    briefs: tuple[str, ...] = ()

    @property
    def restricts(self) -> bool:
        """Whether any brief could be outside."""
        return self != Scope()

    @property
    def needs_date(self) -> bool:
        """Whether undated briefs are outside."""
        return bool(self.date_from or self.date_to or self.as_of)


@dataclass(frozen=True, slots=True)
class Citation:
    """A pointer into the evidence: characters `start` to `end` of the brief that `passage` belongs to.

    Attributes:
        n: number of the passage in the evidence, from 1.
        quote: exactly those characters.
        passage: the passage, whose metadata name brief, title, date, source, digests.
    """

    n: int
    start: int
    end: int
    quote: str
    page: int | None
    passage: Document


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an answer.

    Attributes:
        support: probability in [0, 1] that the cited spans support it; 1.0 for a verbatim quote, None unchecked.
    """

    text: str
    citations: tuple[Citation, ...]
    support: float | None = None


@dataclass(frozen=True, slots=True)
class ScoredUnit:
    """A unit of the evidence with the reader's score for the question; higher answers better.

    Attributes:
        n: number of its passage in the evidence, from 1.
        signals: raw values by name, for evaluators; not comparable between questions.
    """

    n: int
    unit: Unit
    text: str
    score: float
    signals: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading the passages gave.

    Attributes:
        evidence: the passages, best first; the number of a passage is its position, from 1.
        units: scored units, best first.
        answerable: calibrated probability that something here answers; None while the reader is not calibrated.
    """

    evidence: tuple[Document, ...]
    units: tuple[ScoredUnit, ...]
    answerable: float | None = None


@dataclass(frozen=True, slots=True)
class BriefRef:
    """A brief as a person would look it up."""

    brief_id: str
    title: str
    date: str | None


@dataclass(frozen=True, slots=True)
class Identities:
    """What an answer depends on beside the corpus: the same identities give the same answer."""

    embedding: str
    reader: str
    dtype: str
    settings_digest: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What an LLM wrote for an answer, and what became of it.

    Attributes:
        input_tokens: of the prompt, as far as the model tells; 0 where the reply was kept from before.
        cost: in the currency of the prices in the settings; None without prices.
        written: sentences that it wrote.
        dropped: sentences that were not proved and not shown, by reason.
    """

    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    cached: bool = False
    written: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with its evidence, or an abstention with its reason.

    Attributes:
        parts: the questions that were asked of the corpus: the standalone question, or each of its parts.
        limited_by: words of the question that narrowed the scope, such as "as of May 2023".
        remark: what geobrief says itself, of itself or of what the corpus holds.
        briefs: briefs that the remark lists.
        answerable: of the part that is answered most surely.
        conflicts: those of the notes that say how briefs disagree.
    """

    question: str
    standalone_question: str
    scope: Scope
    sentences: tuple[Sentence, ...]
    evidence: tuple[Document, ...]
    identities: Identities
    parts: tuple[str, ...] = ()
    limited_by: str | None = None
    remark: str | None = None
    briefs: tuple[BriefRef, ...] = ()
    reason: str | None = None
    answerable: float | None = None
    nearest: tuple[BriefRef, ...] = ()
    notes: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    usage: Usage | None = None
    timings_ms: Mapping[str, float] = field(default_factory=dict)

    @property
    def abstained(self) -> bool:
        """Whether nothing in the corpus was found to answer."""
        return not self.sentences and self.remark is None

    @property
    def text(self) -> str:
        """The remark and the sentences with their citation numbers, or the reason for saying nothing."""
        if self.abstained:
            return self.reason or ""
        return "\n".join([*filter(None, [self.remark]), *(_with_numbers(sentence) for sentence in self.sentences)])

    @property
    def cited_briefs(self) -> tuple[str, ...]:
        """Ids of the briefs that it cites or lists, in the order in which they come up."""
        cited = [citation.passage.metadata["brief_id"] for s in self.sentences for citation in s.citations]
        return tuple(dict.fromkeys([*cited, *(ref.brief_id for ref in self.briefs)]))

    @property
    def support_rate(self) -> float | None:
        """Mean support of the checked sentences; None when none was checked."""
        checked = [s.support for s in self.sentences if s.support is not None]
        return sum(checked) / len(checked) if checked else None


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Stream event: the standalone question is known, and the parts in which it is asked: itself, if it is one."""

    standalone_question: str
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Stream event: the evidence is known and numbered."""

    evidence: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """Stream event: one checked sentence."""

    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Answered:
    """Last stream event: the whole answer."""

    answer: Answer


Event = Rewritten | Retrieved | Said | Answered


def _with_numbers(sentence: Sentence) -> str:
    marks = "".join(f"[{n}]" for n in dict.fromkeys(citation.n for citation in sentence.citations))
    return f"{sentence.text} {marks}".strip()
