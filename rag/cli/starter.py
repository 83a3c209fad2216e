"""The starter corpus that comes with the package."""

from __future__ import annotations

from pathlib import Path

from rag.errors import UsageError

FOLDER = Path(__file__).parents[1] / "data" / "starter" / "corpus"
"""In a checkout a link to corpus/."""


def starter_corpus() -> str:
    """Return the folder of the starter corpus, with links resolved.

    Raises:
        UsageError: if the installation lacks it.
    """
    if not FOLDER.is_dir():
        raise UsageError(
            f"the starter corpus is not at {FOLDER}; install geobrief again (a checkout needs symbolic links: "
            "`git config core.symlinks true`)"
        )
    return str(FOLDER.resolve())
