"""Who may call the service: a file of keys, one line `name:scope:sha256$digest` each. No key can be read from it."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from rag.errors import UsageError
from rag.named_lines import NAME, NamedLines, is_passed_over

Level = Literal["read", "write", "admin"]
"""What a key allows; each level allows what those before it do."""
LEVELS: tuple[Level, ...] = get_args(Level)

PREFIX = "gb_"
KEY_BYTES = 32
"""Of chance: no key can be guessed, so that one round of SHA-256 keeps it, and every request can be checked."""
MAX_KEY_CHARS = 200
MAX_FILE_BYTES = 1_000_000

_LINE = re.compile(rf"(?P<name>{NAME.pattern}):(?P<level>{'|'.join(LEVELS)}):sha256\$(?P<digest>[0-9a-f]{{64}})")


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
        self._lines = NamedLines(path, parsed, _line, MAX_FILE_BYTES, "the file of keys", "keys")

    def listed(self) -> tuple[ApiKey, ...]:
        """Return the keys by name.

        Raises:
            UsageError: as for every method, if the file cannot be read, or a line of it is none; it names the line.
        """
        return tuple(sorted(self._lines.read().values(), key=lambda key: key.name))

    def find(self, token: str) -> ApiKey | None:
        """Return the key that a token is. Compares with every key, each in constant time."""
        digest = _digest(token[:MAX_KEY_CHARS])
        matching = [key for key in self._lines.read().values() if hmac.compare_digest(key.digest, digest)]
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
        with self._lines.writing() as keys:
            if name in keys:
                raise UsageError(f"there is a key {name!r} already; remove it first, or choose another name")
            keys[name] = ApiKey(name, level, _digest(token))
        return token

    def remove(self, name: str) -> None:
        """Take a key out; a running service refuses it from the next request on.

        Raises:
            UsageError: if there is no such key, or the file cannot be written.
        """
        with self._lines.writing() as keys:
            if keys.pop(name, None) is None:
                raise UsageError(f"there is no key {name!r} in {self.path}; `geobrief keys list` shows which there are")


def parsed(content: bytes, path: Path) -> Mapping[str, ApiKey]:
    """Read the lines of a file of keys; blank ones and those that start with # are skipped.

    Raises:
        UsageError: naming the line, and never what stands in it, if it is malformed or repeats a name.
    """
    if len(content) > MAX_FILE_BYTES:
        raise UsageError(f"{path} has more than {MAX_FILE_BYTES:,} bytes; it is no file of keys")
    keys: dict[str, ApiKey] = {}
    for number, line in enumerate(content.split(b"\n"), start=1):
        if is_passed_over(line):
            continue
        found = _LINE.fullmatch(line.decode("ascii", "replace").strip())
        if not found or found["name"] in keys:
            reason = "the name stands there twice" if found else "no line of the form name:scope:sha256$digest"
            raise UsageError(f"{path}, line {number}: {reason}; delete it, and make the key anew if it is missed")
        level = next(level for level in LEVELS if level == found["level"])
        keys[found["name"]] = ApiKey(found["name"], level, found["digest"])
    return keys


def _line(_: str, key: ApiKey) -> str:
    return str(key)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
