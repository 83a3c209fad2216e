"""From a source file to what it gave: read, compared by digest, parsed. `ParseSources` is the seam for a cluster."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from rag.errors import SourceError
from rag.load.brief import Parsed
from rag.load.files import SourceFile
from rag.load.readers import parse
from rag.types import sha256


@dataclass(frozen=True, slots=True)
class Source:
    """A file that may have changed.

    Attributes:
        known_sha256: digest of the bytes that are wholly in the index, if any are.
    """

    file: SourceFile
    known_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class ParsedSource:
    """What became of a source: unchanged, parsed, or failed.

    Attributes:
        sha256: of the bytes that were read; "" when they could not be.
        parsed: None unless it was parsed.
        reason: why it failed.
    """

    file: SourceFile
    sha256: str = ""
    parsed: Parsed | None = None
    reason: str | None = None


class ParseSources(Protocol):
    """Parses sources, somewhere: gives one result for each, in their order, without holding all of them."""

    def __call__(
        self, sources: Iterable[Source], *, max_bytes: int, languages: Collection[str]
    ) -> Iterator[ParsedSource]:
        """Yield what became of each source."""
        ...


def parse_sources(
    sources: Iterable[Source], *, max_bytes: int, languages: Collection[str] = ("en",)
) -> Iterator[ParsedSource]:
    """Parse sources one by one, in this process."""
    for source in sources:
        data = changed_bytes(source, max_bytes=max_bytes)
        yield data if isinstance(data, ParsedSource) else parse_bytes(source.file, data, languages=languages)


def changed_bytes(source: Source, *, max_bytes: int) -> bytes | ParsedSource:
    """Read a source; return its bytes, or what became of it when nothing is left to parse."""
    try:
        data = source.file.read(max_bytes=max_bytes)
    except SourceError as error:
        return ParsedSource(source.file, reason=error.reason)
    digest = sha256(data)
    return ParsedSource(source.file, digest) if digest == source.known_sha256 else data


def parse_bytes(file: SourceFile, data: bytes, *, languages: Collection[str]) -> ParsedSource:
    """Parse the bytes of a file."""
    digest = sha256(data)
    try:
        return ParsedSource(file, digest, parse(file, data, languages=languages))
    except SourceError as error:
        return ParsedSource(file, digest, reason=error.reason)
