"""A conversation as Markdown. No text of briefs or users is read as markup by any renderer."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.export.contents import HOW_TO_CHECK, Block, Style, contents
from rag.export.conversation import ExportedTurn

_PREFIX: dict[Style, str] = {
    "title": "# ",
    "section": "## ",
    "question": "## ",
    "item": "- ",
    "quote": "> ",
}

# Written as entities, not with backslashes: some renderers keep a backslash before what is no markup to them, others
# read "\[" as the start of a formula. Found by rendering with cmark, cmark-gfm, markdown-it, mistune, marko and
# Python-Markdown.
_MARKUP = re.compile(
    r"[\\`*_\[\]{}<>&|~$^]"  # marks anywhere
    r"|^[-+=:#%!]|^\d+[.)]"  # marks at the start of a line
    r"|@+|:(?=/)|(?<=[/:])/|(?<=\w)\.(?=[^\W\d])|=="  # what makes a bare address a link; highlighting
)


def write_markdown(title: str, turns: Sequence[ExportedTurn]) -> bytes:
    """Return the conversation as Markdown in UTF-8."""
    return ("\n\n".join(map(_written, contents(title, turns))) + "\n").encode("utf-8")


def escaped(text: str) -> str:
    """Return shown text, one line or more, as Markdown that renders to nothing but it."""
    return "  \n".join(_MARKUP.sub(_entities, line) for line in text.split("\n"))


def _entities(match: re.Match[str]) -> str:
    if match[0].startswith("@"):
        # GitHub links a@b even where the sign is an entity, but not across a code span.
        return f"`{match[0]}`"
    return "".join(mark if mark.isdigit() else f"&#{ord(mark)};" for mark in match[0])


def _written(block: Block) -> str:
    lead = f"**{block.lead}** " if block.lead else ""
    text = block.text if block.text == HOW_TO_CHECK else escaped(block.text)
    marks = "".join(f"[{n}]" for n in block.numbers)
    after = [marks] if marks else []
    after += [f"*({block.remark})*"] if block.remark else []
    prefix = _PREFIX.get(block.style, "")
    body = " ".join([lead + text, *after])
    return prefix + (body.replace("\n", f"\n{prefix}") if block.style == "quote" else body)
