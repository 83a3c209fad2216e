"""PDF files with a text layer, with the offset of each page."""

from __future__ import annotations

import io
import logging
import re
from typing import TYPE_CHECKING

from rag.errors import SourceError
from rag.load.brief import Parsed, make_brief, reading, sensible_title, title_of
from rag.load.text import tidy

if TYPE_CHECKING:
    from pypdf import PdfReader

MAX_PAGES = 5_000
MAX_TEXT_CHARS = 20_000_000

# A line is broken on purpose when the next word would have fitted into this share of the page's longest line. Not 1.0,
# since in a proportional font lines of one width differ in their number of characters.
FILLED_SHARE = 0.8

_BULLET = re.compile(r"[•▪◦●○■□‣⁃∙·*-]\s+")
_LONE_BULLET = re.compile(r"[•▪◦●○■□‣⁃∙]")
_NUMBER = re.compile(r"(\d{1,2}|[a-z])[.)]\s+\S")
_SENTENCE_END = re.compile(r"[.!?:;…][\"'”’)\]]*$")


def read_pdf(
    data: bytes,
    default_id: str,
    fallback_title: str,
    *,
    max_pages: int = MAX_PAGES,
    max_chars: int = MAX_TEXT_CHARS,
) -> Parsed:
    """Read one brief. It is undated: the creation date of a PDF is that of the file, not of the text.

    Pages are joined by a blank line; a page without text starts where the one before ends.

    Raises:
        SourceError: if it is encrypted, damaged, over a limit, or has no text layer.
    """
    from pypdf.errors import DeprecationError, PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    with reading("PDF", PyPdfError, DeprecationError):
        reader = _open(data)
        if len(reader.pages) > max_pages:
            raise SourceError(f"has {len(reader.pages):,} pages, over the limit of {max_pages:,}; split it")
        pages = _pages(reader, max_chars)
        stated = sensible_title(reader.metadata.title if reader.metadata else None)
    text, starts = _join(pages)
    if not text:
        raise SourceError("has no text layer; run OCR first")
    titles = (tidy(stated) if stated else None, title_of(text), fallback_title)
    return Parsed((make_brief({}, text, default_id=default_id, titles=titles, page_starts=starts),))


def _open(data: bytes) -> PdfReader:
    from pypdf import PasswordType, PdfReader

    reader = PdfReader(io.BytesIO(data))
    # Many files that only forbid printing are encrypted with the empty password.
    if reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED:
        raise SourceError("is encrypted; remove the password")
    return reader


def _pages(reader: PdfReader, max_chars: int) -> list[str]:
    texts: list[str] = []
    n_chars = 0
    for page in reader.pages:
        texts.append(flow(tidy(page.extract_text())))
        n_chars += len(texts[-1])
        if n_chars > max_chars:
            raise SourceError(f"holds more than {max_chars:,} characters of text; split it")
    return texts


def _join(pages: list[str]) -> tuple[str, tuple[int, ...]]:
    parts: list[str] = []
    starts: list[int] = []
    length = 0
    for page in pages:
        if page and length:
            parts.append("\n\n")
            length += 2
        starts.append(length)
        parts.append(page)
        length += len(page)
    return "".join(parts), tuple(starts)


def flow(page: str) -> str:
    """Undo the hard line breaks of a page: one line for each paragraph and list item.

    | page | text |
    |---|---|
    | They will cooperate in space and nucle- / ar energy. | They will cooperate in space and nuclear energy. |
    | Sectors: / • space / • nuclear energy | Sectors: / - space / - nuclear energy |
    """
    lines = [" ".join(line.split()) for line in page.split("\n")]
    width = max((len(line) for line in lines), default=0)
    pieces: list[str] = []
    last = ""  # the line above; empty after a blank one
    for line in lines:
        if line and pieces:
            between = _between(last, line, width)
            if between is None:
                pieces[-1] = pieces[-1][:-1]
            pieces.append(between or "")
        if line:
            pieces.append(_as_item(line))
        last = line
    return "".join(pieces)


def _between(last: str, line: str, width: int) -> str | None:
    """What stands between two lines; None joins the halves of a hyphenated word."""
    if not last:
        return "\n\n"
    if _LONE_BULLET.fullmatch(last):
        return " "
    if _BULLET.match(line) or _LONE_BULLET.fullmatch(line) or _NUMBER.match(line):
        return "\n"
    if last.endswith("-") and last[-2:-1].islower() and line[0].islower():
        return None
    return "\n\n" if _is_broken_on_purpose(last, line, width) else " "


def _is_broken_on_purpose(last: str, line: str, width: int) -> bool:
    fits = len(last) + 1 + len(line.split(" ", 1)[0]) < FILLED_SHARE * width
    return fits and (_SENTENCE_END.search(last) is not None or not line[0].islower())


def _as_item(line: str) -> str:
    bullet = _BULLET.match(line)
    if bullet:
        return "- " + line[bullet.end() :]
    return "-" if _LONE_BULLET.fullmatch(line) else line
