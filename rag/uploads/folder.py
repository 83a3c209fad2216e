"""The folder of an index that uploaded files lie in."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from rag.errors import SourceError
from rag.load import SourceFile, find
from rag.types import sha256
from rag.uploads.contents import check_content
from rag.uploads.names import numbered, safe_name

UPLOADS_FOLDER = "uploads"
_PART = ".part"
_ABANDONED_S = 3600.0


def with_uploads(index: Path, paths: Sequence[Path | str]) -> list[Path | str]:
    """Return the paths of an ingest, and the folder of uploads of that index where there is one."""
    folder = UploadFolder.of(index).path
    return [*paths, folder] if folder.is_dir() else [*paths]


@dataclass(frozen=True, slots=True)
class Kept:
    """Where an uploaded file lies; `is_new` is off when the same content was there before."""

    path: Path
    is_new: bool


@dataclass(frozen=True, slots=True)
class UploadFolder:
    """Files of uploads, none in folders below. Names that begin with a dot are never read as briefs."""

    path: Path

    @classmethod
    def of(cls, index: Path) -> UploadFolder:
        """Return the folder of an index; it need not exist."""
        return cls(index.expanduser().resolve() / UPLOADS_FOLDER)

    def keep(self, source: Path, given_name: str, *, max_bytes: int) -> Kept:
        """Copy a file in under a safe name that no other content has. The copy is there whole or not at all.

        Raises:
            SourceError: if it cannot be read, is too large, or its content is not what its name says.
        """
        name = safe_name(given_name)
        data = SourceFile(source, source.parent).read(max_bytes=max_bytes)
        check_content(name, data)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            return self._settle(data, name)
        except OSError as error:
            raise SourceError(f"cannot be kept ({error.strerror}); check rights and free space") from error

    def _settle(self, data: bytes, name: str) -> Kept:
        hidden = self.path / f".{uuid.uuid4().hex}{_PART}"
        try:
            _write(hidden, data)
            with self._settling():
                if same := self._same(data):
                    return Kept(same, is_new=False)
                target = next(self.path / one for one in numbered(name) if not os.path.lexists(self.path / one))
                hidden.rename(target)
        finally:
            hidden.unlink(missing_ok=True)
        _sync_folder(self.path)
        return Kept(target, is_new=True)

    @contextmanager
    def _settling(self) -> Iterator[None]:
        """Let one thread or process at a time choose a name."""
        with FileLock(self.path / ".names.lock"):
            yield

    def _same(self, data: bytes) -> Path | None:
        digest = None
        for path in self.files():
            try:
                if path.stat().st_size == len(data):
                    digest = digest or sha256(data)
                    if sha256(path.read_bytes()) == digest:
                        return path
            except OSError:
                continue  # removed meanwhile
        return None

    def files(self) -> list[Path]:
        """Return the files that may hold briefs, in order."""
        return [file.path for file in find([self.path]).files] if self.path.is_dir() else []

    def holds(self, path: Path | str) -> bool:
        """Whether a path lies in the folder, be there a file or not."""
        return Path(path).parent == self.path

    def remove(self, path: Path) -> None:
        """Delete a file of the folder; one that is gone already is no error.

        Raises:
            SourceError: if it lies elsewhere, or may not be deleted.
        """
        if not self.holds(path):
            raise SourceError("is no uploaded file; delete it where it lies")
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise SourceError(f"cannot be deleted ({error.strerror}); check the rights of {path}") from error

    def sweep(self) -> None:
        """Delete what copies that were cut short an hour ago or earlier left."""
        for path in self.path.glob(f".*{_PART}") if self.path.is_dir() else ():
            try:
                if time.time() - path.stat().st_mtime > _ABANDONED_S:
                    path.unlink()
            except FileNotFoundError:
                continue


def _write(path: Path, data: bytes) -> None:
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    """Have the folder's new entry survive a power cut, where the system can."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
