"""What the tools return beside the answer of `rag.record`. The output schemas are generated from these models."""

from __future__ import annotations

from pydantic import BaseModel, Field

from rag.record import EvidenceRecord, ScopeRecord


class PassagesRecord(BaseModel):
    """Passages, best first."""

    query: str
    scope: ScopeRecord
    passages: list[EvidenceRecord]


class SpanRecord(BaseModel):
    """Characters `start` to `end` of a brief's text, in Unicode code points."""

    start: int
    end: int


class BriefPartRecord(BaseModel):
    """A brief, or a part of it.

    Attributes:
        text: characters `start` to `end`, control and invisible ones each as "�".
        next_start: where to go on; null at the end of what was asked for.
        machine_talk: what has the form of an order to a language model, within the part.
        hidden: how many characters are shown as "�".
        remark: what is to be known of this version: that it was replaced or removed.
    """

    id: str
    uri: str
    title: str
    date: str | None
    source: str | None
    url: str | None
    regions: list[str]
    topics: list[str]
    text: str
    start: int
    end: int
    total: int
    next_start: int | None
    text_sha256: str
    sha256: str
    machine_talk: list[SpanRecord] = []
    hidden: int = 0
    remark: str = ""


class BriefItemRecord(BaseModel):
    """A brief as a list shows it."""

    id: str
    uri: str
    title: str
    date: str | None
    source: str | None
    regions: list[str]
    topics: list[str]
    chunks: int


class BriefListRecord(BaseModel):
    """A page of briefs, newest first, undated last.

    Attributes:
        total: how many there are on all pages.
        next_cursor: null on the last page.
    """

    briefs: list[BriefItemRecord]
    total: int = Field(ge=0)
    next_cursor: str | None


class AddedRecord(BaseModel):
    """What became of an added brief.

    Attributes:
        file: name that it is kept under.
        is_new: off where the same content was there before.
        note: what is to be known of it; empty for nothing.
    """

    briefs: list[str]
    file: str
    is_new: bool
    chunks: int
    note: str = ""
