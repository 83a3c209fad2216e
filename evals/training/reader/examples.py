"""Questions with their candidate units: as they are prepared, tokenised, written and read back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from evals.training.reader.units import UnitInContext
from rag.encoder import Pair, Room, encode, lay_out
from rag.signals import context_of

Split = Literal["train", "dev"]
Ids = NDArray[np.uint16]
BESIDE = "beside"
"""Kind of the examples whose context is a quoted unit: what says otherwise is right."""


@dataclass(frozen=True)
class Asked:
    """A question with the units that it is asked of.

    Attributes:
        id: the benchmark's id of the question, or that of the document a cloze question was made from.
        kind: set and, after a slash, what was done to it: "squad", "nq/removed", "cloze/swapped", ...
        right: units that answer; none for a null example.
        wrong: units that do not, hardest first.
    """

    id: str
    kind: str
    split: Split
    question: str
    right: tuple[UnitInContext, ...]
    wrong: tuple[UnitInContext, ...]


@dataclass(frozen=True)
class Example:
    """A tokenised question; candidates are rows of the store's units, the right ones first."""

    id: str
    kind: str
    split: Split
    tokens: tuple[int, ...]
    candidates: tuple[int, ...]
    n_right: int

    def pairs(self, store: Store, room: Room) -> list[Pair]:
        """Lay out the question with each of its candidates, in the room that there is."""
        room = room.beside if self.kind.startswith(BESIDE) else room
        return [store.pair(self.tokens, row, room) for row in self.candidates]


@dataclass(frozen=True)
class Store:
    """Token ids of units and of their contexts, one behind the other; `..._ends[i]` closes row i."""

    text: Ids
    text_ends: NDArray[np.int64]
    context: Ids
    context_ends: NDArray[np.int64]

    def pair(self, question: Sequence[int], row: int, room: Room) -> Pair:
        """Lay out the input of a question and a unit, in the room that there is."""
        unit, around = _row(self.text, self.text_ends, row), _row(self.context, self.context_ends, row)
        return lay_out(question, unit, around, room)


def write(work: Path, asked: Iterable[Asked], tokenizer: Tokenizer, *, dated: bool = True) -> None:
    """Write `units.safetensors` and `examples.jsonl`; a unit that several questions share is kept once.

    Args:
        dated: whether the context of a unit opens with its document's date.
    """
    rows: dict[UnitInContext, int] = {}
    lines: list[dict[str, object]] = []
    chosen = list(asked)
    for one, tokens in zip(chosen, encode(tokenizer, [a.question for a in chosen]), strict=True):
        places = [rows.setdefault(unit, len(rows)) for unit in (*one.right, *one.wrong)]
        lines.append({"id": one.id, "kind": one.kind, "split": one.split, "question": one.question,
                      "tokens": tokens, "candidates": places, "n_right": len(one.right)})  # fmt: skip
    text = _joined(encode(tokenizer, [unit.text for unit in rows]))
    context = _joined(
        encode(tokenizer, [context_of(unit.title, unit.before, unit.date if dated else None) for unit in rows])
    )
    work.mkdir(parents=True, exist_ok=True)
    save_file({"text": text[0], "text_ends": text[1], "context": context[0], "context_ends": context[1]},
              work / "units.safetensors")  # fmt: skip
    (work / "examples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def read(work: Path) -> tuple[Store, tuple[Example, ...]]:
    """Read what `write` wrote."""
    rows = map(json.loads, (work / "examples.jsonl").read_text(encoding="utf-8").splitlines())
    examples = tuple(
        Example(r["id"], r["kind"], r["split"], tuple(r["tokens"]), tuple(r["candidates"]), r["n_right"]) for r in rows
    )
    return Store(**load_file(work / "units.safetensors")), examples


def _joined(rows: Sequence[Sequence[int]]) -> tuple[Ids, NDArray[np.int64]]:
    ends = np.cumsum([len(row) for row in rows], dtype=np.int64)
    return np.fromiter((i for row in rows for i in row), dtype=np.uint16), ends


def _row(flat: Ids, ends: NDArray[np.int64], row: int) -> list[int]:
    start = int(ends[row - 1]) if row else 0
    return [int(i) for i in flat[start : int(ends[row])]]
