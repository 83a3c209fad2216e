"""An answer as OpenAI's chat completions write it, whole or in chunks."""

from __future__ import annotations

import json
import re
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from rag.answer import Answer, Answered, Event, Retrieved, Said
from rag.cited_text import BREAK, cited_text, inert, said_text, web_address
from rag.record import AnswerRecord
from rag.service.chat_protocol import (
    AnnotationRecord,
    ChoiceRecord,
    CompletionRecord,
    CompletionUsage,
    MessageRecord,
    UrlCitation,
)

_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass
class Reply:
    """Writes one reply, whole or in pieces that join to the same text.

    Attributes:
        prompt: texts of the messages, which are counted.
        sent: the text that went out so far.
        was_read: the evidence was read. Else a remark may open the text, which is known at the end only.
    """

    model: str
    prompt: tuple[str, ...]
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))
    sent: str = ""
    was_read: bool = False

    def completion(self, answer: Answer) -> CompletionRecord:
        """Return the reply as one object."""
        message = MessageRecord(content=cited_text(answer).text, annotations=_annotations(answer))
        return CompletionRecord(
            id=self.id,
            created=self.created,
            model=self.model,
            system_fingerprint=_fingerprint(answer),
            choices=[ChoiceRecord(message=message)],
            usage=self._usage(answer),
            geobrief=AnswerRecord.of(answer),
        )

    def pieces(self, event: Event | None) -> list[str]:
        """Return the text that an event adds."""
        piece = ""
        if isinstance(event, Retrieved):
            self.was_read = any("signals" in passage.metadata for passage in event.evidence)
        elif isinstance(event, Said) and self.was_read:
            piece = BREAK * bool(self.sent) + said_text(event.sentence)
        elif isinstance(event, Answered):
            piece = cited_text(event.answer).text.removeprefix(self.sent)
        self.sent += piece
        return [piece] * bool(piece)

    def end(self, answer: Answer, *, with_usage: bool) -> list[bytes]:
        """Return the chunks that end a stream: the citations with the answer, and if asked for, what was used."""
        annotations = [one.model_dump() for one in _annotations(answer)]
        more = {
            "system_fingerprint": _fingerprint(answer),
            "geobrief": AnswerRecord.of(answer).model_dump(mode="json", by_alias=True),
        }
        last = self.chunk({"annotations": annotations}, finish="stop", with_usage=with_usage, **more)
        usage = frame({**self._head(), "choices": [], "usage": self._usage(answer).model_dump()})
        return [last, usage] if with_usage else [last]

    def chunk(self, delta: dict[str, Any], *, with_usage: bool, finish: str | None = None, **more: Any) -> bytes:
        """Return one chunk of a stream."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        usage = {"usage": None} if with_usage else {}
        return frame({**self._head(), "choices": [choice], **usage, **more})

    def _head(self) -> dict[str, Any]:
        return {"id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model}

    def _usage(self, answer: Answer) -> CompletionUsage:
        given = answer.usage.input_tokens if answer.usage else sum(map(_count, self.prompt))
        made = answer.usage.output_tokens if answer.usage else _count(cited_text(answer).text)
        return CompletionUsage(prompt_tokens=given, completion_tokens=made, total_tokens=given + made)


def _annotations(answer: Answer) -> list[AnnotationRecord]:
    return [
        AnnotationRecord(
            url_citation=UrlCitation(
                start_index=mark.start,
                end_index=mark.end,
                title=inert(mark.passage.metadata["title"]),
                url=web_address(mark.passage.metadata.get("url")),
            )
        )
        for mark in cited_text(answer).marks
    ]


def _fingerprint(answer: Answer) -> str:
    return f"fp_{answer.identities.settings_digest}"


def _count(text: str) -> int:
    return sum(1 for _ in _TOKEN.finditer(text))


def frame(data: dict[str, Any]) -> bytes:
    """Return one server-sent event."""
    # ASCII: some clients split lines at U+2028 too.
    return f"data: {json.dumps(data)}\n\n".encode()
