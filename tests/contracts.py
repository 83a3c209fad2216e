"""What every database of a catalogue does, whichever it is."""

from __future__ import annotations

from rag.catalogue import CatalogueWriter
from rag.catalogue.database import Database
from rag.catalogue.store import generation


def check_a_transaction_sees_one_moment(reader: Database, writer: Database) -> None:
    with reader.transaction() as connection:
        before = generation(connection)
        CatalogueWriter(writer).touch()
        assert generation(connection) == before
    with reader.transaction() as connection:
        assert generation(connection) == before + 1
