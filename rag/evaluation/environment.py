"""What the figures of a run depend on beside its questions."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rag.evaluation.records import Environment
from rag.settings import Settings

PACKAGE = Path(__file__).parents[1]
INDEXING = (
    *("load", "split.py", "build.py", "ingest.py", "index.py", "catalogue", "places.py", "vectors", "embedding.py"),
    *("lexicon.py", "rarity.py", "types.py"),
)
"""What an index depends on beside texts, model and splitter."""
PACKAGES = ("chromadb", "langchain-core", "numpy", "sentence-transformers", "torch", "transformers", "ir-measures")


def environment(settings: Settings, *, seed: int) -> Environment:
    """Describe this machine and this geobrief, without any password."""
    return Environment(
        geobrief=_version("geobrief"),
        code_digest=code_digest(),
        settings_digest=settings.digest(),
        settings=settings.without_user().model_dump(mode="json", exclude={"index"}),
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        cpus=os.cpu_count() or 1,
        packages={name: _version(name) for name in PACKAGES},
        seed=seed,
    )


@cache
def code_digest(parts: tuple[str, ...] = (".",)) -> str:
    """Return the SHA-256 of the package's own files, or of some folders and files of it: names and bytes."""
    digest = hashlib.sha256()
    for path in sorted(_files(parts)):
        digest.update(path.relative_to(PACKAGE).as_posix().encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files(parts: Iterable[str]) -> set[Path]:
    chosen = [PACKAGE / part for part in parts]
    inside = [path for part in chosen for path in ([part] if part.is_file() else part.rglob("*"))]
    return {path for path in inside if path.is_file() and "__pycache__" not in path.parts}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
