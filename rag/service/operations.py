"""The addresses for who runs the service: /healthz, /readyz and /metrics."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from rag.service.access import Caller, Needs
from rag.service.metrics import CONTENT_TYPE
from rag.service.replies import StatusRecord, documented, json_response
from rag.service.service import Served

router = APIRouter(tags=["operations"])


@router.get("/healthz", responses={200: {"model": StatusRecord}, **documented()}, openapi_extra={"security": []})
async def health() -> Response:
    """Tell that the process answers."""
    return json_response(StatusRecord(status="ok"))


@router.get("/readyz", responses={200: {"model": StatusRecord}, **documented()}, openapi_extra={"security": []})
def readiness(service: Served) -> Response:
    """Tell that the index can be read; 503 where it cannot."""
    service.assistant.catalogue.generation()
    return json_response(StatusRecord(status="ready"))


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **documented()},
)
async def metrics(caller: Annotated[Caller, Depends(Needs("read"))], service: Served) -> Response:
    """Return counters and histograms in the text format of Prometheus."""
    return Response(service.metrics.text(), media_type=CONTENT_TYPE)
