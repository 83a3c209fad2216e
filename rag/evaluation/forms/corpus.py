"""Documents of a benchmark, written as briefs that `rag.load` reads: id, title, date, source and text, one a line."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from rag.evaluation.forms.documents import Document, Documents
from rag.evaluation.forms.rows import Faults
from rag.evaluation.question import brief_id_of
from rag.load.brief import shorten
from rag.types import MAX_ID_CHARS, DateInterval

MAX_TITLE_CHARS = 500
PART_BYTES = 20_000_000
WRITTEN = 2
"""Which way of writing documents a folder is of."""

_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")


def write_corpus(
    documents: Iterable[Document],
    *,
    origin: Path,
    digest: str,
    work: Path,
    wanted: Collection[str],
    faults: Faults,
) -> Documents:
    """Write documents as briefs below `work`, in parts of at most 20 MB, unless an earlier run wrote the same ones.

    Reads all documents either way. The folder gets its name when it is complete. Nothing stays after a fault.

    Args:
        origin: the file that they come from, for messages.
        digest: of that file.
        wanted: ids of documents whose text is returned.

    Raises:
        OSError: if `work` cannot be written.
    """
    # An earlier run's folder is taken as it is: whoever changes what is written here has to change `WRITTEN`.
    folder = work / "corpora" / f"{digest[:16]}-{WRITTEN}"
    n_faults = faults.n
    lines: dict[str, int] = {}
    texts: dict[str, str] = {}
    changes: Counter[str] = Counter()
    with _parts(folder, faults) as write:
        for document in documents:
            first = lines.setdefault(document.id, document.line)
            if first != document.line:
                remedy = f"it is also that of {origin}:{first}; change or remove one of them"
                faults.add(f"{origin}:{document.line}", f"document id {document.id!r} is taken, {remedy}")
                continue
            if len(brief_id_of(document.id)) > MAX_ID_CHARS:
                remedy = f"shorten it to {MAX_ID_CHARS}, each of ' #@/\\%' counted as three"
                faults.add(f"{origin}:{document.line}", f"document id {document.id!r} is too long; {remedy}")
                continue
            changes["n"] += 1
            if not document.text.strip() and document.title.strip():
                document = replace(document, text=document.title)  # BEIR searches titles, too
            if not document.text.strip():
                changes["empty"] += 1
                changes["empty gold"] += document.id in wanted
                continue
            kept = _keepable(document, changes)
            if kept.id in wanted:
                texts[kept.id] = kept.text
            write(kept)
    n = changes["n"] - changes["empty"]
    if not n and n_faults == faults.n:
        faults.add(f"{origin}:1", "no document has a text; fetch the file again")
    complete = n_faults == faults.n
    return Documents((folder,), n, lines.keys(), texts, digest, complete, tuple(_notes(changes)))


def _keepable(document: Document, changes: Counter[str]) -> Document:
    """The document as a brief may hold it; offsets in its text stay. What is changed is counted."""
    kept = document
    if any(map(_is_unkeepable, (kept.title, kept.text, kept.source or ""))):
        changes["characters"] += 1
        title, text, source = (_UNKEEPABLE.sub("\ufffd", s) for s in (kept.title, kept.text, kept.source or ""))
        kept = replace(kept, title=title, text=text, source=source or None)
    if not kept.title.strip():
        kept = replace(kept, title=kept.id)
    elif len(kept.title) > MAX_TITLE_CHARS:
        changes["titles"] += 1
        kept = replace(kept, title=shorten(kept.title, MAX_TITLE_CHARS))
    if kept.date in (None, ""):
        return replace(kept, date=None)
    try:
        DateInterval.parse(kept.date)
    except ValueError:
        changes["dates"] += 1
        return replace(kept, date=None)
    return replace(kept, date=str(kept.date))


def _is_unkeepable(text: str) -> bool:
    """Whether it holds what no store keeps: NUL, or half a surrogate pair. Quicker than the pattern on long texts."""
    if "\x00" in text:
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _line(document: Document) -> bytes:
    fields = {
        "id": brief_id_of(document.id),
        "title": document.title,
        "date": document.date,
        "source": document.source,
        "text": document.text,
    }
    line = json.dumps({name: value for name, value in fields.items() if value is not None}, ensure_ascii=False)
    # JSON leaves DEL as it is, and a file with many control characters is taken for a binary one.
    return line.replace("\x7f", "\\u007f").encode() + b"\n"


def _notes(changes: Mapping[str, int]) -> Iterator[str]:
    if changes["empty"]:
        gold = f", {changes['empty gold']} of them gold" if changes["empty gold"] else ""
        yield f"{changes['empty']} of {changes['n']} documents have an empty text and are left out{gold}"
    if changes["dates"]:
        yield f"{changes['dates']} of {changes['n']} documents have an invalid date, which is dropped"
    if changes["titles"]:
        yield f"{changes['titles']} of {changes['n']} documents have a title over {MAX_TITLE_CHARS} characters, cut"
    if changes["characters"]:
        yield f"{changes['characters']} of {changes['n']} documents hold NUL or half characters, written as U+FFFD"


@dataclass(slots=True)
class _Parts:
    """Writes documents to part-000.jsonl and on, each at most 20 MB unless one document is longer."""

    folder: Path
    file: BinaryIO | None = None
    n_parts: int = 0
    n_bytes: int = 0

    def write(self, document: Document) -> None:
        line = _line(document)
        if self.file is None or self.n_bytes + len(line) > PART_BYTES:
            self.close()
            self.file = (self.folder / f"part-{self.n_parts:03d}.jsonl").open("wb")
            self.n_parts += 1
            self.n_bytes = 0
        self.n_bytes += self.file.write(line)

    def close(self) -> None:
        if self.file:
            self.file.close()


@contextmanager
def _parts(folder: Path, faults: Faults) -> Iterator[Callable[[Document], None]]:
    """Give a function that writes a document; the folder appears at the end, unless a fault was noted."""
    if folder.is_dir():
        yield lambda document: None
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder.parent))
    parts = _Parts(unfinished)
    try:
        yield parts.write
        parts.close()
        if not faults.n:
            _publish(unfinished, folder)
    finally:
        parts.close()
        shutil.rmtree(unfinished, ignore_errors=True)


def _publish(unfinished: Path, folder: Path) -> None:
    unfinished.chmod(0o755)
    try:
        unfinished.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another run was quicker, with the same documents
            raise
