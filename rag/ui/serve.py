"""The web server of the chat: only what the page needs is open, and the page may talk to nobody else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType

import gradio as gr
import uvicorn
from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.ui.page import package_text
from rag.ui.port import listening_socket
from rag.ui.theme import THEME

# All that the page asks for. Gradio serves much more (files by path, uploads, a proxy, monitoring, an editor).
_OPEN = (
    "/assets/",
    "/config",
    "/favicon.ico",
    "/gradio_api/cancel",
    "/gradio_api/heartbeat/",
    "/gradio_api/info",
    "/gradio_api/queue/",
    "/gradio_api/reset",
    "/manifest.json",
    "/robots.txt",
    "/static/",
    "/svelte/",
    "/theme.css",
)

# Gradio compiles its templates in the page and inlines its start, hence 'unsafe-*'; nothing leaves this server.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; "
        "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def launch(ui: gr.Blocks, *, host: str, port: int, examples: Sequence[str] = ()) -> None:
    """Serve the page until interrupted; Ctrl-C returns. Prints the address and the examples once it is ready.

    Raises:
        UsageError: if the address cannot be listened on; no other port is tried.
    """
    with listening_socket(host, port) as listening:
        server = _Server(web_app(ui), _ready_text(host, listening.getsockname()[1], examples))
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listening])


def web_app(ui: gr.Blocks) -> GuardedApp:
    """Return the page as an ASGI application, closed but for what it needs."""
    outer = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    gr.mount_gradio_app(
        outer,
        ui,
        path="/",
        footer_links=[],
        run_history=False,
        show_error=False,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=THEME,
        css=package_text("style.css"),
    )
    mounted = next(r.app for r in outer.routes if isinstance(r, Mount) and isinstance(r.app, gr.routes.App))
    return GuardedApp(outer, mounted.stop_event)


class GuardedApp:
    """Answers 404 outside the open paths and adds the security headers.

    Attributes:
        stopping: to be set, in the server's event loop, when it stops: every open page holds a heartbeat stream that
            ends only then.
    """

    def __init__(self, app: ASGIApp, stopping: asyncio.Event) -> None:
        self.app = app
        self.stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        is_open = scope["path"] == "/" or scope["path"].startswith(_OPEN)
        app = self.app if is_open else PlainTextResponse("Not found", status_code=404)
        await app(scope, receive, send_with_headers)


class _Server(uvicorn.Server):
    """Says when it is ready, and lets go of the open pages when told to stop."""

    def __init__(self, app: GuardedApp, ready_text: str) -> None:
        super().__init__(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))
        self._stopping = app.stopping
        self._ready_text = ready_text

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, then say so."""
        await super().startup(sockets)
        if self.started:
            print(self._ready_text, flush=True)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take the signal to stop."""
        self._stopping.set()
        super().handle_exit(sig, frame)


def _ready_text(host: str, port: int, examples: Sequence[str]) -> str:
    address = f"[{host}]" if ":" in host else host
    tries = [f"  {example}" for example in examples[:3]]
    return "\n".join([f"Running on http://{address}:{port}", *(["Try asking:", *tries] if tries else [])])
