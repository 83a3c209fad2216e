"""The form of SQuAD 1.1 and 2.0: one JSON file of articles, their paragraphs, and questions about each paragraph.

Source: Rajpurkar et al., EMNLP 2016 (1.1) and ACL 2018 (2.0).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rag.evaluation.forms.corpus import write_corpus
from rag.evaluation.forms.documents import Document, stamp
from rag.evaluation.forms.fields import Ids
from rag.evaluation.forms.rows import Row, read_object
from rag.evaluation.forms.source import Content, Source
from rag.evaluation.question import GoldSpan, Question


def read_squad(source: Source) -> Content:
    """Read a SQuAD file: paragraph n, from 0, of the article "Oil" is the document "Oil#n"."""
    path, faults = source.path, source.faults
    top = read_object(path, faults)
    paragraphs = tuple(_paragraphs(top, path)) if top else ()
    questions = tuple(_questions(paragraphs))
    if not faults.n and not paragraphs:
        faults.add(str(path), "data holds no paragraph; write SQuAD's form, or name another file")
    documents = [paragraph.document for paragraph in paragraphs]
    return Content(
        name=path.stem,
        form="squad",
        questions=questions,
        pairs=(),
        documents=write_corpus(
            documents,
            origin=path,
            digest=_digest(documents),
            work=source.work,
            wanted={document.id for document in documents},
            faults=faults,
        ),
        stamps=(stamp(path, path.parent),),
        extractive=True,
        refusal="gold",
        n_total=len(questions),
    )


@dataclass(frozen=True, slots=True)
class _Paragraph:
    document: Document
    row: Row


def _paragraphs(top: Row, path: Path) -> Iterator[_Paragraph]:
    counted: Counter[str] = Counter()
    n_all = 0
    for n, article in enumerate(top.objects("data")):
        # Files of annotation tools have no titles. Articles of one title count their paragraphs on.
        title = article.optional_text("title") or f"{path.stem}-{n}"
        for row in article.objects("paragraphs"):
            n_all += 1
            identity = f"{title}#{counted[title]}"
            counted[title] += 1
            text = row.optional_text("context") or ""
            if row.fields.get("context") is None:
                row.fault("context is missing; write the paragraph")
            yield _Paragraph(Document(n_all, identity, title.replace("_", " "), text), row)


def _questions(paragraphs: Iterable[_Paragraph]) -> Iterator[Question]:
    ids = Ids("question")
    for paragraph in paragraphs:
        for row in paragraph.row.objects("qas"):
            n_faults = row.faults.n
            question = _question(row, paragraph.document.id)
            ids.claim(question.id, row)
            if n_faults == row.faults.n:
                yield question


def _question(row: Row, doc_id: str) -> Question:
    answerable = not row.flag("is_impossible", default=False)
    spans = tuple(_spans(row, doc_id)) if answerable else ()
    identity = row.text("id")
    if answerable and not spans:
        row.fault("answers are missing; give one, or say is_impossible")
    return Question(
        id=identity,
        text=row.text("question"),
        answerable=answerable,
        answers=tuple(dict.fromkeys(span.text for span in spans)),
        doc_ids=(doc_id,),
        relevance={doc_id: 1},
        gold=tuple(dict.fromkeys(spans)),
        group=doc_id,
        place=f"{row.place}: {row.within.rstrip('.')}",
    )


def _spans(row: Row, doc_id: str) -> Iterator[GoldSpan]:
    for answer in row.objects("answers"):
        start, text = answer.number("answer_start"), answer.text("text")
        yield GoldSpan(doc_id, start, start + len(text), text)


def _digest(documents: Iterable[Document]) -> str:
    """Of the documents alone: two files about the same paragraphs share a corpus."""
    lines = (json.dumps([document.id, document.title, document.text]) for document in documents)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
