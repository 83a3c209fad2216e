"""A file of names with something secret behind each: read again when it changes, written whole, its owner's alone."""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from filelock import FileLock, Timeout

from rag.errors import UsageError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")

_LOCK_TIMEOUT_S = 10

_Kept = TypeVar("_Kept")


@dataclass
class NamedLines(Generic[_Kept]):
    """The file. Safe for threads and processes.

    Attributes:
        parsed: reads the file's bytes; raises UsageError, naming the line, for what is none.
        line: writes one entry, without the end of its line.
        max_bytes: of the file; `parsed` is shown one more at most, and refuses it.
        called: what the file is to people: "the users file".
        command: the commands that change it: "users".
    """

    path: Path
    parsed: Callable[[bytes, Path], Mapping[str, _Kept]]
    line: Callable[[str, _Kept], str]
    max_bytes: int
    called: str
    command: str
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _stamp: tuple[int, ...] | None = field(default=None, init=False, repr=False)
    _read: Mapping[str, _Kept] = field(default_factory=dict, init=False, repr=False)

    def read(self) -> Mapping[str, _Kept]:
        """Return what is kept, by name.

        Raises:
            UsageError: if the file cannot be read, or a line of it is none.
        """
        with self._lock:
            try:
                found = self.path.stat()
                stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
                if stamp != self._stamp:
                    self._stamp = None
                    self._read = self.parsed(self._bytes(), self.path)
                    self._stamp = stamp
            except OSError as error:
                self._stamp = None
                raise UsageError(
                    f"{self.called} {self.path} cannot be read ({error.strerror}); "
                    f"make one with `geobrief {self.command} add NAME --file {self.path}`"
                ) from error
            return self._read

    def _bytes(self) -> bytes:
        with self.path.open("rb") as file:
            return file.read(self.max_bytes + 1)

    @contextmanager
    def writing(self) -> Iterator[dict[str, _Kept]]:
        """Yield what is kept for changing; write it if nothing is raised. One process at a time.

        Lines keep their order, blank ones and comments with them; what is new comes last.

        Raises:
            UsageError: if the file cannot be written, or another process keeps changing it.
        """
        try:
            with FileLock(f"{self.path}.lock", timeout=_LOCK_TIMEOUT_S, mode=0o600):
                before = self._bytes() if self.path.exists() else b""
                kept = dict(self.parsed(before, self.path))
                yield kept
                _write(self.path, b"".join(line + b"\n" for line in self._lines(before, kept)))
        except Timeout as error:
            raise UsageError(f"{self.path} is being changed by another process; try again") from error
        except OSError as error:
            raise UsageError(
                f"{self.called} {self.path} cannot be written ({error.strerror}); check rights and free space"
            ) from error

    def _lines(self, before: bytes, kept: Mapping[str, _Kept]) -> Iterator[bytes]:
        """Yield the lines that the file is to have, after those that it had."""
        left = dict(kept)
        for line in before.removesuffix(b"\n").split(b"\n") if before else ():
            if is_passed_over(line):
                yield line
            elif (name := line.decode("ascii").strip().partition(":")[0]) in left:
                yield self.line(name, left.pop(name)).encode("ascii")
        for name in sorted(left):
            yield self.line(name, left[name]).encode("ascii")


def is_passed_over(line: bytes) -> bool:
    """Whether a line is blank or a comment."""
    return not line.strip() or line.startswith(b"#")


def _write(path: Path, data: bytes) -> None:
    """Put a new file in the place of the old one at once, readable for its owner alone, who stays the same."""
    target = path.resolve()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)  # made with mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            if hasattr(os, "chown") and target.exists():
                old = target.stat()
                with suppress(OSError):  # who may not give a file away keeps it
                    os.chown(name, old.st_uid, old.st_gid)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
