"""The addresses of the corpus: /v1/briefs, and /v1/jobs that change it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from pydantic import AfterValidator
from starlette.responses import Response

from rag.catalogue import VersionRow
from rag.service.access import Caller, Needs
from rag.service.adding import Sent, add, fingerprint, sent_files
from rag.service.bodies import DAY, MAX_NAMES, NAME
from rag.service.listing import CURSOR
from rag.service.problems import Busy, Refused, not_found
from rag.service.replies import (
    BriefPage,
    JobRecord,
    WholeBriefRecord,
    documented,
    json_response,
    tagged_response,
)
from rag.service.service import Served, Service
from rag.types import Scope
from rag.uploads import Job

MAX_OPEN_JOBS = 100
REPLAYED = "Idempotency-Replayed"

router = APIRouter(prefix="/v1", tags=["briefs"])


def _as_briefs_have(brief_id: str) -> str:
    if "\0" in brief_id:
        raise not_found("There is no brief of that id.")
    return brief_id


Reads = Annotated[Caller, Depends(Needs("read"))]
Writes = Annotated[Caller, Depends(Needs("write"))]
BriefId = Annotated[
    str,
    Path(min_length=1, max_length=200, examples=["2024-05-16-putin-beijing"]),
    AfterValidator(_as_briefs_have),
]
Digest = Annotated[str | None, Query(pattern="^[0-9a-f]{64}$", description="Digest of the text of a version.")]
OneKey = Annotated[str | None, Header(pattern="^[!-~]{1,200}$", description="Sent again, the same add is done once.")]
OneDay = Annotated[str | None, Query(pattern=f"^{DAY}$")]
OneName = Annotated[str, Query(min_length=1, max_length=200, pattern=NAME)]
Names = Annotated[list[OneName], Query(max_length=MAX_NAMES)]
_JOB = {"model": JobRecord, "description": "Accepted; `Location` says where to look at the job."}
_TAGGED = {"headers": {"ETag": {"schema": {"type": "string"}}}}
_SAME = {"description": "What the client has is still so.", **_TAGGED}


def _scope(
    from_: Annotated[str | None, Query(alias="from", pattern=f"^{DAY}$")] = None,
    to: OneDay = None,
    as_of: OneDay = None,
    region: Names = [],  # noqa: B006
    source: Names = [],  # noqa: B006
    topic: Names = [],  # noqa: B006
) -> Scope:
    day = {"date_from": from_, "date_to": to, "as_of": as_of}
    try:
        dates: dict[str, Any] = {name: date.fromisoformat(text) for name, text in day.items() if text}
    except ValueError as error:
        raise Refused(422, "not-valid", str(error)) from None
    if from_ and to and from_ > to:
        raise Refused(422, "not-valid", f"'from' ({from_}) is after 'to' ({to}); no brief can match.")
    return Scope(**dates, regions=tuple(region), sources=tuple(source), topics=tuple(topic))


@router.get(
    "/briefs", responses={200: {"model": BriefPage, **_TAGGED}, 304: _SAME, **documented(422)}, response_model=None
)
def list_briefs(
    request: Request,
    caller: Reads,
    service: Served,
    scope: Annotated[Scope, Depends(_scope)],
    cursor: Annotated[str | None, Query(pattern=f"^{CURSOR}$")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """List the briefs, newest first. `next` of a page is the `cursor` of the one after it."""
    return tagged_response(request, service.listing.page(scope, after=cursor, limit=limit))


@router.get(
    "/briefs/{brief_id}",
    responses={200: {"model": WholeBriefRecord, **_TAGGED}, 304: _SAME, **documented(404, 422)},
)
def read_brief(request: Request, caller: Reads, service: Served, brief_id: BriefId, version: Digest = None) -> Response:
    """Return a brief with its text, as it is now or in the version of that digest."""
    versions = service.assistant.catalogue.versions(brief_id)
    return tagged_response(request, _version(versions, version))


@router.post("/briefs", status_code=202, responses={202: _JOB, **documented(409, 413, 415, 422)})
async def add_briefs(request: Request, caller: Writes, service: Served, idempotency_key: OneKey = None) -> Response:
    """Add a brief, or files of briefs. They are kept at once, and ingested by a job."""
    _require_room(service)
    try:
        files = await sent_files(request)
        return await asyncio.to_thread(_added, service, files, caller.owner, idempotency_key)
    finally:
        await request.close()


@router.delete("/briefs/{brief_id}", status_code=202, responses={202: _JOB, **documented(404, 409, 422)})
def delete_brief(
    request: Request,
    caller: Writes,
    service: Served,
    brief_id: BriefId,
    forget: Annotated[bool, Query(description="Delete every version for good; needs the scope admin.")] = False,
) -> Response:
    """Take a brief out that was added here; with `forget`, delete every version of any brief for good."""
    if forget and not caller.is_admin:
        raise Refused(403, "not-allowed", f"To forget needs a key of scope admin; yours is {caller.level}.")
    _require_room(service)
    return _job_response(service, _removed(service, brief_id, caller.owner, forget=forget))


@router.get("/jobs/{job_id}", responses={200: {"model": JobRecord}, **documented(404, 422)})
def read_job(caller: Reads, service: Served, job_id: Annotated[str, Path(max_length=64)]) -> Response:
    """Tell how far a job is. The last 50 that are over are remembered, for who asked for each, and for admins."""
    jobs = service.uploads.jobs(owner=None if caller.is_admin else caller.owner)
    found = next((job for job in jobs if job.id == job_id), None)
    if found is None:
        raise not_found("There is no such job of yours.")
    return json_response(_job(service, found))


def _require_room(service: Service) -> None:
    """Refuse a further job where too many wait: each keeps files on the disk."""
    if sum(not job.is_over for job in service.uploads.jobs()) >= MAX_OPEN_JOBS:
        service.metrics.throttle("queue")
        raise Busy(retry_after_s=10)


def _version(versions: Sequence[VersionRow], digest: str | None) -> WholeBriefRecord:
    if digest is None:
        found = next((row for row in versions if row.superseded_at is None), None)
    else:
        found = next((row for row in versions if row.text_sha256 == digest), None)
    if found is None:
        raise not_found("There is no brief of that id, or none with that version.")
    return WholeBriefRecord.of(found, list(dict.fromkeys(row.text_sha256 for row in versions)))


def _added(service: Service, files: Sequence[Sent], owner: str, key: str | None) -> Response:
    if key is None:
        return _job_response(service, add(service.uploads, files, owner))
    with service.idempotency.turn(owner, key, fingerprint(files)) as turn:
        if turn.replied is not None:
            record = JobRecord.model_validate_json(turn.replied)
            return json_response(record, 202, {"Location": f"/v1/jobs/{record.id}", REPLAYED: "true"})
        job = add(service.uploads, files, owner)
        turn.replied = _job(service, job).model_dump_json()
        return _job_response(service, job)


def _removed(service: Service, brief_id: str, owner: str, *, forget: bool) -> Job:
    removal = service.uploads.removal(brief_id)
    if removal is None:
        raise not_found("There is no brief of that id.")
    if not forget and removal.refusal:
        raise Refused(
            409,
            "not-uploaded",
            "Its file lies in a folder of the server and would bring it back; an admin can forget it.",
        )
    job_id = (service.uploads.forget if forget else service.uploads.remove)(brief_id, owner=owner)
    return next(job for job in service.uploads.jobs(owner=owner) if job.id == job_id)


def _job(service: Service, job: Job) -> JobRecord:
    return JobRecord.of(job, f"{service.uploads.folder}/")


def _job_response(service: Service, job: Job) -> Response:
    return json_response(_job(service, job), 202, {"Location": f"/v1/jobs/{job.id}"})
