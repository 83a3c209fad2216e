"""Check sentences against the spans they cite, and exported answers against the corpus. Fails closed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rag.catalogue import VersionRow
from rag.record import AnswerRecord, CitationRecord, SentenceRecord
from rag.types import Sentence

Verdict = Literal["holds", "superseded", "changed", "missing"]

FAILING: frozenset[Verdict] = frozenset({"changed", "missing"})


def verify(sentences: Iterable[Sentence]) -> Iterator[Sentence]:
    """Yield the sentences that are word for word what they cite, with support 1.0; drop the others.

    A sentence is verbatim when it equals the quote of one of its citations and every quote is what stands in its
    passage at its span.
    """
    for sentence in sentences:
        quotes = [citation.quote for citation in sentence.citations]
        if sentence.text in quotes and all(_stands(sentence)):
            yield replace(sentence, support=1.0)


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
