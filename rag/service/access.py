"""Who may call: by key, or from this machine where no keys are given; how often, and with how much."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.errors import UsageError
from rag.service.keys import ApiKeys, Level, allows
from rag.service.metrics import Metrics
from rag.service.notes import note, request_id_of
from rag.service.paths import OPEN_PATHS, max_body_bytes
from rag.service.problems import Refused, retry_after
from rag.service.rates import Rates, network_of

IDLE_S = 30.0
"""How long the next part of a body is waited for."""

_CALLER = "geobrief.caller"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose request it is.

    Attributes:
        name: of the key; empty where no keys are given.
    """

    name: str
    level: Level

    @property
    def owner(self) -> str:
        """Name that jobs are kept under; no user of the chat can have one with a colon."""
        return f"key:{self.name}" if self.name else ""

    @property
    def is_admin(self) -> bool:
        """Whether everything is allowed."""
        return self.level == "admin"

    def allows(self, level: Level) -> bool:
        """Whether what needs that level is allowed."""
        return allows(self.level, level)


ANYBODY = Caller("", "write")
"""Who calls where no keys are given."""


def caller_of(request: HTTPConnection) -> Caller:
    """Return whose request it is, of one that was let through."""
    caller = request.scope.get(_CALLER)
    if not isinstance(caller, Caller):
        raise Refused(401, "no-key", "This request needs a key.")
    return caller


class Needs:
    """A dependency of routes: the caller, who must have that level."""

    def __init__(self, level: Level) -> None:
        self.level = level

    def __call__(self, request: Request) -> Caller:
        """Return the caller, or refuse."""
        caller = caller_of(request)
        if not caller.allows(self.level):
            raise Refused(403, "not-allowed", f"This needs a key of scope {self.level}; yours is {caller.level}.")
        return caller


@dataclass
class Access:
    """Lets requests through to the application, each with its caller.

    Attributes:
        keys: without them nobody is let in, unless `is_open`.
        rates: None lets everybody call as often as they like.
    """

    app: ASGIApp
    metrics: Metrics
    keys: ApiKeys | None = None
    is_open: bool = False
    rates: Rates | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            if scope["path"] not in OPEN_PATHS:
                caller = self._admitted(scope)
                note(scope, caller=caller.name)
                scope[_CALLER] = caller  # in place: the route that is found is put beside it, and counted
            receive = _limited(scope, receive)
        except Refused as refused:
            await refused.response(request_id_of(scope))(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _admitted(self, scope: Scope) -> Caller:
        client = scope.get("client")
        address = network_of(str(client[0])) if client else ""
        try:
            caller = self._caller(Headers(scope=scope))
        except Refused:
            self._take(f"address {address}")
            raise
        self._take(f"key {caller.name}" if caller.name else f"address {address}")
        return caller

    def _caller(self, headers: Headers) -> Caller:
        if self.keys is None:
            if self.is_open:
                return ANYBODY
            raise _unauthorised("This server was started without keys; start it with --api-keys FILE.")
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            raise _unauthorised("Send a key: Authorization: Bearer gb_…")
        try:
            found = self.keys.find(token.strip())
        except UsageError as error:  # nobody is let in by a file that cannot be read
            _log.error("%s", error)
            raise Refused(503, "unavailable", "Keys cannot be checked now; the log of the server says why.") from None
        if found is None:
            raise _unauthorised("The key is not known here.")
        return Caller(found.name, found.level)

    def _take(self, who: str) -> None:
        wait_s = self.rates.take(who) if self.rates else 0.0
        if wait_s:
            self.metrics.throttle("rate")
            raise Refused(429, "too-often", "You ask too often; wait a moment.", headers=retry_after(wait_s))


def _unauthorised(detail: str) -> Refused:
    return Refused(401, "no-key", detail, headers={"WWW-Authenticate": 'Bearer realm="geobrief"'})


def _limited(scope: Scope, receive: Receive) -> Receive:
    """Return the channel of a body, which breaks off where more is sent than may be, whatever was announced."""
    most = max_body_bytes(scope["path"])
    length = Headers(scope=scope).get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise Refused(400, "no-length", "The Content-Length is no number.")
    too_large = Refused(413, "too-large", f"At most {most:,} bytes are taken.")
    if len(length) > 15 or int(length) > most:
        raise too_large
    taken, is_whole = 0, False

    async def receive_limited() -> Message:
        nonlocal taken, is_whole
        if is_whole:  # what comes now is that the client goes, whenever it does
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), IDLE_S)
        except TimeoutError:
            raise Refused(408, "too-slow", "The rest of the body did not come.") from None
        taken += len(message.get("body", b""))
        is_whole = not message.get("more_body", False)
        if taken > most:
            raise too_large
        return message

    return receive_limited
