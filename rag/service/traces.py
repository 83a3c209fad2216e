"""Sends spans to a collector by OTLP over HTTP. Nothing waits for it, and what it does not take is dropped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from rag.errors import UsageError

PATH = "/v1/traces"
EXPORT_TIMEOUT_S = 5
FLUSH_MS = 5_000
"""Longest that the end of the process waits for a collector."""
_LEFT_OUT = frozenset({"fastapi"})
"""FastAPI traces by itself once a provider is set: each file and heartbeat of the page, with the addresses in full."""


def traces_endpoint(given: str) -> str:
    """Return where spans are sent; an address without a path is that of a collector, which takes them at /v1/traces.

    Raises:
        UsageError: if it is no http or https address.
    """
    try:
        found = urlsplit(given)
        is_address = found.scheme in ("http", "https") and bool(found.hostname) and found.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise UsageError("--traces takes the address of an OTLP collector, such as http://127.0.0.1:4318")
    return given if found.path.strip("/") else found._replace(path=PATH).geturl()


@contextmanager
def exported_traces(endpoint: str, *, version: str) -> Iterator[TracerProvider]:
    """Send the spans of this process to an endpoint meanwhile, and what is left at the end.

    Headers, such as keys, are taken from OTEL_EXPORTER_OTLP_HEADERS.

    Raises:
        UsageError: if the exporter is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise UsageError("--traces needs a package: pip install 'geobrief[traces]'") from error
    resource = Resource.create({"service.name": "geobrief", "service.version": version})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    processor = _OwnSpans(OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_TIMEOUT_S))
    provider.add_span_processor(processor)
    trace.set_tracer_provider(provider)
    try:
        yield provider
    finally:
        processor.shutdown_within(FLUSH_MS)


class _OwnSpans(BatchSpanProcessor):
    """Sends spans in batches, from a thread of its own."""

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span that has ended; a full queue drops the oldest."""
        scope = span.instrumentation_scope
        if scope is None or scope.name not in _LEFT_OUT:
            super().on_end(span)

    def shutdown_within(self, milliseconds: int) -> None:
        """Send what is left and stop, at the latest after that time."""
        self._batch_processor.shutdown(timeout_millis=milliseconds)
