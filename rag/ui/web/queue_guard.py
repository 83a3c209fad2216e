"""What the requests of gradio's queue may carry: the page's own session, and no file that was not uploaded."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.ui.web.visitor import user_of

KEPT_PAGES = 20_000
"""Pages whose owner is remembered; the one used longest ago is forgotten first."""

MAX_PAGE_CHARS = 64

_HEARTBEAT = "/gradio_api/heartbeat/"
_ENDS = ("/gradio_api/cancel", "/gradio_api/reset")
_BY_BODY = ("/gradio_api/queue/join", *_ENDS)
_BY_QUERY = ("/gradio_api/queue/data",)


class QueueGuard:
    """Keeps each open page to the user who opened it.

    Gradio takes a page's state, and the stream of its answers, by a word that the browser chose (`session_hash`), from
    whoever knows it. Here it belongs to the user who came with it first.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._owners: OrderedDict[str, str] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path, user = scope["path"], user_of(Request(scope))
        page: object = None
        content: dict[str, Any] | None = None
        if path in _BY_QUERY:
            page = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [None])[-1]
        elif path.startswith(_HEARTBEAT):
            page = path.removeprefix(_HEARTBEAT)
        elif path in _BY_BODY and scope["method"] == "POST":
            body = await _body(receive)
            if body is None:
                return
            content = _content(body)
            if content is None or names_remote_file(content):
                refused = PlainTextResponse("The request cannot be read.", status_code=HTTPStatus.BAD_REQUEST)
                await refused(scope, receive, send)
                return
            page, receive = content.get("session_hash"), _again(body, receive)
        if isinstance(page, str) and (len(page) > MAX_PAGE_CHARS or not self._is_theirs(page, user)):
            await PlainTextResponse("This page is somebody else's.", status_code=HTTPStatus.FORBIDDEN)(
                scope, receive, send
            )
            return
        if path in _ENDS and content is not None and content.get("event_id") is None:
            # What gradio's page sends where nothing runs; gradio itself answers with an error, which people then see.
            await JSONResponse({"success": True})(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _is_theirs(self, page: str, user: str) -> bool:
        owner = self._owners.setdefault(page, user)
        self._owners.move_to_end(page)
        if len(self._owners) > KEPT_PAGES:
            self._owners.popitem(last=False)
        return owner == user


def names_remote_file(value: object) -> bool:
    """Tell whether a web address stands anywhere in the place of a file: gradio's server would fetch it."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            if isinstance(one.get("path"), str) and "://" in one["path"]:
                return True
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
    return False


def _content(body: bytes) -> dict[str, Any] | None:
    """Read a body as gradio does; None for what is no JSON object."""
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


async def _body(receive: Receive) -> bytes | None:
    """Return the whole body, whose length the guard has checked; None if the sender has gone."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """Return a channel that gives the body once more, and then what comes after it."""
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again
