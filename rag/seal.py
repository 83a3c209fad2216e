"""A seal on Chroma's graph files: what they were after the last write that ended.

Files that differ were saved by a process that was killed while it did so, or are just being saved.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

SEAL_FILE = "seal.json"
METADATA_FILE = "index_metadata.pickle"
ROOM_FILE = "data_level0.bin"
EDGE_BYTES = 1_000_000
"""Of a file, this much from its start and from its end is digested: a write that stops leaves it shorter."""


def seal(folder: Path) -> None:
    """Write down what the graph files below a Chroma folder are now."""
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


def blank_unsaved(folder: Path) -> None:
    """Overwrite with zeros the room that Chroma makes for a graph which it has not saved yet.

    It is written as it lay in memory (1.5.9), and that may be the text of briefs, forgotten ones among them.
    """
    for path in folder.glob(f"*/{ROOM_FILE}"):
        if not (path.parent / METADATA_FILE).exists():
            path.write_bytes(bytes(path.stat().st_size))


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
