"""How sure the figures are: intervals by the bootstrap, paired tests by permutation, percentiles.

Questions that belong together (the turns of a conversation) are resampled together: they are no independent draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rag.evaluation.records import Measured, Percentiles

FloatArray = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Values = Sequence[float | None] | npt.NDArray[Any]
"""Values by question; None, or NaN in an array, where a question is unscored."""

_CONFIDENCE_LEVEL = 0.95
# Most elements of one block of random numbers: 16 MB in float64.
_BLOCK = 2_000_000


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """A mean difference with its 95 % interval, p value, and number of questions."""

    value: float
    low: float
    high: float
    p: float
    n: int


def bootstrap_mean(
    values: Values, groups: Sequence[str], *, n_resamples: int = 2000, seed: int = 0, n_total: int | None = None
) -> Measured:
    """Return the mean of the scored values and its 95 % interval by the cluster bootstrap.

    Draws as many groups as there are, with replacement, `n_resamples` times; takes the mean over all values of the
    groups drawn (their sums over their counts); the interval is from the 2.5th to the 97.5th percentile. The same seed
    gives the same interval. With one group it has no width, and says nothing. 12,000 values take about 0.3 s.

    Args:
        values: one a question; those unscored are left out, and so are groups without a scored value.
        groups: what each question is resampled with.
        n_resamples: number of resamples.
        seed: of the random draws.
        n_total: questions that could have been scored; by default all of `values`.

    Raises:
        ValueError: no value is scored, or `values` and `groups` differ in length.

    Source: Efron, Annals of Statistics 1979 (percentile interval); Davison & Hinkley, "Bootstrap Methods", 1997, 3.8
    (resampling whole clusters).
    """
    scored, codes = _scored(values, groups)
    sums, counts = _group_sums(scored, codes), np.bincount(codes).astype(np.float64)
    low, high = _interval(_resampled_means(sums, counts, n_resamples, seed))
    n_total = len(values) if n_total is None else n_total
    return Measured(value=float(scored.mean()), low=low, high=high, n=len(scored), n_total=n_total)


def bootstrap_statistic(
    fn: Callable[[Indices], float | None],
    n: int,
    groups: Sequence[str],
    *,
    n_resamples: int = 2000,
    seed: int = 0,
    n_total: int | None = None,
) -> Measured | None:
    """Return a statistic that is no mean (F1, AUROC, AURC) and its 95 % interval by the cluster bootstrap.

    Groups are drawn as in `bootstrap_mean`. Resamples in which the statistic is undefined are skipped, so the interval
    is that of the defined ones. Costs `n_resamples` + 1 calls of `fn`.

    Args:
        fn: the statistic of the questions at an array of indices below `n`, which repeat; None where it is undefined.
        n: number of questions.
        groups: what each question is resampled with.
        n_resamples: number of resamples.
        seed: of the random draws.
        n_total: questions that could have been scored; by default `n`.

    Returns:
        None where the statistic is undefined over all questions.

    Raises:
        ValueError: `groups` has not one entry a question.

    Source: as for `bootstrap_mean`.
    """
    if len(groups) != n:
        raise ValueError(f"{n} questions, but {len(groups)} groups; give one a question.")
    value = fn(np.arange(n)) if n else None
    if value is None:
        return None
    resampled = [s for s in map(fn, _resampled_indices(_codes(groups), n_resamples, seed)) if s is not None]
    low, high = _interval(np.asarray(resampled)) if resampled else (value, value)
    return Measured(value=value, low=low, high=high, n=n, n_total=n if n_total is None else n_total)


def paired(
    values_a: Values,
    values_b: Values,
    groups: Sequence[str],
    *,
    n_resamples: int = 2000,
    n_flips: int = 10_000,
    seed: int = 0,
) -> PairedDifference:
    """Return the mean of a - b over the questions that both were scored on, its 95 % interval, and a two-sided p.

    The interval is that of `bootstrap_mean` over the differences. The test flips the sign of all differences of a
    group at random, which changes nothing if a and b are alike:

        p = (1 + number of flips with |sum of flipped differences| >= |sum of differences|) / (1 + n_flips)

    in [1/(1 + n_flips), 1]; equal values everywhere give 1. 12,000 differences take about 0.5 s.

    Raises:
        ValueError: no question is scored on both, or lengths differ.

    Source: Smucker, Allan & Carterette, CIKM 2007 (randomisation test in IR), signs flipped by group; Phipson & Smyth,
    SAGMB 2010 (the added 1: p is never 0).
    """
    a, b = _floats(values_a), _floats(values_b)
    if len(a) != len(b):
        raise ValueError(f"{len(a)} values against {len(b)}; give both for the same questions, None where unscored.")
    mean = bootstrap_mean(a - b, groups, n_resamples=n_resamples, seed=seed)
    scored, codes = _scored(a - b, groups)
    p = _sign_flip_p(_group_sums(scored, codes), n_flips, seed)
    return PairedDifference(value=mean.value, low=mean.low, high=mean.high, p=p, n=mean.n)


def percentiles(values: Sequence[float]) -> Percentiles:
    """Return the median and the 95th and 99th percentile, linear between order statistics (type 7).

    Raises:
        ValueError: there is no value.

    Source: Hyndman & Fan, The American Statistician 1996.
    """
    if not len(values):
        raise ValueError("There is no value to take percentiles of; leave the row out.")
    p50, p95, p99 = np.percentile(np.asarray(values, dtype=np.float64), (50, 95, 99)).tolist()
    return Percentiles(p50=p50, p95=p95, p99=p99, n=len(values))


def _floats(values: Values) -> FloatArray:
    """Return the values in float64, which makes NaN of None."""
    return np.asarray(values, dtype=np.float64)


def _codes(groups: Sequence[str]) -> Indices:
    """Number the groups from 0, in sorted order."""
    return np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)[1].astype(np.intp)


def _scored(values: Values, groups: Sequence[str]) -> tuple[FloatArray, Indices]:
    """Return the values that are scored, and the number of each one's group."""
    floats = _floats(values)
    if len(floats) != len(groups):
        raise ValueError(f"{len(floats)} values, but {len(groups)} groups; give one a question.")
    known = ~np.isnan(floats)
    if not known.any():
        raise ValueError(f"None of {len(floats)} values is scored; leave the measure out.")
    return floats[known], _codes([group for group, k in zip(groups, known, strict=True) if k])


def _group_sums(scored: FloatArray, codes: Indices) -> FloatArray:
    return np.bincount(codes, weights=scored).astype(np.float64)


def _blocks(n_rows: int, n_columns: int) -> Iterator[int]:
    """Part rows into blocks of at most `_BLOCK` elements."""
    size = max(1, _BLOCK // n_columns)
    yield from (min(size, n_rows - done) for done in range(0, n_rows, size))


def _resampled_means(sums: FloatArray, counts: FloatArray, n_resamples: int, seed: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    n = len(sums)
    means = []
    for rows in _blocks(n_resamples, n):
        drawn = rng.integers(0, n, size=(rows, n), dtype=np.int32)
        means.append(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    return np.concatenate(means)


def _resampled_indices(codes: Indices, n_resamples: int, seed: int) -> Iterator[Indices]:
    """Yield the indices of the questions of the groups drawn, one resample at a time."""
    rng = np.random.default_rng(seed)
    members = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    starts = np.cumsum(sizes) - sizes
    for _ in range(n_resamples):
        drawn = rng.integers(0, len(sizes), size=len(sizes))
        taken = sizes[drawn]
        before = np.cumsum(taken) - taken
        yield members[np.arange(taken.sum()) + np.repeat(starts[drawn] - before, taken)]


def _interval(resampled: FloatArray) -> tuple[float, float]:
    tail = (1 - _CONFIDENCE_LEVEL) / 2
    low, high = np.quantile(resampled, (tail, 1 - tail)).tolist()
    return low, high


def _sign_flip_p(sums: FloatArray, n_flips: int, seed: int) -> float:
    moving = sums[sums != 0]
    if not len(moving):
        return 1.0
    rng = np.random.default_rng(seed)
    # Sums of the same numbers in another order differ in their last bits; they are ties all the same.
    observed = abs(moving.sum()) - 1e-12 * np.abs(moving).sum()
    extreme = 0
    for rows in _blocks(n_flips, len(moving)):
        packed = rng.integers(0, 256, size=(rows, -(-len(moving) // 8)), dtype=np.uint8)
        kept = np.unpackbits(packed, axis=1, count=len(moving)).astype(np.float64)
        extreme += int((np.abs(2 * (kept @ moving) - moving.sum()) >= observed).sum())
    return (1 + extreme) / (1 + n_flips)
