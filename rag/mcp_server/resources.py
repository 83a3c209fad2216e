"""Briefs as resources: `brief://ID`, as plain text, so that no client renders its links or loads its pictures."""

from __future__ import annotations

from mcp_types import ListResourcesResult, ReadResourceResult, Resource, ResourceTemplate, TextResourceContents

from rag.catalogue import BriefRow, Catalogue
from rag.errors import UsageError
from rag.mcp_server.arguments import SCHEME, ReadArguments
from rag.mcp_server.paging import page_of
from rag.mcp_server.reading import part_of
from rag.mcp_server.text import label, uri_of
from rag.printable import one_line

PAGE = 100
MIME_TYPE = "text/plain"
MAX_RESOURCE_CHARS = 2_000_000
FACTS = ("title", "date", "source", "url", "total", "next_start", "text_sha256", "machine_talk", "hidden")
"""What is told of a brief beside its text, under the key `geobrief/brief`."""

TEMPLATE = ResourceTemplate(
    uri_template=SCHEME + "{id}",
    name="brief",
    title="A brief",
    description="The text of a brief, by the id that list_briefs and citations give.",
    mime_type=MIME_TYPE,
)


def page_of_resources(catalogue: Catalogue, cursor: str | None) -> ListResourcesResult:
    """Return some briefs, newest first. Raises a `UsageError` if the cursor is none."""
    page = page_of(catalogue.briefs(), cursor, PAGE)
    return ListResourcesResult(resources=list(map(_resource, page.rows)), next_cursor=page.next_cursor)


def read(catalogue: Catalogue, uri: str) -> ReadResourceResult:
    """Return a brief.

    Raises:
        UsageError: if the address is none of a brief, or there is no such brief.
    """
    if not uri.startswith(SCHEME) or uri == SCHEME:
        raise UsageError(f"{uri[:200]!r} is no address of a brief, which is {SCHEME} and its id")
    part = part_of(catalogue, ReadArguments.read({"id": uri}), max_chars=MAX_RESOURCE_CHARS)
    facts = part.model_dump(mode="json", include=set(FACTS))
    text = TextResourceContents(uri=uri, text=part.text, mime_type=MIME_TYPE, _meta={"geobrief/brief": facts})
    return ReadResourceResult(contents=[text])


def _resource(row: BriefRow) -> Resource:
    about = " · ".join([row.date or "undated", *([label(row.source)] if row.source else [])])
    name = one_line(row.brief_id)
    return Resource(uri=uri_of(row.brief_id), name=name, title=label(row.title), description=about, mime_type=MIME_TYPE)
