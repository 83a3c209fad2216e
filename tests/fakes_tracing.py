"""What takes spans in tests: a list in this process, and a collector on loopback that speaks OTLP over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SentSpan
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

_exporter = InMemorySpanExporter()


class Spans:
    """The spans that ended since."""

    @property
    def all(self) -> tuple[ReadableSpan, ...]:
        return _exporter.get_finished_spans()

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.all]

    def one(self, name: str) -> ReadableSpan:
        (found,) = (span for span in self.all if span.name == name)
        return found

    def children(self, parent: ReadableSpan) -> list[str]:
        ours = parent.context
        assert ours
        return [s.name for s in self.all if s.parent and s.parent.span_id == ours.span_id]

    def attributes(self, name: str) -> dict[str, Any]:
        return dict(self.one(name).attributes or {})

    def text(self) -> str:
        """All that would be sent."""
        return "\n".join(span.to_json() for span in self.all)


@contextmanager
def kept_spans() -> Iterator[Spans]:
    """Keep the spans of this process meanwhile. The provider is set once: OpenTelemetry lets it be set no more."""
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(_exporter))
        trace.set_tracer_provider(provider)
    _exporter._stopped = False
    _exporter.clear()
    try:
        yield Spans()
    finally:
        _exporter.shutdown()


@contextmanager
def collector() -> Iterator[tuple[str, list[SentSpan]]]:
    """Take spans on a free port of this machine; yield the address, and the spans that come."""
    came: list[SentSpan] = []

    class Takes(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            assert (self.path, self.headers["Content-Type"]) == ("/v1/traces", "application/x-protobuf")
            request = ExportTraceServiceRequest.FromString(content)
            came.extend(span for r in request.resource_spans for s in r.scope_spans for span in s.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Takes)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", came
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
