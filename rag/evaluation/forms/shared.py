"""The shared form: corpus.jsonl with questions.jsonl, or pairs.jsonl, or all of them in one folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from rag.evaluation.forms.corpus import write_corpus
from rag.evaluation.forms.documents import Documents, digest_of, read_documents, stamp
from rag.evaluation.forms.fields import Ids, read_pairs, read_questions
from rag.evaluation.forms.rows import Faults, read_object
from rag.evaluation.forms.source import Content, Declared, Source, declared
from rag.evaluation.question import Question

_FILES = ("corpus.jsonl", "dataset.json", "pairs.jsonl", "questions.jsonl")

_KNOWN: Mapping[str, Declared] = MappingProxyType(
    {
        "squad2_dev": Declared("squad2_dev", extractive=True, refusal="gold"),
        "nq_open_oracle": Declared("nq_open_oracle", extractive=True),
        "clapnq_dev": Declared("clapnq_dev", refusal="gold"),
    }
)


def read_shared(source: Source) -> Content:
    """Read a folder in the shared form. A dataset.json may declare name, answers and refusal."""
    folder, faults = source.path, source.faults
    present = {name: folder / name for name in _FILES if (folder / name).is_file()}
    says = _declared(folder.resolve().name, present, faults)
    questions: tuple[Question, ...] = ()
    if "questions.jsonl" in present:
        questions = tuple(read_questions(present["questions.jsonl"], Ids("question"), faults))
    elif "pairs.jsonl" not in present:
        faults.add(str(folder), "holds no question; add a questions.jsonl or a pairs.jsonl")
    documents = Documents()
    if "corpus.jsonl" in present:
        documents = _documents(present["corpus.jsonl"], questions, source)
    elif "questions.jsonl" in present:
        faults.add(str(folder), "holds questions but no documents; add a corpus.jsonl")
    return Content(
        name=says.name,
        form="shared",
        questions=questions,
        pairs=tuple(read_pairs(present["pairs.jsonl"], faults)) if "pairs.jsonl" in present else (),
        documents=documents,
        stamps=tuple(stamp(path, folder) for path in present.values()),
        extractive=says.extractive,
        refusal=says.refusal,
        n_total=len(questions),
    )


def _declared(name: str, present: Mapping[str, Path], faults: Faults) -> Declared:
    known = _KNOWN.get(name, Declared(name))
    manifest = read_object(present["dataset.json"], faults) if "dataset.json" in present else None
    return declared(manifest, known) if manifest else known


def _documents(corpus: Path, questions: Iterable[Question], source: Source) -> Documents:
    return write_corpus(
        read_documents(corpus, source.faults),
        origin=corpus,
        digest=digest_of([stamp(corpus, source.path)]),
        work=source.work,
        wanted={doc_id for question in questions for doc_id in question.doc_ids},
        faults=source.faults,
    )
