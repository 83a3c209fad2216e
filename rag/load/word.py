"""DOCX files: paragraphs, lists and tables in document order, as Markdown."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rag.errors import SourceError
from rag.load.brief import Parsed, make_brief, reading, sensible_title, title_of
from rag.load.text import split_front_matter, tidy

if TYPE_CHECKING:
    from docx.document import Document
    from docx.table import Table, _Cell
    from docx.text.paragraph import Paragraph

MAX_UNPACKED_BYTES = 200_000_000
# Office text packs 10 to 60 times; a bomb made of one repeated byte packs about 1,000 times. Small files are let be.
MAX_RATIO = 200
MOST_COLUMNS = 1_000
MIN_BYTES_FOR_RATIO = 10_000_000

_OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)
_LIST_STYLE = re.compile(r"list (bullet|number)", re.IGNORECASE)


def read_docx(
    data: bytes,
    default_id: str,
    fallback_title: str,
    *,
    max_unpacked_bytes: int = MAX_UNPACKED_BYTES,
) -> Parsed:
    """Read one brief. Front matter typed at the top of the document counts; else it is undated.

    Raises:
        SourceError: if it is encrypted, damaged, unpacks to too much, or holds no text.
    """
    if data.startswith(_OLE_MAGIC):
        raise SourceError("is encrypted or an old .doc; save it as .docx without a password")
    import docx
    from docx.opc.exceptions import OpcError

    with reading("DOCX file", OpcError):
        _refuse_bomb(data, max_unpacked_bytes)
        document = docx.Document(io.BytesIO(data))
        text = tidy(_Writer(_number_formats(document)).write(document)).strip()
        stated = sensible_title(document.core_properties.title)
    if not text:
        raise SourceError("has no text in it; export it again from its source")
    fields, text = split_front_matter(text)
    heading = title_of(text)
    return Parsed((make_brief(fields, text, default_id=default_id, titles=(stated, heading, fallback_title)),))


def _refuse_bomb(data: bytes, max_unpacked_bytes: int) -> None:
    """Check the sizes in the zip directory; zipfile never unpacks more than they say."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > max_unpacked_bytes:
        raise SourceError(
            f"unpacks to {unpacked / 1e6:,.0f} MB, over {max_unpacked_bytes / 1e6:,.0f} MB; remove its pictures"
        )
    if unpacked > MIN_BYTES_FOR_RATIO and unpacked > MAX_RATIO * len(data):
        raise SourceError(f"unpacks to {unpacked // len(data):,} times its size; export it again from its source")


@dataclass(slots=True)
class _Writer:
    """Writes blocks as Markdown, counting numbered lists as Word does: through the document, by list and level."""

    formats: dict[tuple[int, int], str]
    counters: Counter[tuple[int, int]] = field(default_factory=Counter)

    def write(self, document: Document) -> str:
        from docx.text.paragraph import Paragraph

        _unwrap(document.element.body)
        pieces: list[str] = []
        in_list = False
        for block in document.iter_inner_content():
            listed = isinstance(block, Paragraph) and self.list_place(block) is not None
            piece = self.paragraph(block) if isinstance(block, Paragraph) else _markdown_table(block)
            if piece:
                pieces.append(("\n" if listed and in_list else "\n\n") + piece)
                in_list = listed
        return "".join(pieces)

    def paragraph(self, paragraph: Paragraph) -> str:
        text = paragraph.text.strip()
        if not text:
            return ""
        style = (paragraph.style.name or "") if paragraph.style else ""
        heading = _HEADING.match(style)
        if heading or style == "Title":
            level = min(int(heading[1]), 6) if heading else 1
            return f"{'#' * level} {' '.join(text.split())}"
        place = self.list_place(paragraph)
        if place is None:
            return text
        number_id, level = place
        return f"{'  ' * level}{self.marker(number_id, level, style)} {' '.join(text.split())}"

    def list_place(self, paragraph: Paragraph) -> tuple[int, int] | None:
        """(list id, level from 0), from the paragraph or its style; None outside lists."""
        style: Any = paragraph.style
        if style is not None and _HEADING.match(style.name or ""):
            return None
        owners: list[Any] = [paragraph._p]
        while style is not None:
            owners.append(style.element)
            style = style.base_style
        for owner in owners:
            numbering = owner.pPr.numPr if owner.pPr is not None else None
            if numbering is not None and numbering.numId is not None:
                level = numbering.ilvl.val if numbering.ilvl is not None else 0
                return (numbering.numId.val, min(level, 8)) if numbering.numId.val else None
        return (0, 0) if _LIST_STYLE.match(paragraph.style.name or "" if paragraph.style else "") else None

    def marker(self, number_id: int, level: int, style: str) -> str:
        default = "decimal" if style.lower().startswith("list number") else "bullet"
        if self.formats.get((number_id, level), default) in ("bullet", "none"):
            return "-"
        self.counters[number_id, level] += 1
        for deeper in range(level + 1, 9):
            self.counters[number_id, deeper] = 0
        return f"{self.counters[number_id, level]}."


def _unwrap(body: Any) -> None:
    """Put the content of content controls, smart tags and tracked insertions where python-docx looks for it."""
    from docx.oxml.ns import qn

    for wrapper in list(body.iter(qn("w:sdt"), qn("w:ins"), qn("w:smartTag"))):
        content = wrapper.find(qn("w:sdtContent")) if wrapper.tag == qn("w:sdt") else wrapper
        for child in list(content) if content is not None else ():
            wrapper.addprevious(child)
        wrapper.getparent().remove(wrapper)


def _number_formats(document: Document) -> dict[tuple[int, int], str]:
    """Number format ("bullet", "decimal", ...) by (list id, level)."""
    from docx.opc.constants import RELATIONSHIP_TYPE
    from docx.oxml.ns import qn

    if not any(rel.reltype == RELATIONSHIP_TYPE.NUMBERING for rel in document.part.rels.values()):
        return {}
    root = document.part.numbering_part.element
    levels: dict[tuple[str, int], str] = {}
    for abstract in root.findall(qn("w:abstractNum")):
        for level in abstract.findall(qn("w:lvl")):
            form = level.find(qn("w:numFmt"))
            if form is not None:
                levels[abstract.get(qn("w:abstractNumId")), int(level.get(qn("w:ilvl")))] = form.get(qn("w:val"))
    formats: dict[tuple[int, int], str] = {}
    for number in root.findall(qn("w:num")):
        abstract_id = number.find(qn("w:abstractNumId")).get(qn("w:val"))
        own = {place[1]: form for place, form in levels.items() if place[0] == abstract_id}
        formats.update({(int(number.get(qn("w:numId"))), level): form for level, form in own.items()})
    return formats


def _markdown_table(table: Table) -> str:
    if any(cell.grid_span > MOST_COLUMNS for row in table._tbl.tr_lst for cell in row.tc_lst):
        raise SourceError(f"has a table of more than {MOST_COLUMNS:,} columns; divide it")
    rows = [_row(row.cells) for row in table.rows]
    rows = [row for row in rows if any(row)]
    if not rows:
        return ""
    width = max(len(row) for row in rows)
    lines = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * width, *lines[1:]])


def _row(cells: tuple[_Cell, ...]) -> list[str]:
    """Texts of a row; a cell that spans columns stands in the first, one that spans rows in each."""
    texts: list[str] = []
    last: Any = None
    for cell in cells:
        texts.append("" if cell._tc is last else _cell_text(cell).replace("|", "\\|"))
        last = cell._tc
    return texts


def _cell_text(cell: _Cell) -> str:
    from docx.text.paragraph import Paragraph

    parts: list[str] = []
    for block in cell.iter_inner_content():
        if isinstance(block, Paragraph):
            parts.append(block.text)
        else:
            parts.extend(_cell_text(inner) for row in block.rows for inner in row.cells)
    return " ".join(" ".join(parts).split())
