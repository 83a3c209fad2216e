"""Which requests reach the page: asked for by its own name, from its own pages, on an open path, not too large."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.service.paths import is_service, max_body_bytes
from rag.service.problems import Refused
from rag.ui.web.hosts import Hosts, Place

# All that the page asks for. Gradio serves much more (files by path, a proxy, monitoring, an editor).
OPEN_PATHS = frozenset(
    {
        "/",
        "/config",
        "/favicon.ico",
        "/gradio_api/cancel",
        "/gradio_api/info",
        "/gradio_api/queue/data",
        "/gradio_api/queue/join",
        "/gradio_api/reset",
        "/gradio_api/upload",
        "/gradio_api/upload_progress",
        "/manifest.json",
        "/robots.txt",
        "/sign-in",
        "/sign-in.css",
        "/sign-out",
        "/theme.css",
    }
)
OPEN_FOLDERS = ("/assets/", "/export/", "/gradio_api/heartbeat/", "/static/", "/svelte/")

UPLOAD_PATH = "/gradio_api/upload"
MAX_BODY_BYTES = 1_000_000
MAX_UPLOAD_BYTES = 200_000_000
"""Of one request, which may carry several files."""

_SAFE = ("GET", "HEAD")
_METHODS = (*_SAFE, "POST")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not let through."""

    status: int
    text: str


class Guard:
    """Lets through what the page itself asks for, and what is asked of the service; answers the rest.

    Attributes:
        has_service: whether the service is served, too. It answers for its methods and paths itself.
        with_keys: whether it wants keys. A request that brings one may come from anywhere: no page elsewhere knows
            it, and none can add it to what a browser sends on its own.
    """

    def __init__(self, app: ASGIApp, hosts: Hosts, *, has_service: bool = False, with_keys: bool = False) -> None:
        self.app = app
        self.hosts = hosts
        self.has_service = has_service
        self.with_keys = with_keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. No websocket is served: the page has none, and Origin is not checked for one."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            refusal = self.refusal(scope)
            app = self.app if refusal is None else self._told(refusal, scope["path"])
            await app(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def refusal(self, scope: Scope) -> Refusal | None:
        """Return why a request is refused; None if it is not."""
        headers, path = Headers(scope=scope), scope["path"]
        is_service = self._is_service(path)
        elsewhere = None
        if not (is_service and self.with_keys and "authorization" in headers):
            elsewhere = self._wrong_origin(headers, scope["scheme"]) or _from_elsewhere(headers, scope["method"])
        return (
            self._wrong_host(headers, scope["scheme"])
            or elsewhere
            or (None if is_service else _closed(path, scope["method"]))
            or _too_large(headers, max_body_bytes(path) if is_service else _max_bytes(path))
        )

    def _is_service(self, path: str) -> bool:
        return self.has_service and is_service(path)

    def _told(self, refusal: Refusal, path: str) -> ASGIApp:
        if self._is_service(path):
            return Refused(refusal.status, "refused", refusal.text).response()
        return PlainTextResponse(refusal.text, status_code=refusal.status)

    def _wrong_host(self, headers: Headers, scheme: str) -> Refusal | None:
        asked = headers.getlist("host")
        place = Place.parse(asked[0]) if len(asked) == 1 else None
        if place is None:
            return Refusal(HTTPStatus.BAD_REQUEST, "The request names no host, or several.")
        if self.hosts.serves(place, scheme):
            return None
        return Refusal(
            HTTPStatus.MISDIRECTED_REQUEST,
            "This server is not known by that name. If a proxy or a forwarded port brought you here, start it with "
            "geobrief serve --allow-host NAME, the name (and :PORT) that the browser shows.",
        )

    def _wrong_origin(self, headers: Headers, scheme: str) -> Refusal | None:
        """Refuse what a page elsewhere sends. Without Origin it is no browser's, or a plain GET of this server's."""
        sent = headers.getlist("origin")
        if not sent:
            return None
        from_scheme, _, rest = sent[0].partition("://")
        origin = Place.parse(rest) if len(sent) == 1 and from_scheme in ("http", "https") else None
        host = Place.parse(headers["host"])
        if origin is None or host is None:
            return _ELSEWHERE
        # A proxy may end https, so that its scheme is not ours; or pass on a host of its own.
        is_same = origin == host or origin.on(from_scheme) == host.on(scheme)
        return None if is_same or self.hosts.names(origin) else _ELSEWHERE


_ELSEWHERE = Refusal(HTTPStatus.FORBIDDEN, "This request comes from a page of another site.")


def _from_elsewhere(headers: Mapping[str, str], method: str) -> Refusal | None:
    """Refuse what pages of other sites load, embed or send; a link to the page may be followed."""
    site = headers.get("sec-fetch-site", "none")
    if site in ("same-origin", "none"):
        return None
    follows = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return None if follows and method in _SAFE else _ELSEWHERE


def _closed(path: str, method: str) -> Refusal | None:
    if method not in _METHODS:
        return Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "Method not allowed")
    is_open = path in OPEN_PATHS or path.startswith(OPEN_FOLDERS)
    return None if is_open else Refusal(HTTPStatus.NOT_FOUND, "Not found")


def _max_bytes(path: str) -> int:
    return MAX_UPLOAD_BYTES if path == UPLOAD_PATH else MAX_BODY_BYTES


def _too_large(headers: Mapping[str, str], limit: int) -> Refusal | None:
    """Refuse by the length that is announced; the web server holds the sender to it."""
    if "transfer-encoding" in headers:
        return Refusal(HTTPStatus.LENGTH_REQUIRED, "Send a Content-Length.")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        return Refusal(HTTPStatus.BAD_REQUEST, "The Content-Length is no number.")
    if len(length) > 15 or int(length) > limit:
        return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"At most {limit:,} bytes are taken.")
    return None
