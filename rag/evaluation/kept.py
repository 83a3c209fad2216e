"""Reports that were kept beside an index, so that the chat page can show them: newest first, a limited number."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from rag.errors import UsageError
from rag.evaluation.compare import read_report
from rag.evaluation.records import REPORT_VERSION, Report
from rag.printable import one_line, shorten

MOST_KEPT = 20
MOST_BYTES = 64_000_000
"""A larger report is kept without its questions, and is not read: 1,200 questions of four systems are about 20 MB."""
MOST_LISTED = 100

_OWN_NAME = re.compile(r"\d{8}T\d{6}Z-[\w.-]+-[0-9a-f]{12}\.json")
_HEAD_BYTES = 1_000_000
"""Tables come before the questions in a file; ten systems fill about 300 kB."""
_LEFT_OUT = "the questions are left out: the whole report was too large to keep"
_LABEL_CHARS = 80


@dataclass(frozen=True, slots=True)
class KeptReport:
    """A file of the folder, as a list shows it. All text is printable.

    Attributes:
        made_at: in UTC; of an unreadable file, when it was last changed.
        stamp: nanoseconds of the last change and bytes; differs when the file was replaced.
        systems: those that were asked; the rows that take a first passage as the answer are left out.
        unreadable: why it cannot be read; None where nothing speaks against it so far.
    """

    name: str
    made_at: datetime
    stamp: tuple[int, int]
    dataset: str = ""
    split: str = ""
    systems: tuple[str, ...] = ()
    n_questions: int = 0
    unreadable: str | None = None


def reports_folder(index: Path) -> Path:
    """Return where the reports of those who use an index are kept."""
    return index.expanduser().resolve() / "reports"


def keep_report(report: Report, folder: Path, *, most: int = MOST_KEPT) -> Path:
    """Write a report to the folder, whole or not at all, and delete the oldest beyond `most`.

    Files that were not written here are never deleted.

    Raises:
        OSError: it cannot be written.
    """
    content = _content(report)
    if len(content) > MOST_BYTES:
        content = _content(report.model_copy(update={"records": (), "notes": (*report.notes, _LEFT_OUT)}))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _name(report, content)
    draft = folder / f".{path.name}.{os.getpid()}.draft"
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    _prune(folder, path, most)
    return path


def kept_reports(folder: Path) -> tuple[KeptReport, ...]:
    """List the reports of a folder, newest first; broken ones say why. Reads the head of each file once."""
    found = [_described(path, *stamp) for path in _files(folder).values() if (stamp := _stamp(path))]
    return tuple(sorted(found, key=lambda kept: (kept.made_at, kept.name), reverse=True)[:MOST_LISTED])


def read_kept(folder: Path, name: str) -> Report:
    """Return a report by its name in the list.

    Raises:
        UsageError: no report has that name, or it cannot be read.
    """
    path = _files(folder).get(name)
    stamp = _stamp(path) if path else None
    if path is None or stamp is None:
        raise UsageError(f"no report {shorten(one_line(name), _LABEL_CHARS)!r} is kept; choose one of the list")
    if stamp[1] > MOST_BYTES:
        raise UsageError(f"{name}: the report is larger than {MOST_BYTES // 1_000_000} MB, the most that is shown here")
    try:
        return read_report(path)
    except UsageError as error:
        # Who reads the page need not learn where the index lies.
        raise UsageError(str(error).replace(str(path), name)) from error


def _content(report: Report) -> bytes:
    # With nulls: without them a passage that has no span could not be read back.
    return (report.model_dump_json() + "\n").encode()


def _name(report: Report, content: bytes) -> str:
    made_at = datetime.fromisoformat(report.made_at).astimezone(UTC)
    dataset = re.sub(r"[^A-Za-z0-9._-]+", "-", report.dataset.name)[:48].strip(".-") or "dataset"
    return f"{made_at:%Y%m%dT%H%M%SZ}-{dataset}-{hashlib.sha256(content).hexdigest()[:12]}.json"


def _prune(folder: Path, newest: Path, most: int) -> None:
    # By name, which begins with the time; the one just written stays even where the clock was set back.
    own = sorted(name for name in _files(folder) if _OWN_NAME.fullmatch(name) and name != newest.name)
    for name in own[: max(0, len(own) - most + 1)]:
        (folder / name).unlink(missing_ok=True)


def _files(folder: Path) -> dict[str, Path]:
    """Return the files of the folder by name; links are passed over, since they may lead anywhere."""
    try:
        return {
            entry.name: Path(entry.path)
            for entry in os.scandir(folder)
            if entry.name.endswith(".json") and not entry.name.startswith(".") and entry.is_file(follow_symlinks=False)
        }
    except OSError:
        return {}


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return when a file was changed and its size; None where it was deleted meanwhile."""
    with suppress(OSError):
        found = path.stat()
        return found.st_mtime_ns, found.st_size
    return None


@lru_cache(maxsize=4 * MOST_LISTED)
def _described(path: Path, changed_ns: int, size: int) -> KeptReport:
    changed = datetime.fromtimestamp(changed_ns / 1e9, tz=UTC)
    try:
        data = _head(path, size)
        made_at = datetime.fromisoformat(str(data["made_at"])).astimezone(UTC)
        info = data["dataset"]
        return KeptReport(
            name=path.name,
            made_at=made_at,
            stamp=(changed_ns, size),
            dataset=_label(info["name"]),
            split=_label(info.get("split") or ""),
            systems=tuple(_label(s["name"]) for s in data["systems"] if s.get("kind") != "first passage"),
            n_questions=int(info["n_questions"]),
        )
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
    except (ValueError, OverflowError) as error:
        reason = _label(str(error))
    except (KeyError, TypeError, AttributeError):
        reason = "it is not a report of an evaluation"
    return KeptReport(path.name, changed, (changed_ns, size), unreadable=reason)


def _head(path: Path, size: int) -> Mapping[str, Any]:
    """Read what stands before the questions.

    Raises:
        ValueError: the file is not JSON, is cut short, too large or of another version.
    """
    if size > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES // 1_000_000} MB")
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        file.seek(max(0, size - 16))
        end = file.read().rstrip()
    # The head may end within a character.
    data = from_json(head.decode("utf-8", errors="ignore"), allow_partial=True)
    if not end.endswith(b"}"):
        raise ValueError("it is cut short")
    if data["version"] != REPORT_VERSION:
        raise ValueError(f"it is of version {data['version']!r}, not {REPORT_VERSION}")
    return data  # type: ignore[no-any-return]


def _label(text: object) -> str:
    return shorten(one_line(str(text)), _LABEL_CHARS)
