"""Weights in a byte each, word embeddings in half of one, so that a cross-encoder takes half the room or less.

Each row of a matrix has a scale of its own, so that its largest number is 127 times it (symmetric quantisation by
channel); in half a byte each `GROUP` numbers of a row have one, and the largest is 7 times it. Vectors stay in half
precision. Sources: Krishnamoorthi, "Quantizing deep convolutional networks for efficient inference", 2018; for groups
Shen et al., "Q-BERT", 2020.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

SCALE = ":scale"
"""Ends the name of a matrix's scales: one a row, or one a group."""
GROUP = 64
"""Columns that share a scale: e5-small's word embeddings come back within .11 of their length, a cosine of .994."""
_MOST, _MOST_HALVED = 127, 7
_SHIFT = 8
"""Makes numbers from -7 to 7 those of four bits."""


def compact(weights: Mapping[str, Tensor], *, halved: Collection[str] = ()) -> dict[str, Tensor]:
    """Store matrices in a byte a number, with scales; all else in half precision.

    Args:
        halved: names of matrices that are stored in half a byte a number; their rows are multiples of `GROUP` long.
    """
    stored: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if name in halved:
            stored[name], stored[name + SCALE] = _halved(weight.float())
        elif weight.dim() != 2 or len(weight) == 1:
            stored[name] = weight.to(torch.float16)
        else:
            scale = (weight.float().abs().amax(1) / _MOST).clamp(min=1e-12)
            stored[name] = (weight.float() / scale[:, None]).round().to(torch.int8)
            stored[name + SCALE] = scale
    return stored


def expand(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights that were stored, matrices in float32; what was not made compact stays as it is."""
    return {
        name: _expanded(weight, stored[name + SCALE]) if name + SCALE in stored else weight
        for name, weight in stored.items()
        if not name.endswith(SCALE)
    }


def _halved(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return two numbers a byte, of shape (rows, columns / 2), and scales, of shape (rows, columns / GROUP)."""
    groups = weight.view(len(weight), -1, GROUP)
    scale = (groups.abs().amax(2) / _MOST_HALVED).clamp(min=1e-7).to(torch.float16)
    steps = (groups / scale.float()[:, :, None]).round().clamp(-_MOST_HALVED, _MOST_HALVED)
    bits = (steps.view_as(weight) + _SHIFT).to(torch.uint8)
    return bits[:, ::2] | bits[:, 1::2] << 4, scale


def _expanded(weight: Tensor, scale: Tensor) -> Tensor:
    if scale.dim() == 1:
        return weight.float() * scale[:, None]
    steps = torch.stack([weight & 15, weight >> 4], dim=2).float().view(len(weight), -1, GROUP) - _SHIFT
    return (steps * scale.float()[:, :, None]).view(len(weight), -1)
