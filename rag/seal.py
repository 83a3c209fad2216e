"""A seal on Chroma's graph files: what they were after the last write that ended.

Files that differ were saved by a process that was killed while it did so, or are just being saved.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from pathlib import Path

SEAL_FILE = "seal.json"
METADATA_FILE = "index_metadata.pickle"
HEADER_FILE = "header.bin"
ENTRIES_FILE = "data_level0.bin"
LENGTHS_FILE = "length.bin"
LENGTH_BYTES = 4
EDGE_BYTES = 1_000_000
"""Of a file, this much from its start and from its end is digested: a write that stops leaves it shorter."""
_COUNTS = slice(20, 36)  # after the version, the offset of the entries and how many there is room for
_COUNTED = struct.Struct("=QQ")  # entries and bytes of each


def seal(folder: Path) -> None:
    """Write down what the graph files below a Chroma folder are now, after blanking what they hold beside entries."""
    blank_unused(folder)
    draft = folder / f"{SEAL_FILE}.new"
    draft.write_text(json.dumps(_graph_files(folder)), encoding="utf-8")
    os.replace(draft, folder / SEAL_FILE)


def is_sealed(folder: Path) -> bool:
    """Whether the graph files are as they were when sealed; a folder without a seal counts as sealed."""
    try:
        sealed = json.loads((folder / SEAL_FILE).read_text(encoding="utf-8"))
        return bool(sealed == _graph_files(folder))
    except FileNotFoundError:
        return not (folder / SEAL_FILE).exists()
    except (OSError, ValueError):
        return False


def blank_unused(folder: Path) -> None:
    """Overwrite with zeros the room in the graph files below a Chroma folder that no saved entry takes.

    It is written as it lay in memory (1.5.9), and that may be the text of briefs, forgotten ones among them.
    """
    for header in folder.glob(f"*/{HEADER_FILE}"):
        counts = header.read_bytes()[_COUNTS]
        if len(counts) == _COUNTED.size:
            entries, entry_bytes = _COUNTED.unpack(counts)
            saved = entries if (header.parent / METADATA_FILE).exists() else 0
            for name, size in ((ENTRIES_FILE, entry_bytes), (LENGTHS_FILE, LENGTH_BYTES)):
                _blank(header.parent / name, saved * size)


def _blank(path: Path, start: int) -> None:
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(start)
        room = file.read()
    if room.count(0) < len(room):
        with path.open("r+b") as file:
            file.seek(start)
            file.write(bytes(len(room)))


def _graph_files(folder: Path) -> dict[str, list[int | str]]:
    """Fingerprint the graphs that were saved. Without its metadata Chroma makes a graph anew from its log."""
    files = (path for saved in folder.glob(f"*/{METADATA_FILE}") for path in saved.parent.iterdir())
    return {str(path.relative_to(folder)): _fingerprint(path) for path in sorted(files)}


def _fingerprint(path: Path) -> list[int | str]:
    size = path.stat().st_size
    with path.open("rb") as file:
        digest = hashlib.sha256(file.read(EDGE_BYTES))
        if size > EDGE_BYTES:
            file.seek(max(EDGE_BYTES, size - EDGE_BYTES))
            digest.update(file.read())
    return [size, digest.hexdigest()]
