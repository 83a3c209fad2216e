"""The forms that a benchmark may have. `READERS[form]` is the seam for another one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from rag.errors import UsageError
from rag.evaluation.forms.beir import read_beir
from rag.evaluation.forms.briefs import read_briefs
from rag.evaluation.forms.rows import Faults
from rag.evaluation.forms.shared import read_shared
from rag.evaluation.forms.source import Content, Reader, Source
from rag.evaluation.forms.squad import read_squad
from rag.evaluation.question import Form

__all__ = ["READERS", "Content", "Faults", "Reader", "Source", "form_of"]

READERS: Mapping[Form, Reader] = MappingProxyType(
    {"briefs": read_briefs, "shared": read_shared, "beir": read_beir, "squad": read_squad}
)


def form_of(path: Path) -> Form:
    """Tell the form of a folder or file by what is there.

    | what is there | form |
    |---|---|
    | a .json file | squad |
    | a folder with dataset.json that names a corpus or question files | briefs |
    | a folder with queries.jsonl | beir |
    | a folder with questions.jsonl, pairs.jsonl or corpus.jsonl | shared |

    Raises:
        UsageError: if it has none of them.
    """
    if not path.is_dir():
        if path.suffix.lower() == ".json":
            return "squad"
        raise UsageError(f"{path}: is no dataset; name a folder, or a .json file in SQuAD's form")
    if (path / "dataset.json").is_file() and not _is_declaration(path / "dataset.json"):
        return "briefs"
    if (path / "queries.jsonl").is_file():
        return "beir"
    if any((path / name).is_file() for name in ("questions.jsonl", "pairs.jsonl", "corpus.jsonl")):
        return "shared"
    raise UsageError(
        f"{path}: holds no dataset; add a dataset.json (briefs), corpus.jsonl with questions.jsonl or pairs.jsonl, "
        "or corpus.jsonl with queries.jsonl and qrels (BEIR)"
    )


def _is_declaration(manifest: Path) -> bool:
    """Whether a dataset.json only declares, beside a corpus.jsonl; a broken one is for its reader to tell."""
    beside = any((manifest.parent / name).is_file() for name in ("corpus.jsonl", "pairs.jsonl"))
    try:
        fields = json.loads(manifest.read_bytes())
    except ValueError:
        return beside
    return beside and not (isinstance(fields, dict) and ("corpus" in fields or "questions" in fields))
