"""Refusals and confidences scored: when to be silent, and how far a confidence can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rag.evaluation.records import Bin, Curve

Floats = Sequence[float | None] | npt.NDArray[Any]
"""Values by question; None, or NaN in an array, where a question has none."""

Truths = Sequence[bool | None] | npt.NDArray[Any]
"""Yes or no by question; None, or NaN in an array, where it is not known."""

_FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RefusalScores:
    """Refusals as a classifier of unanswerable questions, all in [0, 1]; None where a quotient has no denominator."""

    precision: float | None
    recall: float | None
    f1: float | None


def refusal_scores(answerable: Truths, abstained: Truths) -> RefusalScores:
    """Score refusals: the class to find is "unanswerable", a refusal is what finds it.

    - precision = due refusals / refusals; None without a refusal.
    - recall = due refusals / unanswerable questions; None without such a question.
    - F1 = 2 · due refusals / (refusals + unanswerable questions); None only without either.

    Source: van Rijsbergen, "Information Retrieval", 1979, with β = 1.
    """
    due, refused = ~_bools(answerable), _bools(abstained)
    if len(due) != len(refused):
        raise ValueError(f"{len(due)} questions, but {len(refused)} refusals or answers; give one a question.")
    right, n_refused, n_due = int((due & refused).sum()), int(refused.sum()), int(due.sum())
    return RefusalScores(
        precision=right / n_refused if n_refused else None,
        recall=right / n_due if n_due else None,
        f1=2 * right / (n_refused + n_due) if n_refused + n_due else None,
    )


def auroc(confidence: Floats, answerable: Truths) -> float | None:
    """Return the chance that an answerable question has a higher confidence than an unanswerable one, in [0, 1].

    (R - m(m + 1)/2) / (m·n) with R the sum of the ranks of the m answerable questions among all m + n; equal
    confidences share their mean rank, so that a tied pair counts one half. 0.5 is chance. Questions without a
    confidence are left out; None where only one kind of question is left.

    Source: Hanley & McNeil, Radiology 1982 (the Mann-Whitney statistic).
    """
    scores, truths = _both(confidence, answerable)
    m, n = int(truths.sum()), int((1 - truths).sum())
    if not m or not n:
        return None
    _, position, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    ranks: _FloatArray = mean_rank[position]
    return float((ranks[truths == 1].sum() - m * (m + 1) / 2) / (m * n))


def risk_coverage(confidence: Floats, correct: Truths, *, max_points: int | None = None) -> Curve | None:
    """Return the share of wrong answers (y, risk) among the most confident share of the questions (x, coverage).

    Point k of n: coverage k/n, and risk = wrong ones among the k most confident / k. Among equal confidences risk is
    its expectation over their order. Questions without a confidence or a verdict are left out; None where none is
    left.

    | confidence | right | coverage | risk |
    |------------|-------|----------|------|
    | .9         | yes   | 1/3      | 0    |
    | .5         | no    | 2/3      | 1/4  |
    | .5         | yes   | 1        | 1/3  |

    Args:
        confidence: in any unit; higher is more confident.
        correct: whether the answer is right; of answers that were given, or would have been, not of refusals.
        max_points: most points of the curve, at even distances and with both ends; None for all n.

    Source: Geifman & El-Yaniv, "Selective Classification for Deep Neural Networks", NIPS 2017.
    """
    risks = _risks(confidence, correct)
    n = len(risks)
    if not n:
        return None
    kept = np.unique(np.linspace(0, n - 1, min(n, max_points or n)).round().astype(np.intp))
    return Curve(x=tuple(((kept + 1) / n).tolist()), y=tuple(risks[kept].tolist()))


def aurc(confidence: Floats, correct: Truths) -> float | None:
    """Return the area under the risk-coverage curve, in [0, 1], lower is better: the mean risk at coverages 1/n to 1.

    Ties and absent values as in `risk_coverage`. It falls with accuracy as well as with a better order, so it compares
    systems that answer the same questions only.

    Source: Geifman, Uziel & El-Yaniv, ICLR 2019, over the curve of Geifman & El-Yaniv, NIPS 2017.
    """
    risks = _risks(confidence, correct)
    return float(risks.mean()) if len(risks) else None


def reliability(confidence: Floats, correct: Truths, *, n_bins: int = 10) -> tuple[Bin, ...]:
    """Return the bins of a reliability diagram that hold a question, by ascending confidence.

    Bin m of M holds confidences in ((m - 1)/M, m/M], the first one 0 too. Questions without a confidence or a verdict
    are left out.

    Raises:
        ValueError: a confidence is outside [0, 1], so that it is no probability.

    Source: DeGroot & Fienberg, The Statistician 1983; bins of equal width as in Guo et al., ICML 2017.
    """
    scores, truths = _both(confidence, correct)
    if len(scores) and not 0 <= scores.min() <= scores.max() <= 1:
        raise ValueError(f"Confidences from {scores.min():g} to {scores.max():g} are no probabilities; calibrate them.")
    # m / M and not linspace, whose 0.1 · 3 is above 0.3: 0.3 belongs to the third bin of ten.
    where = np.digitize(scores, np.arange(1, n_bins) / n_bins, right=True)
    return tuple(
        Bin(confidence=float(scores[where == b].mean()), accuracy=float(truths[where == b].mean()), n=int(n))
        for b, n in enumerate(np.bincount(where, minlength=n_bins))
        if n
    )


def ece(bins: Sequence[Bin]) -> float | None:
    """Return the expected calibration error of a reliability diagram, in [0, 1]: Σ n_b/n · |accuracy_b - confidence_b|.

    0 is perfect; None without a bin. It depends on the number of bins.

    Source: Naeini, Cooper & Hauskrecht, AAAI 2015; with bins of equal width, Guo et al., ICML 2017.
    """
    n = sum(b.n for b in bins)
    return sum(b.n * abs(b.accuracy - b.confidence) for b in bins) / n if n else None


def _risks(confidence: Floats, correct: Truths) -> _FloatArray:
    """Return the risk of the k most confident, for k from 1 to n."""
    scores, truths = _both(confidence, correct)
    order = np.argsort(-scores, kind="stable")
    scores, wrong = scores[order], np.cumsum(1 - truths[order])
    k = np.arange(1, len(scores) + 1)
    # Within a tie the expected number of wrong ones grows evenly, from its value before the tie to that at its end.
    ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)) if len(scores) else np.zeros(0, dtype=np.intp)
    expected: _FloatArray = np.interp(k, np.append(0, ends + 1), np.append(0.0, wrong[ends]))
    return expected / k


def _both(values: Floats, truths: Truths) -> tuple[_FloatArray, _FloatArray]:
    """Return values and truths (1 and 0) of the questions that have both."""
    # float64 makes NaN of None.
    a, b = np.asarray(values, dtype=np.float64), np.asarray(truths, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"{len(a)} values, but {len(b)} verdicts; give one a question.")
    known = ~(np.isnan(a) | np.isnan(b))
    return a[known], b[known]


def _bools(values: Truths) -> npt.NDArray[np.bool_]:
    return np.asarray(values, dtype=np.bool_)
