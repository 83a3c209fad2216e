"""The service as an ASGI application, to be served alone or beside the chat."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.errors import RagError
from rag.service import asking, corpus, measuring, operations
from rag.service.access import Access
from rag.service.audit import AuditLog
from rag.service.describing import described
from rag.service.keys import ApiKeys
from rag.service.notes import request_id_of
from rag.service.observing import Observing
from rag.service.problems import Broken, Refused, not_valid
from rag.service.rates import Rates
from rag.service.service import Service, told

_DETAILS = {404: "There is nothing at this address.", 405: "This address does not take that method; see Allow."}
METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")

Lifespan = Callable[[], AbstractAsyncContextManager[Any]]


@dataclass(frozen=True)
class ServiceApp:
    """The service as an ASGI application.

    Attributes:
        inner: with all routes, and nothing in front of them.
        lifespans: what parts of it need open while requests are served.
    """

    app: ASGIApp
    inner: FastAPI
    service: Service
    with_keys: bool
    lifespans: Sequence[Lifespan] = field(default=())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self.app(scope, receive, send)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep open what parts of it need; whoever serves the application enters it once, in its event loop."""
        async with AsyncExitStack() as stack:
            for lifespan in self.lifespans:
                await stack.enter_async_context(lifespan())
            yield

    def close(self) -> None:
        """Stop what runs."""
        self.service.close()


def create_app(
    service: Service,
    *,
    keys: ApiKeys | None = None,
    is_open: bool = False,
    rates: Rates | None = None,
    audit: AuditLog | None = None,
    routers: Sequence[APIRouter] = (),
    routes: Sequence[BaseRoute] = (),
    lifespans: Sequence[Lifespan] = (),
) -> ServiceApp:
    """Return the service as an application.

    Args:
        keys: who may call; without them nobody, unless `is_open`, by which everybody may read and write.
        rates: how often one may call; None sets no limit.
        routers: further operations, which are described, too; all are reached with a key alone.
        routes: further routes, such as one to an application at /mcp; what they need open is in `lifespans`.
    """
    inner = FastAPI(
        title="geobrief",
        version=own_version(),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},  # Observing does
    )
    inner.state.service = service
    for router in (asking.router, corpus.router, measuring.router, operations.router, *routers):
        inner.include_router(router)
    with_keys = keys is not None or not is_open

    @inner.get("/openapi.json", include_in_schema=False)
    def openapi() -> JSONResponse:
        return JSONResponse(inner.openapi())

    def describe() -> dict[str, Any]:
        inner.openapi_schema = inner.openapi_schema or described(inner, with_keys=with_keys)
        return inner.openapi_schema

    inner.openapi = describe  # type: ignore[method-assign]
    inner.router.routes.extend(routes)
    _tell_problems(inner)
    access = Access(inner, service.metrics, keys=keys, is_open=is_open, rates=rates)
    outer = Observing(access, service.metrics, audit or AuditLog())
    return ServiceApp(outer, inner, service, with_keys, lifespans)


def _tell_problems(app: FastAPI) -> None:
    async def http(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        return _http_problem(app.routes, request, error).response(request_id_of(request.scope))

    async def invalid(request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        return not_valid(error.errors()).response(request_id_of(request.scope))

    async def failed(request: Request, error: Exception) -> Response:
        return told(request, error).response(request_id_of(request.scope))

    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(RagError, failed)
    app.add_exception_handler(Exception, failed)


def _http_problem(routes: Sequence[BaseRoute], request: Request, error: HTTPException) -> Refused:
    kinds = {404: "not-found", 405: "no-method"}
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods(routes, request.scope))
    if error.status_code >= 500:
        return Broken()
    detail = _DETAILS.get(error.status_code, str(error.detail))
    return Refused(error.status_code, kinds.get(error.status_code, "refused"), detail, headers=headers)


def _methods(routes: Sequence[BaseRoute], scope: Scope) -> list[str]:
    """Return all methods that a path takes; the router tells those of the first route alone."""
    asked = ({**scope, "method": method} for method in METHODS)
    return [one["method"] for one in asked if any(route.matches(one)[0] is Match.FULL for route in routes)]


def own_version() -> str:
    """Return the version that is installed; 0 where none is."""
    try:
        return version("geobrief")
    except PackageNotFoundError:
        return "0"
