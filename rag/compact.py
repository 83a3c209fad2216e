"""Weights in a byte each, so that a cross-encoder takes half the room.

Each row of a matrix has a scale of its own, so that its largest number is 127 times it (symmetric quantisation by
channel). Vectors stay in half precision. Source: Krishnamoorthi, "Quantizing deep convolutional networks for efficient
inference", 2018.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

SCALE = ":scale"
"""Ends the name of a matrix's scales, one a row."""
_MOST = 127


def compact(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Store matrices in a byte a number, with scales; all else in half precision."""
    stored: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if weight.dim() != 2 or len(weight) == 1:
            stored[name] = weight.to(torch.float16)
            continue
        scale = (weight.float().abs().amax(1) / _MOST).clamp(min=1e-12)
        stored[name] = (weight.float() / scale[:, None]).round().to(torch.int8)
        stored[name + SCALE] = scale
    return stored


def expand(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights that were stored, matrices in float32; what was not made compact stays as it is."""
    return {
        name: weight.float() * stored[name + SCALE][:, None] if name + SCALE in stored else weight
        for name, weight in stored.items()
        if not name.endswith(SCALE)
    }
