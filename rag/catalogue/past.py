"""The catalogue as it stood at a moment of the past."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, update

from rag.catalogue.database import written
from rag.catalogue.schema import chunks, texts, versions
from rag.catalogue.store import Catalogue


def as_known_at(catalogue: Catalogue, moment: datetime) -> Catalogue:
    """Return a catalogue in memory of what had been ingested by a moment (UTC where it names no zone).

    What was ingested since then has no part in it, not even in how rare a word is; what was forgotten since then is
    not brought back. Takes the memory of the whole catalogue, and for 100,000 chunks in SQLite (240 MB) 0.2 s, or up to
    4 s of CPU where they were ingested since then, for their words have to be deleted.
    """
    at = written(moment)
    copy = catalogue.database.in_memory()
    with copy.transaction() as connection:
        connection.execute(delete(versions).where(versions.c.ingested_at > at))
        connection.execute(update(versions).where(versions.c.superseded_at > at).values(superseded_at=None))
        unknown = texts.c.id.not_in(select(versions.c.text_id))
        copy.words.drop(connection, list(connection.scalars(select(chunks.c.id).join(texts).where(unknown))))
        connection.execute(delete(texts).where(unknown))
    return Catalogue(copy)
