"""What it means to take a brief out of the corpus."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rag.catalogue import Catalogue
from rag.uploads.folder import UploadFolder


@dataclass(frozen=True, slots=True)
class Removal:
    """What removing or forgetting a brief would do.

    Attributes:
        path: file that the brief comes from.
        is_upload: whether that file was uploaded, so that it is ours to delete.
        others: further present briefs of that file.
    """

    brief_id: str
    title: str
    path: Path
    is_upload: bool
    others: tuple[str, ...]

    @property
    def refusal(self) -> str | None:
        """Why it cannot be removed; None where it can."""
        if self.is_upload:
            return None
        return (
            f"its file {self.path} would bring it back; delete or move that file and read the folders again, "
            "or forget the brief"
        )


def removal_of(catalogue: Catalogue, folder: UploadFolder, brief_id: str) -> Removal | None:
    """Return what removing a present brief means; None when there is none of that id."""
    present = next((row for row in catalogue.versions(brief_id) if row.superseded_at is None), None)
    if present is None:
        return None
    others = tuple(one for one in catalogue.brief_ids(present.source_path) if one != brief_id)
    title = str(present.metadata["title"])
    return Removal(brief_id, title, Path(present.source_path), folder.holds(present.source_path), others)
