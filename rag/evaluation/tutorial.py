"""The peer in every table: what the langchain tutorial on retrieval tells a user to write.

Recursive splitter of 1,000 characters with 200 overlap, all-MiniLM-L6-v2, a local Chroma, the 4 nearest passages. It
does not answer without an LLM and refuses nothing. Source: docs.langchain.com, "Build a RAG agent".
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import chromadb
from chromadb.api.shared_system_client import SharedSystemClient
from chromadb.config import Settings as ChromaSettings
from filelock import FileLock
from langchain_chroma import Chroma
from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langchain_text_splitters import RecursiveCharacterTextSplitter

from rag.build import open_index
from rag.evaluation.systems import Site
from rag.index import Index
from rag.types import Scope

TOP_K = 4
CHUNK_SIZE = 1000
CHUNK_OVERLAP = 200
BATCH = 1000
FOLDER = "langchain-tutorial"
DONE = "complete"


@dataclass(frozen=True)
class Tutorial:
    """Ranks by vectors alone; always `TOP_K` passages or fewer, whatever is asked for."""

    store: Chroma
    identity: dict[str, str] = field(default_factory=dict)

    def search(self, question: str, history: Sequence[BaseMessage], scope: Scope, k: int) -> list[Document]:
        """Return the nearest passages, each with its `similarity`, the cosine."""
        chosen: Any = {"brief_id": {"$in": list(scope.briefs)}} if scope.briefs else None
        found = self.store.similarity_search_with_score(question, k=min(k, TOP_K), filter=chosen)
        return [
            Document(id=d.id, page_content=d.page_content, metadata={**d.metadata, "similarity": 1 - distance})
            for d, distance in found
        ]


def open_tutorial(site: Site) -> Tutorial:
    """Open the tutorial's own store beside the index, made from the same texts on first use.

    Chroma's graph is approximate and comes out differently each time that it is made (num_threads changes nothing):
    above some hundred passages, a few last places of the rankings differ between two work folders.
    """
    index = open_index(site.settings, embeddings=site.embeddings)
    folder = site.folder / f"{FOLDER}-{index.catalogue.generation()}"
    with FileLock(site.folder / f"{FOLDER}.lock"):  # another run may be filling it
        if not (folder / DONE).exists():
            shutil.rmtree(folder, ignore_errors=True)  # what a killed run left
            SharedSystemClient.clear_system_cache()  # or a client of this process goes on with the deleted files
            _fill(_store(folder, site), index)
            (folder / DONE).touch()
    store = _store(folder, site)
    store.similarity_search("warm up", k=1)
    parameters = f"recursive {CHUNK_SIZE}/{CHUNK_OVERLAP}, top {TOP_K}"
    return Tutorial(store, {"embedding": index.identity["embedding"], "splitter": parameters})


def _store(folder: Path, site: Site) -> Chroma:
    client = chromadb.PersistentClient(
        path=str(folder), settings=ChromaSettings(anonymized_telemetry=False, is_persistent=True)
    )
    return Chroma(
        client=client,
        collection_name="tutorial",
        embedding_function=site.embeddings,
        collection_configuration={"hnsw": {"space": "cosine"}},
    )


def _fill(store: Chroma, index: Index) -> None:
    splitter = RecursiveCharacterTextSplitter(chunk_size=CHUNK_SIZE, chunk_overlap=CHUNK_OVERLAP, add_start_index=True)
    pieces = splitter.split_documents(list(_texts(index)))
    for piece in pieces:
        start = piece.metadata.pop("start_index")
        piece.metadata |= {"start": start, "end": start + len(piece.page_content)}
    for at in range(0, len(pieces), BATCH):
        store.add_documents(pieces[at : at + BATCH])


def _texts(index: Index) -> Iterator[Document]:
    for row in index.catalogue.briefs():
        yield Document(page_content=index.catalogue.versions(row.brief_id)[0].text, metadata={"brief_id": row.brief_id})
