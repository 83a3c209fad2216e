"""Examples from the written pairs: sentences on a span of a document, supported by it or not for a named reason."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from evals.training.passages import Text, load
from evals.training.reader.examples import Asked, Split
from evals.training.reader.written import DEV_EVERY, Place, Window, Written, windows
from evals.training.verifier.pairs import asked
from rag.split import CountTokens

PAIRS = Path(__file__).parents[2] / "datasets" / "training" / "pairs.jsonl"

Reason = Literal[
    "supported", "number", "date", "name", "exchanged", "negation", "hedge", "attribution", "unsupported"
]  # fmt: skip


@dataclass(frozen=True)
class WrittenPair:
    """A written sentence on a span.

    Attributes:
        set: the set that its document is from.
        first: place of the window's first unit in the document, from 0.
        size: number of units of the window.
        units: number of units that the document is cut into: places hold for these alone.
        span: places in the window of the units that the sentence is read against, from 0.
        reason: why it is not supported, or that it is.
    """

    set: str
    doc: str
    first: int
    size: int
    units: int
    span: tuple[int, ...]
    reason: Reason
    sentence: str


def read_pairs(path: Path = PAIRS) -> list[WrittenPair]:
    """Read the written pairs in their order."""
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [WrittenPair(**{**row, "span": tuple(row["span"])}) for row in rows]


def written_examples(data: Path, pairs: Sequence[WrittenPair], count: CountTokens) -> Iterator[Asked]:
    """Make the examples; every 12th document is for development."""
    shown = _windows(data, pairs, count)
    texts = {name: load(data / name)[0] for name in sorted({one.set for one in pairs})}
    place = {doc: i for i, doc in enumerate(dict.fromkeys(one.doc for one in pairs))}
    for one in pairs:
        split: Split = "train" if place[one.doc] % DEV_EVERY else "dev"
        yield _asked(one, shown[one.doc, one.first], texts[one.set][one.doc], split)


def _windows(data: Path, pairs: Sequence[WrittenPair], count: CountTokens) -> Mapping[Place, Window]:
    """Cut the documents as for the written questions."""
    return windows(data, [Written(o.set, o.doc, o.first, o.size, o.units, (), "paraphrase", "") for o in pairs], count)


def _asked(one: WrittenPair, window: Window, document: Text, split: Split) -> Asked:
    span = " ".join(window[place].text for place in one.span)
    supported = one.reason == "supported"
    kind = "written" if supported else f"written/{one.reason}"
    return asked(document, one.sentence, span, kind, split, supported=supported)
