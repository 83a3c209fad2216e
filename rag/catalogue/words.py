"""The words of chunks, as full-text search needs them: what each engine does in its own way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import ColumnElement, Connection, FromClause

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class ChunkWords:
    """What is to be found of a chunk: its header (title and heading) and its body, by the chunk's row id."""

    id: int
    header: str
    body: str


class Words(Protocol):
    """Full-text search within the catalogue's database: Porter stems without accents, ranked by BM25."""

    @property
    def contents(self) -> FromClause:
        """Rows with the columns `header` and `body`."""
        ...

    @property
    def key(self) -> ColumnElement[int]:
        """The column of `contents` that names the chunk by its row id."""
        ...

    def create(self, connection: Connection) -> None:
        """Make the tables."""
        ...

    def put(self, connection: Connection, rows: Sequence[ChunkWords]) -> None:
        """Write the words of chunks, instead of those they had."""
        ...

    def drop(self, connection: Connection, ids: Sequence[int]) -> None:
        """Delete the words of chunks, if they have any."""
        ...

    def having_all(self, words: Sequence[str]) -> ColumnElement[bool]:
        """Return the condition that a row of `contents` holds all these words."""
        ...

    def ranked(
        self, connection: Connection, words: Sequence[str], *, among: ColumnElement[bool], k: int
    ) -> tuple[str, ...]:
        """Return the ids of the `k` best chunks that hold any of the words, best first; ties by chunk id.

        Args:
            among: a condition on their versions.
        """
        ...

    def frequencies(self, connection: Connection, stems: Sequence[str]) -> dict[str, int]:
        """Return in how many chunks each stem occurs; one that occurs in none may be left out."""
        ...

    def optimize(self, connection: Connection) -> None:
        """Remove what is left of deleted words within the tables."""
        ...

    def faults(self, connection: Connection) -> list[str]:
        """Check what is derived from the words; return what is wrong, in words."""
        ...


def plain_words(words: Iterable[str]) -> list[str]:
    """Return the different words among these that are words; none can be query syntax."""
    return [word for word in dict.fromkeys(words) if _WORD.fullmatch(word)]
