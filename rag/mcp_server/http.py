"""The server over HTTP: as an ASGI application for another server's /mcp, or alone on an address.

Every request stands alone (the SDK's stateless mode): nothing here needs a session, so replicas may share an address
and a restart loses nothing.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.mcp_server.corpus import Corpus, LazyCorpus
from rag.mcp_server.server import MayAdd, anybody, mcp_server
from rag.mcp_server.tools import Desk, Queue
from rag.ui.port import listening_socket
from rag.ui.web.guard import Guard, Refusal
from rag.ui.web.hosts import Hosts

PATH = "/mcp"
MAX_BODY_BYTES = 4_000_000


class McpApp:
    """The server as an ASGI application; it serves while `running` is entered."""

    def __init__(self, server: Server[Desk]) -> None:
        self._server = server
        self._manager: StreamableHTTPSessionManager | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve requests meanwhile: for the lifespan of the application that it is part of."""
        manager = StreamableHTTPSessionManager(self._server, stateless=True, max_request_body_size=MAX_BODY_BYTES)
        async with manager.run():
            self._manager = manager
            try:
                yield
            finally:
                self._manager = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. GET would hold a stream open for messages that this server never sends."""
        if scope["method"] != "POST":
            refusal = PlainTextResponse("Send a POST.", HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "POST"})
            await refusal(scope, receive, send)
        elif self._manager is None:
            await PlainTextResponse("Not running.", HTTPStatus.SERVICE_UNAVAILABLE)(scope, receive, send)
        else:
            await self._manager.handle_request(scope, receive, send)


def mcp_app(corpus: Corpus, *, may_add: MayAdd = anybody, asking: Queue | None = None) -> McpApp:
    """Return the server for another application, which answers for Host, Origin and keys.

    Add it with `Route("/mcp", app)`: a `Mount` would send clients from /mcp to /mcp/. Enter `app.running()` in the
    other application's lifespan.

    Args:
        may_add: whether a request may add briefs, where the corpus takes any.
        asking: the queue that questions pass, such as a `Service`, which counts them.
    """
    return McpApp(mcp_server(corpus, may_add=may_add, asking=asking))


class McpGuard(Guard):
    """Lets through what asks for this server by its own name, and comes from no page of another site."""

    def refusal(self, scope: Scope) -> Refusal | None:
        """Return why a request is refused; None if it is not."""
        headers = Headers(scope=scope)
        return self._wrong_host(headers, scope["scheme"]) or self._wrong_origin(headers, scope["scheme"])


def guarded_app(corpus: Corpus, hosts: Hosts) -> ASGIApp:
    """Return the server as an application of its own, at /mcp."""
    app = mcp_app(corpus)
    alone = Starlette(routes=[Route(PATH, app)], lifespan=lambda _: app.running())
    return McpGuard(alone, hosts)


def serve_http(corpus: LazyCorpus, *, host: str, port: int, allowed_hosts: Sequence[str] = ()) -> None:
    """Serve until interrupted. Says on stderr where, once it listens.

    Raises:
        UsageError: if the address cannot be listened on, or an allowed host is none.
    """
    with listening_socket(host, port) as listening:
        bound, taken, *_ = listening.getsockname()
        hosts = Hosts.of(bound, taken, host=host, allowed=allowed_hosts)
        config = uvicorn.Config(guarded_app(corpus, hosts), log_level="warning", timeout_graceful_shutdown=2)
        listening.listen()  # from now on clients may come; they wait until the server takes them
        address = f"[{host}]" if ":" in host else host
        print(f"MCP on http://{address}:{taken}{PATH}", file=sys.stderr, flush=True)
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])
