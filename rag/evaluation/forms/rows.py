"""Reading objects of foreign files: every fault is kept with its place, so that one run shows them all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from rag.errors import UsageError
from rag.load.brief import show, show_value

MAX_SHOWN = 20

_T = TypeVar("_T")
_BOM = b"\xef\xbb\xbf"
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")


@dataclass(slots=True)
class Faults:
    """What is wrong with a dataset, in the order it was found; the first 20 are kept, the others counted."""

    n: int = 0
    shown: list[str] = field(default_factory=list)

    def add(self, place: str, what: str) -> None:
        """Note a fault; `what` says what is wrong and, after a semicolon, what to do."""
        self.n += 1
        if len(self.shown) < MAX_SHOWN:
            self.shown.append(f"{place}: {what}")

    def stop(self) -> None:
        """End the reading if anything is wrong.

        Raises:
            UsageError: if a fault was noted.
        """
        if self.n:
            raise self.error()

    def error(self) -> UsageError:
        """Return all faults as one error, a line each."""
        n_hidden = self.n - len(self.shown)
        return UsageError("\n".join([*self.shown, *([f"... and {n_hidden} more"] if n_hidden else [])]))


@dataclass(frozen=True, slots=True)
class Row:
    """An object of a file, whose fields are read with a check of their type. Null is the same as absent.

    Attributes:
        place: file and line, for messages.
        within: where in that line the object stands, such as "history[0]."; empty for the line's own object.
    """

    place: str
    fields: Mapping[str, object]
    faults: Faults
    within: str = ""

    def fault(self, what: str) -> None:
        """Note a fault of this object."""
        self.faults.add(self.place, f"{self.within}{what}")

    def text(self, name: str) -> str:
        """Return a string that has to be there and hold more than white space; "" after a fault."""
        value = self.fields.get(name)
        if value is None:
            self.fault(f"{name} is missing; give it one")
        elif isinstance(value, str) and not value.strip():
            self.fault(f"{name} is empty; write one")
        return self.optional_text(name) or ""

    def optional_text(self, name: str) -> str | None:
        """Return a string, or None where there is none; also after a fault."""
        value = self.fields.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            self.fault(f"{name} is {show_value(value)}; write it as one string")
        elif half := _HALF_CHARACTER.search(value):
            self.fault(f"{name} holds half a character ({half[0]!r}); write the file as UTF-8")
        else:
            return value
        return None

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of strings without repetitions; empty where there is none."""
        return _texts(self, name, self.fields.get(name))

    def one_or_more(self, name: str) -> tuple[str, ...]:
        """Return a list of strings that may be written as a single string; empty where there is none."""
        value = self.fields.get(name)
        return _texts(self, name, [value] if isinstance(value, str) else value)

    def text_lists(self, name: str) -> tuple[tuple[str, ...], ...]:
        """Return a list of lists of strings; empty where there is none."""
        lists = self._list(name)
        if any(entry == [] for entry in lists):
            self.fault(f"{name} holds an empty list; remove it")
        return tuple(_texts(self, f"{name}[{n}]", entry) for n, entry in enumerate(lists))

    def flag(self, name: str, default: bool | None = None) -> bool:
        """Return true or false; absent is a fault where there is no default."""
        value = self.fields.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, bool):
            found = "missing" if value is None else show_value(value)
            self.fault(f"{name} is {found}; write true or false")
        return value is True

    def number(self, name: str) -> int:
        """Return a whole number from 0 that has to be there; 0 after a fault."""
        value = self.fields.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        found = "missing" if value is None else show_value(value)
        self.fault(f"{name} is {found}; write a whole number from 0")
        return 0

    def choice(self, name: str, choices: Mapping[str, _T]) -> _T | None:
        """Return what a word stands for, or None where there is no word; also after a fault."""
        value = self.fields.get(name)
        if value is None or (isinstance(value, str) and value in choices):
            return None if value is None else choices[str(value)]
        self.fault(f"{name} is {show_value(value)}; write one of {', '.join(map(repr, choices))}")
        return None

    def objects(self, name: str) -> Iterator[Row]:
        """Yield the objects of a list; none where there is no list."""
        for n, value in enumerate(self._list(name)):
            within = f"{self.within}{name}[{n}]"
            if isinstance(value, Mapping):
                yield Row(self.place, value, self.faults, f"{within}.")
            else:
                self.faults.add(self.place, f"{within} is {show_value(value)}; write an object")

    def mapping(self, name: str) -> Row:
        """Return an object within this one; an empty one where there is none."""
        value = self.fields.get(name)
        if value is not None and not isinstance(value, Mapping):
            self.fault(f"{name} is {show_value(value)}; write an object")
        fields = value if isinstance(value, Mapping) else {}
        return Row(self.place, fields, self.faults, f"{self.within}{name}.")

    def _list(self, name: str) -> list[object]:
        value = self.fields.get(name)
        if value is None or isinstance(value, list):
            return value or []
        self.fault(f"{name} is {show_value(value)}; write a list")
        return []


def _texts(row: Row, name: str, value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        row.fault(f"{name} is {show_value(value)}; write a list of strings")
        return ()
    if not all(map(str.strip, value)):
        row.fault(f"{name} holds an empty string; remove it")
    if any(map(_HALF_CHARACTER.search, value)):
        row.fault(f"{name} holds half a character; write the file as UTF-8")
    return tuple(dict.fromkeys(value))


def read_lines(path: Path, faults: Faults) -> Iterator[tuple[int, str]]:
    """Yield (number from 1, text) of the lines, one at a time; a file in which all are blank is a fault.

    A line is what a line feed ends. One that is not UTF-8 is a fault and passed over.

    Raises:
        OSError: if the file cannot be read.
    """
    offset, is_empty = 0, True
    with path.open("rb") as file:
        for n, raw in enumerate(file, start=1):
            line = raw.removeprefix(_BOM) if n == 1 else raw
            is_empty = is_empty and not line.strip()
            try:
                yield n, line.decode()
            except UnicodeDecodeError as error:
                at = offset + len(raw) - len(line) + error.start
                found = f"byte 0x{line[error.start]:02x} at offset {at} of the file"
                faults.add(f"{path}:{n}", f"is not UTF-8 ({found}); save the file as UTF-8")
            offset += len(raw)
    if is_empty:
        faults.add(f"{path}:1", "the file is empty; fetch it again or remove it")


def read_rows(path: Path, faults: Faults) -> Iterator[tuple[int, Row]]:
    """Yield (line number, object) of a JSONL file; a line that holds no object is a fault.

    Raises:
        OSError: if the file cannot be read.
    """
    for n, line in read_lines(path, faults):
        fields = _parse(line, path, n, faults) if line.strip() else None
        if fields is not None:
            yield n, Row(f"{path}:{n}", fields, faults)


def read_object(path: Path, faults: Faults) -> Row | None:
    """Read a JSON file that holds one object; None after a fault, which names the line where JSON breaks off.

    Raises:
        OSError: if the file cannot be read.
    """
    n_faults = faults.n
    text = "".join(line for _, line in read_lines(path, faults))
    fields = None if n_faults < faults.n else _parse(text, path, 1, faults)
    return None if fields is None else Row(str(path), fields, faults)


def _parse(text: str, path: Path, first_line: int, faults: Faults) -> Mapping[str, object] | None:
    place = f"{path}:{first_line}"
    try:
        value = json.loads(text.rstrip())
    except json.JSONDecodeError as error:
        place = f"{path}:{first_line + error.lineno - 1}"
        what = f"is broken JSON (column {error.colno}: {error.msg})"
        faults.add(place, f"{what}; correct it, or fetch the file again if it is cut off")
    except (RecursionError, ValueError) as error:
        faults.add(place, f"is JSON that cannot be read ({show(str(error))}); write plain objects")
    else:
        if isinstance(value, dict):
            return value
        faults.add(place, f"is {show_value(value)}; write an object")
    return None
