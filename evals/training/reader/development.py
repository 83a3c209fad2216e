"""Figures on the development articles, which training never sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from evals.training.reader.examples import Example, Store
from evals.training.reader.model import answered
from rag.encoder import CrossEncoder, put

QUESTIONS = 400
"""About how many development questions are measured, evenly spaced over all: some 30 s on two cores."""


@dataclass(frozen=True, slots=True)
class Figures:
    """How often a right unit comes first of its paragraph, and the AUROC of answerable against unanswerable.

    Attributes:
        n: questions measured; `first` counts those that are answerable and have a wrong unit too.
    """

    first: float
    auroc: float
    n: int


def figures(
    model: CrossEncoder, weights: Mapping[str, Tensor], dev: Sequence[Example], store: Store, *, context_tokens: int
) -> Figures:
    """Measure weights on development questions. The model's own weights are put back."""
    chosen = dev[:: max(1, len(dev) // QUESTIONS)]
    own = {name: parameter.detach().clone() for name, parameter in model.kept().items()}
    put(model, weights)
    model.eval()
    with torch.inference_mode():
        pairs = [[store.pair(e.tokens, row, context_tokens=context_tokens) for row in e.candidates] for e in chosen]
        scores = [model.score(mine) for mine in pairs]
        null = model.null.detach().clone()
    put(model, own)
    ranked = [(e, mine) for e, mine in zip(chosen, scores, strict=True) if 0 < e.n_right < len(e.candidates)]
    hits = [int(torch.argmax(mine)) < e.n_right for e, mine in ranked]
    truth = [e.n_right > 0 for e in chosen]
    odds = [answered(mine, null) for mine in scores]
    auroc = float(roc_auc_score(truth, odds)) if len(set(truth)) == 2 else 0.5
    return Figures(sum(hits) / max(1, len(hits)), auroc, len(chosen))
