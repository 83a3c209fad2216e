"""The nouns of an answer: what is cited, said and read, the answer itself, and the events of a stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rag.types import Scope, Unit

SILENT = "The corpus does not say"
"""How an answer opens that has nothing to quote."""

if TYPE_CHECKING:
    from langchain_core.documents import Document


@dataclass(frozen=True, slots=True)
class Citation:
    """A pointer into the evidence: characters `start` to `end` of the brief that `passage` belongs to.

    Attributes:
        n: number of the passage in the evidence, from 1.
        quote: exactly those characters.
        passage: the passage, whose metadata name brief, title, date, source, digests.
    """

    n: int
    start: int
    end: int
    quote: str
    page: int | None
    passage: Document


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an answer.

    Attributes:
        support: probability in [0, 1] that the cited spans support it; 1.0 for a verbatim quote, None unchecked.
    """

    text: str
    citations: tuple[Citation, ...]
    support: float | None = None


@dataclass(frozen=True, slots=True)
class ScoredUnit:
    """A unit of the evidence with the reader's score for the question; higher answers better.

    Attributes:
        n: number of its passage in the evidence, from 1.
        signals: raw values by name, for evaluators; not comparable between questions.
    """

    n: int
    unit: Unit
    text: str
    score: float
    signals: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading the passages gave.

    Attributes:
        evidence: the passages, best first; the number of a passage is its position, from 1.
        units: scored units, best first.
        answerable: calibrated probability that something here answers; None while the reader is not calibrated.
    """

    evidence: tuple[Document, ...]
    units: tuple[ScoredUnit, ...]
    answerable: float | None = None


@dataclass(frozen=True, slots=True)
class BriefRef:
    """A brief as a person would look it up."""

    brief_id: str
    title: str
    date: str | None


@dataclass(frozen=True, slots=True)
class Identities:
    """What an answer depends on beside the corpus: the same identities give the same answer."""

    embedding: str
    reader: str
    dtype: str
    settings_digest: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What an LLM wrote for an answer, and what became of it.

    Attributes:
        input_tokens: of the prompt, as far as the model tells; 0 where the reply was kept from before.
        cost: in the currency of the prices in the settings; None without prices.
        written: sentences that it wrote.
        dropped: sentences that were not proved and not shown, by reason.
    """

    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    cached: bool = False
    written: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with its evidence, or an abstention with its reason.

    Attributes:
        parts: the questions that were asked of the corpus: the standalone question, or each of its parts.
        limited_by: words of the question that narrowed the scope, such as "as of May 2023".
        remark: what geobrief says itself, of itself or of what the corpus holds.
        briefs: briefs that the remark lists.
        answerable: of the part that is answered most surely.
        conflicts: those of the notes that say how briefs disagree.
    """

    question: str
    standalone_question: str
    scope: Scope
    sentences: tuple[Sentence, ...]
    evidence: tuple[Document, ...]
    identities: Identities
    parts: tuple[str, ...] = ()
    limited_by: str | None = None
    remark: str | None = None
    briefs: tuple[BriefRef, ...] = ()
    reason: str | None = None
    answerable: float | None = None
    nearest: tuple[BriefRef, ...] = ()
    notes: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    usage: Usage | None = None
    timings_ms: Mapping[str, float] = field(default_factory=dict)

    @property
    def abstained(self) -> bool:
        """Whether nothing in the corpus was found to answer."""
        return not self.sentences and self.remark is None

    @property
    def text(self) -> str:
        """The remark and the sentences with their citation numbers, or the reason for saying nothing."""
        if self.abstained:
            return self.reason or ""
        return "\n".join([*filter(None, [self.remark]), *(_with_numbers(sentence) for sentence in self.sentences)])

    @property
    def cited_briefs(self) -> tuple[str, ...]:
        """Ids of the briefs that it cites or lists, in the order in which they come up."""
        cited = [citation.passage.metadata["brief_id"] for s in self.sentences for citation in s.citations]
        return tuple(dict.fromkeys([*cited, *(ref.brief_id for ref in self.briefs)]))

    @property
    def support_rate(self) -> float | None:
        """Mean support of the checked sentences; None when none was checked."""
        checked = [s.support for s in self.sentences if s.support is not None]
        return sum(checked) / len(checked) if checked else None


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Stream event: the standalone question is known, and the parts in which it is asked: itself, if it is one."""

    standalone_question: str
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Stream event: the evidence is known and numbered."""

    evidence: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """Stream event: one checked sentence."""

    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Answered:
    """Last stream event: the whole answer."""

    answer: Answer


Event = Rewritten | Retrieved | Said | Answered


def _with_numbers(sentence: Sentence) -> str:
    marks = "".join(f"[{n}]" for n in dict.fromkeys(citation.n for citation in sentence.citations))
    return f"{sentence.text} {marks}".strip()
