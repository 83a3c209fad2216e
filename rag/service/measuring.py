"""The addresses of evaluations: /v1/eval."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from rag.errors import UsageError
from rag.evaluation.kept import kept_reports, read_kept
from rag.evaluation.records import Report
from rag.service.access import Caller, Needs
from rag.service.bodies import EvalBody, json_body
from rag.service.evaluations import Evaluation
from rag.service.problems import not_found
from rag.service.replies import (
    EvaluatedRecord,
    EvaluationRecord,
    EvaluationsRecord,
    ReportRef,
    documented,
    json_response,
)
from rag.service.service import Served, Service

Reads = Annotated[Caller, Depends(Needs("read"))]
Admins = Annotated[Caller, Depends(Needs("admin"))]
router = APIRouter(prefix="/v1", tags=["evaluations"])
Wanted = Annotated[EvalBody, Depends(json_body(EvalBody))]


@router.post(
    "/eval",
    status_code=202,
    responses={202: {"model": EvaluationRecord}, **documented(404, 409, 413, 415, 422)},
)
async def start(caller: Admins, service: Served, body: Wanted) -> Response:
    """Ask systems every question of a benchmark that lies beside the server; one evaluation at a time."""
    begun = service.evaluations.start(body.dataset, tuple(body.systems), split=body.split, limit=body.limit)
    return json_response(_record(begun), 202, {"Location": f"/v1/eval/{begun.id}"})


@router.get("/eval", responses={200: {"model": EvaluationsRecord}, **documented()})
def list_all(request: Request, caller: Reads, service: Served) -> Response:
    """List the benchmarks, the evaluations and the kept reports."""
    reports = [ReportRef.of(kept) for kept in kept_reports(service.evaluations.folder)]
    listed = [_record(one) for one in service.evaluations.listed()]
    return json_response(
        EvaluationsRecord(datasets=list(service.evaluations.datasets()), evaluations=listed, reports=reports)
    )


@router.get("/eval/{evaluation_id}", responses={200: {"model": EvaluatedRecord}, **documented(404, 422)})
def read(caller: Reads, service: Served, evaluation_id: Annotated[str, Path(max_length=64)]) -> Response:
    """Tell how far an evaluation is, with the tables of its report once it is made."""
    found = service.evaluations.found(evaluation_id)
    if found is None:
        raise not_found("There is no such evaluation.")
    return json_response(EvaluatedRecord(**_record(found).model_dump(), tables=_tables(service, found.report)))


def _record(one: Evaluation) -> EvaluationRecord:
    return EvaluationRecord(
        id=one.id,
        state=one.state,
        dataset=one.dataset,
        split=one.split,
        systems=list(one.systems),
        doing=one.doing,
        note=one.note,
        report=one.report,
    )


def _tables(service: Service, name: str | None) -> Report | None:
    """Return a kept report without its questions; None where it is not made yet, or no longer kept."""
    try:
        return read_kept(service.evaluations.folder, name).model_copy(update={"records": ()}) if name else None
    except UsageError:
        return None
