"""Weights in a byte each."""

from __future__ import annotations

import torch

from rag.compact import SCALE, compact, expand


def test_matrices_come_back_within_half_a_step_of_their_rows() -> None:
    torch.manual_seed(0)
    matrix = torch.randn(6, 40) * torch.tensor([1e-3, 0.1, 1, 10, 100, 0])[:, None]
    back = expand(compact({"m": matrix}))["m"]
    step = matrix.abs().amax(1) / 127
    assert ((back - matrix).abs() <= step[:, None] * 0.501 + 1e-12).all()


def test_matrices_take_a_byte_a_number_and_vectors_half_precision() -> None:
    stored = compact({"m": torch.ones(4, 8), "v": torch.ones(8), "head": torch.ones(1, 8), "null": torch.zeros(())})
    assert {name: weight.dtype for name, weight in stored.items()} == {
        "m": torch.int8, "m" + SCALE: torch.float32,
        "v": torch.float16, "head": torch.float16, "null": torch.float16,
    }  # fmt: skip


def test_what_was_not_made_compact_stays_as_it_is() -> None:
    half = {"m": torch.ones(4, 8, dtype=torch.float16)}
    assert expand(half)["m"] is half["m"]
