"""A conversation as a PDF: A4, real text, an outline of the questions, page numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from rag.export.contents import Block, Style, begins_rtl, contents, line
from rag.export.conversation import ExportedTurn, made_on
from rag.export.fonts import CORE, SIGN, Fonts, open_fonts

MARGIN_MM = 20.0
PT_MM = 25.4 / 72
LINE = 1.4
"""Height of a line in font sizes."""

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Look:
    """How a block is set: font size and space before it in points, indent in mm."""

    size: float
    before: float = 3
    indent: float = 0
    colour: Colour = (0, 0, 0)


HEADING: Colour = (20, 50, 95)
GREY: Colour = (85, 85, 85)

LOOKS: Mapping[Style, Look] = MappingProxyType(
    {
        "title": Look(20, 0, colour=HEADING),
        "section": Look(14, 18, colour=HEADING),
        "question": Look(13, 14, colour=HEADING),
        "quiet": Look(9, colour=GREY),
        "sentence": Look(10.5, 4),
        "item": Look(10.5, 2, indent=5),
        "note": Look(10, 4),
        "reference": Look(10, 9),
        "quote": Look(10, 2, indent=8),
        "detail": Look(8.5, 1, indent=8, colour=GREY),
    }
)

HEADINGS: frozenset[Style] = frozenset({"title", "section", "question"})

# Room without which a block moves to the next page, so that what it heads is not far from it.
ROOM_MM: Mapping[Style, float] = MappingProxyType({"title": 30, "section": 30, "question": 30, "reference": 20})

# Lines may break at spaces, and before and after each ideograph, kana or Hangul syllable.
_PIECES = re.compile("([ \u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef])")

# Scripts whose letters change with their neighbours: Indic ones, beside those written from right to left.
_INDIC = re.compile("[\u0900-\u0dff]")


def write_pdf(title: str, turns: Sequence[ExportedTurn]) -> bytes:
    """Return the conversation as a PDF."""
    blocks = list(contents(title, turns))
    texts = [_text(block) for block in blocks]
    pdf = _Pages(format="A4")
    with TemporaryDirectory() as folder:
        fonts = open_fonts(pdf, Path(folder), set("".join(texts)) - {"\n"})
        pdf.prepare(line(title), made_on(turns), fonts)
        typesetter = _Typesetter(pdf, fonts)
        for block, text in zip(blocks, texts, strict=True):
            typesetter.put(block.style, fonts.fit(text))
        lacking = sum(fonts.family(c) is None for text in texts for c in text if c not in "\n\u200c\u200d")
        if lacking:
            typesetter.put("note", _of_lacking(lacking, fonts))
        data = bytes(pdf.output())
    return data if made_on(turns) else _undated(data)


class _Pages(FPDF):
    """Pages with their numbers."""

    def prepare(self, title: str, made: datetime | None, fonts: Fonts) -> None:
        """Set what holds for the whole document, and begin the first page."""
        self.alias_nb_pages("")  # else "{nb}" in a brief turns into the number of pages
        self.set_title(title)
        self.set_lang("en")
        self.set_producer("geobrief")
        self.set_creation_date(made or _UNKNOWN)
        self.set_margin(MARGIN_MM)
        self.set_auto_page_break(True, MARGIN_MM)
        self.c_margin = 0
        self.set_font(fonts.families[0], size=9)
        self.add_page()

    def footer(self) -> None:
        """Write the number of the page."""
        self.set_xy(MARGIN_MM, -MARGIN_MM / 2 - 4)
        self.set_font_size(9)
        self.set_text_color(*GREY)
        self.cell(self.w - 2 * MARGIN_MM, 4, str(self.page_no()), align="C")


@dataclass(frozen=True)
class _Typesetter:
    """Sets blocks below each other, row by row: fpdf2's `multi_cell` takes up to 20 times as long."""

    pdf: _Pages
    fonts: Fonts

    def put(self, style: Style, text: str) -> None:
        """Set a block, its text without characters that no font has."""
        look = LOOKS[style]
        self._make_room(style, look)
        if style in HEADINGS:
            self.pdf.start_section(text, level=0 if style == "title" else 1)
        self.pdf.set_text_color(*look.colour)
        self.pdf.set_left_margin(MARGIN_MM + look.indent)
        self.pdf.set_x(self.pdf.l_margin)
        for paragraph in text.split("\n"):
            rtl = begins_rtl(paragraph)
            place = self._shape if _is_shaped(paragraph) and self.fonts.families[0] != CORE else self._place
            for row in self._rows(paragraph, self.pdf.epw / (look.size * PT_MM) * 1000):
                place(row, look, rtl)
        self.pdf.set_left_margin(MARGIN_MM)

    def _make_room(self, style: Style, look: Look) -> None:
        if self.pdf.will_page_break(ROOM_MM.get(style, 0)):
            self.pdf.add_page()
        elif self.pdf.get_y() > MARGIN_MM:
            self.pdf.ln(look.before * PT_MM)

    def _place(self, row: str, look: Look, rtl: bool) -> None:
        for family, run in groupby(row, self.fonts.family):
            text = "".join(run)
            self.pdf.set_font(family or self.fonts.families[0], size=look.size)
            self.pdf.cell(self.fonts.width(text) * look.size * PT_MM / 1000, look.size * PT_MM * LINE, text)
        self.pdf.ln(look.size * PT_MM * LINE)

    def _shape(self, row: str, look: Look, rtl: bool) -> None:
        pdf = self.pdf
        pdf.set_font(self.fonts.families[0], size=look.size)
        pdf.set_fallback_fonts(self.fonts.families[1:], exact_match=False)
        pdf.set_text_shaping(True, direction="rtl" if rtl else "ltr")
        pdf.cell(0, look.size * PT_MM * LINE, row, align="R" if rtl else "L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        pdf.set_text_shaping(False)
        pdf.set_fallback_fonts([])

    def _rows(self, text: str, width: float) -> Iterator[str]:
        """Break a text into rows, at a character where a word is longer than a row."""
        row, used = "", 0.0
        for piece in self._pieces(text, width):
            size = self.fonts.width(piece)
            if used + size > width and row:
                yield row.rstrip(" ")
                row, used = "", 0.0
            if row or piece != " ":
                row, used = row + piece, used + size
        yield row

    def _pieces(self, text: str, width: float) -> Iterator[str]:
        for piece in filter(None, _PIECES.split(text)):
            if self.fonts.width(piece) <= width:
                yield piece
            else:
                yield from piece


# Stands for no date until the file is written, since fpdf2 always writes one.
_UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)


def _undated(data: bytes) -> bytes:
    """Blank the date out, so that no byte moves."""
    mark = re.search(rb"/CreationDate \(D:1970[^)]*\)", data)
    return data if mark is None else data[: mark.start()] + b" " * len(mark[0]) + data[mark.end() :]


def _text(block: Block) -> str:
    marks = "".join(f"[{n}]" for n in block.numbers)
    lead = "•" if block.style == "item" else block.lead
    text = f"“{block.text}”" if block.style == "quote" else block.text
    return " ".join(filter(None, [lead, text, marks, block.remark and f"({block.remark})"]))


def _of_lacking(count: int, fonts: Fonts) -> str:
    told = "1 character of this text is" if count == 1 else f"{count} characters of this text are"
    return fonts.fit(f"{told} in no font at hand: “{SIGN}” stands for each. The JSON export has them.")


def _is_shaped(text: str) -> bool:
    """Whether letters of the text change with their neighbours, or run from right to left, and can be set so."""
    changing = _INDIC.search(text) or any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for c in set(text))
    return bool(changing) and find_spec("uharfbuzz") is not None
