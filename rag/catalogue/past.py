"""The catalogue as it stood at a moment of the past."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, update

from rag.catalogue.database import written
from rag.catalogue.schema import versions
from rag.catalogue.store import Catalogue
from rag.catalogue.writer import CatalogueWriter


def as_known_at(catalogue: Catalogue, moment: datetime) -> Catalogue:
    """Return a catalogue in memory of what had been ingested by a moment (UTC where it names no zone).

    What was ingested since then has no part in it, not even in how rare a word is; what was forgotten since then is
    not brought back. Takes the memory of the whole catalogue, and milliseconds per megabyte.
    """
    at = written(moment)
    copy = catalogue.database.in_memory()
    with copy.transaction() as connection:
        connection.execute(delete(versions).where(versions.c.ingested_at > at))
        connection.execute(update(versions).where(versions.c.superseded_at > at).values(superseded_at=None))
    CatalogueWriter(copy).purge_staged()
    return Catalogue(copy)
