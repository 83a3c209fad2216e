"""Answers and passages as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from rag.printable import one_line, shorten

if TYPE_CHECKING:
    from langchain_core.documents import Document

    from rag.answer import Answer, BriefRef, Citation

MAX_LINES = 25
"""An answer with its citations fits on a terminal of this height."""

QUOTE_CHARS = 400
PASSAGE_CHARS = 600


def show_answer(answer: Answer) -> None:
    """Print sentences with their numbers, then what each number stands for; at most `MAX_LINES` lines."""
    lines = _abstention_lines(answer) if answer.abstained else _answer_lines(answer)
    for line in [*lines, *(f"Note: {one_line(note)}" for note in answer.notes)][:MAX_LINES]:
        typer.echo(line)


def show_passages(passages: Sequence[Document]) -> None:
    """Print passages with where they come from."""
    if not passages:
        typer.echo("No passage in this scope.")
    for n, passage in enumerate(passages, 1):
        typer.echo(f"[{n}] {_origin(passage)}")
        typer.echo(f"    {shorten(one_line(passage.page_content), PASSAGE_CHARS)}")


def _answer_lines(answer: Answer) -> list[str]:
    lines: list[str] = [one_line(answer.remark)] if answer.remark else []
    lines += [_brief_line(ref) for ref in answer.briefs]
    for sentence in answer.sentences:
        marks = "".join(f"[{n}]" for n in dict.fromkeys(citation.n for citation in sentence.citations))
        lines.append(f"{shorten(one_line(sentence.text), QUOTE_CHARS * 2)} {marks}")
    lines += [""] * bool(answer.sentences)
    cited: dict[int, list[Citation]] = {}
    for sentence in answer.sentences:
        for citation in sentence.citations:
            cited.setdefault(citation.n, []).append(citation)
    for n, citations in sorted(cited.items()):
        spans = ", ".join(dict.fromkeys(f"{c.start}-{c.end}" for c in citations))
        passage = citations[0].passage
        page = f", page {citations[0].page}" if citations[0].page else ""
        digest = passage.metadata["text_sha256"][:12]
        lines.append(f"[{n}] {_origin(passage)}")
        lines.append(f"    {one_line(passage.metadata['brief_id'])}{page}, characters {spans}, text sha256 {digest}…")
    return lines


def _abstention_lines(answer: Answer) -> list[str]:
    lines = [one_line(answer.text)]
    if answer.nearest:
        lines += ["", "Nearest briefs:"]
        lines += [_brief_line(ref) for ref in answer.nearest]
    return lines


def _brief_line(ref: BriefRef) -> str:
    return f"  {one_line(ref.brief_id)}  {ref.date or 'undated'}  {one_line(ref.title)}"


def _origin(passage: Document) -> str:
    data = passage.metadata
    parts = [data["title"], data["date"] or "undated", data["source"]]
    return " · ".join(one_line(part) for part in parts if part)
