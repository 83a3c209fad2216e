"""What every reader shares: from fields and a text to a validated `Brief`, with ids, titles and readable reasons."""

from __future__ import annotations

import hashlib
import re
import reprlib
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import ValidationError

from rag.errors import SourceError
from rag.types import Brief

MAX_TITLE_CHARS = 200
MAX_FAILURES = 100
SHOWN_CHARS = 80

_FIELDS = frozenset(Brief.model_fields) - {"text", "page_starts"}
_REMEDIES = {
    "id": "use at most 200 letters, digits and '-'",
    "title": "shorten it to 500 characters",
    "date": "write YYYY, YYYY-MM or YYYY-MM-DD",
    "source": "write one name",
    "url": "write one address",
    "language": "write one code such as en",
    "reliability": "write a grade from A to F",
    "credibility": "write a grade from 1 to 6",
    "constructed": "write true or false",
    "text": "write the text as one string",
}

# Latin letters that Unicode does not decompose into a base letter and an accent.
_LATIN = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th"})
_NO_TITLE = re.compile(r"(microsoft (word|powerpoint) - |untitled|document ?\d*$|word document$)", re.IGNORECASE)
_FILE_NAME = re.compile(r".*\.(docx?|pdf|indd|rtf|odt|pptx?|tex|html?)", re.IGNORECASE)
_ANY_HEADING = re.compile(r"^# +(?=.*\w)(.+)$", re.MULTILINE)
_REPR = reprlib.Repr()
_REPR.maxlevel, _REPR.maxstring, _REPR.maxother = 2, SHOWN_CHARS, SHOWN_CHARS
_LINE_MARKS = "#>*+-•|=_` \t"

# What parsers of untrusted binary formats are seen to raise on damaged input, beside their own error types.
_DAMAGE: tuple[type[Exception], ...] = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one source file gave.

    Attributes:
        briefs: in the file's order, no id twice.
        failures: a reason for each brief of this file that cannot be read, with its place ("line 17: ...").
        warnings: what the reader of a report should know about briefs that are kept.
    """

    briefs: tuple[Brief, ...]
    failures: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


Reader = Callable[[bytes, str, str], Parsed]
"""(data, default id, fallback title) -> Parsed; raises SourceError when nothing of the file can be read."""


def make_brief(
    fields: Mapping[str, object],
    text: str,
    *,
    default_id: str,
    titles: Iterable[str | None] = (),
    page_starts: tuple[int, ...] = (),
) -> Brief:
    """Validate fields and text as a brief. Field names match in any case; unknown fields are ignored.

    Args:
        titles: candidates when the fields name no title, best first; None and blank ones are passed over.

    Raises:
        SourceError: naming the field, its value and the remedy.
    """
    if not text.strip():
        raise SourceError("is empty; write a text into it")
    values = {name: _plain(name, value) for key, value in fields.items() if (name := str(key).lower()) in _FIELDS}
    _refuse_odd_characters("text", text)
    identity = values.get("id")
    values["id"] = default_id if identity in (None, "") else str(identity)
    if not str(values.get("title") or "").strip():
        values["title"] = next((shorten(title) for title in titles if title and title.strip()), default_id)
    try:
        return Brief.model_validate({**values, "text": text, "page_starts": page_starts})
    except ValidationError as error:
        raise SourceError(readable(error)) from error


def gather(entries: Iterable[tuple[str, Callable[[], Brief]]]) -> Parsed:
    """Build the briefs of a file that holds several; one that fails is listed with its place, the others are kept.

    Raises:
        SourceError: if no entry can be read.
    """
    briefs: list[Brief] = []
    failures: list[str] = []
    n_failed = 0
    for place, build in entries:
        try:
            briefs.append(build())
        except SourceError as error:
            n_failed += 1
            if len(failures) < MAX_FAILURES:
                failures.append(f"{place}: {error.reason}")
    if n_failed > len(failures):
        failures.append(f"and {n_failed - len(failures)} more that cannot be read")
    if not briefs:
        shown = "; ".join(failures[:3]) + (f"; and {n_failed - 3} more" if n_failed > 3 else "")
        raise SourceError(
            f"holds no brief that can be read: {shown}" if shown else "holds no brief; add one or remove it"
        )
    return Parsed(tuple(briefs), tuple(failures))


@contextmanager
def reading(kind: str, *own_errors: type[Exception]) -> Iterator[None]:
    """Turn what a parser raises on a damaged file into a SourceError that names the kind of file."""
    try:
        yield
    except (*_DAMAGE, *own_errors) as error:
        detail = show(str(error)) if str(error) else type(error).__name__
        raise SourceError(f"is a damaged {kind} ({detail}); export it again from its source") from error


def slug(name: str, *, max_chars: int = 100) -> str:
    """Name in lower-case ASCII letters, digits and '-'.

    A name that loses letters on the way (another script) or is too long ends in eight hex digits of its digest, so
    that two names do not fall together.

    | name | slug |
    |---|---|
    | sub/Über file | sub-uber-file |
    | Си 2024 | 2024-e072667b |
    | Путин | 983b039e |
    """
    decomposed = unicodedata.normalize("NFKD", name.casefold().translate(_LATIN))
    kept = "".join(char for char in decomposed if not unicodedata.combining(char))
    ascii_only = re.sub(r"[^a-z0-9]+", "-", kept).strip("-")
    lost = any(char.isalnum() and not char.isascii() for char in kept)
    if ascii_only and not lost and len(ascii_only) <= max_chars:
        return ascii_only
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{ascii_only[: max_chars - 9].strip('-')}-{digest}".strip("-")


def title_of(text: str) -> str | None:
    """The first `# heading`, else the first line that holds a letter or digit, without its Markdown marks."""
    heading = _ANY_HEADING.search(text)
    if heading:
        return heading[1].rstrip("# \t\r").strip("*_` ")
    for match in re.finditer(r"[^\r\n]+", text):
        line = match[0][: 10 * MAX_TITLE_CHARS].strip(_LINE_MARKS)
        if any(char.isalnum() for char in line):
            return line
    return None


def sensible_title(title: object) -> str | None:
    """A title from a document's properties, or None where it is a file name or what the program put there."""
    text = " ".join(str(title or "").split())
    unusable = not any(char.isalpha() for char in text) or _NO_TITLE.match(text) or _FILE_NAME.fullmatch(text)
    return None if unusable else text


def shorten(text: str, max_chars: int = MAX_TITLE_CHARS) -> str:
    """Text on one line in at most `max_chars` characters, cut at a word where one ends in the last third."""
    line = " ".join(text[: 10 * max_chars].split())
    if len(line) <= max_chars:
        return line
    cut = line[: max_chars - 1]
    space = cut.rfind(" ")
    return (cut[:space] if space > 2 * max_chars // 3 else cut).rstrip(" ,;:") + "…"


def show(text: str) -> str:
    """Text in at most 80 characters on one line, for a message."""
    return shorten(text, SHOWN_CHARS)


def show_value(value: object) -> str:
    """A value as Python writes it, in at most 80 characters; nested values are not followed far."""
    return show(_REPR.repr(value))


def readable(error: ValidationError) -> str:
    """What a validation found, as `field 'value': what is wrong; remedy`, fields joined by '; '."""
    return "; ".join(dict.fromkeys(_reason(dict(problem)) for problem in error.errors(include_url=False)))


def _reason(problem: Mapping[str, object]) -> str:
    location, value = problem["loc"], problem["input"]
    name = str(location[0]) if isinstance(location, tuple) and location else "brief"
    message = str(problem["msg"])
    if problem["type"] == "value_error":  # our own validators name value and remedy
        message = message.removeprefix("Value error, ").replace(repr(value), show_value(value))
        message = message if message.startswith(name) else f"{name}: {message}"
        return message if ";" in message else f"{message}; {_remedy(name)}"
    remedy = "write it as one string" if problem["type"] == "string_type" else _remedy(name)
    return f"{name} {show_value(value)}: {message[:1].lower()}{message[1:]}; {remedy}"


def _remedy(name: str) -> str:
    return _REMEDIES.get(name, "write one name or a list of names")


def _plain(name: str, value: object) -> object:
    parts = value if isinstance(value, list | tuple) else [value]
    for part in parts:
        if isinstance(part, Mapping | list | tuple):
            raise SourceError(f"{name} holds a nested value; {_remedy(name)}")
        if isinstance(part, str):
            _refuse_odd_characters(name, part)
    return value


def _refuse_odd_characters(name: str, text: str) -> None:
    """Refuse what no store keeps: NUL, and half a surrogate pair (which JSON and YAML escapes can spell)."""
    if "\x00" in text:
        raise SourceError(f"{name} holds a NUL character; remove it")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise SourceError(f"{name} holds half a character ({text[error.start]!r}); write it as UTF-8") from error
