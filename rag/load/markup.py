"""Elements of a web page as Markdown, word for word: headings, paragraphs, lists and tables."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

MAX_SPAN = 50
# A cell with more text than this is a column of a page layout.
MOST_COLUMNS = 200
MAX_CELL_CHARS = 1_000

_BLOCKS = {
    *("address", "article", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl", "dt", "fieldset"),
    *("figcaption", "figure", "form", "header", "hgroup", "hr", "li", "main", "p", "section", "summary"),
    *("tbody", "td", "tfoot", "th", "thead", "tr"),
}
_SKIPPED = {
    *("aside", "audio", "button", "canvas", "dialog", "footer", "head", "input", "nav", "script", "select", "textarea"),
    "video",
}
_HEADINGS = {f"h{level}": level for level in range(1, 7)}


def markdown(element: Any) -> str:
    """Text of an element, blocks separated by blank lines; navigation, asides and controls are left out."""
    return "\n\n".join(_blocks(element))


def _blocks(element: Any) -> list[str]:
    writer = _Writer()
    writer.visit(element)
    writer.end_block()
    return writer.blocks


@dataclass(slots=True)
class _Writer:
    """Collects finished blocks, and the inline text of the one that is open."""

    blocks: list[str] = field(default_factory=list)
    inline: list[str] = field(default_factory=list)

    def visit(self, element: Any) -> None:
        self.say(element.text)
        for child in element:
            if isinstance(child.tag, str):
                self.child(child)
            self.say(child.tail)

    def say(self, text: str | None) -> None:
        self.inline.append(re.sub(r"\s+", " ", text or ""))

    def child(self, element: Any) -> None:
        tag = element.tag
        if tag in _SKIPPED:
            return
        if tag == "br":
            self.inline.append("\n")
        elif tag == "q":
            self.inline.append("“")
            self.visit(element)
            self.inline.append("”")
        elif tag in _HEADINGS:
            self.add(_on_one_line(element), prefix="#" * _HEADINGS[tag] + " ")
        elif tag in ("ul", "ol"):
            self.add(_list(element))
        elif tag == "pre":
            self.add("".join(element.itertext()).strip("\r\n"))
        elif tag == "table":
            self.table(element)
        elif tag in _BLOCKS:
            self.end_block()
            self.visit(element)
            self.end_block()
        else:
            self.visit(element)

    def table(self, element: Any) -> None:
        # A table around another one lays out a page. Its cells are not rendered to tell that: it would take 2^depth.
        rows = [] if element.find(".//table") is not None else _rows(element)
        if _is_layout(element, rows):
            self.end_block()
            self.visit(element)
            self.end_block()
            return
        for caption in element.findall("caption"):
            self.add(_on_one_line(caption))
        width = max(len(row) for row in rows)
        lines = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in rows]
        self.add("\n".join([lines[0], "|" + "---|" * width, *lines[1:]]))

    def add(self, block: str, *, prefix: str = "") -> None:
        self.end_block()
        if block.strip():
            self.blocks.append(prefix + block)

    def end_block(self) -> None:
        lines = (" ".join(line.split()) for line in "".join(self.inline).split("\n"))
        self.inline.clear()
        paragraphs = re.split(r"\n{2,}", "\n".join(lines).strip("\n"))
        self.blocks.extend(paragraph for paragraph in paragraphs if paragraph)


def _on_one_line(element: Any) -> str:
    return " ".join(" ".join(_blocks(element)).split())


def _list(element: Any) -> str:
    """Items with their marker; what is inside an item is indented below it."""
    start = element.get("start", "1")
    number = int(start) if re.fullmatch(r"\d{1,6}", start) else 1
    lines: list[str] = []
    for item in element:
        inside = "\n".join(_blocks(item)) if item.tag == "li" else _list(item) if item.tag in ("ul", "ol") else ""
        if inside and item.tag == "li":
            lines.append((f"{number}. " if element.tag == "ol" else "- ") + inside.replace("\n", "\n  "))
            number += 1
        elif inside:
            lines.append("  " + inside.replace("\n", "\n  "))
    return "\n".join(lines)


def _rows(table: Any) -> list[list[str]]:
    """Cell texts by row. A cell that spans columns stands in the first, one that spans rows in each."""
    rows: list[list[str]] = []
    held: dict[int, tuple[str, int]] = {}  # column -> text and number of rows that it still covers
    for tr in table.iter("tr"):
        if next(tr.iterancestors("table")) is not table:
            continue
        row: list[str] = []
        below: dict[int, tuple[str, int]] = {}
        for cell in tr.iterchildren("td", "th"):
            _repeat_held(row, held, below)
            text = _on_one_line(cell).replace("|", "\\|")
            if _span(cell, "rowspan") > 1:
                below[len(row)] = (text, _span(cell, "rowspan") - 1)
            row.extend([text, *[""] * (_span(cell, "colspan") - 1)])
        _repeat_held(row, held, below)
        held = below
        if any(row):
            rows.append(row)
    return rows


def _repeat_held(row: list[str], held: dict[int, tuple[str, int]], below: dict[int, tuple[str, int]]) -> None:
    while len(row) in held:
        text, n_rows = held[len(row)]
        if n_rows > 1:
            below[len(row)] = (text, n_rows - 1)
        row.append(text)


def _span(cell: Any, name: str) -> int:
    value = cell.get(name, "1").strip()
    return min(max(int(value), 1), MAX_SPAN) if re.fullmatch(r"\d{1,6}", value) else 1


def _is_layout(table: Any, rows: list[list[str]]) -> bool:
    """Whether a table only arranges the page: one row or column, hundreds of them, or cells that are whole texts."""
    if len(rows) < 2 or not 2 <= max(len(row) for row in rows) <= MOST_COLUMNS:
        return True
    return any(len(cell) > MAX_CELL_CHARS for row in rows for cell in row)
