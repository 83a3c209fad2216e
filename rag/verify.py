"""Check sentences against the spans they cite, and exported answers against the corpus. Fails closed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from langchain_core.cross_encoders import BaseCrossEncoder

from rag.agreement import Reason, disagreement
from rag.catalogue import VersionRow
from rag.record import AnswerRecord, CitationRecord, SentenceRecord
from rag.signal_weights import SUPPORT_BIAS, SUPPORT_SCALE, SUPPORT_THRESHOLD
from rag.signals import CONTEXT, logistic
from rag.types import Sentence

Verdict = Literal["holds", "superseded", "changed", "missing"]

FAILING: frozenset[Verdict] = frozenset({"changed", "missing"})


Rejection = Literal[Reason, "unsupported"]


@dataclass(frozen=True, slots=True)
class Claim:
    """A written sentence beside the source that it cites.

    Attributes:
        title: of the brief.
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


@dataclass(frozen=True)
class Verifier:
    """Checks sentences against what they cite. Fails closed: what is not proven is rejected.

    Attributes:
        model: a cross-encoder of (sentence, source in its context) that gives log-odds; without one nothing but quotes
            passes.
        threshold: support below which a sentence is rejected.
    """

    model: BaseCrossEncoder | None = None
    threshold: float = SUPPORT_THRESHOLD

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

    def judge(self, claims: Sequence[Claim]) -> list[Judgement]:
        """Judge claims: identity, then rules, then one call of the model for those that break none."""
        settled = [_settled(claim) for claim in claims]
        support = iter(self._support([claim for claim, found in zip(claims, settled, strict=True) if found is None]))
        return [found or self._judgement(next(support)) for found in settled]

    def _judgement(self, support: float) -> Judgement:
        return Judgement(support, None if support >= self.threshold else "unsupported")

    def _support(self, claims: Sequence[Claim]) -> list[float]:
        if self.model is None or not claims:
            return [0.0] * len(claims)
        odds = self.model.score([(claim.text, in_context(claim)) for claim in claims])
        return [logistic(SUPPORT_SCALE * x + SUPPORT_BIAS) for x in odds]


def in_context(claim: Claim) -> str:
    """Write a claim's source as a cross-encoder is shown it: its text and, after a blank line, title and date."""
    return f"{' '.join(claim.source.split())}{CONTEXT}{', '.join(filter(None, (claim.title, claim.dated)))}"


def _settled(claim: Claim) -> Judgement | None:
    """Judge a claim by identity and rules; None where they do not settle it."""
    if claim.text.split() == claim.source.split():
        return Judgement(1.0, None)
    reason = disagreement(claim.text, claim.source, dated=claim.dated)
    return None if reason is None else Judgement(0.0, reason)


def _is_quote(sentence: Sentence) -> bool:
    return any(sentence.text == citation.quote for citation in sentence.citations)


def _claim(sentence: Sentence) -> Claim:
    meta = sentence.citations[0].passage.metadata
    source = " ".join(citation.quote for citation in sentence.citations)
    return Claim(sentence.text, source, meta["title"], meta.get("date") or "")


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
            is there, but the quote does not stand at that span, or the sentence is not the quote; `missing`: the
            brief is not in the corpus.
    """

    sentence: str
    citation: CitationRecord
    verdict: Verdict


def verify_record(record: AnswerRecord, versions: Callable[[str], Sequence[VersionRow]]) -> tuple[CitationVerdict, ...]:
    """Check every citation of an exported answer again.

    Args:
        versions: all versions of a brief by id, as `Catalogue.versions` gives them.
    """
    return tuple(
        CitationVerdict(sentence.text, citation, _verdict(sentence, citation, versions(citation.brief_id)))
        for sentence in record.sentences
        for citation in sentence.citations
    )


def _verdict(sentence: SentenceRecord, citation: CitationRecord, versions: Sequence[VersionRow]) -> Verdict:
    present = [version for version in versions if version.superseded_at is None]
    if not present:
        return "missing"
    cited = [version for version in versions if version.text_sha256 == citation.text_sha256]
    quoted = any(version.text[citation.start : citation.end] == citation.quote for version in cited)
    verbatim = any(sentence.text == other.quote for other in sentence.citations)
    if not quoted or not verbatim:
        return "changed"
    return "holds" if any(version.superseded_at is None for version in cited) else "superseded"
