"""What goes over the wire in OpenAI's chat completions: the request as far as it is understood, and the replies.

Source: https://platform.openai.com/docs/api-reference/chat, and the types of the `openai` package.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rag.record import AnswerRecord
from rag.service.bodies import PARTIAL_DAY, ScopeBody


class Given(BaseModel):
    """Base of what is sent. Fields that are not known are passed over: clients send many, such as `temperature`."""

    model_config = ConfigDict(extra="ignore", strict=True)


class Part(Given):
    """A part of a message; only those of type `text` are read."""

    type: str
    text: str | None = None


class ChatMessage(Given):
    """A message. Those of the system and of tools are passed over."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None


class StreamOptions(Given):
    """How a stream ends."""

    include_usage: bool | None = None


class Extension(Given):
    """What OpenAI's protocol has no word for; closed, since a misspelt field would leave the scope wider than meant."""

    model_config = ConfigDict(extra="forbid", strict=True)

    scope: ScopeBody = ScopeBody()
    as_of: str | None = Field(default=None, pattern=f"^{PARTIAL_DAY}$")
    dates: bool = True


class CompletionBody(Given):
    """A request for a completion: the last message is the question, those before it the conversation.

    Values that ask for what is not done are told in the description, and refused by `unsupported` with its own message.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"model": "geobrief", "messages": [{"role": "user", "content": "When did Finland join NATO?"}]}
            ]
        }
    )

    model: str
    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    geobrief: Extension = Extension()
    n: int | None = Field(default=None, json_schema_extra={"minimum": 1, "maximum": 1})
    tools: list[Any] | None = Field(default=None, json_schema_extra={"maxItems": 0})
    functions: list[Any] | None = Field(default=None, json_schema_extra={"maxItems": 0})
    logprobs: bool | None = Field(default=None, json_schema_extra={"enum": [False, None]})
    response_format: dict[str, Any] | None = Field(
        default=None, json_schema_extra={"properties": {"type": {"const": "text"}}, "required": ["type"]}
    )
    modalities: list[str] | None = Field(default=None, json_schema_extra={"items": {"const": "text"}})

    def unsupported(self) -> str | None:
        """Return the name of a field that asks for what is not done, if there is one."""
        asks = {
            "n": self.n not in (None, 1),
            "tools": bool(self.tools),
            "functions": bool(self.functions),
            "logprobs": bool(self.logprobs),
            "response_format": self.response_format is not None and self.response_format.get("type") != "text",
            "modalities": any(kind != "text" for kind in self.modalities or ()),
        }
        return next((name for name, asked in asks.items() if asked), None)


class UrlCitation(BaseModel):
    """A number in the text and what it stands for.

    Attributes:
        start_index: of the first code point of "[n]" in the content.
        end_index: of the code point after it.
        url: null where the brief has none.
    """

    start_index: int
    end_index: int
    title: str
    url: str | None


class AnnotationRecord(BaseModel):
    """A citation as OpenAI's web search writes it."""

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation


class MessageRecord(BaseModel):
    """The answer as a message."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    annotations: list[AnnotationRecord]


class ChoiceRecord(BaseModel):
    """The only choice."""

    index: Literal[0] = 0
    message: MessageRecord
    logprobs: None = None
    finish_reason: Literal["stop"] = "stop"


class CompletionUsage(BaseModel):
    """Words and marks of the messages and of the content; tokens where a language model wrote the answer."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class CompletionRecord(BaseModel):
    """A completion; `geobrief` is the whole answer, whose quotes are as they stand in the briefs."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChoiceRecord]
    usage: CompletionUsage
    geobrief: AnswerRecord


class ModelRecord(BaseModel):
    """The corpus as a model."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "geobrief"


class ModelList(BaseModel):
    """All models, which is one."""

    object: Literal["list"] = "list"
    data: list[ModelRecord]


class ErrorDetail(BaseModel):
    """What went wrong; `param` names the field, `code` the kind."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorRecord(BaseModel):
    """An error as OpenAI's clients read it."""

    error: ErrorDetail


def inlined(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of a model without references, as it can stand anywhere in a description."""
    schema = model.model_json_schema()
    parts: Mapping[str, Any] = schema.pop("$defs", {})

    def whole(node: Any) -> Any:
        if isinstance(node, list):
            return [whole(one) for one in node]
        if not isinstance(node, dict):
            return node
        named = parts[node["$ref"].rpartition("/")[2]] if "$ref" in node else {}
        return {key: whole(value) for key, value in {**named, **node}.items() if key != "$ref"}

    found: dict[str, Any] = whole(schema)
    return found
