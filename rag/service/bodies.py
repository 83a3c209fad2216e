"""What may be asked of the service. Unknown fields are refused: a misspelt one would widen a scope in silence."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self, TypeVar

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import from_json
from starlette.requests import Request

from rag.catalogue import in_utc
from rag.record import ScopeRecord
from rag.rewrite import BRIEFS
from rag.service.problems import Refused, not_valid
from rag.types import Brief, Scope

MAX_QUESTION_CHARS = 20_000
"""Longer ones are no questions; the settings may set a lower limit."""
MAX_TURNS = 100
MAX_NAMES = 100
MAX_BRIEF_CHARS = 900_000

_MONTHS = "(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-9])"
DAY = f"[12][0-9]{{3}}-({_MONTHS})"
PARTIAL_DAY = f"[12][0-9]{{3}}(-({_MONTHS}|0[1-9]|1[0-2]))?"
MOMENT = f"{DAY}T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{{1,6}})?)?(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])?"


NAME = r"^[^\x00]+$"
"""No name and no id holds NUL; PostgreSQL takes no text that does."""


def _day(text: str) -> str:
    date.fromisoformat(text)
    return text


def _moment(text: str) -> str:
    in_utc(datetime.fromisoformat(text))
    return text


def _in_words(text: str) -> str:
    if not any(character.isalnum() for character in text):
        raise ValueError("it holds no letter or digit; ask in words")
    return text


Day = Annotated[str, Field(pattern=f"^{DAY}$", examples=["2024-05-16"]), AfterValidator(_day)]
Moment = Annotated[str, Field(pattern=f"^{MOMENT}$", examples=["2024-05-16T12:00:00Z"]), AfterValidator(_moment)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=NAME)]
Question = Annotated[
    str,
    Field(max_length=MAX_QUESTION_CHARS, json_schema_extra={"pattern": r"[^\W_]", "minLength": 1}),
    AfterValidator(_in_words),
]


class Body(BaseModel):
    """Base of what is sent: closed, and nothing is taken for what it is not."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ScopeBody(Body):
    """Which briefs may be used; `as_known_at` is in UTC where it names no zone."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"from": "2024-01-01", "to": "2024-12-31", "regions": ["asia"]}]}
    )

    from_: Day | None = Field(default=None, alias="from")
    to: Day | None = None
    as_of: Day | None = None
    as_known_at: Moment | None = None
    regions: list[Name] = Field(default=[], max_length=MAX_NAMES)
    sources: list[Name] = Field(default=[], max_length=MAX_NAMES)
    topics: list[Name] = Field(default=[], max_length=MAX_NAMES)
    briefs: list[Name] = Field(default=[], max_length=MAX_NAMES)

    @model_validator(mode="after")
    def _range_is_not_empty(self) -> Self:
        if self.from_ and self.to and self.from_ > self.to:
            raise ValueError(f"'from' ({self.from_}) is after 'to' ({self.to}); no brief can match")
        return self

    def scope(self) -> Scope:
        """Return the scope."""
        return ScopeRecord(**self.model_dump(by_alias=True)).scope()


class TurnBody(Body):
    """What was said before; an answer may name the briefs that it cited, so that "the second one" is understood."""

    role: Literal["user", "assistant"]
    content: str = Field(max_length=MAX_QUESTION_CHARS)
    briefs: list[Name] = Field(default=[], max_length=MAX_NAMES)

    def message(self) -> BaseMessage:
        """Return the message."""
        if self.role == "user":
            return HumanMessage(self.content)
        return AIMessage(self.content, additional_kwargs={BRIEFS: self.briefs})


class AskBody(Body):
    """A question. `dates` is whether words of it such as "as of May 2023" narrow the scope."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"question": "When did Finland join NATO?"},
                {
                    "question": "And Sweden?",
                    "history": [
                        {"role": "user", "content": "When did Finland join NATO?"},
                        {"role": "assistant", "content": "Finland joined NATO on 4 April 2023 [1]"},
                    ],
                    "scope": {"from": "2023-01-01", "regions": ["europe"]},
                },
            ]
        }
    )

    question: Question
    scope: ScopeBody = ScopeBody()
    history: list[TurnBody] = Field(default=[], max_length=MAX_TURNS)
    dates: bool = True


class SearchBody(Body):
    """What to search for, and how many passages at most."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"question": "grain exports through the Black Sea", "k": 3}]}
    )

    question: Question
    scope: ScopeBody = ScopeBody()
    k: int = Field(default=5, ge=1, le=100)


class BriefBody(Body):
    """A brief to be added. Fields are those of a brief's front matter."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "title": "Talks on the harbour end",
                    "date": "2024-06-03",
                    "source": "Example Wire",
                    "region": ["europe"],
                    "text": "The talks on the harbour ended in June. No text was published.",
                }
            ]
        }
    )

    title: str = Field(min_length=1, max_length=500)
    text: str = Field(min_length=1, max_length=MAX_BRIEF_CHARS)
    id: str | None = Field(default=None, pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
    date: Annotated[str, Field(pattern=f"^{PARTIAL_DAY}$")] | None = None
    source: Name | None = None
    url: str | None = Field(default=None, max_length=2000)
    region: list[Name] = Field(default=[], max_length=MAX_NAMES)
    topics: list[Name] = Field(default=[], max_length=MAX_NAMES)
    language: str | None = Field(default=None, pattern="^[a-z]{2}$")
    reliability: Literal["A", "B", "C", "D", "E", "F"] | None = None
    credibility: Literal["1", "2", "3", "4", "5", "6"] | None = None

    @model_validator(mode="after")
    def _is_a_brief(self) -> Self:
        Brief(**{"id": "brief", **self.fields()})
        return self

    def fields(self) -> dict[str, Any]:
        """Return what was given."""
        return self.model_dump(exclude_none=True, exclude_defaults=True)


class EvalBody(Body):
    """What to measure: a benchmark that is kept beside the server, by its name."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"dataset": "briefs", "split": "dev", "systems": ["bm25", "full"]}]}
    )

    dataset: str = Field(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    split: str | None = Field(default=None, pattern="^[A-Za-z0-9_-]{1,32}$")
    systems: list[Literal["bm25", "dense", "hybrid", "full"]] = Field(min_length=1, max_length=4)
    limit: int | None = Field(default=None, ge=1, le=10_000)


B = TypeVar("B", bound=BaseModel)


def json_body(model: type[B]) -> Callable[[Request], Awaitable[B]]:
    """Return a dependency of routes that reads the body as a model."""

    async def read(request: Request) -> B:
        require_json(request)
        return parsed(model, await request.body())

    return read


def parsed(model: type[B], content: bytes) -> B:
    """Read a body strictly: no text is taken for a number, but 3.0 is 3, as JSON Schema has it.

    Raises:
        Refused: if it is none.
    """
    try:
        return model.model_validate(_whole_numbers(from_json(content, allow_inf_nan=False)), strict=True)
    except ValidationError as error:
        raise not_valid([dict(one) for one in error.errors(include_url=False, include_context=False)]) from None
    except ValueError as error:
        raise Refused(400, "no-json", f"The body is no JSON: {error}.") from None


def _whole_numbers(value: Any) -> Any:
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, list):
        return [_whole_numbers(one) for one in value]
    if isinstance(value, dict):
        return {key: _whole_numbers(one) for key, one in value.items()}
    return value


def require_json(request: Request) -> None:
    """Refuse a body that does not say that it is JSON: a page elsewhere could send it without asking.

    Raises:
        Refused: if it says anything else.
    """
    kind = content_type(request)
    if kind != "application/json":
        raise Refused(415, "no-json", "Send JSON, as Content-Type: application/json.")


def content_type(request: Request) -> str:
    """Return the type of a body, without its parameters."""
    return re.split(r"[;,]", request.headers.get("content-type", ""))[0].strip().lower()
