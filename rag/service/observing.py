"""The outermost layer of the service: an id for each request, what is counted and logged, and no stack trace ever."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.service.audit import MAX_PATH_CHARS, AuditLog
from rag.service.metrics import Metrics
from rag.service.notes import begin, notes_of, request_id, request_id_of
from rag.service.problems import Broken

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
            await self.app(scope, receive, sent)
        except Exception:
            # The application tells failures itself, and raises them all the same for who serves it.
            if sent.status != HTTPStatus.INTERNAL_SERVER_ERROR:
                self.metrics.error("internal")
                _log.exception("request %s failed", request_id_of(scope))
            if sent.status is None:
                await Broken().response(request_id_of(scope))(scope, receive, sent)
        finally:
            request_id.reset(token)
            self._account(scope, sent, time.perf_counter() - begun)

    def _account(self, scope: Scope, sent: _Sent, seconds: float) -> None:
        status = sent.status or UNSENT
        route = getattr(scope.get("route"), "path", None) or notes_of(scope).get("route") or UNKNOWN_ROUTE
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self.metrics.request(method, str(route), status, seconds)
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
