"""What a reader of a form is given, and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from rag.evaluation.forms.documents import Documents, Stamp
from rag.evaluation.forms.rows import Faults, Row
from rag.evaluation.question import Form, Pair, Question

ANSWERS: Mapping[str, bool] = MappingProxyType({"extractive": True, "free": False})
"""What `answers` of a dataset.json says about `Dataset.extractive`."""

REFUSALS: Mapping[str, Literal["gold", "corpus"]] = MappingProxyType({"gold": "gold", "corpus": "corpus"})


@dataclass(frozen=True, slots=True)
class Source:
    """A dataset to read.

    Attributes:
        path: its folder or file.
        work: where documents are written as briefs.
        split: that was asked for; only forms that keep their splits apart look at it.
        faults: where what is wrong is noted.
    """

    path: Path
    work: Path
    split: str | None
    faults: Faults


@dataclass(frozen=True, slots=True)
class Content:
    """All that a dataset holds, before a split is taken.

    Attributes:
        stamps: of every file that was read.
        n_total: questions, those that were left out included.
    """

    name: str
    form: Form
    questions: tuple[Question, ...]
    pairs: tuple[Pair, ...]
    documents: Documents
    stamps: tuple[Stamp, ...]
    extractive: bool
    refusal: Literal["gold", "corpus"]
    n_total: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Declared:
    """What a dataset says about itself."""

    name: str
    extractive: bool = False
    refusal: Literal["gold", "corpus"] = "corpus"


Reader = Callable[[Source], Content]
"""Reads one form. Faults are noted in the source; raises OSError where a file cannot be read."""


def declared(manifest: Row, otherwise: Declared) -> Declared:
    """Read name, answers and refusal of a dataset.json; what it leaves out is as given."""
    extractive = manifest.choice("answers", ANSWERS)
    return Declared(
        name=manifest.optional_text("name") or otherwise.name,
        extractive=otherwise.extractive if extractive is None else extractive,
        refusal=manifest.choice("refusal", REFUSALS) or otherwise.refusal,
    )
