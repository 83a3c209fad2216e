"""The BEIR form: corpus.jsonl, queries.jsonl, and judgements of one split in qrels/<split>.tsv.

Source: Thakur et al., BEIR, NeurIPS Datasets and Benchmarks 2021; trec_eval's four columns are read too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rag.errors import UsageError
from rag.evaluation.forms.corpus import write_corpus
from rag.evaluation.forms.documents import digest_of, read_documents, stamp
from rag.evaluation.forms.fields import Ids
from rag.evaluation.forms.rows import Faults, read_lines, read_rows
from rag.evaluation.forms.source import Content, Source
from rag.evaluation.question import Question


def read_beir(source: Source) -> Content:
    """Read the queries that a split judges. Documents of grade 0 or less are judged but not gold.

    Raises:
        UsageError: if the split that was asked for has no judgements, or none was and there are several.
    """
    folder, faults = source.path, source.faults
    split, qrels = _qrels(source)
    corpus, queries = folder / "corpus.jsonl", folder / "queries.jsonl"
    texts = _queries(queries, faults)
    judgements = tuple(_judgements(qrels, faults))
    grades = _grades(judgements, texts, faults)
    documents = write_corpus(
        read_documents(corpus, faults, id_field="_id"),
        origin=corpus,
        digest=digest_of([stamp(corpus, folder)]),
        work=source.work,
        wanted={judgement.doc_id for judgement in judgements if judgement.grade > 0},
        faults=faults,
    )
    if documents.complete:
        _check_documents(judgements, documents.ids, faults)
    questions = tuple(
        _question(query_id, query, grades[query_id], split) for query_id, query in texts.items() if query_id in grades
    )
    n_out = len(texts) - len(questions)
    unjudged = f"{n_out} of {len(texts)} queries have no judgement in qrels/{qrels.name} and are left out"
    return Content(
        name=folder.resolve().name,
        form="beir",
        questions=questions,
        pairs=(),
        documents=documents,
        stamps=tuple(stamp(path, folder) for path in (corpus, queries, qrels)),
        extractive=False,
        refusal="corpus",
        n_total=len(texts),
        notes=(unjudged,) if n_out else (),
    )


@dataclass(frozen=True, slots=True)
class _Query:
    text: str
    place: str


def _qrels(source: Source) -> tuple[str, Path]:
    """Return the split to read and its file."""
    found = {path.stem: path for path in sorted((source.path / "qrels").glob("*.tsv"))}
    listed = ", ".join(map(repr, found))
    if not found:
        raise UsageError(f"{source.path / 'qrels'}: holds no judgements; add one <split>.tsv a split")
    if source.split is not None and source.split not in found:
        raise UsageError(f"{source.path}: empty split {source.split!r}; the splits there are: {listed}")
    split = source.split or ("test" if "test" in found else next(iter(found)))
    if source.split is None and "test" not in found and len(found) > 1:
        raise UsageError(f"{source.path}: has no split 'test'; ask for one of {listed}")
    return split, found[split]


def _queries(path: Path, faults: Faults) -> dict[str, _Query]:
    ids = Ids("query")
    queries: dict[str, _Query] = {}
    for _, row in read_rows(path, faults):
        identity, text = row.text("_id"), row.text("text")
        ids.claim(identity, row)
        if identity and text:
            queries.setdefault(identity, _Query(text, row.place))
    return queries


@dataclass(frozen=True, slots=True)
class _Judgement:
    query_id: str
    doc_id: str
    grade: int
    place: str


def _judgements(path: Path, faults: Faults) -> Iterator[_Judgement]:
    for n, line in read_lines(path, faults):
        columns = [column.strip() for column in line.split("\t")] if "\t" in line else line.split()
        if not any(columns) or (n == 1 and columns[0] in ("query-id", "query_id", "qid")):
            continue
        place = f"{path}:{n}"
        if len(columns) not in (3, 4):
            remedy = "write query id, document id, grade (or the four columns of TREC)"
            faults.add(place, f"has {len(columns)} columns; {remedy}")
            continue
        try:
            grade = int(columns[-1])
        except ValueError:
            faults.add(place, f"grade {columns[-1]!r} is no whole number; write one such as 0 or 1")
            continue
        yield _Judgement(columns[0], columns[-2], grade, place)


def _grades(
    judgements: Iterable[_Judgement], queries: Mapping[str, _Query], faults: Faults
) -> dict[str, dict[str, int]]:
    """Return the grade by document of each query that is judged."""
    grades: dict[str, dict[str, int]] = {}
    for judgement in judgements:
        query_id, doc_id, grade = judgement.query_id, judgement.doc_id, judgement.grade
        if query_id not in queries:
            faults.add(judgement.place, f"query {query_id!r} is not in queries.jsonl; correct the id or add the query")
        elif grades.setdefault(query_id, {}).setdefault(doc_id, grade) != grade:
            faults.add(judgement.place, f"document {doc_id!r} has another grade above for {query_id!r}; keep one")
    return grades


def _check_documents(judgements: Iterable[_Judgement], ids: Collection[str], faults: Faults) -> None:
    """Pools judge documents that a corpus leaves out; only those that are gold have to be there."""
    for judgement in judgements:
        if judgement.grade > 0 and judgement.doc_id not in ids:
            what = f"gold document {judgement.doc_id!r} is not in the corpus; correct the id or add the document"
            faults.add(judgement.place, what)


def _question(query_id: str, query: _Query, relevance: Mapping[str, int], split: str) -> Question:
    return Question(
        id=query_id,
        text=query.text,
        answerable=True,
        doc_ids=tuple(doc_id for doc_id, grade in relevance.items() if grade > 0),
        relevance=dict(relevance),
        split=split,
        group=next((doc_id for doc_id, grade in relevance.items() if grade > 0), query_id),
        place=query.place,
    )
