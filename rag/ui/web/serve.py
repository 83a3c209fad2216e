"""The web server of the chat: only what the page needs is open, and the page may talk to nobody else."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import gradio as gr
import uvicorn
from fastapi import FastAPI, Request
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.errors import UsageError
from rag.service.app import ServiceApp
from rag.service.paths import is_service
from rag.ui.package import styles
from rag.ui.port import listening_socket
from rag.ui.theme import THEME
from rag.ui.web.guard import Guard
from rag.ui.web.hosts import Hosts
from rag.ui.web.policy import WithPolicy, mark_own_scripts
from rag.ui.web.queue_guard import QueueGuard
from rag.ui.web.sign_in import SignIn
from rag.ui.web.visitor import user_of
from rag.users import Users

MAX_FILE_BYTES = 50_000_000
"""Of one uploaded file; as much as `ingest.max_bytes` takes by default."""


def launch(
    ui: gr.Blocks,
    *,
    host: str,
    port: int,
    examples: Sequence[str] = (),
    users: Users | None = None,
    allowed_hosts: Sequence[str] = (),
    routes: Sequence[BaseRoute] = (),
    service: ServiceApp | None = None,
) -> None:
    """Serve the page until interrupted; Ctrl-C returns. Prints the address and the examples once it is ready.

    Args:
        users: who may use it; without them everybody who reaches it.
        allowed_hosts: further names by which it is reached, each with its port or for any.
        routes: served beside the page.
        service: served on the same address, with keys of its own: who is signed in to the page needs one, too.

    Raises:
        UsageError: if the address cannot be listened on (no other port is tried), or an allowed host is none, or the
            folder for what users send is somebody else's.
    """
    _own_folder(Path(os.environ["GRADIO_TEMP_DIR"]))
    with listening_socket(host, port) as listening:
        bound, taken, *_ = listening.getsockname()
        hosts = Hosts.of(bound, taken, host=host, allowed=allowed_hosts)
        app = web_app(ui, hosts=hosts, users=users, routes=routes, service=service)
        server = _Server(app, _ready_text(host, taken, examples))
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listening])


@dataclass(frozen=True)
class WebApp:
    """The page as an ASGI application.

    Attributes:
        stopping: to be set, in the server's event loop, when it stops: every open page holds a heartbeat stream that
            ends only then.
    """

    app: ASGIApp
    stopping: asyncio.Event

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self.app(scope, receive, send)


def web_app(
    ui: gr.Blocks,
    *,
    hosts: Hosts,
    users: Users | None = None,
    routes: Sequence[BaseRoute] = (),
    service: ServiceApp | None = None,
) -> WebApp:
    """Return the page, closed but for what it needs. What `launch` says of its arguments holds here, too."""
    mark_own_scripts(gr.routes.templates.env)
    outer = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        routes=list(routes),
        lifespan=_lifespan(service),
        telemetry={"tracing": False, "metrics": False, "logs": False},  # the service has its own
    )
    gr.mount_gradio_app(
        outer,
        ui,
        path="/",
        auth_dependency=None if users is None else _name_for_gradio,
        max_file_size=MAX_FILE_BYTES,
        footer_links=[],
        run_history=False,
        show_error=False,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=THEME,
        css=styles(),
    )
    # Gradio sets it in launch() alone, and without it takes any path on this machine for an uploaded file.
    ui.has_launched = True
    mounted = next(r.app for r in outer.routes if isinstance(r, Mount) and isinstance(r.app, gr.routes.App))
    page: ASGIApp = QueueGuard(outer)
    signed_in = page if users is None else SignIn(page, users, title=str(ui.title or "geobrief"))
    if service is None:
        return WebApp(WithPolicy(Guard(signed_in, hosts)), mounted.stop_event)
    both = Guard(Beside(service, signed_in), hosts, has_service=True, with_keys=service.with_keys)
    return WebApp(WithPolicy(both), mounted.stop_event)


@dataclass(frozen=True)
class Beside:
    """The service and the page on one address, told apart by path."""

    service: ASGIApp
    page: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        is_for_service = scope["type"] == "http" and is_service(scope["path"])
        await (self.service if is_for_service else self.page)(scope, receive, send)


def _lifespan(service: ServiceApp | None) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    return lambda _: nullcontext() if service is None else service.running()


def _own_folder(folder: Path) -> None:
    """Make the folder for what users send, which its owner alone may read."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
        raise UsageError(f"{folder} belongs to somebody else; set GRADIO_TEMP_DIR to a folder of your own")
    folder.chmod(0o700)


def _name_for_gradio(request: Request) -> str | None:
    return user_of(request) or None


class _Server(uvicorn.Server):
    """Says when it is ready, and lets go of the open pages when told to stop."""

    def __init__(self, app: WebApp, ready_text: str) -> None:
        super().__init__(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))
        self._stopping = app.stopping
        self._ready_text = ready_text

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, then say so."""
        await super().startup(sockets)
        if self.started:
            print(self._ready_text, flush=True)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take the signal to stop; who is cut off after the grace is no fault that an operator has to read of."""
        self._stopping.set()
        logging.getLogger("uvicorn.error").addFilter(_is_no_cut)
        super().handle_exit(sig, frame)


def _is_no_cut(record: logging.LogRecord) -> bool:
    """Whether a line of the log tells something else than that a request was cut off."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, asyncio.CancelledError) and "graceful shutdown exceeded" not in record.getMessage()


def _ready_text(host: str, port: int, examples: Sequence[str]) -> str:
    address = f"[{host}]" if ":" in host else host
    tries = [f"  {example}" for example in examples[:3]]
    return "\n".join([f"Running on http://{address}:{port}", *(["Try asking:", *tries] if tries else [])])
