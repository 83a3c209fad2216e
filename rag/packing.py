"""An encoder's layers worked out on the tokens of a batch alone, without its padding.

All but attention treats tokens one by one: padding would cost it a third of the time on units of mixed lengths.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import BertModel
from transformers.models.bert.modeling_bert import BertLayer


@dataclass(frozen=True)
class Packing:
    """Where the tokens of a batch stand.

    Attributes:
        mask: 1 at tokens and 0 at padding, of shape (n_pairs, n_tokens).
        places: of the tokens in the batch laid flat, of shape (n_kept,).
    """

    mask: Tensor
    places: Tensor

    @classmethod
    def of(cls, mask: Tensor) -> Packing:
        """Find the tokens of a mask."""
        return cls(mask, mask.flatten().nonzero().squeeze(1))

    def pack(self, padded: Tensor) -> Tensor:
        """Keep the tokens: (n_pairs, n_tokens, ...) to (n_kept, ...)."""
        return padded.flatten(0, 1)[self.places]

    def unpack(self, rows: Tensor) -> Tensor:
        """Put tokens back, zeros between: (n_kept, size) to (n_pairs, n_tokens, size)."""
        flat = rows.new_zeros(self.mask.numel(), rows.shape[-1])
        flat[self.places] = rows
        return flat.view(*self.mask.shape, -1)


def packed_states(encoder: BertModel, ids: Tensor, types: Tensor, packing: Packing) -> Tensor:
    """Return the last hidden states of all tokens, of shape (n_kept, size)."""
    positions = torch.arange(ids.shape[1]).expand_as(ids)
    ids, types, positions = (packing.pack(each)[None] for each in (ids, types, positions))
    rows: Tensor = encoder.embeddings(input_ids=ids, token_type_ids=types, position_ids=positions)[0]
    layers = cast("Iterable[BertLayer]", encoder.encoder.layer)
    for layer in layers:
        query = packing.unpack(layer.attention.self.query(rows))
        rows = _finish(layer, packing.pack(_mix(layer, query, rows, packing)), rows)
    return rows


def attend(layer: BertLayer, read: Tensor, rows: Tensor, packing: Packing) -> Tensor:
    """Work out a layer at the states that are read, which attend to all tokens.

    Args:
        read: states of shape (n_pairs, n_read, size).
        rows: the states of all tokens, of shape (n_kept, size).
    """
    return _finish(layer, _mix(layer, layer.attention.self.query(read), rows, packing), read)


def _mix(layer: BertLayer, query: Tensor, rows: Tensor, packing: Packing) -> Tensor:
    """Attend to all tokens of a pair; query and result have the shape (n_pairs, n_queries, size)."""
    attention = layer.attention.self
    key, value = packing.unpack(attention.key(rows)), packing.unpack(attention.value(rows))
    shape = (len(query), -1, attention.num_attention_heads, attention.attention_head_size)
    query_, key, value = (each.view(shape).transpose(1, 2) for each in (query, key, value))
    mixed = scaled_dot_product_attention(query_, key, value, attn_mask=packing.mask[:, None, None, :].bool())
    return mixed.transpose(1, 2).reshape(query.shape)


def _finish(layer: BertLayer, mixed: Tensor, states: Tensor) -> Tensor:
    made: Tensor = layer.feed_forward_chunk(layer.attention.output(mixed, states))  # type: ignore[no-untyped-call]
    return made
