"""What the page shows of the corpus beside answers: whole briefs, lists, and what a scope may be made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rag.catalogue import BriefRow, Catalogue, VersionRow
from rag.types import Scope


@dataclass(frozen=True, slots=True)
class Facets:
    """What briefs can be told apart by, each in alphabetical order."""

    regions: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WholeBrief:
    """A brief to be read, in one of its versions.

    Attributes:
        page_starts: offset of each page's first character, where the source has pages.
        remark: what is to be known of this version: that it was replaced or removed; empty for the present one.
    """

    brief_id: str
    title: str
    date: str | None
    source: str | None
    url: str | None
    text: str
    text_sha256: str
    page_starts: tuple[int, ...] = ()
    remark: str = ""


class Library(Protocol):
    """Gives briefs to be read; `CatalogueLibrary` is one."""

    def facets(self) -> Facets:
        """Return what a scope may be made of now."""
        ...

    def briefs(self) -> Sequence[BriefRow]:
        """Return the present briefs, newest first."""
        ...

    def whole(self, brief_id: str, text_sha256: str | None = None) -> WholeBrief | None:
        """Return a brief with the text of that digest, or as it is now; None when there is none."""
        ...

    def newest(self) -> str | None:
        """Return the date of the newest brief; None where none is dated."""
        ...


@dataclass(frozen=True)
class CatalogueLibrary:
    """The briefs of a catalogue. Their list is kept until the catalogue changes: of 10,000 it takes 0.2 s to read."""

    catalogue: Catalogue
    _kept: dict[int, tuple[BriefRow, ...]] = field(default_factory=dict, compare=False, repr=False)

    def facets(self) -> Facets:
        """Return what a scope may be made of now. One pass over the list of briefs."""
        rows = self.briefs()
        return Facets(
            _different(region for row in rows for region in row.regions),
            _different(row.source for row in rows if row.source),
            _different(topic for row in rows for topic in row.topics),
        )

    def newest(self) -> str | None:
        """Return the date of the newest brief; None where none is dated."""
        return self.catalogue.newest_date()

    def briefs(self) -> Sequence[BriefRow]:
        """Return the present briefs, newest first."""
        generation = self.catalogue.generation()
        rows = self._kept.get(generation)
        if rows is None:
            rows = self.catalogue.briefs(Scope())
            self._kept.clear()
            self._kept[generation] = rows
        return rows

    def whole(self, brief_id: str, text_sha256: str | None = None) -> WholeBrief | None:
        """Return a brief with the text of that digest, or as it is now; None when there is none."""
        versions = self.catalogue.versions(brief_id)
        found = next((row for row in versions if text_sha256 in (None, row.text_sha256)), None)
        return _whole(found) if found else None


def _whole(row: VersionRow) -> WholeBrief:
    known = row.metadata
    return WholeBrief(
        row.brief_id,
        known["title"],
        known["date"],
        known["source"],
        known["url"],
        row.text,
        row.text_sha256,
        tuple(known.get("page_starts") or ()),
        f"Replaced or removed on {row.superseded_at[:10]}." if row.superseded_at else "",
    )


def _different(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values), key=str.casefold))
