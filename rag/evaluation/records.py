"""What a run writes: one record a question and system, and the report that is made of them. Fields are only added."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

REPORT_VERSION = 1


class Record(BaseModel):
    """Base of the records: unknown fields of a later version are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Hit(Record):
    """A retrieved passage. `start` and `end` are None where a system gives no spans."""

    rank: int
    doc_id: str
    start: int | None = None
    end: int | None = None
    text: str


class Cited(Record):
    """A citation of an answer.

    Attributes:
        valid: the quote stands in the document at that span, in the version that its digest names.
        source: the whole sentence or sentences that the quote was taken from.
    """

    doc_id: str
    start: int
    end: int
    quote: str
    valid: bool
    source: str = ""


class AnswerSentence(Record):
    """A sentence of an answer."""

    text: str
    citations: tuple[Cited, ...]


class Said(Record):
    """What a system answered; no sentences is a refusal, with its reason."""

    sentences: tuple[AnswerSentence, ...]
    reason: str | None = None

    @property
    def abstained(self) -> bool:
        """Whether nothing was answered."""
        return not self.sentences

    @property
    def text(self) -> str:
        """The sentences, without citation numbers."""
        return "\n".join(sentence.text for sentence in self.sentences)


class Gold(Record):
    """A gold span, shown beside what was found."""

    doc_id: str
    start: int
    end: int
    text: str


class QuestionRecord(Record):
    """One question under one system.

    Attributes:
        confidence: the system's own score that something answers; None where it has none.
        score: its own score that the unit it puts first answers; None where it has none.
        correct: whether the answer was right (a due refusal is right); None when not answered or not scorable.
        scores: value by measure, in [0, 1] but for `words`; a measure that does not apply is absent, never 0.
        tokens: by kind, of an LLM; absent without one.
    """

    id: str
    system: str
    question: str
    types: tuple[str, ...]
    group: str
    answerable: bool
    n_history: int = 0
    answers: tuple[str, ...] = ()
    gold: tuple[Gold, ...] = ()
    gold_docs: tuple[str, ...] = ()
    hits: tuple[Hit, ...] = ()
    said: Said | None = None
    standalone_question: str | None = None
    confidence: float | None = None
    score: float | None = None
    correct: bool | None = None
    scores: dict[str, float] = {}
    timings_ms: dict[str, float] = {}
    tokens: dict[str, int] = {}
    error: str | None = None


class Measured(Record):
    """A mean over the questions that it could be scored on, with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float
    n: int
    n_total: int


class Percentiles(Record):
    """Milliseconds."""

    p50: float
    p95: float
    p99: float
    n: int


class Curve(Record):
    """Points of a curve, `x` ascending."""

    x: tuple[float, ...]
    y: tuple[float, ...]


class Bin(Record):
    """One bin of a reliability diagram: mean confidence, share that was right, number of questions."""

    confidence: float
    accuracy: float
    n: int


class SystemSummary(Record):
    """One row of the tables.

    Attributes:
        kind: "answers" where the system answers itself; "ranks" where it only retrieves; "first passage" for the row
            that takes a system's first passage as its answer.
        measures: by name; those that don't apply are absent.
        by_type: measures by type of question.
        calibrated: whether `confidence` claims to be a probability.
        ece: expected calibration error of `reliability`.
    """

    name: str
    kind: Literal["answers", "ranks", "first passage"]
    identity: dict[str, str] = {}
    measures: dict[str, Measured] = {}
    by_type: dict[str, dict[str, Measured]] = {}
    latency_ms: dict[str, Percentiles] = {}
    risk_coverage: Curve | None = None
    reliability: tuple[Bin, ...] = ()
    calibrated: bool = False
    ece: float | None = None
    n_errors: int = 0
    tokens: dict[str, int] = {}
    cost: float | None = None


class Difference(Record):
    """A paired difference, `system` minus `baseline`, over the questions that both were scored on."""

    measure: str
    system: str
    baseline: str
    value: float
    low: float
    high: float
    p: float
    n: int


class DatasetInfo(Record):
    """What was asked. `n_total` counts the questions before split and limit; `evidence` is what refusals mean."""

    name: str
    form: str
    digest: str
    corpus_digest: str
    n_documents: int
    split: str | None = None
    limit: int | None = None
    n_questions: int
    n_answered_of: int
    n_total: int
    n_unanswerable: int
    evidence: Literal["gold", "corpus"]
    notes: tuple[str, ...] = ()


class Environment(Record):
    """What the figures depend on. Digests are SHA-256; `code_digest` is that of the package's own files."""

    geobrief: str
    code_digest: str
    settings_digest: str
    settings: dict[str, object] = {}
    python: str
    platform: str
    cpus: int
    packages: dict[str, str] = {}
    seed: int = 0


class Report(Record):
    """A run: tables, and every record they are made of."""

    version: int = REPORT_VERSION
    made_at: str
    command: str
    dataset: DatasetInfo
    environment: Environment
    systems: tuple[SystemSummary, ...]
    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()
    records: tuple[QuestionRecord, ...] = Field(default=(), repr=False)
