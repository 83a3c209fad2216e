"""A brief that a client brings: kept as a file of the uploads, and waited for until it is ingested."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import yaml

from rag.errors import RagError, UsageError
from rag.mcp_server.arguments import AddArguments
from rag.mcp_server.corpus import Corpus
from rag.mcp_server.records import AddedRecord
from rag.service.answering import Answering
from rag.uploads import Item, Uploads

OWNER = "mcp:"
"""No user of the chat has such a name."""
POLL_S = 0.1
NAME_CHARS = 60


class NotAdded(RagError):
    """A brief was refused, or could not be ingested."""


async def add(corpus: Corpus, looking: Answering, asked: AddArguments) -> AddedRecord:
    """Take a brief in, and wait until it can be asked about. Who stops waiting does not stop the ingest.

    Raises:
        UsageError: if it has fields given twice.
        NotAdded: with the reason why it was not ingested.
    """
    document = _document(asked)
    uploads, job_id = await looking.once(lambda: _keep(corpus, asked, document))
    while not (item := _item(uploads, job_id)).is_over:
        await anyio.sleep(POLL_S)
    if item.state == "failed":
        raise NotAdded(f"the brief was not added: {item.note or 'it holds no text'}")
    ids = await looking.once(lambda: corpus.open_catalogue().brief_ids(str(item.path)))
    file = Path(item.path or item.name).name
    return AddedRecord(briefs=list(ids), file=file, is_new=item.is_new, chunks=item.chunks or 0, note=item.note)


def _document(asked: AddArguments) -> str:
    fields = asked.front_matter()
    if not fields:
        return asked.text
    if asked.text.lstrip("\ufeff").startswith("---"):
        named = ", ".join(fields)
        raise UsageError(f"the text opens with front matter, and {named} is given beside it; say it in one place")
    return f"---\n{yaml.safe_dump(fields, allow_unicode=True, sort_keys=False)}---\n\n{asked.text}"


def _keep(corpus: Corpus, asked: AddArguments, document: str) -> tuple[Uploads, str]:
    uploads = corpus.open_uploads()
    if uploads is None:
        raise UsageError("briefs may not be added here")
    with TemporaryDirectory(prefix="geobrief-mcp-") as folder:
        path = Path(folder, "brief.md")
        path.write_bytes(document.encode("utf-8", "replace"))
        return uploads, uploads.add([(path, _name(asked))], owner=OWNER)


def _name(asked: AddArguments) -> str:
    """Return a file name; `Uploads` makes it safe. Only text is taken, so it ends as text does."""
    given = (
        asked.name or re.sub(r"[\W_]+", "-", asked.title or asked.date or "brief").strip("-")[:NAME_CHARS] or "brief"
    )
    return given if given.lower().endswith((".md", ".txt")) else f"{given}.md"


def _item(uploads: Uploads, job_id: str) -> Item:
    job = next((job for job in uploads.jobs(owner=OWNER) if job.id == job_id), None)
    if job is None:
        raise NotAdded("too much was added meanwhile to follow this brief; list_briefs shows if it is there")
    return job.items[0]
