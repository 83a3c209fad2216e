"""What an LLM is told, as text to be reviewed. Variables stand in braces; `prompt` fills them in and checks them."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from string import Formatter


def prompt(name: str, **values: str) -> str:
    """Return the prompt of a file with its variables filled in.

    Raises:
        ValueError: if the variables given are not exactly those of the prompt.
    """
    text = _text(name)
    wanted = variables(name)
    if wanted != values.keys():
        raise ValueError(f"prompt {name} has the variables {sorted(wanted)}, not {sorted(values)}")
    return text.format(**values)


def variables(name: str) -> set[str]:
    """Return the variables of a prompt."""
    return {field for _, field, _, _ in Formatter().parse(_text(name)) if field}


def fence(text: str) -> str:
    """Return a line that the text does not hold: it depends on the text, so that no brief can foresee it."""
    return f"=== {hashlib.sha256(text.encode()).hexdigest()[:12]} ==="


@cache
def _text(name: str) -> str:
    return (files("rag.prompts") / f"{name}.md").read_text("utf-8").strip()
