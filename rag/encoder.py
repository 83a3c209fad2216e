"""The network of the packaged cross-encoders: a BERT encoder, its word embeddings its own or another's, and a head.

`[CLS] first [SEP] second [SEP] context [SEP]` goes in, one number comes out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import BertConfig, BertModel
from transformers.models.bert.modeling_bert import BertLayer

from rag.packing import Packing, attend, packed_states

Pooling = Literal["cls", "mean"]

CLS, SEP = 101, 102
"""Ids of the special tokens in the packaged vocabulary."""

MAX_TOKENS = 112
MAX_QUESTION_TOKENS = 48

BESIDE_CONTEXT = 56
"""Most tokens of a quoted text that another account is sought beside."""

FROZEN = "encoder.embeddings.word_embeddings.weight"
"""The one parameter that is never trained; it is kept only where it is not the embedding model's."""

PADDED_TOKENS = 1_536
"""Most tokens of a batch, padding included: the encoder is quickest on short batches of like lengths."""


@dataclass(frozen=True)
class Pair:
    """One input: token ids, of which the first `n_question` are the segment of the question, or of the claim."""

    ids: tuple[int, ...]
    n_question: int


@dataclass(frozen=True)
class Shape:
    """What a cross-encoder is built as.

    Attributes:
        layers: encoder layers kept, from the first.
        dropout: of hidden states; attention has none, for which SDPA has no quick kernel on a CPU.
    """

    layers: int = 6
    pooling: Pooling = "cls"
    dropout: float = 0.1


class CrossEncoder(nn.Module):
    """Scores pairs; `null` is the score that a pair must pass: to be an answer, to be supported.

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
        packing = Packing.of(mask)
        if torch.is_grad_enabled():  # gradients are quicker through padding
            padded = self.encoder(input_ids=ids, token_type_ids=types, attention_mask=mask)
            known = packing.pack(padded.last_hidden_state)
        else:
            known = packed_states(self.encoder, ids, types, packing)
        states = packing.unpack(known)
        read = states[:, :1] if self._pooling == "cls" else states
        pooled = _POOLINGS[self._pooling](attend(self.last, read, known, packing), mask)
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
        """Return the parameters that are trained: all but the word embeddings."""
        return {name: p for name, p in self.named_parameters() if name != FROZEN}


def build(config: BertConfig, shape: Shape) -> CrossEncoder:
    """Make a model of random weights in a shape."""
    config.num_hidden_layers = shape.layers - 1
    config.hidden_dropout_prob = shape.dropout
    config.attention_probs_dropout_prob = 0.0
    config._attn_implementation = "sdpa"
    return CrossEncoder(config, shape)


@dataclass(frozen=True)
class Room:
    """How many tokens an input may have.

    Attributes:
        pair: all of it, special tokens included.
        first: of its first text.
        context: of what stands around the second.
    """

    pair: int = MAX_TOKENS
    first: int = MAX_QUESTION_TOKENS
    context: int = 40

    @property
    def beside(self) -> Room:
        """The room where a quoted account is the context."""
        return replace(self, context=BESIDE_CONTEXT)


def lay_out(first: Sequence[int], second: Sequence[int], context: Sequence[int], room: Room = Room()) -> Pair:
    """Lay out `[CLS] first [SEP] second [SEP] context [SEP]` in the room: the context is cut first, then the second.

    An empty context takes no separator.
    """
    head = (CLS, *first[: room.first], SEP)
    body = (*second[: room.pair - len(head) - 1], SEP)
    left = min(room.context, room.pair - len(head) - len(body) - 1)
    tail = (*context[:left], SEP) if left > 0 and context else ()
    return Pair((*head, *body, *tail), len(head))


def windows(second: Sequence[int], n_first: int, room: Room, *, overlap: int = 16) -> list[Sequence[int]]:
    """Cut a second text that leaves no room beside a first of `n_first` tokens into windows that overlap."""
    size = room.pair - min(n_first, room.first) - 3
    return [second[at : at + size] for at in range(0, max(1, len(second) - overlap), size - overlap)]


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Return the token ids of texts, without special tokens."""
    return [encoding.ids for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False)]


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


def restore(config: Mapping[str, Any], weights: Mapping[str, Tensor], word_embeddings: Tensor) -> CrossEncoder:
    """Make the model of a configuration as it is exported, in float32, from kept weights."""
    shape = Shape(**config["shape"])
    model = build(BertConfig(**config["bert"]), shape)
    share_words(model, word_embeddings)
    put(model, from_bert(weights, shape))
    return model.eval()


def share_words(model: CrossEncoder, word_embeddings: Tensor) -> None:
    """Give a model the word embeddings of another, of shape (vocabulary, size)."""
    with torch.no_grad():
        model.encoder.embeddings.word_embeddings.weight.copy_(word_embeddings)


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


def _mean(states: Tensor, mask: Tensor) -> Tensor:
    weights = mask[:, :, None].to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1)


_POOLINGS: Mapping[Pooling, Any] = {"cls": lambda states, _: states[:, 0], "mean": _mean}
