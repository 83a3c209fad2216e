"""The nouns of the corpus. Pydantic where data crosses the boundary, frozen dataclasses inside.

Spans count Unicode code points of `Brief.text`: `brief.text[start:end]` is the quoted text, always.
"""

from __future__ import annotations

import calendar
import hashlib
import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_serializer, field_validator

from rag.errors import UsageError
from rag.printable import holds_halves, shorten

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_ID_CHARS = 200
"""Characters of a brief's id."""

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

    def days_from(self, other: DateInterval) -> int:
        """Return how many days lie between it and another date; 0 where they may be the same."""
        return max(0, (self.start - other.end).days, (other.start - self.end).days)

    def __str__(self) -> str:
        if self.start == self.end:
            return self.start.isoformat()
        if (self.start.year, self.start.month) == (self.end.year, self.end.month):
            return f"{self.start.year:04d}-{self.start.month:02d}"
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

    id: str = Field(min_length=1, max_length=MAX_ID_CHARS)
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

    Raises:
        UsageError: if a name holds what no brief's does, NUL or half a character.
    """

    date_from: date | None = None
    date_to: date | None = None
    as_of: date | None = None
    as_known_at: datetime | None = None
    regions: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    briefs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in (*self.regions, *self.sources, *self.topics, *self.briefs):
            if "\0" in name or holds_halves(name):
                told = shorten(repr(name), 100)
                raise UsageError(f"the scope names {told}, which holds NUL or half a character; no brief has that")

    @property
    def restricts(self) -> bool:
        """Whether any brief could be outside."""
        return self != Scope()

    @property
    def needs_date(self) -> bool:
        """Whether undated briefs are outside."""
        return bool(self.date_from or self.date_to or self.as_of)
