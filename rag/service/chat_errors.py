"""Errors in the shape that OpenAI's clients read."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from rag.errors import RagError
from rag.service.chat_protocol import ErrorDetail, ErrorRecord
from rag.service.problems import Refused
from rag.service.service import told

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class Unsupported(Refused):
    """A request that asks for what is not done, or cannot be read.

    Attributes:
        param: the field that does.
    """

    def __init__(self, message: str, *, param: str | None, kind: str = "unsupported_parameter", status: int = 400):
        super().__init__(status, kind, message)
        self.param = param


class OpenAiRoute(APIRoute):
    """A route whose errors have OpenAI's shape, those of its dependencies too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what serves a request."""
        serve = super().get_route_handler()

        async def serve_or_tell(request: Request) -> Response:
            try:
                return await serve(request)
            except HTTPException as error:
                return response_of(Refused(error.status_code, "refused", str(error.detail), headers=error.headers))
            except RagError as error:
                return response_of(told(request, error))

        return serve_or_tell


def response_of(problem: Refused) -> Response:
    """Return a problem as a response."""
    return Response(
        error_record(problem).model_dump_json(), _status(problem), problem.headers, media_type="application/json"
    )


def error_record(problem: Refused) -> ErrorRecord:
    """Return a problem as an error object: of a body, the first thing that is wrong with it."""
    status = _status(problem)
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    param = problem.param if isinstance(problem, Unsupported) else None
    message = problem.detail
    if problem.faults:
        first = problem.faults[0]
        param = first.pointer.strip("/").replace("/", ".") or None
        message = f"{param or 'body'}: {first.detail}"
    return ErrorRecord(error=ErrorDetail(message=message, type=kind, param=param, code=problem.kind))


def _status(problem: Refused) -> int:
    # What is wrong with a request is 400 in OpenAI's protocol.
    return 400 if problem.status == 422 else problem.status
