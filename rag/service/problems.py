"""What went wrong, as problem details. Source: RFC 9457."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from rag.errors import IndexLocked, IndexMissing, IndexUnusable, ModelUnusable, RagError, SourceError, UsageError

MEDIA_TYPE = "application/problem+json"
URN = "urn:geobrief:problem:"
MOST_FAULTS = 20
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class Fault(BaseModel):
    """One thing that is wrong with what was sent; `pointer` (RFC 6901) says where."""

    pointer: str
    detail: str


class ProblemRecord(BaseModel):
    """A problem. `type` tells the kind; `request_id` is in the server's log, too."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": f"{URN}not-valid",
                    "title": "Unprocessable Content",
                    "status": 422,
                    "detail": "The request is not as the API describes it.",
                    "request_id": "4f0c9b1de2b84d1f9f6d6a3c0f9b7a11",
                    "errors": [{"pointer": "/question", "detail": "Field required"}],
                }
            ]
        }
    )

    type: str
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    request_id: str | None = None
    errors: list[Fault] | None = None


class Refused(RagError):
    """A request that is answered with a problem."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.faults = faults
        self.headers = dict(headers or {})

    def record(self, request_id: str | None = None) -> ProblemRecord:
        """Return what is sent."""
        return ProblemRecord(
            type=URN + self.kind,
            title=_PHRASES.get(self.status, "Client Closed Request"),
            status=self.status,
            detail=self.detail,
            request_id=request_id,
            errors=list(self.faults)[:MOST_FAULTS] or None,
        )

    def response(self, request_id: str | None = None) -> Response:
        """Return the response."""
        content = self.record(request_id).model_dump_json(exclude_none=True)
        return Response(content, self.status, self.headers, MEDIA_TYPE)


class Busy(Refused):
    """More is asked than is let wait."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(429, "busy", "Too many questions wait; try again.", headers=retry_after(retry_after_s))


class TooSlow(Refused):
    """The answer was not ready in time."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__(504, "too-slow", f"The answer was not ready within {timeout_s:g} s; try again later.")


class Broken(Refused):
    """A bug, or a failure of the machine; what it was stands in the log alone."""

    def __init__(self) -> None:
        super().__init__(500, "internal", "Something went wrong; the log of the server has details.")


def retry_after(seconds: float) -> dict[str, str]:
    """Return the header that says when to come again, in whole seconds, at least one."""
    return {"Retry-After": str(max(1, round(seconds + 0.5)))}


def not_found(what: str) -> Refused:
    """Return the problem of something that is not there."""
    return Refused(404, "not-found", what)


def not_valid(errors: Iterable[Mapping[str, object]]) -> Refused:
    """Return the problem of a request that is not as described, from the errors that pydantic tells."""
    faults = [Fault(pointer=_pointer(error.get("loc")), detail=str(error.get("msg"))) for error in errors]
    return Refused(422, "not-valid", "The request is not as the API describes it.", faults=faults)


def problem_of(error: Exception) -> Refused:
    """Return the problem that an error is told as. What a server's folders are called is not told."""
    if isinstance(error, Refused):
        return error
    return next((make(error) for kind, make in _TOLD if isinstance(error, kind)), Broken())


def _unavailable(detail: str) -> Refused:
    return Refused(503, "unavailable", detail, headers=retry_after(5))


_TOLD: tuple[tuple[type[RagError], Callable[[Exception], Refused]], ...] = (
    (IndexMissing, lambda _: _unavailable("There is no index yet; ingest briefs first.")),
    (UsageError, lambda error: Refused(422, "not-usable", str(error))),
    (SourceError, lambda error: Refused(415, "not-readable", str(error))),
    (IndexLocked, lambda _: _unavailable("The index is being written by another process; try again.")),
    (IndexUnusable, lambda _: _unavailable("The index cannot be used now; the log of the server says why.")),
    (ModelUnusable, lambda _: _unavailable("A model cannot be used now; the log of the server says why.")),
)


def _pointer(place: object) -> str:
    parts = place if isinstance(place, tuple | list) else ()
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)
