"""Who may use the chat: a file of names and password hashes, one line `name:scrypt$n$r$p$salt$hash` each."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rag.errors import UsageError
from rag.named_lines import NAME, NamedLines, is_passed_over

MIN_PASSWORD_CHARS = 8
MAX_PASSWORD_CHARS = 1024
MAX_FILE_BYTES = 4_000_000

COST = (2**17, 8, 1)
"""n, r and p of new hashes: 128 MiB and a quarter of a second. Source: OWASP Password Storage Cheat Sheet, scrypt."""
_WEAKEST = 2**15
_MAX_MEMORY = 512 * 2**20
_HASH_BYTES = 32
_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """A password made unreadable. `repr` shows neither salt nor digest."""

    n: int
    r: int
    p: int
    salt: bytes
    digest: bytes

    @classmethod
    def of(cls, password: str) -> PasswordHash:
        """Hash a password with a new salt."""
        n, r, p = COST
        salt = secrets.token_bytes(_SALT_BYTES)
        return cls(n, r, p, salt, _scrypt(password, salt, n, r, p))

    @classmethod
    def parse(cls, text: str) -> PasswordHash:
        """Read what `str` wrote. Raises ValueError if it is something else, too weak, or takes too much memory."""
        kind, n, r, p, salt, digest = text.split("$")
        cost = tuple(int(part) for part in (n, r, p) if part.isascii() and part.isdigit())
        if kind != "scrypt" or len(cost) != 3:
            raise ValueError("no hash by scrypt")
        if cost[0] < _WEAKEST or cost[0] & (cost[0] - 1) or cost[1] < 8 or not 1 <= cost[2] <= 16:
            raise ValueError("weaker than n=32768, r=8, p=1, or none of scrypt's parameters")
        if _memory(*cost) > _MAX_MEMORY:
            raise ValueError("takes more memory than is allowed")
        found = cls(*cost, _decoded(salt), _decoded(digest))
        if len(found.salt) < 8 or len(found.digest) != _HASH_BYTES:
            raise ValueError("salt or digest cut short")
        return found

    def matches(self, password: str) -> bool:
        """Tell whether it was made of this password, in time that does not depend on how much of it fits."""
        return hmac.compare_digest(_scrypt(password, self.salt, self.n, self.r, self.p), self.digest)

    def __str__(self) -> str:
        return f"scrypt${self.n}${self.r}${self.p}${_encoded(self.salt)}${_encoded(self.digest)}"

    def __repr__(self) -> str:
        return "PasswordHash(…)"


# Checked in place of an unknown name's, so that the time of an answer does not tell which names there are.
_NOBODY = PasswordHash(*COST, bytes(_SALT_BYTES), bytes(_HASH_BYTES))


class Users:
    """The users of a file, read again whenever it has changed. Safe for threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines = NamedLines(path, parsed, _line, MAX_FILE_BYTES, "the users file", "users")

    def names(self) -> tuple[str, ...]:
        """Return the names in alphabetical order.

        Raises:
            UsageError: as for every method, if the file cannot be read, or a line of it is none; it names the line.
        """
        return tuple(sorted(self._lines.read()))

    def is_right(self, name: str, password: str) -> bool:
        """Tell whether the password is that of the user. Takes a quarter of a second for unknown names, too."""
        known = self._lines.read().get(name)
        fits = len(password) <= MAX_PASSWORD_CHARS
        is_same = (known or _NOBODY).matches(password if fits else "")
        return known is not None and fits and is_same

    def stamp(self, name: str) -> str | None:
        """Return what changes with the user's password and by re-adding the name; None if there is no such user."""
        known = self._lines.read().get(name)
        return None if known is None else hashlib.sha256(str(known).encode()).hexdigest()

    def add(self, name: str, password: str) -> bool:
        """Add a user, or give one a new password; tell whether the name is new. Makes the file where there is none.

        Raises:
            UsageError: if the name or the password cannot be one, or the file cannot be written.
        """
        if not NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} is no name for a user; take up to 64 of A-Z, a-z, 0-9 and . _ @ -, a letter or digit first"
            )
        if not MIN_PASSWORD_CHARS <= len(password) <= MAX_PASSWORD_CHARS:
            raise UsageError(
                f"a password has {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS:,} characters; choose another"
            )
        made = PasswordHash.of(password)
        with self._lines.writing() as users:
            is_new = name not in users
            users[name] = made
        return is_new

    def remove(self, name: str) -> None:
        """Take a user out.

        Raises:
            UsageError: if there is no such user, or the file cannot be written.
        """
        with self._lines.writing() as users:
            if users.pop(name, None) is None:
                raise UsageError(f"there is no user {name!r} in {self.path}; `geobrief users list` shows who there is")


def parsed(content: bytes, path: Path) -> Mapping[str, PasswordHash]:
    """Read the lines of a users file; blank ones and those that start with # are skipped.

    Raises:
        UsageError: naming the line, and never what stands in it, if it is malformed or repeats a name.
    """
    if len(content) > MAX_FILE_BYTES:
        raise UsageError(f"{path} has more than {MAX_FILE_BYTES:,} bytes; it is no users file")
    users: dict[str, PasswordHash] = {}
    for number, line in enumerate(content.split(b"\n"), start=1):
        if is_passed_over(line):
            continue
        name, hashed = _read_line(line, number, path)
        if name in users:
            raise UsageError(f"{path}, line {number}: the name stands there twice; delete one of the lines")
        users[name] = hashed
    return users


def _line(name: str, hashed: PasswordHash) -> str:
    return f"{name}:{hashed}"


def _read_line(line: bytes, number: int, path: Path) -> tuple[str, PasswordHash]:
    try:
        name, _, text = line.decode("ascii").strip().partition(":")
        if not NAME.fullmatch(name):
            raise ValueError("no name")
        return name, PasswordHash.parse(text)
    except ValueError:
        # From nothing: the cause would show the line, and with it the hash, in a traceback.
        raise UsageError(
            f"{path}, line {number}: no line of the form name:scrypt$n$r$p$salt$hash; delete it, "
            "and add the user again with `geobrief users add`"
        ) from None


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    given = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(given, salt=salt, n=n, r=r, p=p, maxmem=_memory(n, r, p) + 2**20, dklen=_HASH_BYTES)


def _memory(n: int, r: int, p: int) -> int:
    return 128 * r * (n + p + 2)


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error
