"""Markdown and plain text with YAML front matter."""

from __future__ import annotations

import codecs
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from rag.errors import SourceError
from rag.load.brief import Parsed, make_brief, show, show_value, title_of

if TYPE_CHECKING:
    import yaml

MAX_FRONT_MATTER_CHARS = 65_536

_UTF16_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_UNCLOSED = re.compile(r"-{3,}[ \t]*\r?\n[A-Za-z_]+:(\s|$)")
_LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
_EXTRACTED = str.maketrans({**_LIGATURES, "\u00ad": "", "\u200b": "", "\u00a0": " ", "\x0b": "\n", "\x0c": "\n"})


def read_text(data: bytes, default_id: str, fallback_title: str) -> Parsed:
    """Read one brief: optional front matter, and the text below it as written.

    Raises:
        SourceError: if it is no text, is empty, or its front matter is broken.
    """
    fields, text = split_front_matter(decode(data))
    brief = make_brief(fields, text, default_id=default_id, titles=(title_of(text), fallback_title))
    return Parsed((brief,))


def decode(data: bytes) -> str:
    """Decode UTF-8, or UTF-16 that begins with a byte order mark. Line ends stay as they are.

    Raises:
        SourceError: if the bytes are no text.
    """
    encoding = "utf-16" if data.startswith(_UTF16_BOMS) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        found = f"byte 0x{data[error.start]:02x} at {error.start}" if error.start < len(data) else "it is cut off"
        raise SourceError(f"is not text in {encoding[:6].rstrip('-').upper()} ({found}); save it as UTF-8") from error
    refuse_binary(text)
    return text


def refuse_binary(text: str) -> None:
    """Raise SourceError for a NUL, or for more control characters than a text has."""
    if "\x00" in text or len(_CONTROLS.findall(text)) > max(8, len(text) // 200):
        raise SourceError("is not text (it holds control characters); save it as UTF-8")


def tidy(text: str) -> str:
    """Remove from extracted text what has no meaning to a reader: controls, soft hyphens, ligatures, broken pairs."""
    paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _CONTROLS.sub("", paired.translate(_EXTRACTED))


_OPENED = re.compile(r"[\s\ufeff]*(?=---[\r\n])")


def split_front_matter(text: str) -> tuple[dict[str, object], str]:
    """Return (fields, body). Values are strings, lists of strings or None; the body is stripped at both ends.

    Raises:
        SourceError: if the front matter is broken, not closed, not a mapping, too long, or stands alone.
    """
    from frontmatter.default_handlers import YAMLHandler

    handler = YAMLHandler()
    opened = _OPENED.match(text)
    if opened and "\n" not in text:
        text = text.replace("\r", "\n")  # line ends of old Macs
    body = text[opened.end() :] if opened else text.lstrip()
    if not handler.detect(body):
        return {}, body.rstrip()
    try:
        front, rest = handler.split(body)
    except ValueError:
        if _UNCLOSED.match(body):
            raise SourceError("front matter is not closed; end it with a line '---'") from None
        return {}, body.rstrip()
    if len(front) > MAX_FRONT_MATTER_CHARS:
        raise SourceError(f"front matter is longer than {MAX_FRONT_MATTER_CHARS:,} characters; shorten it")
    first_line = 1 + text[: len(text) - len(body)].count("\n")
    fields = _load_yaml(handler, front, first_line)
    if not rest.strip():
        raise SourceError("has front matter but its text is empty; write the text below it")
    return fields, rest.strip()


def _load_yaml(handler: Any, front: str, first_line: int) -> dict[str, object]:
    import yaml

    try:
        loaded = handler.load(front, Loader=_string_loader())
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + first_line}" if error.problem_mark else ""
        problem = show(error.problem or "it cannot be read")
        remedy = "put values with ':' or '#' in quotes"
        raise SourceError(f"front matter is broken YAML{line} ({problem}); {remedy}") from error
    except yaml.YAMLError as error:
        raise SourceError(f"front matter is broken YAML ({show(str(error))}); remove odd characters") from error
    except OverflowError as error:
        raise SourceError("front matter holds a character that does not exist; remove it") from error
    except (RecursionError, ValueError) as error:
        raise SourceError("front matter is nested too deeply; write plain values and lists") from error
    if loaded in (None, ""):
        return {}
    if not isinstance(loaded, dict):
        raise SourceError(f"front matter is {show_value(loaded)}, not fields; write lines such as 'title: ...'")
    return {str(key): None if value in ("", "~", "null") else value for key, value in loaded.items()}


@cache
def _string_loader() -> type[yaml.BaseLoader]:
    import yaml

    class StringLoader(yaml.BaseLoader):
        """Keep every scalar as written: 2024-05-16 is no date object, `no` is a language, 007 an id.

        Aliases are refused, since a few lines of them can stand for gigabytes.
        """

        def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
            if self.check_event(yaml.AliasEvent):
                mark = self.get_mark()
                raise yaml.composer.ComposerError(None, None, "it uses an alias; write the value out", mark)
            return super().compose_node(parent, index)

    return StringLoader
