"""Fonts for a PDF: those of a package first, then those of the system that cover what is left."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from fontTools.ttLib import TTLibError  # type: ignore[import-untyped, unused-ignore]
from fpdf import FPDF
from fpdf.fonts import TTFFont

log = logging.getLogger(__name__)

SIGN = "\ufffd"
"""Shown for a character that no font has."""

# FiraGO has Latin, Cyrillic, Greek, Arabic, Hebrew, Georgian, Devanagari and Thai; Noto Sans the rarer Latin ones.
PACKAGED = ("figo", "notos")

SYSTEM = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
    "/usr/share/fonts/TTF/DejaVuSans.ttf",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
    "C:/Windows/Fonts/arial.ttf",
    "C:/Windows/Fonts/msyh.ttc",
)

CORE = "helvetica"
"""Every PDF reader has it; it has the Western European letters alone."""

CORE_ENCODING = "cp1252"
"""What PDF calls WinAnsiEncoding."""


@dataclass(frozen=True)
class Fonts:
    """The fonts of one PDF, the first that has a character first.

    Attributes:
        families: names by which the PDF knows them.
    """

    pdf: FPDF
    families: tuple[str, ...]
    _family: dict[str, str | None] = field(default_factory=dict)
    _width: dict[str, float] = field(default_factory=dict)

    def family(self, character: str) -> str | None:
        """Return the font that has the character; None where none has."""
        if character not in self._family:
            held = (name for name in self.families if _has(self.pdf, name, character))
            self._family[character] = next(held, None)
        return self._family[character]

    def fit(self, text: str) -> str:
        """Return the text with a sign for each character that no font has; joiners that none has are left out."""
        sign = SIGN if self.family(SIGN) else "?"
        lacking = {ord(c): "" if c in "\u200c\u200d" else sign for c in set(text) - {"\n"} if not self.family(c)}
        return text.translate(lacking)

    def width(self, word: str) -> float:
        """Return the advance of a word whose characters the fonts have, in thousandths of the font size."""
        if word not in self._width:
            self._width[word] = sum(map(self._advance, word))
        return self._width[word]

    def _advance(self, character: str) -> float:
        font = self.pdf.fonts[self.family(character) or self.families[0]]
        return float(font.cw[ord(character)] if isinstance(font, TTFFont) else font.cw[_in_core(character) or "?"])


def open_fonts(pdf: FPDF, folder: Path, characters: Collection[str]) -> Fonts:
    """Add the fonts to the PDF that the characters need.

    Args:
        folder: packaged fonts are written there; they must stay until the PDF is written.
    """
    families: list[str] = []
    missing = {*characters, SIGN}
    for found in _files(folder):
        if not missing:
            break
        name = f"text{len(families)}"
        if _add(pdf, name, found):
            held = {character for character in missing if _has(pdf, name, character)}
            if held or not families:
                families.append(name)
                missing -= held
            else:
                _drop(pdf, name)
    if not families:
        pdf.core_fonts_encoding = CORE_ENCODING
        pdf.set_font(CORE)
        families.append(CORE)
    return Fonts(pdf, tuple(families))


def _files(folder: Path) -> Iterator[Path]:
    # The fonts come as an optional part of the installation, without types.
    if find_spec("pymupdf_fonts") is not None:
        load: Callable[[str], bytes] = import_module("pymupdf_fonts").myfont
        for code in PACKAGED:
            path = folder / f"{code}.ttf"
            path.write_bytes(load(code))
            yield path
    yield from (path for path in map(Path, SYSTEM) if path.is_file())


def _add(pdf: FPDF, name: str, path: Path) -> bool:
    try:
        pdf.add_font(name, fname=path)
    except (OSError, TTLibError) as error:
        log.warning("font %s cannot be used: %s", path, error)
        return False
    font = pdf.fonts[name]
    if isinstance(font, TTFFont) and "TTFA" in font.ttfont:
        del font.ttfont["TTFA"]  # notes of a hinting tool, of which fontTools warns that they are dropped
    return True


def _drop(pdf: FPDF, name: str) -> None:
    font = pdf.fonts.pop(name)
    if isinstance(font, TTFFont):
        font.close()


def _has(pdf: FPDF, name: str, character: str) -> bool:
    if name == CORE:
        return _in_core(character) is not None
    font = pdf.fonts[name]
    return isinstance(font, TTFFont) and ord(character) in font.cmap


def _in_core(character: str) -> str | None:
    """Return the name of the character's width in a core font; None where such a font does not have it."""
    try:
        return character.encode(CORE_ENCODING).decode("latin-1")
    except UnicodeEncodeError:
        return None
