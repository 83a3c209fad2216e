"""Quote a span of a passage: the sentence is what stands there, and its citation says where."""

from __future__ import annotations

from langchain_core.documents import Document

from rag.answer import Citation, Sentence
from rag.types import Span


def quoted(n: int, passage: Document, span: Span, context: Span | None = None) -> Sentence:
    """Quote a span of the evidence's passage `n`, citing also the context that it is read with, where it is inside."""
    cited = [_citation(n, passage, span)]
    if context is not None and _inside(context, passage):
        cited.append(_citation(n, passage, context))
    return Sentence(text=cited[0].quote, citations=tuple(cited))


def _citation(n: int, passage: Document, span: Span) -> Citation:
    offset: int = passage.metadata["start"]
    text = passage.page_content[span.start - offset : span.end - offset]
    return Citation(n, span.start, span.end, text, passage.metadata.get("page"), passage)


def _inside(span: Span, passage: Document) -> bool:
    return bool(passage.metadata["start"] <= span.start and span.end <= passage.metadata["end"])
