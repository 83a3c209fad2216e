"""The documents of a benchmark, and the bytes of the files that they stand in."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rag.evaluation.forms.rows import Faults, Row, read_rows


@dataclass(frozen=True, slots=True)
class Document:
    """A document as a dataset holds it.

    Attributes:
        line: that it stands in, from 1.
        date: as written; what is no date is dropped.
    """

    line: int
    id: str
    title: str
    text: str
    date: object = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Documents:
    """What the documents of a benchmark are.

    Attributes:
        paths: what an ingest reads them from.
        n: documents with a text.
        ids: of all, those without a text included.
        texts: of those that were asked for and have a text.
        digest: of the files that they were read from.
        complete: whether all of them could be read, so that an id that is not among `ids` is no document.
        notes: what was changed on the way, each counted.
    """

    paths: tuple[Path, ...] = ()
    n: int = 0
    ids: Collection[str] = frozenset()
    texts: Mapping[str, str] = field(default_factory=dict)
    digest: str = hashlib.sha256(b"").hexdigest()
    complete: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a file is: its name relative to the dataset, its length and the SHA-256 of its bytes."""

    name: str
    n_bytes: int
    sha256: str


def stamp(path: Path, root: Path) -> Stamp:
    """Read a file through, in blocks.

    Raises:
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Stamp(relative_name(path, root), file.tell(), digest)


def relative_name(path: Path, root: Path) -> str:
    """Name of a file relative to the dataset, so that a digest is the same wherever the dataset lies."""
    return Path(os.path.relpath(path, root)).as_posix()


def digest_of(stamps: Iterable[Stamp]) -> str:
    """SHA-256 over names, lengths and digests of files, sorted by name."""
    lines = sorted(f"{s.name}\0{s.n_bytes}\0{s.sha256}\n" for s in stamps)
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def read_documents(path: Path, faults: Faults, *, id_field: str = "id") -> Iterator[Document]:
    """Yield the documents of a corpus.jsonl, one line at a time. A line with a fault gives none."""
    for line, row in read_rows(path, faults):
        n_faults = faults.n
        document = Document(
            line=line,
            id=row.text(id_field),
            title=_lenient_text(row, "title"),
            text=_lenient_text(row, "text", required=True),
            date=row.fields.get("date"),
            source=_lenient_text(row, "source") or None,
        )
        if n_faults == faults.n:
            yield document


def _lenient_text(row: Row, name: str, *, required: bool = False) -> str:
    """A text field of a document, which may be empty and hold any character."""
    value = row.fields.get(name)
    if isinstance(value, str):
        return value
    return (row.text(name) if required else row.optional_text(name)) or ""
