"""What the service answers with, and how: as JSON, with an entity tag where it can be asked for again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from rag.catalogue import BriefRow, VersionRow
from rag.evaluation.kept import KeptReport
from rag.evaluation.records import Report
from rag.record import CitationRecord, EvidenceRecord, Record
from rag.service.problems import ProblemRecord
from rag.uploads import Item, Job, State, Task

_TAG_DIGITS = 32


class RewrittenRecord(Record):
    """Event `rewritten`: the question as it was understood."""

    standalone_question: str
    parts: list[str]


class RetrievedRecord(Record):
    """Event `retrieved`: the numbered passages."""

    evidence: list[EvidenceRecord]


class FoundRecord(Record):
    """Passages that come closest, best first."""

    question: str
    passages: list[EvidenceRecord]


class VerdictRecord(CitationRecord):
    """A citation, and what became of it."""

    verdict: Literal["holds", "superseded", "changed", "missing"]
    sentence: str


class VerifiedRecord(Record):
    """Every citation of an answer or conversation; `holds` when none is changed or missing."""

    holds: bool
    citations: list[VerdictRecord]


class ListedBrief(Record):
    """A brief as the list shows it."""

    brief_id: str
    title: str
    date: str | None
    source: str | None
    regions: list[str]
    topics: list[str]
    chunks: int

    @classmethod
    def of(cls, row: BriefRow) -> Self:
        """Read a row."""
        return cls(
            brief_id=row.brief_id,
            title=row.title,
            date=row.date,
            source=row.source,
            regions=list(row.regions),
            topics=list(row.topics),
            chunks=row.chunks,
        )


class BriefPage(Record):
    """Some briefs, newest first; `next` is the cursor of those after them."""

    total: int
    briefs: list[ListedBrief]
    next: str | None


class WholeBriefRecord(Record):
    """A brief with its text, in one of its versions; `versions` are the text digests of all, the newest first."""

    brief_id: str
    title: str
    date: str | None
    source: str | None
    url: str | None
    region: list[str]
    topics: list[str]
    text: str
    text_sha256: str
    sha256: str
    ingested_at: str
    superseded_at: str | None
    versions: list[str]

    @classmethod
    def of(cls, row: VersionRow, versions: list[str]) -> Self:
        """Read a version."""
        shown = {key: row.metadata.get(key) for key in ("title", "date", "source", "url")}
        return cls(
            brief_id=row.brief_id,
            region=list(row.metadata.get("region") or ()),
            topics=list(row.metadata.get("topics") or ()),
            text=row.text,
            text_sha256=row.text_sha256,
            sha256=row.source_sha256,
            ingested_at=row.ingested_at,
            superseded_at=row.superseded_at,
            versions=versions,
            **shown,
        )


class ItemRecord(Record):
    """One thing of a job."""

    name: str
    state: State
    chunks: int | None
    note: str

    @classmethod
    def of(cls, item: Item, folder: str) -> Self:
        """Read an item; where the folder of uploads lies is left out."""
        return cls(name=item.name, state=item.state, chunks=item.chunks, note=item.note.replace(folder, ""))


class JobRecord(Record):
    """A change of the corpus, and how far it is."""

    id: str
    task: Task
    done: bool
    failed: bool
    items: list[ItemRecord]

    @classmethod
    def of(cls, job: Job, folder: str) -> Self:
        """Read a job."""
        items = [ItemRecord.of(item, folder) for item in job.items]
        return cls(
            id=job.id, task=job.task, done=job.is_over, failed=any(i.state == "failed" for i in items), items=items
        )


class EvaluationRecord(Record):
    """An evaluation, and how far it is; `report` is the name of the kept report once it is made."""

    id: str
    state: Literal["running", "done", "failed"]
    dataset: str
    split: str | None
    systems: list[str]
    doing: str
    note: str
    report: str | None


class ReportRef(Record):
    """A kept report, as the list shows it."""

    name: str
    made_at: str
    dataset: str
    split: str
    systems: list[str]
    n_questions: int
    unreadable: str | None

    @classmethod
    def of(cls, kept: KeptReport) -> Self:
        """Read a kept report."""
        return cls(
            name=kept.name,
            made_at=kept.made_at.isoformat(),
            dataset=kept.dataset,
            split=kept.split,
            systems=list(kept.systems),
            n_questions=kept.n_questions,
            unreadable=kept.unreadable,
        )


class EvaluationsRecord(Record):
    """What can be measured, what was asked for since the start, and the kept reports, newest first."""

    datasets: list[str]
    evaluations: list[EvaluationRecord]
    reports: list[ReportRef]


class EvaluatedRecord(EvaluationRecord):
    """An evaluation with the tables of its report; single questions are left out."""

    tables: Report | None


class StatusRecord(Record):
    """How the service is."""

    status: Literal["ok", "ready"]


def json_response(record: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a record as JSON."""
    return Response(record.model_dump_json(by_alias=True), status, headers, "application/json")


def tagged_response(request: Request, record: BaseModel) -> Response:
    """Return a record with its entity tag; only 304 where the client has it already. Source: RFC 9110, 13.1.2."""
    content = record.model_dump_json(by_alias=True).encode()
    tag = f'"{hashlib.sha256(content).hexdigest()[:_TAG_DIGITS]}"'
    held = {one.strip().removeprefix("W/") for one in ",".join(request.headers.getlist("if-none-match")).split(",")}
    if tag in held or "*" in held:
        return Response(status_code=304, headers={"ETag": tag})
    return Response(content, 200, {"ETag": tag}, "application/json")


_SAID = {
    400: "The request cannot be read.",
    401: "A key is missing or not known.",
    403: "The key does not allow this.",
    404: "There is nothing of that name.",
    408: "The body did not come.",
    409: "This cannot be done now, or not in this way.",
    413: "The body is too large.",
    415: "The body is of a type that is not taken.",
    422: "The request is not as described, or cannot be answered.",
    429: "Too often, or too many wait; `Retry-After` says when to come again.",
    500: "A bug; the log has details.",
    503: "The index or a model cannot be used now.",
    504: "It took too long.",
}
_ALWAYS = (400, 401, 403, 429, 500, 503)


def documented(*more: int) -> dict[int | str, dict[str, Any]]:
    """Return what an operation may answer beside its result, for its description."""
    schema = {"schema": {"$ref": f"#/components/schemas/{ProblemRecord.__name__}"}}
    content = {"application/problem+json": schema}
    found: dict[int | str, dict[str, Any]] = {
        status: {"description": _SAID[status], "content": content}
        for status in sorted({*_ALWAYS, *more, *((408,) if 413 in more else ())})
    }
    for status in (401, 429):
        name = "WWW-Authenticate" if status == 401 else "Retry-After"
        found[status] = {**found[status], "headers": {name: {"schema": {"type": "string"}}}}
    return found
