"""The error tree. Every message says what happened, to which value, and what to do next.

RagError
├── UsageError               the request itself is wrong (empty question, unknown brief, bad date)
│   └── IndexMissing         no index at that place yet
├── ModelUnusable            the weights of a model are missing or not those that were packaged
├── ClusterFailed            the cluster cannot do the work; the next ingest goes on from there
├── SourceError              one source cannot be read; the ingest goes on without it
└── IndexUnusable            the index exists but cannot be used now
    ├── IndexLocked          another process is writing
    ├── IndexMismatch        it was made with another model, splitter or schema
    └── IndexCorrupt         the catalogue or the vectors are damaged
"""

from __future__ import annotations


class RagError(Exception):
    """Any failure that geobrief raises on purpose."""


class UsageError(RagError):
    """The request itself is wrong; trying again unchanged fails again."""


class IndexMissing(UsageError):
    """There is no index at the given place yet."""


class ModelUnusable(RagError):
    """The weights of a model are missing, or not those that were packaged."""


class ClusterFailed(RagError):
    """The cluster cannot do the work; what was ingested so far stays, and the next ingest goes on from there."""


class SourceError(RagError):
    """One source cannot be read.

    Attributes:
        reason: what is wrong with it and what to do, without the path.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class IndexUnusable(RagError):
    """The index exists but cannot be used now."""


class IndexLocked(IndexUnusable):
    """Another process is writing to the index."""


class IndexMismatch(IndexUnusable):
    """The index was made with another model, splitter or schema than the settings name."""


class IndexCorrupt(IndexUnusable):
    """The catalogue or the vector store is damaged."""
