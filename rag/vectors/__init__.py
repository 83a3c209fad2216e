"""The vectors of an index: in a local Chroma folder, or on a Chroma server."""

from rag.vectors.local import ChromaVectors
from rag.vectors.local import _Store as _Store
from rag.vectors.server import ServerVectors

__all__ = ["ChromaVectors", "ServerVectors"]
