"""How a starter brief is written as a page, PDF, DOCX, feed or JSONL: a few blocks of Markdown, a writer for each."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from email.utils import format_datetime
from html import escape
from pathlib import Path
from typing import cast

import docx
from docx.document import Document
from fpdf import FPDF

from rag.errors import SourceError
from rag.types import Brief

FIELDS = ("id", "title", "date", "source", "language", "region", "topics", "reliability", "credibility", "based_on")
"""The fields of a brief that a format may carry."""

# The earliest time that a zip archive can state.
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
UNIX = 3

# As numbers, since fpdf2 warns when it is asked for "A5".
A5_MM = (148, 210)

RULE = re.compile(r"^\|(?: ?-+ ?\|)+$", re.MULTILINE)
"""The line between head and body of a Markdown table."""


@dataclass(frozen=True, slots=True)
class Source:
    """One brief to be rendered.

    Attributes:
        front: its front matter as written, without `format` and `file`.
        brief: all that the front matter and the text say.
        file: name of the file that it is rendered into.
    """

    path: Path
    format: str
    file: str
    story: str
    front: str
    brief: Brief


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the second level."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Text without line breaks."""

    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list with bullets."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Cells by row; the first row is the header."""

    rows: tuple[tuple[str, ...], ...]


Block = Heading | Paragraph | Items | Table


def dateline(brief: Brief) -> str:
    """Source and date as a reader likes to see them."""
    day = published(brief)
    return f"{brief.source}, {day.day} {day:%B %Y}"


def published(brief: Brief) -> datetime:
    """Midnight of the day of publication, in UTC.

    Raises:
        SourceError: if the brief does not state a day.
    """
    if brief.date is None or brief.date.start != brief.date.end:
        raise SourceError(f"{brief.id}: date is {brief.date}; state the day")
    return datetime.combine(brief.date.start, time(), UTC)


def blocks(text: str) -> Iterator[Block]:
    """Split the Markdown of a brief. Headings of level two, bullets, tables and paragraphs are known."""
    for piece in text.split("\n\n"):
        lines = piece.split("\n")
        if piece.startswith("## "):
            yield Heading(piece.removeprefix("## "))
        elif piece.startswith("- "):
            yield Items(tuple(line.removeprefix("- ") for line in lines))
        elif piece.startswith("|"):
            yield Table(tuple(_cells(line) for line in lines if not RULE.fullmatch(line)))
        else:
            yield Paragraph(piece)


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.strip("|").split("|"))


def html_page(group: Sequence[Source]) -> bytes:
    """Write a page. The title stands beside the article, since it is not part of the text."""
    (source,) = group
    brief = source.brief
    metadata = {
        "og:title": brief.title,
        "og:site_name": str(brief.source),
        "article:published_time": str(brief.date),
    }
    lines = [
        "<!DOCTYPE html>",
        f'<html lang="{brief.language}">',
        "<head>",
        '<meta charset="utf-8">',
        f"<title>{escape(brief.title)}</title>",
        *(f'<meta property="{name}" content="{escape(content)}">' for name, content in metadata.items()),
        f'<meta name="keywords" content="{escape(", ".join(brief.topics))}">',
        "</head>",
        "<body>",
        f"<header>\n<h1>{escape(brief.title)}</h1>\n<p>{escape(dateline(brief))}</p>\n</header>",
        f"<main>\n<article>\n{html_of(brief.text)}\n</article>\n</main>",
        "</body>",
        "</html>",
    ]
    return ("\n".join(lines) + "\n").encode()


def _text(text: str) -> str:
    return escape(text, quote=False)


def html_of(text: str) -> str:
    """The Markdown of a brief as HTML, one element per line."""
    return "\n".join(_html_block(block) for block in blocks(text))


def _html_block(block: Block) -> str:
    match block:
        case Heading(text):
            return f"<h2>{_text(text)}</h2>"
        case Items(items):
            return "<ul>\n" + "\n".join(f"<li>{_text(item)}</li>" for item in items) + "\n</ul>"
        case Table(rows):
            head, *body = (tuple(map(_text, row)) for row in rows)
            lines = [f"<tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr>"]
            lines += [f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in body]
            return "\n".join(["<table>", *lines, "</table>"])
        case Paragraph(text):
            return f"<p>{_text(text)}</p>"


def feed(group: Sequence[Source]) -> bytes:
    """Write an RSS feed, whose title is the source of all its briefs.

    Raises:
        SourceError: if the sources differ, or an id does not begin with the name of the file.
    """
    names = sorted({str(source.brief.source) for source in group})
    if len(names) > 1:
        raise SourceError(f"{group[0].file}: has the sources {names}; a feed has one")
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/">',
        "<channel>",
        f"<title>{_text(names[0])}</title>",
        "<link>urn:x-geobrief:starter-corpus</link>",
        "<description>Briefs of the starter corpus of geobrief</description>",
        f"<language>{group[0].brief.language}</language>",
        *(_feed_item(source) for source in group),
        "</channel>",
        "</rss>",
    ]
    return ("\n".join(lines) + "\n").encode()


def _feed_item(source: Source) -> str:
    brief = source.brief
    prefix = f"{Path(source.file).stem}-"
    if not brief.id.startswith(prefix):
        raise SourceError(f"{source.path}: id {brief.id!r} does not begin with {prefix!r}; change it or the file")
    lines = [
        "<item>",
        f"<title>{_text(brief.title)}</title>",
        # The reader puts the name of the file before the guid, so that entries of two feeds do not fall together.
        f'<guid isPermaLink="false">{brief.id.removeprefix(prefix)}</guid>',
        f"<pubDate>{format_datetime(published(brief))}</pubDate>",
        *(f"<category>{_text(topic)}</category>" for topic in brief.topics),
        f"<content:encoded>{_text(html_of(brief.text))}</content:encoded>",
        "</item>",
    ]
    return "\n".join(lines)


def json_lines(group: Sequence[Source]) -> bytes:
    """Write one object per line, with all fields of the front matter."""
    return "".join(json.dumps(_record(source), ensure_ascii=False) + "\n" for source in group).encode()


def _record(source: Source) -> dict[str, object]:
    record = {name: getattr(source.brief, name) for name in FIELDS}
    record |= {"date": str(source.brief.date), "credibility": int(source.brief.credibility or 0) or None}
    return record | {"story": source.story, "text": source.brief.text}


def word_file(group: Sequence[Source]) -> bytes:
    """Write a DOCX file that begins with the front matter; the properties repeat what they have a place for."""
    (source,) = group
    document = docx.Document()
    document.add_paragraph(f"---\n{source.front}---")
    for block in blocks(source.brief.text):
        _add_to_word(document, block)
    brief, properties = source.brief, document.core_properties
    properties.title, properties.author = brief.title, str(brief.source)
    properties.keywords, properties.language = ", ".join(brief.topics), str(brief.language)
    properties.comments, properties.last_modified_by = "", str(brief.source)
    properties.created = properties.modified = published(brief).replace(tzinfo=None)
    buffer = io.BytesIO()
    document.save(buffer)
    return _without_times(buffer)


def _add_to_word(document: Document, block: Block) -> None:
    match block:
        case Heading(text):
            document.add_heading(text, level=2)
        case Items(items):
            for item in items:
                document.add_paragraph(item, style="List Bullet")
        case Table(rows):
            table = document.add_table(len(rows), len(rows[0]), style="Table Grid")
            for row, texts in zip(table.rows, rows, strict=True):
                for cell, text in zip(row.cells, texts, strict=True):
                    cell.text = text
        case Paragraph(text):
            document.add_paragraph(text)


def _without_times(archive: io.BytesIO) -> bytes:
    """Pack a zip archive again, with one time for all members."""
    packed = io.BytesIO()
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            dated = zipfile.ZipInfo(member.filename, ZIP_EPOCH)
            dated.create_system, dated.compress_type = UNIX, zipfile.ZIP_DEFLATED
            new.writestr(dated, old.read(member))
    return packed.getvalue()


def pdf_file(group: Sequence[Source]) -> bytes:
    """Write a PDF of A5 pages that are broken only between blocks: a sentence over two pages could not be quoted."""
    (source,) = group
    brief = source.brief
    pdf = FPDF(format=A5_MM)
    pdf.set_title(brief.title)
    pdf.set_author(str(brief.source))
    pdf.set_keywords(", ".join(brief.topics))
    pdf.set_lang(str(brief.language))
    pdf.set_creation_date(published(brief))
    pdf.set_margin(16)
    pdf.add_page()
    _write(pdf, brief.title, bold=True, size_pt=14)
    _write(pdf, dateline(brief))
    for block in blocks(brief.text):
        _add_to_pdf(pdf, block)
    return bytes(pdf.output())


def _add_to_pdf(pdf: FPDF, block: Block) -> None:
    match block:
        case Heading(text):
            _write(pdf, text, bold=True, size_pt=11, room_below_mm=20)
        case Items(items):
            _write(pdf, "\n".join(f"- {item}" for item in items))
        case Paragraph(text):
            _write(pdf, text)
        case Table():
            raise SourceError("a PDF has no tables, only text at places; write a list")


def _write(pdf: FPDF, text: str, *, bold: bool = False, size_pt: int = 10, room_below_mm: int = 0) -> None:
    """Write a block and an empty line, on a new page if it would not fit."""
    pdf.set_font("Helvetica", "B" if bold else "", size_pt)
    line_mm = size_pt * 0.5
    height_mm = cast(float, pdf.multi_cell(0, line_mm, text, align="L", dry_run=True, output="HEIGHT"))
    if pdf.will_page_break(height_mm + room_below_mm):
        pdf.add_page()
    pdf.multi_cell(0, line_mm, text, align="L", new_x="LMARGIN", new_y="NEXT")
    # A line that holds a space, as word processors write an empty paragraph: the text layer knows no other gap.
    if not pdf.will_page_break(line_mm):
        pdf.cell(0, 3, " ", new_x="LMARGIN", new_y="NEXT")


RENDERERS: Mapping[str, Callable[[Sequence[Source]], bytes]] = {
    "html": html_page,
    "pdf": pdf_file,
    "docx": word_file,
    "rss": feed,
    "jsonl": json_lines,
}
