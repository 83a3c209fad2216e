"""Figures on the development articles, which training never sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from evals.training.reader.examples import Example, Store
from evals.training.reader.model import answered
from rag.embedding import native_dtype
from rag.encoder import CrossEncoder, Room, put

QUESTIONS = 120
"""About how many development questions of a set are measured, evenly spaced over all: about a minute on two cores."""


@dataclass(frozen=True, slots=True)
class Figures:
    """How often a right unit comes first of its candidates, and the AUROC of answerable against unanswerable.

    Attributes:
        set: the set that the questions are of.
        n: questions measured; `first` counts those that are answerable and have a wrong unit too.
    """

    set: str
    first: float
    auroc: float
    n: int


def figures(
    model: CrossEncoder, weights: Mapping[str, Tensor], dev: Sequence[Example], store: Store, room: Room
) -> list[Figures]:
    """Measure weights on development questions, set by set. The model's own weights are put back."""
    by_set: dict[str, list[Example]] = {}
    for example in dev:
        by_set.setdefault(example.kind.split("/")[0], []).append(example)
    own = {name: parameter.detach().clone() for name, parameter in model.kept().items()}
    put(model, weights)
    model.eval()
    bfloat16 = torch.autocast("cpu", dtype=torch.bfloat16, enabled=native_dtype() == "bfloat16")
    with torch.inference_mode(), bfloat16:
        found = [_figures(name, model, asked, store, room) for name, asked in sorted(by_set.items())]
    put(model, own)
    return found


def _figures(name: str, model: CrossEncoder, dev: Sequence[Example], store: Store, room: Room) -> Figures:
    chosen = dev[:: max(1, len(dev) // QUESTIONS)]
    scores = [model.score(e.pairs(store, room)) for e in chosen]
    ranked = [(e, mine) for e, mine in zip(chosen, scores, strict=True) if 0 < e.n_right < len(e.candidates)]
    hits = [int(torch.argmax(mine)) < e.n_right for e, mine in ranked]
    truth = [e.n_right > 0 for e in chosen]
    odds = [answered(mine, model.null) for mine in scores]
    auroc = float(roc_auc_score(truth, odds)) if len(set(truth)) == 2 else 0.5
    return Figures(name, sum(hits) / max(1, len(hits)), auroc, len(chosen))
