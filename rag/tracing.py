"""Spans of OpenTelemetry around what answers a question. Without a provider they lead nowhere and cost microseconds.

Whoever embeds geobrief sets the provider; nothing here does. No question, answer, text of a brief or message of an
error is in a span, unless `capture_text` puts question and answer there.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from types import TracebackType
from typing import Self, TypeVar

from opentelemetry.context import Context, attach, get_current
from opentelemetry.trace import SpanKind, StatusCode, get_tracer, set_span_in_context

TRACER = "geobrief"
MOST_TEXT_CHARS = 8_000
"""Of a question or an answer in an attribute."""

T = TypeVar("T")
Value = str | bool | int | float | Sequence[str] | None
_tracer = get_tracer(TRACER)


class Traced:
    """A span that is the current one within a `with` block, which may be left in another thread or context.

    `start_as_current_span` cannot be used across a `yield`: a generator that is closed elsewhere, such as by the
    garbage collector, would undo there what it never did. Here, what was current before comes back only where this
    span still is.
    """

    def __init__(
        self,
        name: str,
        attributes: Mapping[str, Value] | None = None,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        parent: Context | None = None,
    ) -> None:
        """Describe a span, which starts as the block does; its parent is `parent`, or what is current then."""
        self._name, self._kind, self._parent = name, kind, parent
        self._attributes = _given(attributes or {})
        self.is_done = False

    def __enter__(self) -> Self:
        self._outer = get_current()
        parent = self._outer if self._parent is None else self._parent
        self._span = _tracer.start_span(self._name, parent, self._kind, self._attributes)
        self._inner = set_span_in_context(self._span, parent)
        attach(self._inner)
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        if isinstance(error, Exception):
            self.fail(type(error).__qualname__)
        elif error is not None and not self.is_done:
            self.note(stopped=True)
        self._span.end()
        if get_current() is self._inner:
            attach(self._outer)

    def rename(self, name: str) -> None:
        """Give it another name."""
        self._span.update_name(name)

    def note(self, **known: Value) -> None:
        """Set attributes of ours; what is None is left out."""
        self.set({f"geobrief.{key}": value for key, value in known.items()})

    def set(self, attributes: Mapping[str, Value]) -> None:
        """Set attributes by their whole names; what is None is left out."""
        self._span.set_attributes(_given(attributes))

    def fail(self, kind: str) -> None:
        """Mark it as failed, by the kind of error alone: messages may hold what was asked, or text of briefs."""
        self._span.set_attribute("error.type", kind)
        self._span.set_status(StatusCode.ERROR)


class Stages:
    """Measures and traces the stages of one question."""

    def __init__(self, *, capture_text: bool = False) -> None:
        self._capture_text = capture_text
        self._begun = time.perf_counter()
        self._took_ms: dict[str, float] = {}
        self._whole: Traced | None = None

    def of(self, events: Generator[T, None, None]) -> Generator[T, None, None]:
        """Yield the events of the question, with a span around them."""
        yield from in_own_context(self._traced(events))

    @contextmanager
    def stage(self, name: str) -> Iterator[Traced]:
        """Measure what is done within, as a span below that of the question."""
        begun = time.perf_counter()
        with Traced(f"geobrief.{name}") as traced:
            yield traced
        self._took_ms[name] = _ms_since(begun)

    def timings_ms(self, names: Sequence[str]) -> dict[str, float]:
        """Return what stages took, those that were not needed 0, and `total` until now."""
        return {**dict.fromkeys(names, 0.0), **self._took_ms, "total": _ms_since(self._begun)}

    def note(self, *, question: str, answer: str, **counts: Value) -> None:
        """Set attributes on the span of a question that is answered; the two texts only if that is switched on."""
        if self._whole is None:
            return
        self._whole.is_done = True
        self._whole.note(**counts)
        if self._capture_text:
            self._whole.note(question=question[:MOST_TEXT_CHARS], answer=answer[:MOST_TEXT_CHARS])

    def _traced(self, events: Generator[T, None, None]) -> Generator[T, None, None]:
        with Traced("geobrief.ask") as self._whole:
            yield from events


def _given(attributes: Mapping[str, Value]) -> dict[str, str | bool | int | float | Sequence[str]]:
    return {key: value for key, value in attributes.items() if value is not None}


def in_own_context(items: Generator[T, None, None]) -> Generator[T, None, None]:
    """Yield what a generator does, each step in one context of its own, copied when the first is taken.

    What it makes current (a span, the callbacks of langchain) is so in all of its steps, whichever thread takes them,
    and never for who takes them.
    """
    context = copy_context()
    try:
        while (item := context.run(next, items, None)) is not None:
            yield item
    finally:
        context.run(items.close)


def chat_span(name: str) -> Traced:
    """Return the span of a call of a chat model, called `PROVIDER:MODEL` or `MODEL`.

    Source: OpenTelemetry semantic conventions for generative AI, 1.37 (`gen_ai.*`).
    """
    provider, _, model = name.rpartition(":") if name.count(":") < 2 else name.partition(":")
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider or None,
        "gen_ai.request.model": model,
    }
    return Traced(f"chat {model}", attributes, kind=SpanKind.CLIENT)


def tokens_taken(into: int, out: int) -> Mapping[str, Value]:
    """Return the attributes of what a call took."""
    return {"gen_ai.usage.input_tokens": into, "gen_ai.usage.output_tokens": out}


def _ms_since(begun: float) -> float:
    return round((time.perf_counter() - begun) * 1000, 2)
