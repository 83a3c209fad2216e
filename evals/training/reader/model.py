"""The reader's model: a BERT encoder whose word embeddings stay frozen, a linear head, and the score of "nothing"."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import BertConfig

from rag.compact import expand
from rag.cross_encoder import CONFIG, WEIGHTS, WORD_EMBEDDINGS, packaged_folder
from rag.encoder import CrossEncoder, Shape, build, from_bert, put, share_words

Loss = Literal["listwise", "each", "binary"]


def from_packaged(shape: Shape, start: str = "") -> CrossEncoder:
    """Start from the packaged embedding model's encoder, or upon it from the layers of another, or an exported, model.

    That model's own word embeddings are taken where it has some.

    Raises:
        ModelUnusable: if its weights are not those that `rag.embedding` names by digest.
    """
    folder = packaged_folder()
    model = build(BertConfig.from_pretrained(folder), shape)
    model.encoder.config._attn_implementation = "eager"  # in bfloat16 it trains half as fast again as SDPA
    weights = load_file(folder / WEIGHTS)
    own = expand(load_file(Path(start) / WEIGHTS)) if start else weights
    share_words(model, own.get(WORD_EMBEDDINGS, weights[WORD_EMBEDDINGS]))
    put(model, {**dict(model.kept()), **from_bert(own, shape)})
    return model


def exported(folder: Path) -> CrossEncoder:
    """Load an exported model, to score with.

    Raises:
        OSError: if there is none.
    """
    shape = Shape(**json.loads((folder / CONFIG).read_text(encoding="utf-8"))["shape"])
    return from_packaged(shape, str(folder)).eval()


def listwise(scores: Tensor, null: Tensor, n_right: int) -> Tensor:
    """Return -log of the probability of the right units, the first `n_right`; of the null where there is none.

    softmax over (scores, null)
    """
    logits = torch.cat([scores, null[None]])
    hit = logits[:n_right] if n_right else logits[-1:]
    return torch.logsumexp(logits, 0) - torch.logsumexp(hit, 0)


def each(scores: Tensor, null: Tensor, n_right: int) -> Tensor:
    """Return the mean over the right units of `listwise` for one of them alone, the others left out.

    So no right unit answers for another: every item of a list is to beat what does not answer. Source: Khosla et al.,
    "Supervised Contrastive Learning", 2020 (the mean outside the logarithm).
    """
    if not n_right:
        return listwise(scores, null, n_right)
    others = torch.logsumexp(torch.cat([scores[n_right:], null[None]]), 0)
    return nn.functional.softplus(others - scores[:n_right]).mean()


def binary(scores: Tensor, null: Tensor, n_right: int) -> Tensor:
    """Return the mean logistic loss of each unit's score over the null."""
    target = (torch.arange(len(scores)) < n_right).to(scores.dtype)
    return nn.functional.binary_cross_entropy_with_logits(scores - null, target)


def answered(scores: Tensor, null: Tensor) -> float:
    """Return the log-odds that any unit answers: logsumexp(scores) - null."""
    return float(torch.logsumexp(scores, 0) - null)


LOSSES: Mapping[Loss, Any] = {"listwise": listwise, "each": each, "binary": binary}
