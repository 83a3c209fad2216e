"""A `Scope` as a condition on the `versions` table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select, true

from rag.catalogue.database import written
from rag.catalogue.schema import tags, versions
from rag.types import Scope


def in_scope(scope: Scope) -> ColumnElement[bool]:
    """Return the condition that a version may be used; without `as_of` only present versions may.

    With `as_known_at`, present is what was so at that moment. How words are weighed is not of that moment, unless the
    catalogue is `as_known_at` too.
    """
    return and_(*_conditions(scope))


def _conditions(scope: Scope) -> Iterator[ColumnElement[bool]]:
    columns = versions.c
    known = written(scope.as_known_at) if scope.as_known_at else None
    if known:
        yield columns.ingested_at <= known
    if scope.as_of:
        yield _newest_by(scope.as_of.isoformat(), known)
    else:
        yield or_(columns.superseded_at.is_(None), false() if known is None else columns.superseded_at > known)
    if scope.date_from:
        yield columns.date_to >= scope.date_from.isoformat()
    if scope.date_to:
        yield columns.date_from <= scope.date_to.isoformat()
    if scope.sources:
        yield or_(columns.source.in_(_cased(scope.sources)), func.lower(columns.source).in_(_lower(scope.sources)))
    if scope.briefs:
        yield columns.brief_id.in_(scope.briefs)
    yield _tagged("region", scope.regions)
    yield _tagged("topic", scope.topics)


def _newest_by(as_of: str, known: str | None) -> ColumnElement[bool]:
    """The version was published by then, and none that replaced it was; one without a date replaces any."""
    mine, other = versions.c, versions.alias("newer")
    by_then = or_(other.c.date_to.is_(None), other.c.date_to <= as_of)
    newer = exists().where(other.c.brief_id == mine.brief_id, other.c.id > mine.id, by_then)
    if known:
        newer = newer.where(other.c.ingested_at <= known)
    return and_(mine.date_to <= as_of, ~newer)


def _tagged(kind: str, values: Sequence[str]) -> ColumnElement[bool]:
    if not values:
        return true()
    wanted = select(tags.c.version_id).where(tags.c.kind == kind, tags.c.value.in_(_lower(values)))
    return (versions.c.id + 0).in_(wanted)  # else SQLite looks up each found chunk once for every version of the tag


def _cased(values: Sequence[str]) -> list[str]:
    """Write values in the usual cases: a database may know only ASCII's, as PostgreSQL does where its locale is C."""
    return list(dict.fromkeys(made for v in values for made in (v, v.lower(), v.upper(), v.capitalize(), v.title())))


def _lower(values: Sequence[str]) -> list[str]:
    return [value.lower() for value in values]
