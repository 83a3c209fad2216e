"""The catalogue: the truth about briefs, chunks, versions and the model that the index was made with."""

from rag.catalogue.database import in_utc
from rag.catalogue.past import as_known_at
from rag.catalogue.rows import BriefRow, PendingChunk, Publication, SourceRow, Standing, VersionRow
from rag.catalogue.store import Catalogue
from rag.catalogue.writer import CatalogueWriter

__all__ = [
    "BriefRow",
    "Catalogue",
    "CatalogueWriter",
    "PendingChunk",
    "Publication",
    "SourceRow",
    "Standing",
    "VersionRow",
    "as_known_at",
    "in_utc",
]
