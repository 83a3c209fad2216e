"""Weights in a byte each, or in half of one."""

from __future__ import annotations

import torch

from rag.compact import GROUP, SCALE, compact, expand


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


def test_in_half_a_byte_numbers_come_back_within_half_a_step_of_their_groups() -> None:
    torch.manual_seed(0)
    matrix = torch.randn(5, 2 * GROUP) * torch.tensor([1e-2, 0.1, 1, 10, 0])[:, None]
    stored = compact({"m": matrix}, halved=["m"])
    assert (stored["m"].dtype, stored["m"].shape) == (torch.uint8, (5, GROUP))
    assert stored["m" + SCALE].shape == (5, 2)
    back = expand(stored)["m"]
    step = (matrix.view(5, 2, GROUP).abs().amax(2) / 7).repeat_interleave(GROUP, dim=1)
    assert ((back - matrix).abs() <= step * 0.51 + 1e-6).all()
