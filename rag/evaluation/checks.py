"""What has to hold between questions and documents, and what a reader of the figures has to know about both."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rag.evaluation.forms.rows import Faults
from rag.evaluation.forms.source import Content
from rag.evaluation.question import GoldSpan, Question
from rag.load.brief import show_value


def check(content: Content, faults: Faults) -> None:
    """Note what the questions and the documents have against each other.

    Says nothing where the documents could not all be read: what is missing may stand in a line that is at fault.
    """
    if not content.documents.complete:
        return
    verbatim = Verbatim(content.documents.texts, any_case=True)
    for question in content.questions:
        for what in (
            *(_unknown_documents(question, content.documents.ids) if content.form != "beir" else ()),
            *_wrong_spans(question, content.documents.texts),
            *(_incomplete(question) if content.form == "briefs" else ()),
            *(_unquoted(question, verbatim, content) if content.extractive else ()),
        ):
            faults.add(question.place, what)


def notes_on(questions: Sequence[Question], content: Content) -> Iterator[str]:
    """Yield what is to be known about the questions that were taken, each counted."""
    answerable = [question for question in questions if question.answerable]
    needing_gold = questions if content.refusal == "gold" else answerable
    n_without = sum(not question.doc_ids for question in needing_gold)
    if n_without:
        yield f"{n_without} {_questions(n_without)} no gold document"
    if content.form == "beir":
        return
    n_silent = sum(not (accepted(question) or question.polar) for question in answerable)
    if n_silent:
        yield f"{n_silent} of {len(answerable)} answerable questions have no accepted answer"
    verbatim = Verbatim(content.documents.texts, any_case=content.extractive)
    asked = [question for question in answerable if accepted(question)]
    missing = {question.id: verbatim.missing(question) for question in asked}
    n_free = sum(len(missing[question.id]) == len(accepted(question)) for question in asked)
    if n_free:
        yield f"{n_free} of {len(answerable)} answerable questions have no accepted answer verbatim in a gold document"
    elif content.extractive and any(missing.values()):
        n_answers = sum(map(len, missing.values()))
        n_all = sum(len(accepted(question)) for question in asked)
        yield f"{n_answers} of {n_all} accepted answers stand verbatim in no gold document, another one does"


def accepted(question: Question) -> tuple[str, ...]:
    """All strings that a right answer may hold."""
    return (*question.answers, *(alternative for item in question.items for alternative in item))


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Looks for answers in gold documents, without regard to white space and Unicode composition.

    Attributes:
        any_case: whether "the Rhine" stands in "The Rhine flows". Extractive sets are checked so: their answers are
            spans of another edition of the text.
    """

    texts: Mapping[str, str]
    any_case: bool
    _documents: dict[str, str] = field(default_factory=dict, repr=False)

    def missing(self, question: Question) -> tuple[str, ...]:
        """Return the accepted answers that stand in none of the question's gold documents."""
        documents = [self._document(doc_id) for doc_id in question.doc_ids if doc_id in self.texts]
        return tuple(
            answer for answer in accepted(question) if not any(self._plain(answer) in text for text in documents)
        )

    def _document(self, doc_id: str) -> str:
        if doc_id not in self._documents:
            self._documents[doc_id] = self._plain(self.texts[doc_id])
        return self._documents[doc_id]

    def _plain(self, text: str) -> str:
        composed = " ".join(unicodedata.normalize("NFC", text).split())
        return composed.lower() if self.any_case else composed


def _questions(n: int) -> str:
    return "question names" if n == 1 else "questions name"


def _unknown_documents(question: Question, ids: Collection[str]) -> Iterator[str]:
    for doc_id in question.doc_ids:
        if doc_id not in ids:
            yield f"gold document {doc_id!r} is not in the corpus; correct the id or add the document"


def _wrong_spans(question: Question, texts: Mapping[str, str]) -> Iterator[str]:
    for span in question.gold:
        if span.doc_id not in question.doc_ids:
            yield f"gold span of {span.doc_id!r}, which doc_ids do not name; add it there"
        elif span.doc_id in texts and texts[span.doc_id][span.start : span.end] != span.text:
            yield f"gold text {show_value(span.text)} {_where(span, texts[span.doc_id])}"


def _where(span: GoldSpan, text: str) -> str:
    wrong = f"does not stand at {span.start}:{span.end} of {span.doc_id!r}"
    start = text.find(span.text)
    if start < 0:
        return f"{wrong}, nor elsewhere; copy it from the document"
    return f"{wrong} but at {start}:{start + len(span.text)}; correct start and end"


def _incomplete(question: Question) -> Iterator[str]:
    """What the briefs form asks for beyond the others."""
    if question.gold and not question.answerable:
        yield "an unanswerable question has gold spans; remove them or make it answerable"
    if question.answerable and not question.doc_ids:
        yield "no gold document; name those that answer in doc_ids"
    if question.answerable and not (accepted(question) or question.polar):
        yield "no answers, items or polar; say what a right answer holds"


def _unquoted(question: Question, verbatim: Verbatim, content: Content) -> Iterator[str]:
    """Answers that stand in no gold document: each in the briefs form, elsewhere only where all are such."""
    known = [doc_id for doc_id in question.doc_ids if doc_id in content.documents.texts]
    if not question.answerable or len(known) < len(question.doc_ids) or not known:
        return
    missing = verbatim.missing(question)
    remedy = 'copy it from there, or declare "answers": "free" in dataset.json'
    if content.form == "briefs":
        yield from (f"answer {show_value(answer)} stands in no gold document; {remedy}" for answer in missing)
    elif missing and len(missing) == len(accepted(question)):
        yield f"no accepted answer stands in a gold document ({show_value(list(missing))}); {remedy}"
