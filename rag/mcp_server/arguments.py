"""What the tools take. The input schemas are generated from these models."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Self
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from rag.days import day
from rag.errors import UsageError
from rag.types import Scope

SCHEME = "brief://"
MAX_ADDED_CHARS = 1_000_000
MAX_TURNS = 50
MAX_VALUES = 100
MAX_LIMIT = 100

Words = Annotated[list[Annotated[str, Field(max_length=500)]], Field(max_length=MAX_VALUES)]
Line = Annotated[str, Field(max_length=500)]
Turn = Annotated[list[Annotated[str, Field(max_length=50_000)]], Field(min_length=2, max_length=2)]


class Arguments(BaseModel):
    """Base of the arguments: closed, so that a misspelt one is told."""

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def read(cls, given: dict[str, Any] | None) -> Self:
        """Read what a client sent; empty strings and nulls count as left out.

        Raises:
            UsageError: naming each argument that is wrong.
        """
        told = {key: value for key, value in (given or {}).items() if value is not None and value != ""}
        try:
            return cls.model_validate(told)
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise UsageError(f"the arguments are wrong: {wrong}") from error

    @classmethod
    def schema_of(cls) -> dict[str, Any]:
        """Return the JSON schema of the arguments."""
        return cls.model_json_schema(by_alias=True)


class ScopeArguments(Arguments):
    """Which briefs may be used; what is left out does not limit."""

    from_: str | None = Field(
        None, alias="from", description="Only briefs dated on or after it: YYYY, YYYY-MM or YYYY-MM-DD."
    )
    to: str | None = Field(None, description="Only briefs dated on or before it, written as `from`.")
    as_of: str | None = Field(None, description="As the corpus stood on that day: only what was published by then.")
    regions: Words = Field([], description="Only briefs on one of these regions, as list_briefs shows them.")
    sources: Words = Field([], description="Only briefs of one of these sources.")
    topics: Words = Field([], description="Only briefs on one of these topics.")
    briefs: Words = Field([], description="Only the briefs of these ids.")

    def scope(self) -> Scope:
        """Return the scope.

        Raises:
            UsageError: if a date is none, the range is empty, or a name holds what no brief's does.
        """
        first, last = _day("from", self.from_, last=False), _day("to", self.to, last=True)
        if first and last and first > last:
            raise UsageError(f"from {self.from_} is after to {self.to}; no brief can match")
        return Scope(
            date_from=first,
            date_to=last,
            as_of=_day("as_of", self.as_of, last=True),
            regions=tuple(self.regions),
            sources=tuple(self.sources),
            topics=tuple(self.topics),
            briefs=tuple(self.briefs),
        )


class AskArguments(ScopeArguments):
    """A question with what was said before."""

    question: str = Field(description="One question, in words.")
    history: list[Turn] = Field(
        [],
        max_length=MAX_TURNS,
        description="What was said before, oldest first: pairs of a question and the text that ask returned for it.",
    )
    dates: bool = Field(True, description='Whether words such as "as of May 2023" in the question limit the briefs.')


class SearchArguments(ScopeArguments):
    """A search for passages."""

    query: str = Field(description="What the passages should be about, in words.")
    k: int = Field(5, ge=1, le=MAX_LIMIT, description="How many passages.")


class ReadArguments(Arguments):
    """A brief, or a part of it."""

    id: str = Field(max_length=300, description="Id of the brief, as in brief://ID.")
    start: int = Field(0, ge=0, description="First character, counted from 0 in Unicode code points.")
    end: int | None = Field(None, ge=1, description="Character to stop before; left out, the end of the brief.")
    text_sha256: str | None = Field(
        None, pattern="^[0-9a-f]{64}$", description="Digest of an older version's text, as citations name it."
    )

    @field_validator("id")
    @classmethod
    def _without_scheme(cls, value: str) -> str:
        brief_id = unquote(value.removeprefix(SCHEME)) if value.startswith(SCHEME) else value
        if "\0" in brief_id:
            raise ValueError("it holds NUL, and no brief's id does; list_briefs shows the ids")
        return brief_id


class ListArguments(ScopeArguments):
    """A page of the list of briefs."""

    limit: int = Field(50, ge=1, le=MAX_LIMIT, description="How many briefs at once.")
    cursor: str | None = Field(None, max_length=1000, description="`next_cursor` of the page before.")


class AddArguments(Arguments):
    """A brief to be taken into the corpus."""

    text: str = Field(
        min_length=1,
        max_length=MAX_ADDED_CHARS,
        description="The text, plain or Markdown; it may open with YAML front matter instead of the other arguments.",
    )
    title: Line | None = Field(None, description="Its title; left out, its first heading.")
    date: Line | None = Field(None, description="When it was published: YYYY, YYYY-MM or YYYY-MM-DD.")
    source: Line | None = Field(None, description="Who published it.")
    url: Annotated[str, Field(max_length=2000)] | None = Field(None, description="Where it was published.")
    regions: Words = Field([], description="Regions that it is about.")
    topics: Words = Field([], description="Topics that it is about.")
    name: Annotated[str, Field(max_length=200)] | None = Field(
        None, description="Name of the file that it is kept in; left out, made from the title."
    )

    def front_matter(self) -> dict[str, Any]:
        """Return the fields that are given, named as in front matter."""
        fields = {"title": self.title, "date": self.date, "source": self.source, "url": self.url}
        fields |= {"region": self.regions, "topics": self.topics}  # type: ignore[dict-item]
        return {name: value for name, value in fields.items() if value}


def _day(name: str, value: str | None, *, last: bool) -> date | None:
    return None if value is None else day(name, value, last=last)
