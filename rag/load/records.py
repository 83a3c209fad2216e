"""JSON and JSONL files of briefs; the benchmark form {id, title, date, source, region, text} is one of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from rag.errors import SourceError
from rag.load.brief import Parsed, gather, make_brief, show, show_value, title_of
from rag.load.text import decode
from rag.types import Brief


def read_json(data: bytes, default_id: str, fallback_title: str) -> Parsed:
    """Read one object with a "text", a list of such objects, or {"briefs": [...]}.

    An object without an id gets the default one; in a list, the default one and its position from 1.

    Raises:
        SourceError: if it is no JSON of that form, or no brief of it can be read.
    """
    loaded = _loads(decode(data))
    if isinstance(loaded, Mapping) and "text" not in loaded and isinstance(loaded.get("briefs"), list):
        loaded = loaded["briefs"]
    if isinstance(loaded, Mapping):
        return Parsed((_record(loaded, default_id, fallback_title),))
    if not isinstance(loaded, list):
        raise SourceError(f"is {show_value(loaded)}, not a brief; write an object with a 'text', or a list of them")
    return gather(
        (f"entry {n}", partial(_record, record, f"{default_id}-{n}", fallback_title))
        for n, record in enumerate(loaded, start=1)
    )


def read_jsonl(data: bytes, default_id: str, fallback_title: str) -> Parsed:
    """Read one object with a "text" from each line that is not blank; a default id ends in the line number.

    Raises:
        SourceError: if it is no text, or no line can be read.
    """

    def lines() -> Iterator[tuple[str, Callable[[], Brief]]]:
        # Not splitlines(): JSON may hold U+2028 and other line separators of Unicode as they are.
        for n, line in enumerate(decode(data).split("\n"), start=1):
            if line.strip():
                yield f"line {n}", partial(_line, line, f"{default_id}-{n}", fallback_title)

    return gather(lines())


def _line(line: str, default_id: str, fallback_title: str) -> Brief:
    return _record(_loads(line), default_id, fallback_title)


def _loads(text: str) -> object:
    if not text.strip():
        raise SourceError("is empty; write a brief into it")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, " if error.lineno > 1 else ""
        raise SourceError(f"is broken JSON ({place}column {error.colno}: {error.msg}); correct it there") from error
    except RecursionError as error:
        raise SourceError("is nested too deeply; write plain objects with a 'text'") from error
    except ValueError as error:
        raise SourceError(f"is broken JSON ({show(str(error))}); correct it") from error


def _record(record: object, default_id: str, fallback_title: str) -> Brief:
    if not isinstance(record, Mapping):
        raise SourceError(f"{show_value(record)} is no brief; write an object with a 'text'")
    text = record.get("text")
    if text is None:
        raise SourceError("has no 'text'; give it one")
    if not isinstance(text, str):
        raise SourceError(f"text is {show_value(text)}; write it as one string")
    return make_brief(record, text, default_id=default_id, titles=(title_of(text), fallback_title))
