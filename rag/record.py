"""The answer as one JSON object: what `ask --json` prints, services return and `verify` reads.

Fields are only ever added. The JSON schema in schema/answer.schema.json is generated from these models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, Literal, Self

from langchain_core.documents import Document
from pydantic import BaseModel, ConfigDict, Field

from rag.answer import Answer, BriefRef, Citation, Identities, Sentence, Usage
from rag.types import Scope


class Record(BaseModel):
    """Base of the records: unknown fields of a later version are passed over."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class ScopeRecord(Record):
    """Which briefs could be used; dates as YYYY-MM-DD, `as_known_at` as a moment in ISO 8601."""

    from_: str | None = Field(default=None, alias="from")
    to: str | None = None
    as_of: str | None = None
    as_known_at: str | None = None
    regions: list[str] = []
    sources: list[str] = []
    topics: list[str] = []
    briefs: list[str] = []

    @classmethod
    def of(cls, scope: Scope) -> Self:
        """Read a scope."""
        moments = (scope.date_from, scope.date_to, scope.as_of, scope.as_known_at)
        dates = [value.isoformat() if value else None for value in moments]
        lists = {"regions": list(scope.regions), "sources": list(scope.sources), "topics": list(scope.topics)}
        lists["briefs"] = list(scope.briefs)
        return cls(from_=dates[0], to=dates[1], as_of=dates[2], as_known_at=dates[3], **lists)

    def scope(self) -> Scope:
        """Return the scope."""
        return Scope(
            date_from=date.fromisoformat(self.from_) if self.from_ else None,
            date_to=date.fromisoformat(self.to) if self.to else None,
            as_of=date.fromisoformat(self.as_of) if self.as_of else None,
            as_known_at=datetime.fromisoformat(self.as_known_at) if self.as_known_at else None,
            regions=tuple(self.regions),
            sources=tuple(self.sources),
            topics=tuple(self.topics),
            briefs=tuple(self.briefs),
        )


class CitationRecord(Record):
    """A pointer to characters `start` to `end` (Unicode code points) of a brief's text.

    `sha256` is the digest of the source file, `text_sha256` that of the brief's text in UTF-8.
    """

    n: int = Field(ge=1)
    brief_id: str
    chunk_id: str
    title: str
    date: str | None
    source: str | None
    url: str | None
    page: int | None
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    quote: str
    sha256: str
    text_sha256: str

    @classmethod
    def of(cls, citation: Citation) -> Self:
        """Read a citation."""
        data = citation.passage.metadata
        named = {key: data[key] for key in ("brief_id", "chunk_id", "title", "date", "source", "url", "sha256")}
        return cls(
            n=citation.n,
            page=citation.page,
            start=citation.start,
            end=citation.end,
            quote=citation.quote,
            text_sha256=data["text_sha256"],
            **named,
        )


class SentenceRecord(Record):
    """A sentence with its support in [0, 1]; null means unchecked."""

    text: str
    support: float | None
    citations: list[CitationRecord]

    @classmethod
    def of(cls, sentence: Sentence) -> Self:
        """Read a sentence."""
        citations = [CitationRecord.of(citation) for citation in sentence.citations]
        return cls(text=sentence.text, support=sentence.support, citations=citations)

    def sentence(self, evidence: Sequence[Document]) -> Sentence:
        """Return the sentence, its citations pointing into the evidence.

        Raises:
            IndexError: naming the citation that has no evidence.
        """
        for citation in self.citations:
            if citation.n > len(evidence):
                raise IndexError(f"citation [{citation.n}] has no evidence: there are {len(evidence)} passages")
        cited = tuple(Citation(c.n, c.start, c.end, c.quote, c.page, evidence[c.n - 1]) for c in self.citations)
        return Sentence(self.text, cited, self.support)


class EvidenceRecord(Record):
    """A numbered passage.

    Attributes:
        score: calibrated probability that its best unit answers; null where the reader scored none.
        signals: raw values of its best unit by name, for evaluators; `closer` only where that was read closely.
    """

    n: int = Field(ge=1)
    brief_id: str
    chunk_id: str
    title: str
    date: str | None
    source: str | None
    score: float | None
    signals: dict[str, float]
    start: int
    end: int
    text: str
    url: str | None = None
    region: list[str] = []
    heading: str = ""
    page: int | None = None
    sha256: str = ""
    text_sha256: str = ""

    @classmethod
    def of(cls, n: int, passage: Document) -> Self:
        """Read a passage."""
        data = passage.metadata
        signals = _signals(data)
        score = signals.pop("score", None)
        shown = {key: data[key] for key in (*_SHOWN, *_MORE) if data.get(key) is not None}
        return cls(
            n=n, score=score, signals=signals, text=passage.page_content, **{"date": None, "source": None, **shown}
        )

    def passage(self) -> Document:
        """Return the passage with what is known of it here."""
        score = {} if self.score is None else {"score": self.score}
        known = {key: getattr(self, key) for key in (*_SHOWN, *_MORE)}
        return Document(
            id=self.chunk_id, page_content=self.text, metadata={**known, "signals": {**self.signals, **score}}
        )


_SHOWN = ("brief_id", "chunk_id", "title", "date", "source", "start", "end")
_MORE = ("url", "region", "heading", "page", "sha256", "text_sha256")


class NearestRecord(Record):
    """A brief that comes close, or that is listed."""

    brief_id: str
    title: str
    date: str | None

    @classmethod
    def of(cls, ref: BriefRef) -> Self:
        """Read a reference."""
        return cls(brief_id=ref.brief_id, title=ref.title, date=ref.date)

    def ref(self) -> BriefRef:
        """Return the reference."""
        return BriefRef(self.brief_id, self.title, self.date)


class IdentitiesRecord(Record):
    """What the answer depends on beside the corpus."""

    embedding: str
    reader: str
    dtype: str
    settings_digest: str


class TimingsRecord(Record):
    """Milliseconds a stage took."""

    rewrite: float
    retrieve: float
    read: float
    answer: float
    verify: float
    write: float = 0.0
    total: float


class UsageRecord(Record):
    """What an LLM wrote: tokens, cost where prices are set, sentences written and those dropped, by reason."""

    model: str
    input_tokens: int
    output_tokens: int
    cost: float | None
    cached: bool
    written: int
    dropped: dict[str, int]


class AnswerRecord(Record):
    """One answer, or an abstention with its reason."""

    schema_version: Literal[1] = 1
    question: str
    standalone_question: str
    parts: list[str] = []
    scope: ScopeRecord
    limited_by: str | None = None
    abstained: bool
    remark: str | None = None
    briefs: list[NearestRecord] = []
    reason: str | None
    answerable: float | None
    text: str
    sentences: list[SentenceRecord]
    evidence: list[EvidenceRecord]
    nearest: list[NearestRecord]
    notes: list[str]
    conflicts: list[str] = []
    usage: UsageRecord | None = None
    identities: IdentitiesRecord
    timings_ms: TimingsRecord

    @classmethod
    def of(cls, answer: Answer) -> Self:
        """Read an answer."""
        identities = answer.identities
        return cls(
            question=answer.question,
            standalone_question=answer.standalone_question,
            parts=list(answer.parts),
            scope=ScopeRecord.of(answer.scope),
            limited_by=answer.limited_by,
            abstained=answer.abstained,
            remark=answer.remark,
            briefs=[NearestRecord.of(ref) for ref in answer.briefs],
            reason=answer.reason,
            answerable=answer.answerable,
            text=answer.text,
            sentences=[SentenceRecord.of(sentence) for sentence in answer.sentences],
            evidence=[EvidenceRecord.of(n, passage) for n, passage in enumerate(answer.evidence, 1)],
            nearest=[NearestRecord.of(ref) for ref in answer.nearest],
            notes=list(answer.notes),
            conflicts=list(answer.conflicts),
            usage=None if answer.usage is None else UsageRecord(**asdict(answer.usage)),
            identities=IdentitiesRecord(
                embedding=identities.embedding,
                reader=identities.reader,
                dtype=identities.dtype,
                settings_digest=identities.settings_digest,
            ),
            timings_ms=TimingsRecord(**answer.timings_ms),
        )

    def answer(self) -> Answer:
        """Return the answer again, with what is kept of its passages.

        Raises:
            IndexError: if a citation has no evidence.
            ValueError: if a date of the scope is none.
            UsageError: if a name of the scope is none that a brief can have.
        """
        evidence = tuple(record.passage() for record in self.evidence)
        return Answer(
            question=self.question,
            standalone_question=self.standalone_question,
            parts=tuple(self.parts),
            scope=self.scope.scope(),
            limited_by=self.limited_by,
            remark=self.remark,
            briefs=tuple(record.ref() for record in self.briefs),
            reason=self.reason,
            answerable=self.answerable,
            sentences=tuple(record.sentence(evidence) for record in self.sentences),
            evidence=evidence,
            nearest=tuple(record.ref() for record in self.nearest),
            notes=tuple(self.notes),
            conflicts=tuple(self.conflicts),
            usage=None if self.usage is None else Usage(**self.usage.model_dump()),
            identities=Identities(**self.identities.model_dump()),
            timings_ms=self.timings_ms.model_dump(),
        )

    def to_json(self, *, indent: int | None = None) -> str:
        """Return the object as JSON text."""
        return self.model_dump_json(by_alias=True, indent=indent)


def answer_schema() -> dict[str, Any]:
    """Return the JSON schema of an answer."""
    return AnswerRecord.model_json_schema(by_alias=True, mode="serialization")


def _signals(data: Mapping[str, Any]) -> dict[str, float]:
    ranks = {f"rank_{name}": float(rank) for name, rank in data.get("ranks", {}).items()}
    return {**ranks, "fused": float(data.get("fused", 0.0)), **data.get("signals", {})}
