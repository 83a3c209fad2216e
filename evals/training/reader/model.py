"""The reader's model: a BERT encoder whose word embeddings stay frozen, a linear head, and the score of "nothing"."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from safetensors.torch import load
from torch import Tensor, nn
from transformers import BertConfig, BertModel
from transformers.models.bert.modeling_bert import BertLayer

from evals.training.reader.examples import Pair
from evals.training.reader.units import MODEL
from rag.embedding import PACKAGED, resolve_model

Loss = Literal["listwise", "binary"]
Pooling = Literal["cls", "mean"]

FROZEN = "encoder.embeddings.word_embeddings.weight"
"""The one parameter that is shared with the embedding model, neither trained nor kept."""

PADDED_TOKENS = 1_536
"""Most tokens of a batch, padding included: the encoder is quickest on short batches of like lengths."""


@dataclass(frozen=True)
class Shape:
    """What the reader is built as.

    Attributes:
        layers: encoder layers kept, from the first.
        dropout: of hidden states; attention has none, for which SDPA has no quick kernel on a CPU.
    """

    layers: int = 6
    pooling: Pooling = "cls"
    dropout: float = 0.1


class CrossEncoder(nn.Module):
    """Scores (question, unit) pairs; `null` is the score that a unit must pass to be an answer.

    The last layer stands apart from the encoder: it is worked out only where the head reads it, which at [CLS] saves a
    seventh of the time.
    """

    def __init__(self, config: BertConfig, shape: Shape) -> None:
        super().__init__()
        self.encoder = BertModel(config, add_pooling_layer=False)
        self.last = BertLayer(config)  # type: ignore[no-untyped-call]
        self.head = nn.Linear(config.hidden_size, 1)
        self.null = nn.Parameter(torch.zeros(()))
        self._pooling = shape.pooling
        self.encoder.embeddings.word_embeddings.weight.requires_grad_(False)

    def forward(self, ids: Tensor, types: Tensor, mask: Tensor) -> Tensor:
        """Return scores of shape (n_pairs,) from ids, segments and mask of shape (n_pairs, n_tokens)."""
        states = self.encoder(input_ids=ids, token_type_ids=types, attention_mask=mask).last_hidden_state
        read = states[:, :1] if self._pooling == "cls" else states
        pooled = _POOLINGS[self._pooling](_attend(self.last, read, states, mask), mask)
        scores: Tensor = self.head(pooled).squeeze(-1)
        return scores

    def score(self, pairs: Sequence[Pair]) -> Tensor:
        """Score pairs in batches of like lengths; scores come in the order of the pairs. Keeps the graph."""
        order = sorted(range(len(pairs)), key=lambda i: (len(pairs[i].ids), i))
        scores = [self(*collate([pairs[i] for i in batch])) for batch in batches(order, pairs)]
        back = torch.empty(len(pairs), dtype=torch.long)
        back[torch.tensor(order, dtype=torch.long)] = torch.arange(len(pairs))
        return torch.cat(scores)[back]

    def kept(self) -> dict[str, Tensor]:
        """Return the parameters that are trained and exported: all but the word embeddings."""
        return {name: p for name, p in self.named_parameters() if name != FROZEN}


def build(config: BertConfig, shape: Shape) -> CrossEncoder:
    """Make a model of random weights in a shape."""
    config.num_hidden_layers = shape.layers - 1
    config.hidden_dropout_prob = shape.dropout
    config.attention_probs_dropout_prob = 0.0
    config._attn_implementation = "sdpa"
    return CrossEncoder(config, shape)


def from_packaged(shape: Shape) -> CrossEncoder:
    """Start from the packaged embedding model's encoder.

    Raises:
        ValueError: if its weights are not those that `rag.embedding` names by digest.
    """
    folder = resolve_model(MODEL)
    file = (folder / "model.safetensors").read_bytes()
    if hashlib.sha256(file).hexdigest() != PACKAGED[MODEL][2]:
        raise ValueError(f"{folder / 'model.safetensors'} is not the packaged model; install its package again")
    model = build(BertConfig.from_pretrained(folder), shape)
    weights = load(file)
    model.encoder.embeddings.word_embeddings.weight.data.copy_(weights["embeddings.word_embeddings.weight"])
    put(model, {**dict(model.kept()), **from_bert(weights, shape)})
    return model


def to_bert(kept: Mapping[str, Tensor], shape: Shape) -> dict[str, Tensor]:
    """Name kept weights as a `BertModel` of all layers does; head and null keep their names."""
    last = f"encoder.layer.{shape.layers - 1}."
    return {re.sub(r"^last\.", last, re.sub(r"^encoder\.", "", name)): weight for name, weight in kept.items()}


def from_bert(weights: Mapping[str, Tensor], shape: Shape) -> dict[str, Tensor]:
    """Name weights as `CrossEncoder.kept` does, those of a `BertModel` and of head and null."""
    last = f"encoder.layer.{shape.layers - 1}."
    own = {"head.weight", "head.bias", "null"}
    return {
        name if name in own else "last." + name.removeprefix(last) if name.startswith(last) else f"encoder.{name}": w
        for name, w in weights.items()
    }


def put(model: CrossEncoder, weights: Mapping[str, Tensor]) -> None:
    """Copy kept weights into a model.

    Raises:
        KeyError: if one is missing.
    """
    with torch.no_grad():
        for name, parameter in model.kept().items():
            parameter.copy_(weights[name].to(parameter.dtype))


def collate(pairs: Sequence[Pair]) -> tuple[Tensor, Tensor, Tensor]:
    """Pad pairs to ids, segments and mask."""
    width = max(len(pair.ids) for pair in pairs)
    ids = torch.tensor([[*pair.ids, *[0] * (width - len(pair.ids))] for pair in pairs])
    places = torch.arange(width)[None, :]
    lengths = torch.tensor([[len(pair.ids)] for pair in pairs])
    heads = torch.tensor([[pair.n_question] for pair in pairs])
    mask = places < lengths
    return ids, ((places >= heads) & mask).long(), mask.long()


def batches(order: Sequence[int], pairs: Sequence[Pair]) -> list[list[int]]:
    """Group places, sorted by length, so that no group passes `PADDED_TOKENS`."""
    groups: list[list[int]] = []
    for i in order:
        if not groups or (len(groups[-1]) + 1) * len(pairs[i].ids) > PADDED_TOKENS:
            groups.append([])
        groups[-1].append(i)
    return groups


def listwise(scores: Tensor, null: Tensor, n_right: int) -> Tensor:
    """Return -log of the probability of the right units, the first `n_right`; of the null where there is none.

    softmax over (scores, null)
    """
    logits = torch.cat([scores, null[None]])
    hit = logits[:n_right] if n_right else logits[-1:]
    return torch.logsumexp(logits, 0) - torch.logsumexp(hit, 0)


def binary(scores: Tensor, null: Tensor, n_right: int) -> Tensor:
    """Return the mean logistic loss of each unit's score over the null."""
    target = (torch.arange(len(scores)) < n_right).to(scores.dtype)
    return nn.functional.binary_cross_entropy_with_logits(scores - null, target)


def answered(scores: Tensor, null: Tensor) -> float:
    """Return the log-odds that any unit answers: logsumexp(scores) - null."""
    return float(torch.logsumexp(scores, 0) - null)


def _attend(layer: BertLayer, read: Tensor, states: Tensor, mask: Tensor) -> Tensor:
    """Work out a layer at the states that are read, which attend to all states. Shapes (n_pairs, n_tokens, size)."""
    attention = layer.attention.self
    heads = (len(states), -1, attention.num_attention_heads, attention.attention_head_size)
    query, key, value = (
        made.view(heads).transpose(1, 2)
        for made in (attention.query(read), attention.key(states), attention.value(states))
    )
    mixed = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None, :].bool())
    joined = layer.attention.output(mixed.transpose(1, 2).reshape(read.shape), read)
    made: Tensor = layer.feed_forward_chunk(joined)  # type: ignore[no-untyped-call]
    return made


def _mean(states: Tensor, mask: Tensor) -> Tensor:
    weights = mask[:, :, None].to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1)


LOSSES: Mapping[Loss, Any] = {"listwise": listwise, "binary": binary}
_POOLINGS: Mapping[Pooling, Any] = {"cls": lambda states, _: states[:, 0], "mean": _mean}
