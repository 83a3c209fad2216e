"""The briefs form: dataset.json names a corpus that `rag.load` reads, and the question files of each split."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.errors import SourceError
from rag.evaluation.forms.documents import Documents, Stamp, digest_of, relative_name, stamp
from rag.evaluation.forms.fields import Ids, read_questions
from rag.evaluation.forms.rows import Faults, Row, read_object
from rag.evaluation.forms.source import Content, Declared, Source, declared
from rag.evaluation.question import doc_id_of
from rag.load import find, parse
from rag.settings import IngestSettings


def read_briefs(source: Source) -> Content:
    """Read a folder whose dataset.json names corpus and questions. Answers are extractive unless it says "free".

    Raises:
        UsageError: if dataset.json is at fault, before anything else is read.
    """
    folder, faults = source.path, source.faults
    manifest = _manifest(folder, faults)
    for split, digest in manifest.frozen.items():
        _check_frozen(manifest, split, digest, faults)
    ids = Ids("question")
    questions = tuple(
        question
        for split, files in manifest.files.items()
        for file in files
        for question in read_questions(file, ids, faults, split=split)
    )
    wanted = {doc_id for question in questions for doc_id in question.doc_ids}
    corpus = _parse(manifest.corpus, root=folder.resolve(), wanted=wanted, faults=faults)
    read = dict.fromkeys([manifest.path, *(file for files in manifest.files.values() for file in files)])
    return Content(
        name=manifest.declared.name,
        form="briefs",
        questions=questions,
        pairs=(),
        documents=corpus.documents,
        stamps=(*(stamp(file, folder) for file in read), *corpus.stamps),
        extractive=manifest.declared.extractive,
        refusal=manifest.declared.refusal,
        n_total=len(questions),
    )


@dataclass(frozen=True, slots=True)
class _Manifest:
    """What a dataset.json says.

    Attributes:
        files: question files by split.
        frozen: SHA-256 by split of its files, one after the other.
    """

    path: Path
    declared: Declared
    corpus: tuple[Path, ...]
    files: Mapping[str, tuple[Path, ...]]
    frozen: Mapping[str, str]


def _manifest(folder: Path, faults: Faults) -> _Manifest:
    path = folder / "dataset.json"
    row = read_object(path, faults)
    if row is None:
        raise faults.error()
    questions, frozen = row.mapping("questions"), row.mapping("sha256")
    if not questions.fields:
        row.fault('questions are missing; write {"dev": ["dev.jsonl"]}')
    if row.fields.get("corpus") is None:
        row.fault("corpus is missing; name the folder of the documents, relative to this file")
    manifest = _Manifest(
        path=path,
        declared=declared(row, Declared(folder.resolve().name, extractive=True)),
        corpus=_paths(row, "corpus", folder),
        files={split: _paths(questions, split, folder) for split in questions.fields},
        frozen={split: frozen.text(split) for split in frozen.fields},
    )
    for split in manifest.frozen.keys() - manifest.files.keys():
        row.fault(f"sha256 names {split!r}, which is no split; name one of {', '.join(map(repr, manifest.files))}")
    faults.stop()
    return manifest


def _paths(row: Row, name: str, folder: Path) -> tuple[Path, ...]:
    names = row.one_or_more(name)
    for missing in (given for given in names if not (folder / given).exists()):
        row.fault(f"{name} {missing!r} is not there ({folder / missing}); correct the path")
    return tuple(folder / given for given in names)


def _check_frozen(manifest: _Manifest, split: str, digest: str, faults: Faults) -> None:
    found = hashlib.sha256(b"".join(file.read_bytes() for file in manifest.files[split])).hexdigest()
    if found != digest:
        what = f"the {split} split was frozen with sha256 {digest!r}, its files have {found!r}"
        faults.add(str(manifest.path), f"{what}; restore them, or write the new one down and say why")


@dataclass(frozen=True, slots=True)
class _Corpus:
    documents: Documents
    stamps: tuple[Stamp, ...]


def _parse(paths: Sequence[Path], *, root: Path, wanted: Collection[str], faults: Faults) -> _Corpus:
    """Parse all briefs; unlike in an ingest, a source that cannot be read is a fault."""
    n_faults = faults.n
    found, limit = find(paths), IngestSettings().max_bytes
    for failure in found.failures:
        faults.add(failure.path, failure.reason)
    stamps: list[Stamp] = []
    homes: dict[str, Path] = {}
    texts: dict[str, str] = {}
    for file in found.files:
        try:
            data = file.read(max_bytes=limit)
            parsed = parse(file, data)
        except SourceError as error:
            faults.add(str(file.path), error.reason)
            continue
        stamps.append(Stamp(relative_name(file.path, root), len(data), hashlib.sha256(data).hexdigest()))
        for reason in parsed.failures:
            faults.add(str(file.path), reason)
        for brief in parsed.briefs:
            doc_id = doc_id_of(brief.id)
            home = homes.setdefault(doc_id, file.path)
            if home != file.path:
                faults.add(str(file.path), f"document id {doc_id!r} is taken, it is also that of {home}; change one")
            elif doc_id in wanted:
                texts[doc_id] = brief.text
    if not homes and n_faults == faults.n:
        faults.add(", ".join(map(str, paths)), "the corpus holds no brief; add one")
    documents = Documents(tuple(paths), len(homes), homes.keys(), texts, digest_of(stamps), n_faults == faults.n)
    return _Corpus(documents, tuple(stamps))
