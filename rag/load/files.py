"""Find source files under folders, files and globs, and read them within a size limit."""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rag.errors import SourceError
from rag.load.readers import READERS

_WILDCARDS = frozenset("*?[")
_IRREGULAR = "is not a regular file; copy its content into one"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that may hold briefs.

    Attributes:
        path: absolute, with links of its parent folders resolved.
        root: the folder that default ids are relative to; holds `path`.
    """

    path: Path
    root: Path

    def read(self, *, max_bytes: int) -> bytes:
        """Read the whole file, at most `max_bytes`.

        Raises:
            SourceError: if it is too large, empty, no regular file, gone, or may not be read.
        """
        try:
            with open(self.path, "rb", opener=_open_at_once) as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise SourceError(_IRREGULAR)
                data = b"" if status.st_size > max_bytes else file.read(max_bytes + 1)
        except OSError as error:
            raise SourceError(_trouble(error)) from error
        if status.st_size > max_bytes or len(data) > max_bytes:
            size = max(status.st_size, len(data))
            raise SourceError(
                f"is {_megabytes(size)} large, over the limit of {_megabytes(max_bytes)}; split it or raise the limit"
            )
        if not data:
            raise SourceError("is empty; write a text into it or remove it")
        return data


@dataclass(frozen=True, slots=True)
class Failure:
    """A path that gave nothing, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a search for source files gave.

    Attributes:
        files: sorted by path; no file twice, links included.
    """

    files: tuple[SourceFile, ...]
    failures: tuple[Failure, ...]


def find(paths: Sequence[Path | str], *, suffixes: Collection[str] = READERS.keys()) -> Found:
    """List the source files under folders (with all below), files, and globs such as "corpus/**/*.md".

    README.md and names that begin with a dot are never briefs. Other suffixes are passed over, but a file that is
    named itself and has one is a failure. A path that exists is taken as it is, wildcards or not. Files are known by
    their real path, so links and loops of links give each file once.
    """
    search = _Search(frozenset(suffix.lower() for suffix in suffixes))
    for path in paths:
        search.start(str(path))
    files = sorted(search.files.values(), key=lambda file: file.path)
    return Found(tuple(files), tuple(dict.fromkeys(search.failures)))


@dataclass(slots=True)
class _Search:
    """The state of one `find`: what was found, by real path, and what failed."""

    suffixes: frozenset[str]
    files: dict[str, SourceFile] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    def start(self, given: str) -> None:
        if not given or "\x00" in given:
            self.fail(given, "is no path; name a folder, a file or a glob")
        elif os.path.isdir(given):
            folder = Path(os.path.realpath(given))
            self.walk(folder, folder)
        elif os.path.lexists(given):
            self.add_named(given)
        elif _WILDCARDS & set(given):
            self.glob(given)
        else:
            self.fail(given, _why_missing(given))

    def add_named(self, given: str) -> None:
        path = Path(os.path.realpath(os.path.dirname(given) or ".")) / os.path.basename(given)
        if _never_a_brief(path.name):
            self.fail(given, "is never read as a brief (README.md and dotfiles are not); rename it")
        elif path.suffix.lower() not in self.suffixes:
            self.fail(given, f"has no known suffix; the known ones are {', '.join(sorted(self.suffixes))}")
        else:
            self.add(path, path.parent)

    def add(self, path: Path, root: Path) -> None:
        """Add a file of known suffix, or fail when it is none; of two names of one file the real one wins."""
        try:
            mode = os.stat(path).st_mode
            os.fsencode(path).decode()
        except OSError as error:
            self.fail(path, _trouble(error))
        except UnicodeDecodeError:
            self.fail(path, "has a name that is not UTF-8; rename it")
        else:
            real = os.path.realpath(path) if path.is_symlink() else str(path)
            if not stat.S_ISREG(mode):
                self.fail(path, _IRREGULAR)
            elif real not in self.files or (self.files[real].path.is_symlink() and not path.is_symlink()):
                self.files[real] = SourceFile(path, root)

    def walk(self, folder: Path, root: Path) -> None:
        """Add every file of known suffix below a real folder."""
        for below, own_root in self.folders(folder, root):
            for entry in self.entries(below):
                if Path(entry.name).suffix.lower() in self.suffixes and not _is_folder(entry):
                    self.add(below / entry.name, own_root)

    def folders(self, folder: Path, root: Path) -> Iterator[tuple[Path, Path]]:
        """Yield (real folder, root), top first, each folder once however many links lead to it.

        A linked folder elsewhere is its own root: its files are not below the one that the search began in.
        """
        waiting = [(folder, root)]
        seen: set[Path] = set()
        while waiting:
            place, own_root = waiting.pop()
            if place in seen:
                continue
            seen.add(place)
            yield place, own_root
            inner = [Path(os.path.realpath(e.path)) for e in self.entries(place, report=False) if _is_folder(e)]
            waiting.extend((path, own_root if path.is_relative_to(own_root) else path) for path in reversed(inner))

    def entries(self, folder: Path, *, report: bool = True) -> list[os.DirEntry[str]]:
        """What a folder holds, by name, without what is never a brief."""
        try:
            with os.scandir(folder) as listing:
                return sorted((e for e in listing if not _never_a_brief(e.name)), key=lambda entry: entry.name)
        except OSError as error:
            if report:
                self.fail(folder, _trouble(error))
            return []

    def glob(self, given: str) -> None:
        parts = Path(given).parts
        n_literal = next(position for position, part in enumerate(parts) if _WILDCARDS & set(part))
        prefix = Path(*parts[:n_literal])
        if not prefix.is_dir():
            self.fail(given, _why_missing(str(prefix)))
            return
        root = Path(os.path.realpath(prefix))
        if not self.expand(root, parts[n_literal:], root, set()):
            self.fail(given, "matches no file or folder; check the pattern")

    def expand(self, place: Path, parts: tuple[str, ...], root: Path, done: set[tuple[str, int]]) -> bool:
        """Add what the rest of a pattern matches from `place` on; return whether it matches anything."""
        state = (os.path.realpath(place), len(parts))
        if state in done:
            return True
        done.add(state)
        if not parts:
            return self.add_match(place, root)
        first, rest = parts[0], parts[1:]
        if not place.is_dir():
            return False
        if first == "**" and not rest:
            return self.add_match(place, root)
        if first == "**":
            below = [folder for folder, _ in self.folders(place, root)]
        elif _WILDCARDS & set(first):
            below = [Path(e.path) for e in self.entries(place) if fnmatch.fnmatchcase(e.name, first)]
        else:
            below = [place / first] if os.path.lexists(place / first) else []
        matched = [self.expand(match, rest, root, done) for match in below]
        return any(matched)

    def add_match(self, place: Path, root: Path) -> bool:
        if place.is_dir():
            self.walk(Path(os.path.realpath(place)), root)
        elif place.suffix.lower() in self.suffixes and not _never_a_brief(place.name):
            path = Path(os.path.realpath(place.parent)) / place.name
            self.add(path, root if path.is_relative_to(root) else path.parent)
        return True

    def fail(self, path: Path | str, reason: str) -> None:
        self.failures.append(Failure(os.fsencode(path).decode("utf-8", "backslashreplace"), reason))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links
        return False


def _never_a_brief(name: str) -> bool:
    return name.startswith(".") or name.lower() == "readme.md"


def _why_missing(path: str) -> str:
    try:
        os.stat(path)
    except FileNotFoundError:
        return "no such file or folder; check the path"
    except (OSError, ValueError) as error:
        return _trouble(error)
    return "is not a folder; check the path"


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting for the writer of a named pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _trouble(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "is gone (no such file or folder); restore it or ingest again"
    if isinstance(error, PermissionError):
        return "may not be read (no permission); change its permissions"
    if isinstance(error, IsADirectoryError):
        return _IRREGULAR
    detail = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
    return f"cannot be read ({detail}); check the path and the disk"


def _megabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1_000_000:,.1f} MB" if n_bytes >= 100_000 else f"{n_bytes:,} bytes"
