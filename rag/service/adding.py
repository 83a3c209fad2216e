"""Briefs that are sent: as JSON, or as files of the kinds that ingest reads."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from rag.service.bodies import BriefBody, content_type, parsed
from rag.service.problems import Fault, Refused
from rag.uploads import MAX_FILES, Job, Uploads

FILE_FIELD = "file"
MAX_JSON_BYTES = 8_000_000
_MAX_NAME_CHARS = 60
_BLOCK_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Sent:
    """A file as it came: its name, and its content to be read from the start."""

    name: str
    content: BinaryIO | bytes


async def sent_files(request: Request) -> list[Sent]:
    """Read what is sent: a brief as JSON, or files of a form.

    Raises:
        Refused: if it is neither.
    """
    kind = content_type(request)
    if kind == "application/json":
        content = await request.body()
        if len(content) > MAX_JSON_BYTES:
            raise Refused(413, "too-large", f"At most {MAX_JSON_BYTES:,} bytes are taken as JSON; send a file.")
        return [_as_file(parsed(BriefBody, content))]
    if kind == "multipart/form-data":
        return await _of_form(request)
    raise Refused(415, "not-taken", "Send a brief as application/json, or files as multipart/form-data.")


async def _of_form(request: Request) -> list[Sent]:
    try:
        form = await request.form(max_files=MAX_FILES, max_fields=10)
    except HTTPException as error:
        raise Refused(400, "no-form", f"The form cannot be read: {error.detail}") from None
    given = form.getlist(FILE_FIELD)
    files = [Sent(one.filename or "", one.file) for one in given if isinstance(one, UploadFile)]
    others = set(form) - {FILE_FIELD}
    if not files or len(files) < len(given) or others:
        fault = Fault(pointer=f"/{min(others) if others else FILE_FIELD}", detail="Send files, as file=@NAME")
        raise Refused(422, "not-valid", "The form holds no file, or more than files.", faults=[fault])
    return files


def _as_file(body: BriefBody) -> Sent:
    slug = re.sub(r"[^a-z0-9]+", "-", body.title.lower()).strip("-")[:_MAX_NAME_CHARS] or "brief"
    content = json.dumps(body.fields(), ensure_ascii=False, sort_keys=True).encode()
    digest = hashlib.sha256(content).hexdigest()[:8]
    return Sent(f"{body.id or f'{slug}-{digest}'}.json", content)


def fingerprint(files: Sequence[Sent]) -> str:
    """Return the digest of names and contents."""
    digest = hashlib.sha256()
    for one in files:
        digest.update(one.name.encode("utf-8", "surrogatepass") + b"\0")
        for block in _blocks(one.content):
            digest.update(hashlib.sha256(block).digest())
    return digest.hexdigest()


def _blocks(content: BinaryIO | bytes) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    content.seek(0)
    while block := content.read(_BLOCK_BYTES):
        yield block
    content.seek(0)


def add(uploads: Uploads, files: Sequence[Sent], owner: str) -> Job:
    """Keep the files and have them ingested; return the job.

    Raises:
        Refused: if none of them can be a brief.
    """
    with _written(files) as written:
        job_id = uploads.add(written, owner=owner)
    job = next(one for one in uploads.jobs(owner=owner) if one.id == job_id)
    refused = [item for item in job.items if item.path is None]
    if len(refused) == len(job.items):
        faults = [Fault(pointer=f"/{FILE_FIELD}/{n}", detail=f"{i.name} {i.note}") for n, i in enumerate(refused)]
        raise Refused(415, "not-readable", "No brief can be read from this.", faults=faults)
    return job


@contextmanager
def _written(files: Sequence[Sent]) -> Iterator[list[tuple[Path | str, str]]]:
    with tempfile.TemporaryDirectory(prefix="geobrief-sent-") as folder:
        paths: list[tuple[Path | str, str]] = []
        for n, one in enumerate(files):
            path = Path(folder) / str(n)
            with path.open("wb") as file:
                if isinstance(one.content, bytes):
                    file.write(one.content)
                else:
                    one.content.seek(0)
                    shutil.copyfileobj(one.content, file, _BLOCK_BYTES)
            paths.append((path, one.name))
        yield paths
