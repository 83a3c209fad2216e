"""A conversation as a DOCX document: text, headings and links within the document, nothing else.

Reference numbers are written out, not counted by Word: where a paragraph is deleted, the others keep their numbers.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import docx
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Pt, RGBColor

from rag.export.contents import Block, Style, begins_rtl, contents, line
from rag.export.conversation import ExportedTurn, made_on

STYLES: dict[Style, str] = {
    "title": "Title",
    "section": "Heading 1",
    "question": "Heading 1",
    "item": "List Bullet",
    "quote": "Quote",
    "quiet": "Quiet",
    "detail": "Quiet",
}

MAX_TITLE_CHARS = 255
"""Of a core property. Source: python-docx refuses longer ones."""

# The earliest that a ZIP file can hold. The time of writing would make each export differ.
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_docx(title: str, turns: Sequence[ExportedTurn]) -> bytes:
    """Return the conversation as a DOCX file."""
    document = docx.Document()
    _set_properties(document.core_properties, title, made_on(turns))
    _add_quiet_style(document.styles)
    ids = {name: document.styles[name].style_id for name in {*STYLES.values(), "Normal"}}
    body = document.element.body
    end = body.sectPr
    for block in contents(title, turns):
        # Built as XML: `add_paragraph` looks for the end of the body from its start each time.
        end.addprevious(_paragraph(block, ids[STYLES.get(block.style, "Normal")]))
    written = io.BytesIO()
    document.save(written)
    return _with_fixed_times(written.getvalue())


def _set_properties(properties: Any, title: str, made: datetime | None) -> None:
    properties.title = line(title)[:MAX_TITLE_CHARS]
    properties.author = properties.last_modified_by = "geobrief"
    properties.comments = ""
    properties.language = "en"
    if made is not None:
        properties.created = properties.modified = made.replace(tzinfo=None)
        return
    for name in ("dcterms:created", "dcterms:modified"):
        for element in properties._element.findall(qn(name)):
            properties._element.remove(element)


def _add_quiet_style(styles: Any) -> None:
    style = styles.add_style("Quiet", 1)
    style.base_style = styles["Normal"]
    style.font.size = Pt(9)
    style.font.color.rgb = RGBColor(0x55, 0x55, 0x55)


def _paragraph(block: Block, style_id: str) -> Any:
    paragraph = OxmlElement("w:p")
    properties = _child(paragraph, "w:pPr")
    _child(properties, "w:pStyle", val=style_id)
    rtl = begins_rtl(block.text)
    if rtl:
        _child(properties, "w:bidi")
    if block.anchor is not None:
        _child(paragraph, "w:bookmarkStart", id=str(block.anchor), name=_bookmark(block.anchor))
    if block.lead:
        paragraph.append(_run(f"{block.lead} ", bold=True))
    if block.anchor is not None:
        _child(paragraph, "w:bookmarkEnd", id=str(block.anchor))
    paragraph.append(_run(block.text, rtl=rtl))
    if block.numbers:
        paragraph.append(_run(" "))
    for n in block.numbers:
        _child(paragraph, "w:hyperlink", anchor=_bookmark(n)).append(_run(f"[{n}]"))
    if block.remark:
        paragraph.append(_run(f" ({block.remark})", italic=True))
    return paragraph


def _run(text: str, *, bold: bool = False, italic: bool = False, rtl: bool = False) -> Any:
    run = OxmlElement("w:r")
    kinds = [name for name, on in (("w:b", bold), ("w:i", italic), ("w:rtl", rtl)) if on]
    if kinds:
        properties = _child(run, "w:rPr")
        for name in kinds:
            _child(properties, name)
    for i, part in enumerate(text.split("\n")):
        if i:
            _child(run, "w:br")
        held = _child(run, "w:t")
        held.text = part
        held.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    return run


def _child(parent: Any, tag: str, /, **attributes: str) -> Any:
    child = OxmlElement(tag)
    for key, value in attributes.items():
        child.set(qn(f"w:{key}"), value)
    parent.append(child)
    return child


def _bookmark(n: int) -> str:
    return f"reference_{n}"


def _with_fixed_times(data: bytes) -> bytes:
    rewritten = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(rewritten, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(
                zipfile.ZipInfo(entry.filename, _ZIP_EPOCH), old.read(entry), compress_type=zipfile.ZIP_DEFLATED
            )
    return rewritten.getvalue()
