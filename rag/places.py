"""Where catalogue and vectors lie: in the index's folder, or on the servers that the settings name."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from langchain_core.embeddings import Embeddings

from rag.catalogue import Catalogue
from rag.errors import IndexCorrupt, IndexMissing, IndexUnusable
from rag.index import WritableVectors
from rag.lock import locked
from rag.settings import Settings

CATALOGUE_FILE = "catalogue.sqlite3"
VECTORS_FOLDER = "chroma"

Lock = Callable[[float], AbstractContextManager[bool]]


def open_catalogue(settings: Settings, *, create: bool) -> tuple[Catalogue, Lock]:
    """Open the catalogue of the settings; return it with the lock of the one process that writes.

    Raises:
        IndexMissing: if there is none and `create` is off.
        IndexUnusable: if it is damaged, cannot be reached, or its folder cannot be made.
    """
    folder, url = settings.folder, settings.catalogue.url
    if url is not None:
        from rag.catalogue.postgres import PostgresDatabase  # needs the extra `postgres`

        _make(folder)
        database = PostgresDatabase(url.get_secret_value(), create=create)
        return Catalogue(database), database.locked
    path = folder / CATALOGUE_FILE
    if not path.exists() and not create:
        raise IndexMissing(
            f"there is no index at {folder}; make one with `geobrief ingest PATH...`, or name it with --index"
        )
    _make(folder)
    _check_place(path)
    return Catalogue.open(path, create=create), partial(locked, folder)


def open_vectors(settings: Settings, embeddings: Embeddings, catalogue: Catalogue) -> WritableVectors:
    """Return the vectors of a catalogue's index; a server is asked on first use.

    Raises:
        UsageError: if `store.url` is no address.
    """
    from rag.vectors import ChromaVectors, ServerVectors  # chromadb takes a second to import

    chosen = settings.store
    if chosen.url is None:
        return ChromaVectors(settings.folder / VECTORS_FOLDER, embeddings)
    return ServerVectors(
        chosen.url.get_secret_value(),
        embeddings,
        # Whoever shares a collection deletes the vectors of others, as those of no chunk.
        collection=chosen.collection or f"geobrief-{catalogue.index_id()}",
        tenant=chosen.tenant,
        database=chosen.database,
        token=chosen.token.get_secret_value() if chosen.token else None,
        timeout_s=chosen.timeout_s,
    )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IndexUnusable(
            f"the index folder {folder} cannot be made ({error.strerror}); name another with --index"
        ) from error


def _check_place(path: Path) -> None:
    """Tell a catalogue that was emptied from one that is new: vectors come after it."""
    emptied = path.is_file() and path.stat().st_size == 0 and path.with_name(VECTORS_FOLDER).exists()
    if emptied or path.is_dir():
        state = "empty" if emptied else "a folder"
        raise IndexCorrupt(f"the catalogue {path} is {state}; move the index folder away and ingest again")
