"""The text files of this package."""

from __future__ import annotations

from importlib.resources import files


def package_text(name: str) -> str:
    """Return a text file of this package."""
    return files("rag.ui").joinpath(name).read_text(encoding="utf-8")


def styles() -> str:
    """Return the style sheet of the page."""
    return "\n".join(package_text(name) for name in ("style.css", "corpus/corpus.css", "evaluate/evaluate.css"))
