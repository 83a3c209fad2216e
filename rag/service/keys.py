"""Who may call the service: a file of keys, one line `name:scope:sha256$digest` each. No key can be read from it."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from filelock import FileLock, Timeout

from rag.errors import UsageError

Level = Literal["read", "write", "admin"]
"""What a key allows; each level allows what those before it do."""
LEVELS: tuple[Level, ...] = get_args(Level)

PREFIX = "gb_"
KEY_BYTES = 32
"""Of chance: no key can be guessed, so that one round of SHA-256 keeps it, and every request can be checked."""
MAX_KEY_CHARS = 200
MAX_FILE_BYTES = 1_000_000
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")

_LINE = re.compile(rf"(?P<name>{NAME.pattern}):(?P<level>{'|'.join(LEVELS)}):sha256\$(?P<digest>[0-9a-f]{{64}})")
_LOCK_TIMEOUT_S = 10


def allows(level: Level, needed: Level) -> bool:
    """Whether a level allows what needs another."""
    return LEVELS.index(level) >= LEVELS.index(needed)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept. `repr` shows no digest."""

    name: str
    level: Level
    digest: str

    def __str__(self) -> str:
        return f"{self.name}:{self.level}:sha256${self.digest}"

    def __repr__(self) -> str:
        return f"ApiKey({self.name!r}, {self.level!r}, …)"


class ApiKeys:
    """The keys of a file, read again whenever it has changed. Safe for threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, ...] | None = None
        self._read: Mapping[str, ApiKey] = {}

    def listed(self) -> tuple[ApiKey, ...]:
        """Return the keys by name.

        Raises:
            UsageError: as for every method, if the file cannot be read, or a line of it is none; it names the line.
        """
        return tuple(sorted(self._keys().values(), key=lambda key: key.name))

    def find(self, token: str) -> ApiKey | None:
        """Return the key that a token is. Compares with every key, each in constant time."""
        digest = _digest(token[:MAX_KEY_CHARS])
        matching = [key for key in self._keys().values() if hmac.compare_digest(key.digest, digest)]
        return matching[0] if matching else None

    def add(self, name: str, level: Level) -> str:
        """Make a key and return it; it is shown this once. Makes the file where there is none.

        Raises:
            UsageError: if the name is none or taken, or the file cannot be written.
        """
        if not NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} is no name for a key; take up to 64 of A-Z, a-z, 0-9 and . _ @ -, a letter or digit first"
            )
        token = PREFIX + secrets.token_urlsafe(KEY_BYTES)
        with self._writing() as keys:
            if name in keys:
                raise UsageError(f"there is a key {name!r} already; remove it first, or choose another name")
            keys[name] = ApiKey(name, level, _digest(token))
        return token

    def remove(self, name: str) -> None:
        """Take a key out; a running service refuses it from the next request on.

        Raises:
            UsageError: if there is no such key, or the file cannot be written.
        """
        with self._writing() as keys:
            if keys.pop(name, None) is None:
                raise UsageError(f"there is no key {name!r} in {self.path}; `geobrief keys list` shows which there are")

    def _keys(self) -> Mapping[str, ApiKey]:
        with self._lock:
            try:
                found = self.path.stat()
                stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
                if stamp != self._stamp:
                    self._stamp = None
                    self._read = parsed(self._bytes(), self.path)
                    self._stamp = stamp
            except OSError as error:
                self._stamp = None
                raise UsageError(
                    f"the file of keys {self.path} cannot be read ({error.strerror}); "
                    f"make one with `geobrief keys add NAME --file {self.path}`"
                ) from error
            return self._read

    def _bytes(self) -> bytes:
        with self.path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)

    @contextmanager
    def _writing(self) -> Iterator[dict[str, ApiKey]]:
        """Yield the keys for changing; write them if nothing is raised. One process at a time."""
        try:
            with FileLock(f"{self.path}.lock", timeout=_LOCK_TIMEOUT_S, mode=0o600):
                keys = dict(self._keys()) if self.path.exists() else {}
                yield keys
                _write(self.path, "".join(f"{keys[name]}\n" for name in sorted(keys)))
        except Timeout as error:
            raise UsageError(f"{self.path} is being changed by another process; try again") from error
        except OSError as error:
            raise UsageError(
                f"the file of keys {self.path} cannot be written ({error.strerror}); check rights and free space"
            ) from error


def parsed(content: bytes, path: Path) -> Mapping[str, ApiKey]:
    """Read the lines of a file of keys; blank ones and those that start with # are skipped.

    Raises:
        UsageError: naming the line, and never what stands in it, if it is malformed or repeats a name.
    """
    if len(content) > MAX_FILE_BYTES:
        raise UsageError(f"{path} has more than {MAX_FILE_BYTES:,} bytes; it is no file of keys")
    keys: dict[str, ApiKey] = {}
    for number, line in enumerate(content.decode("ascii", "replace").split("\n"), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line.strip())
        if not found or found["name"] in keys:
            reason = "the name stands there twice" if found else "no line of the form name:scope:sha256$digest"
            raise UsageError(f"{path}, line {number}: {reason}; delete it, and make the key anew if it is missed")
        level = next(level for level in LEVELS if level == found["level"])
        keys[found["name"]] = ApiKey(found["name"], level, found["digest"])
    return keys


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _write(path: Path, text: str) -> None:
    """Put a new file in the place of the old one at once, readable for its owner alone."""
    target = path.resolve()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)  # made with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
