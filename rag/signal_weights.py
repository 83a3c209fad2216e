"""Weights of the signals, fitted by `evals/training/fit_signals.py`; see there for the data and the split."""

from __future__ import annotations

from collections.abc import Mapping

RANK: Mapping[str, float] = {"similarity": 5.0, "coverage": 3.0, "coverage_before": 1.0, "offers": 1.0, "complete": 1.0}
ANSWERS: Mapping[str, float] = {
    "bias": -4.0, "similarity": 4.0, "coverage_titled": 3.0, "missing_all": -2.0, "offers": 1.0,
}  # fmt: skip
