"""The outermost layer of the service: an id and a span for each request, what is counted and logged, no stack trace."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from http import HTTPStatus

from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.service.audit import MAX_PATH_CHARS, AuditLog
from rag.service.metrics import Metrics
from rag.service.notes import begin, notes_of, request_id, request_id_of
from rag.service.problems import Broken
from rag.tracing import Traced

POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
UNSENT = 499
"""Status in logs of a response that nobody waited for, as web servers have it."""
UNKNOWN_ROUTE = "other"

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
_log = logging.getLogger(__name__)


@dataclass
class Observing:
    """Serves requests of an application, and keeps account of them."""

    app: ASGIApp
    metrics: Metrics
    audit: AuditLog = field(default_factory=AuditLog)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope = begin(scope, Headers(scope=scope).get("x-request-id", ""))
        token = request_id.set(request_id_of(scope))
        sent = _Sent(send, request_id_of(scope))
        begun = time.perf_counter()
        try:
            with _server_span(scope) as traced:
                try:
                    await self._serve(scope, receive, sent)
                finally:
                    _describe(traced, scope, sent.status or UNSENT)
        finally:
            request_id.reset(token)
            self._account(scope, sent, time.perf_counter() - begun)

    async def _serve(self, scope: Scope, receive: Receive, sent: _Sent) -> None:
        try:
            await self.app(scope, receive, sent)
        except Exception:
            # The application tells failures itself, and raises them all the same for who serves it.
            if sent.status != HTTPStatus.INTERNAL_SERVER_ERROR:
                self.metrics.error("internal")
                _log.exception("request %s failed", request_id_of(scope))
            if sent.status is None:
                await Broken().response(request_id_of(scope))(scope, receive, sent)

    def _account(self, scope: Scope, sent: _Sent, seconds: float) -> None:
        status = sent.status or UNSENT
        method = _method(scope)
        self.metrics.request(method, _route(scope) or UNKNOWN_ROUTE, status, seconds)
        client = scope.get("client")
        noted = {key: value for key, value in notes_of(scope).items() if key != "route"}
        self.audit.record(
            noted,
            request_id=request_id_of(scope),
            address=client[0] if client else None,
            method=method,
            path=scope["path"][:MAX_PATH_CHARS],
            status=status,
            ms=round(seconds * 1000, 1),
        )


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else "OTHER"


def _route(scope: Scope) -> str | None:
    """Return the template of the path; None where nothing is there."""
    found = getattr(scope.get("route"), "path", None) or notes_of(scope).get("route")
    return str(found) if found else None


def _server_span(scope: Scope) -> Traced:
    """Return the span of a request, below that of the client where it sends one. Source: W3C Trace Context, level 1."""
    headers = Headers(scope=scope)
    sent = {name: headers[name] for name in ("traceparent", "tracestate") if name in headers}
    attributes = {
        "http.request.method": _method(scope),
        "url.path": scope["path"][:MAX_PATH_CHARS],
        "geobrief.request_id": request_id_of(scope),
    }
    parent = TraceContextTextMapPropagator().extract(sent)
    return Traced(_method(scope), attributes, kind=SpanKind.SERVER, parent=parent)


def _describe(traced: Traced, scope: Scope, status: int) -> None:
    """Add what is known in the end. What fails after the response began is noted, and has no status of its own."""
    route = _route(scope)
    traced.rename(f"{_method(scope)} {route}" if route else _method(scope))
    traced.set({"http.route": route, "http.response.status_code": status})
    if kind := notes_of(scope).get("failure") or (status >= 500 and status):
        traced.fail(str(kind))


@dataclass
class _Sent:
    """Sends a response with the headers that each has, and remembers its status."""

    send: Send
    request_id: str
    status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self.request_id
            headers.setdefault("Content-Security-Policy", POLICY)
            headers.setdefault("X-Content-Type-Options", "nosniff")
            headers.setdefault("Cache-Control", "no-store")
        await self.send(message)
