"""Open a benchmark: find it, read it in its form, check all of it, and take a split. No model is needed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from rag.errors import UsageError
from rag.evaluation.checks import check, notes_on
from rag.evaluation.forms import READERS, Content, Faults, Source, form_of
from rag.evaluation.forms.documents import digest_of
from rag.evaluation.question import Dataset, Pair, Question

DATASETS = Path("evals/datasets")
PACKAGED = Path(__file__).parents[1] / "data" / "starter" / "evals" / "datasets"
DATA_VARIABLE = "GEOBRIEF_DATA"

_Asked = TypeVar("_Asked", Question, Pair)


def open_dataset(name: str, *, work: Path, split: str | None = None) -> Dataset:
    """Open a benchmark in one of its forms (see `rag.evaluation.forms.form_of`), checked as a whole.

    Documents of foreign forms are written as briefs below `work / "corpora"`, and reused when they are there.

    Args:
        name: a folder, a file, or a name below evals/datasets, $GEOBRIEF_DATA or what comes with the package.
        split: None takes all questions; of a BEIR folder the test split, or the only one.

    Raises:
        UsageError: if there is no such dataset or split, or the dataset has faults; a line for each of the first 20,
            as "path:line: what; what to do".
    """
    path = locate(name)
    faults = Faults()
    try:
        content = READERS[form_of(path)](Source(path, work, split, faults))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"{error.filename or path}: {reason}; check path, permissions and disk") from error
    if not (content.questions or content.pairs or faults.n):
        faults.add(str(path), "holds no question; add one")
    check(content, faults)
    faults.stop()
    return _taken(content, path, split)


def locate(name: str) -> Path:
    """Return the folder or file of a dataset; a dataset.json stands for its folder.

    Raises:
        UsageError: if there is none, saying where it was looked for.
    """
    if not name.strip():
        raise UsageError("the dataset has no name; name a folder, a file, or a dataset below evals/datasets")
    data = os.environ.get(DATA_VARIABLE)
    places = dict.fromkeys([Path(name), DATASETS / name, *([Path(data) / name] if data else []), PACKAGED / name])
    for path in places:
        if os.path.exists(path):
            return path.parent if path.name == "dataset.json" else path
    unset = "" if data else f" (${DATA_VARIABLE} is not set)"
    raise UsageError(
        f"no dataset {name!r}: looked for {', '.join(map(str, places))}{unset}; "
        f"name a folder or file, or set ${DATA_VARIABLE} to the folder that holds it"
    )


def _taken(content: Content, path: Path, split: str | None) -> Dataset:
    splits = {q.split for q in content.questions if q.split} | {pair.split for pair in content.pairs if pair.split}
    if split is not None and splits and split not in splits:
        listed = ", ".join(map(repr, sorted(splits)))
        raise UsageError(f"{path}: empty split {split!r}; the splits there are: {listed}")
    wanted = split if splits else None
    questions, pairs = _of_split(content.questions, wanted), _of_split(content.pairs, wanted)
    unsplit = [f"the dataset has no splits; all of it is taken for {split!r}"] if split and not splits else []
    return Dataset(
        name=content.name,
        form=content.form,
        corpus=content.documents.paths,
        n_documents=content.documents.n,
        questions=questions,
        pairs=pairs,
        digest=digest_of(content.stamps),
        corpus_digest=content.documents.digest,
        extractive=content.extractive,
        refusal=content.refusal,
        notes=(*content.notes, *content.documents.notes, *notes_on(questions, content), *unsplit),
        n_total=content.n_total,
    )


def _of_split(asked: Sequence[_Asked], split: str | None) -> tuple[_Asked, ...]:
    return tuple(asked) if split is None else tuple(one for one in asked if one.split == split)
