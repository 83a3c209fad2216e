"""Questions with their measured units: what the head is fitted on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from langchain_core.documents import Document

from rag.measure import MAX_UNITS, Measured, Scorers, by_promise, measure
from rag.read import DocumentFrequency
from rag.signals import Asked, Candidate, ask, countable_stems


@dataclass(frozen=True)
class Read:
    """A question with its measured units.

    Attributes:
        kind: set and, after a slash, kind of refusal: "briefs", "briefs/near_miss", "squad/swapped", ...
        group: what is never parted between folds: a story, an article, a country.
        right: for each unit, whether it answers.
    """

    kind: str
    group: str
    asked: Asked
    answerable: bool
    units: tuple[Measured, ...]
    right: tuple[bool, ...]

    @property
    def clear(self) -> bool:
        """Whether it is known if any of the units answers: where none of an answerable question does, one may."""
        return not self.answerable or any(self.right)


@dataclass(frozen=True)
class Desk:
    """Where questions are read: a retriever's search, word frequencies, and the scorers.

    Without scorers all units of the passages that are read are measured, by what needs no model.
    """

    search: Callable[[str], list[Document]]
    document_frequency: DocumentFrequency
    scorers: Scorers | None

    def read(
        self, kind: str, group: str, question: str, *, passages: Sequence[Document] | None = None,
        right: Callable[[Candidate], bool] | None = None, answerable: bool = False,
    ) -> Read | None:  # fmt: skip
        """Measure a question over the passages given, or those found; None where there is no unit."""
        found = self.search(question) if passages is None else passages
        asked = ask(question, *self.document_frequency(countable_stems(question)))
        if self.scorers:
            units = tuple(measure(asked, found, self.scorers, max_units=MAX_UNITS))
        else:
            units = tuple(by_promise(asked, found))
        if not units:
            return None
        hits = tuple(right is not None and right(m.candidate) for m in units)
        return Read(kind, group, asked, answerable, units, hits)
