"""Sign-in: its page, its cookie, and that nothing else is shown to who is not signed in."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from html import escape
from http import HTTPStatus
from string import Template
from urllib.parse import parse_qs

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.errors import UsageError
from rag.named_lines import NAME
from rag.ui.package import package_text
from rag.ui.web.policy import SIGN_IN_POLICY
from rag.ui.web.sessions import Sessions, Tries
from rag.ui.web.visitor import with_user
from rag.users import Users

COOKIE_S = 30 * 24 * 3600
"""How long a browser keeps a session, which the server ends when it is idle."""
MAX_FORM_BYTES = 10_000
CHECKED_AT_ONCE = 2
"""Passwords: each takes 128 MiB for a moment."""
MAX_WAITING = 20
"""Tries that may wait for their turn; further ones are told to come back."""

_WRONG = "That name and password do not belong together."
_log = logging.getLogger(__name__)


@dataclass
class SignIn:
    """Shows the page to who is signed in, and to everybody else the page to sign in. Reads the users file anew."""

    app: ASGIApp
    users: Users
    title: str = "geobrief"
    sessions: Sessions = field(default_factory=Sessions)
    tries: Tries = field(default_factory=Tries)
    _waiting: int = 0
    _turns: anyio.CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            user = self.sessions.use(request.cookies.get(cookie_name(request)), self.users.stamp)
            answered = await self._answer(request, user)
        except UsageError as error:  # nobody is let in by a file that cannot be read
            _log.error("%s", error)
            answered = PlainTextResponse("Nobody can sign in at the moment; the log says why.", status_code=503)
        if answered is not None:
            await answered(scope, receive, send)
        else:
            await self.app(with_user(scope, user or ""), receive, send)

    async def _answer(self, request: Request, user: str | None) -> Response | None:
        """Return the answer to a request that does not go on to the page; None to one that does."""
        own: dict[tuple[str, str], Callable[[Request, str | None], Awaitable[Response]]] = {
            ("GET", "/sign-in"): self._form,
            ("POST", "/sign-in"): self._try,
            ("POST", "/sign-out"): self._sign_out,
        }
        path, method = request.url.path, "GET" if request.method == "HEAD" else request.method
        if respond := own.get((method, path)):
            return await respond(request, user)
        if path == "/sign-in.css":
            return Response(package_text("web/sign_in.css"), media_type="text/css")
        if user is not None:
            return None
        if method == "GET" and "text/html" in request.headers.get("accept", ""):
            return RedirectResponse("/sign-in", status_code=HTTPStatus.SEE_OTHER)
        return JSONResponse({"error": "Not signed in"}, status_code=HTTPStatus.UNAUTHORIZED)

    async def _form(self, request: Request, user: str | None) -> Response:
        if user is not None:
            return RedirectResponse("/", status_code=HTTPStatus.SEE_OTHER)
        return self._page()

    async def _try(self, request: Request, user: str | None) -> Response:
        fields = await _fields(request)
        if fields is None:
            return self._page("The form cannot be read.", HTTPStatus.BAD_REQUEST)
        name, password = fields
        address = request.client.host if request.client else ""
        counted = name if NAME.fullmatch(name) else ""
        if wait_s := self.tries.begin(counted, address):
            return self._later(wait_s)
        if self._waiting >= MAX_WAITING:
            return self._later(5)
        # Of before the check: a password that is changed meanwhile ends this session.
        stamp = self.users.stamp(counted)
        if not await self._is_right(counted, password) or stamp is None:
            _log.warning("a try to sign in failed, from %s", address)
            return self._page(_WRONG, HTTPStatus.UNAUTHORIZED)
        self.tries.succeed(counted, address)
        self.sessions.end(request.cookies.get(cookie_name(request)))
        response = RedirectResponse("/", status_code=HTTPStatus.SEE_OTHER)
        _set_cookie(response, request, self.sessions.begin(counted, stamp), COOKIE_S)
        return response

    async def _is_right(self, name: str, password: str) -> bool:
        self._turns = self._turns or anyio.CapacityLimiter(CHECKED_AT_ONCE)
        self._waiting += 1
        try:
            return await anyio.to_thread.run_sync(self.users.is_right, name, password, limiter=self._turns)
        finally:
            self._waiting -= 1

    async def _sign_out(self, request: Request, user: str | None) -> Response:
        self.sessions.end(request.cookies.get(cookie_name(request)))
        response = RedirectResponse("/sign-in", status_code=HTTPStatus.SEE_OTHER)
        _set_cookie(response, request, "", 0)
        return response

    def _later(self, wait_s: int) -> Response:
        text = f"Too many tries. Try again in {-(-wait_s // 60)} min." if wait_s > 60 else "Too busy. Try again soon."
        response = self._page(text, HTTPStatus.TOO_MANY_REQUESTS)
        response.headers["Retry-After"] = str(wait_s)
        return response

    def _page(self, problem: str = "", status: HTTPStatus = HTTPStatus.OK) -> Response:
        shown = f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else ""
        html = _PAGE.substitute(title=escape(self.title), problem=shown)
        return HTMLResponse(html, status_code=status, headers={"Content-Security-Policy": SIGN_IN_POLICY})


def cookie_name(request: Request) -> str:
    """Return the name of the session's cookie.

    Over https the browser takes one of this name from this very host alone. Over http the port is in it, because
    servers on other ports of a host share its cookies.
    """
    if request.url.scheme == "https":
        return "__Host-geobrief"
    server = request.scope.get("server")
    return f"geobrief-{server[1] if server else 0}"


async def _fields(request: Request) -> tuple[str, str] | None:
    """Return name and password of the form; None if it is none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded" or int(request.headers.get("content-length", "0")) > MAX_FORM_BYTES:
        return None
    try:
        text = (await request.body()).decode("utf-8")
        sent = parse_qs(text, keep_blank_values=True, strict_parsing=True, max_num_fields=10, errors="strict")
    except ValueError:
        return None
    names, passwords = sent.get("name", []), sent.get("password", [])
    return (names[0].strip(), passwords[0]) if len(names) == len(passwords) == 1 else None


def _set_cookie(response: Response, request: Request, token: str, max_age_s: int) -> None:
    response.set_cookie(
        cookie_name(request),
        token,
        max_age=max_age_s,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


_PAGE = Template(
    """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Sign in · $title</title>
<link rel="stylesheet" href="/sign-in.css">
</head>
<body>
<main>
<h1>$title</h1>
$problem
<form method="post" action="/sign-in">
<label for="name">Name</label>
<input id="name" name="name" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="64" required
autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" required>
<button type="submit">Sign in</button>
</form>
</main>
</body>
</html>
"""
)
