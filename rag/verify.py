"""Check sentences against the spans they cite, and exported answers against the corpus. Fails closed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.documents import Document

from rag.agreement import Reason, disagreement
from rag.answer import Sentence
from rag.catalogue import VersionRow
from rag.cite import quoted
from rag.lexicon import analyse, present
from rag.machine_talk import speaks_to_machines
from rag.record import AnswerRecord, CitationRecord, SentenceRecord
from rag.signal_weights import SUPPORT_BIAS, SUPPORT_SCALE, SUPPORT_THRESHOLD
from rag.signals import CONTEXT, content_stems, logistic
from rag.types import Span

Verdict = Literal["holds", "superseded", "changed", "missing"]

MAX_UNSAID = 0.3
MOST_UNITS = 3
"""Units next to each other that may bear a sentence out together."""
MOST_JUDGED = 10

FAILING: frozenset[Verdict] = frozenset({"changed", "missing"})
MOST_CITED = 100
"""Citations of a written sentence; one with more is not judged."""
MOST_CLAIMED, MOST_QUOTED = 2_000, 20_000
"""Characters of a written sentence, and of all that it quotes; what is longer is not judged."""

Rejection = Literal[Reason, "unsupported", "citation"]


@dataclass(frozen=True, slots=True)
class Claim:
    """A written sentence beside the source that it cites.

    Attributes:
        title: of the brief, where it counts as part of the source.
        dated: ISO date of the brief, whole or in part; empty where it has none.
    """

    text: str
    source: str
    title: str = ""
    dated: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the checks say of a claim.

    Attributes:
        support: calibrated probability that the source bears it out; 1 for a quote, 0 where a rule is broken.
        reason: why it is rejected; None where it may be shown.
    """

    support: float
    reason: Rejection | None


@dataclass(frozen=True, slots=True)
class Proof:
    """What became of a written sentence: itself with the span that bears it out, or why it may not be shown."""

    sentence: Sentence | None
    reason: Rejection | None = None


@dataclass(frozen=True)
class Verifier:
    """Checks sentences against what they cite. Fails closed: what is not proven is rejected.

    Attributes:
        model: a cross-encoder of (sentence, source in its context) that gives log-odds; without one nothing but quotes
            passes.
        threshold: support below which a sentence is rejected.
        max_unsaid: share of a sentence's words that its source does not hold above which it is rejected.
    """

    model: BaseCrossEncoder | None = None
    threshold: float = SUPPORT_THRESHOLD
    max_unsaid: float = MAX_UNSAID

    def verify(self, sentences: Iterable[Sentence]) -> Iterator[Sentence]:
        """Yield the sentences that are borne out, with their support; drop the others.

        A sentence is verbatim, with support 1, when it equals the quote of one of its citations. Every quote must be
        what stands in its passage at its span. One call of the model a written sentence.
        """
        for sentence in sentences:
            if sentence.citations and all(_stands(sentence)):
                judged = Judgement(1.0, None) if _is_quote(sentence) else self.judge([_claim(sentence)])[0]
                if judged.reason is None:
                    yield replace(sentence, support=judged.support)

    def prove(self, text: str, cites: Sequence[int], evidence: Sequence[Document]) -> Proof:
        """Find the units next to each other that bear a written sentence out, in the passages that it names.

        The most alike in words are judged, in one call of the model.

        Args:
            cites: numbers of the passages, from 1; a number that the evidence does not have is a rejection.
        """
        if not cites or not all(1 <= n <= len(evidence) for n in cites):
            return Proof(None, "citation")
        runs = [(n, run) for n in cites for run in _runs(evidence[n - 1])]
        words = set(content_stems(text))
        alike = sorted(runs, key=lambda found: -_likeness(words, _text(evidence[found[0] - 1], found[1])))[:MOST_JUDGED]
        sentences = [Sentence(text, quoted(n, evidence[n - 1], run).citations) for n, run in alike]
        judged = list(zip(sentences, self.judge([_claim(sentence) for sentence in sentences]), strict=True))
        borne_out = [(j.support, sentence) for sentence, j in judged if j.reason is None]
        if borne_out:
            support, sentence = max(borne_out, key=lambda found: found[0])
            return Proof(replace(sentence, support=support))
        return Proof(None, judged[0][1].reason if judged else "unsupported")

    def judge(self, claims: Sequence[Claim]) -> list[Judgement]:
        """Judge claims: identity, then rules, then one call of the model for those that break none."""
        settled = [_settled(claim, self.max_unsaid) for claim in claims]
        support = iter(self._support([claim for claim, found in zip(claims, settled, strict=True) if found is None]))
        return [found or self._judgement(next(support)) for found in settled]

    def _judgement(self, support: float) -> Judgement:
        return Judgement(support, None if support >= self.threshold else "unsupported")

    def _support(self, claims: Sequence[Claim]) -> list[float]:
        if self.model is None or not claims:
            return [0.0] * len(claims)
        odds = self.model.score([(claim.text, in_context(claim)) for claim in claims])
        return [logistic(SUPPORT_SCALE * x + SUPPORT_BIAS) for x in odds]


def _runs(passage: Document) -> Iterator[Span]:
    """Yield the spans of up to `MOST_UNITS` units next to each other, but for those that speak to machines."""
    shown = [unit for unit in passage.metadata["units"] if unit["kind"] != "list"]
    units = [unit for unit in shown if not speaks_to_machines(_text(passage, Span(unit["start"], unit["end"])))]
    for size in range(1, MOST_UNITS + 1):
        for first, last in zip(units, units[size - 1 :], strict=False):
            if not speaks_to_machines(_text(passage, Span(first["start"], last["end"]))):
                yield Span(first["start"], last["end"])


def _text(passage: Document, span: Span) -> str:
    offset: int = passage.metadata["start"]
    return passage.page_content[span.start - offset : span.end - offset]


def _likeness(words: Collection[str], source: str) -> float:
    """Share of the words that stand in a source, less a little for its length."""
    held = set(content_stems(source))
    return len(held & set(words)) / max(1, len(words)) - len(held) / 1000


def unsaid(claim: Claim) -> float:
    """Share of a claim's words, but for stop words, that its source does not hold, in [0, 1].

    The model forgives an added word too easily: among sentences of a small LLM it is the best single sign of invention.
    """
    held = analyse(f"{claim.title}. {claim.source} {claim.dated}")
    words = content_stems(claim.text)
    return sum(present(word, held) == 0 for word in words) / max(1, len(words))


def in_context(claim: Claim) -> str:
    """Write a claim's source as a cross-encoder is shown it: its text and, after a blank line, title and date."""
    return f"{' '.join(claim.source.split())}{CONTEXT}{', '.join(filter(None, (claim.title, claim.dated)))}"


def _settled(claim: Claim, max_unsaid: float) -> Judgement | None:
    """Judge a claim by identity and rules; None where they do not settle it."""
    if claim.text.split() == claim.source.split():
        return Judgement(1.0, None)
    reason: Rejection | None = disagreement(claim.text, claim.source, dated=claim.dated)
    if reason is None and unsaid(claim) > max_unsaid:
        reason = "unsupported"
    return None if reason is None else Judgement(0.0, reason)


def _is_quote(sentence: Sentence) -> bool:
    return any(sentence.text == citation.quote for citation in sentence.citations)


def _claim(sentence: Sentence) -> Claim:
    """Put a sentence beside what it cites. The title is left out: it is not in the cited span, and it may lie."""
    source = " ".join(citation.quote for citation in sentence.citations)
    return Claim(sentence.text, source, dated=sentence.citations[0].passage.metadata.get("date") or "")


def _stands(sentence: Sentence) -> Iterator[bool]:
    for citation in sentence.citations:
        start = citation.passage.metadata["start"]
        content = citation.passage.page_content
        inside = 0 <= citation.start - start <= citation.end - start <= len(content)
        yield inside and content[citation.start - start : citation.end - start] == citation.quote


@dataclass(frozen=True, slots=True)
class CitationVerdict:
    """What became of one citation of an exported answer.

    Attributes:
        verdict: `holds`; `superseded`: the quote stands in a version that a newer one replaced; `changed`: the brief
            is there, but the quote does not stand at that span, its title, date, source or address is another, or the
            sentence is not the quote; `missing`: the brief is not in the corpus.
    """

    sentence: str
    citation: CitationRecord
    verdict: Verdict


def verify_record(
    record: AnswerRecord,
    versions: Callable[[str], Sequence[VersionRow]],
    judge: Callable[[Sequence[Claim]], Sequence[Judgement]],
) -> tuple[CitationVerdict, ...]:
    """Check every citation of an exported answer again.

    Args:
        versions: all versions of a brief by id, as `Catalogue.versions` gives them.
        judge: judges written sentences, as `Verifier.judge` does; not called for quotes.
    """
    return tuple(verdict for sentence in record.sentences for verdict in _verdicts(sentence, versions, judge))


def is_proved(sentence: SentenceRecord, verdicts: Sequence[CitationVerdict]) -> bool:
    """Whether a sentence cites something and all of it stands; one that cites nothing may be anybody's."""
    return bool(sentence.citations) and not any(one.verdict in FAILING for one in verdicts)


def _verdicts(
    sentence: SentenceRecord,
    versions: Callable[[str], Sequence[VersionRow]],
    judge: Callable[[Sequence[Claim]], Sequence[Judgement]],
) -> Iterator[CitationVerdict]:
    """Check the citations of a sentence, which is judged once, however many it has."""
    found = [(citation, *_verdict(citation, versions(citation.brief_id))) for citation in sentence.citations]
    standing = [(citation.quote, version) for citation, _, version in found if version is not None]
    borne_out = bool(standing) and _is_borne_out(sentence.text, standing, judge)
    for citation, verdict, version in found:
        yield CitationVerdict(sentence.text, citation, "changed" if version and not borne_out else verdict)


def _verdict(citation: CitationRecord, versions: Sequence[VersionRow]) -> tuple[Verdict, VersionRow | None]:
    """Return what became of a citation and, where its quote stands, the version in which it does."""
    if all(version.superseded_at is not None for version in versions):
        return "missing", None
    cited = [version for version in versions if _is_of(citation, version)]
    standing = [version for version in cited if version.text[citation.start : citation.end] == citation.quote]
    if not standing:
        return "changed", None
    now = next((version for version in standing if version.superseded_at is None), None)
    return ("holds", now) if now else ("superseded", standing[0])


def _is_of(citation: CitationRecord, version: VersionRow) -> bool:
    """Whether a citation names a version by its text, and says of the brief what that version does."""
    named = {name: getattr(citation, name) for name in ("title", "date", "source", "url")}
    return version.text_sha256 == citation.text_sha256 and named.items() <= version.metadata.items()


def _is_borne_out(
    text: str, standing: Sequence[tuple[str, VersionRow]], judge: Callable[[Sequence[Claim]], Sequence[Judgement]]
) -> bool:
    """Whether a sentence is one of the quotes that stand, or they bear it out. The date is the brief's own."""
    quotes = [quote for quote, _ in standing]
    if text in quotes:
        return True
    source = " ".join(quotes)
    if len(quotes) > MOST_CITED or len(text) > MOST_CLAIMED or len(source) > MOST_QUOTED:
        return False
    dated = standing[0][1].metadata.get("date") or ""
    return judge([Claim(text, source, dated=dated)])[0].reason is None
