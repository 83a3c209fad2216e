from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from rag.evaluation.records import Measured, Percentiles
from rag.evaluation.statistics import (
    Indices,
    PairedDifference,
    bootstrap_mean,
    bootstrap_statistic,
    paired,
    percentiles,
)

ZEROS_AND_ONES = [0.0, 1.0] * 50


def own(n: int) -> list[str]:
    """Each question in a group of its own."""
    return [f"q{i}" for i in range(n)]


def mean_of(values: list[float]) -> Callable[[Indices], float | None]:
    array = np.array(values)
    return lambda taken: float(array[taken].mean())


def test_equal_values_have_an_interval_without_width() -> None:
    assert bootstrap_mean([1.0] * 4, own(4)) == Measured(value=1, low=1, high=1, n=4, n_total=4)
    assert bootstrap_mean([0.0], own(1)) == Measured(value=0, low=0, high=0, n=1, n_total=1)


def test_the_interval_is_near_the_normal_one() -> None:
    # The standard error of 100 fair coins is .05, so the 95 % interval is .5 ± .098.
    measured = bootstrap_mean(ZEROS_AND_ONES, own(100), n_resamples=4000)
    assert measured.value == 0.5
    assert (measured.low, measured.high) == pytest.approx((0.402, 0.598), abs=0.012)


def test_questions_of_a_group_are_resampled_together() -> None:
    # 100 values, but two groups of equal values: means of 0, 1/2 and 1 have chances of 1/4, 1/2 and 1/4.
    values = [0.0] * 50 + [1.0] * 50
    measured = bootstrap_mean(values, ["a"] * 50 + ["b"] * 50)
    assert (measured.value, measured.low, measured.high) == (0.5, 0, 1)


def test_groups_of_unequal_size_weigh_by_their_questions() -> None:
    measured = bootstrap_mean([1.0, 0.0, 0.0, 0.0], ["a", "b", "b", "b"])
    assert (measured.value, measured.low, measured.high) == (0.25, 0, 1)


def test_one_group_gives_no_width() -> None:
    measured = bootstrap_mean([0.0, 1.0], ["a", "a"])
    assert (measured.low, measured.value, measured.high) == (0.5, 0.5, 0.5)


def test_unscored_values_are_left_out_and_counted() -> None:
    values = [None, 1.0, None, 0.0]
    assert bootstrap_mean(values, own(4)) == Measured(value=0.5, low=0, high=1, n=2, n_total=4)
    assert bootstrap_mean(np.array([np.nan, 1, np.nan, 0]), own(4)) == bootstrap_mean(values, own(4))
    assert bootstrap_mean([1.0, 0.0], own(2), n_total=9).n_total == 9


@pytest.mark.parametrize("values", [[], [None, None]])
def test_a_mean_of_nothing_is_refused(values: list[float | None]) -> None:
    with pytest.raises(ValueError, match="leave the measure out"):
        bootstrap_mean(values, own(len(values)))


def test_values_are_parallel_to_groups() -> None:
    with pytest.raises(ValueError, match="2 values, but 1 groups"):
        bootstrap_mean([1.0, 0.0], ["a"])
    with pytest.raises(ValueError, match="2 questions, but 1 groups"):
        bootstrap_statistic(mean_of([1, 0]), 2, ["a"])
    with pytest.raises(ValueError, match="1 values against 2"):
        paired([1.0], [1.0, 0.0], ["a"])


def test_a_seed_gives_the_same_interval_and_another_one_another() -> None:
    values = np.random.default_rng(5).random(50).tolist()
    assert bootstrap_mean(values, own(50)) == bootstrap_mean(values, own(50))
    assert bootstrap_mean(values, own(50)) != bootstrap_mean(values, own(50), seed=1)


def test_a_large_run_is_resampled_in_blocks() -> None:
    # Standard error of 30,000 fair coins: .00289.
    measured = bootstrap_mean([0.0, 1.0] * 15_000, own(30_000), n_resamples=500)
    assert (measured.low, measured.high) == pytest.approx((0.4943, 0.5057), abs=0.001)


def test_a_statistic_that_is_a_mean_has_the_interval_of_the_mean() -> None:
    groups = [f"g{i // 3}" for i in range(100)]
    expected = bootstrap_mean(ZEROS_AND_ONES, groups, n_resamples=4000)
    measured = bootstrap_statistic(mean_of(ZEROS_AND_ONES), 100, groups, n_resamples=4000)
    assert measured is not None
    assert measured.value == expected.value
    assert (measured.low, measured.high) == pytest.approx((expected.low, expected.high), abs=0.02)


def test_a_statistic_is_given_whole_groups_as_many_as_there_are() -> None:
    seen: list[list[int]] = []

    def record(taken: Indices) -> float:
        seen.append(taken.tolist())
        return 0.0

    bootstrap_statistic(record, 5, ["b", "a", "b", "b", "a"], n_resamples=50)
    members = {"a": [1, 4], "b": [0, 2, 3]}
    assert seen[0] == [0, 1, 2, 3, 4]
    assert all(taken in [members[g] + members[h] for g, h in product("ab", "ab")] for taken in seen[1:])
    assert len(seen) == 51


def test_resamples_without_a_value_are_skipped() -> None:
    values = [0.0, 1.0, 1.0]

    def precision(taken: Indices) -> float | None:
        picked = [values[i] for i in taken if i != 2]
        return sum(picked) / len(picked) if picked else None

    measured = bootstrap_statistic(precision, 3, own(3))
    assert measured == Measured(value=0.5, low=0, high=1, n=3, n_total=3)


def test_a_statistic_that_is_undefined_is_absent() -> None:
    assert bootstrap_statistic(lambda taken: None, 3, own(3)) is None
    assert bootstrap_statistic(lambda taken: 1.0, 0, []) is None


def test_equal_systems_do_not_differ() -> None:
    assert paired([1.0, 0.0], [1.0, 0.0], own(2)) == PairedDifference(value=0, low=0, high=0, p=1, n=2)


def test_a_single_group_proves_nothing() -> None:
    difference = paired([1.0, 1.0, 1.0], [0.0, 0.0, 0.0], ["a", "a", "a"])
    assert difference == PairedDifference(value=1, low=1, high=1, p=1, n=3)


def test_p_is_the_share_of_sign_flips_that_are_as_extreme() -> None:
    # Three differences of 1: 2 of the 8 flips (all plus, all minus) have a sum of 3 or -3.
    difference = paired([1.0] * 3, [0.0] * 3, own(3), n_flips=40_000)
    assert difference.p == pytest.approx(2 / 8, abs=0.01)


def test_p_agrees_with_all_flips_of_unequal_groups() -> None:
    a, groups = [0.9, 0.1, 0.4, 0.8, 0.7, 0.3], ["x", "x", "y", "z", "u", "v"]
    b = [0.2, 0.3, 0.5, 0.1, 0.2, 0.3]
    sums = [0.7 - 0.2, -0.1, 0.7, 0.5]
    flips = [abs(sum(s * d for s, d in zip(signs, sums, strict=True))) for signs in product((1, -1), repeat=4)]
    exact = sum(flip >= abs(sum(sums)) - 1e-9 for flip in flips) / len(flips)
    assert paired(a, b, groups, n_flips=40_000).p == pytest.approx(exact, abs=0.01)


def test_p_is_never_zero() -> None:
    assert paired([1.0] * 60, [0.0] * 60, own(60), n_flips=999).p == 1 / 1000


def test_a_difference_is_over_questions_that_both_were_scored_on() -> None:
    difference = paired([1.0, None, 0.5, 1.0], [0.0, 1.0, None, 0.0], own(4))
    assert (difference.value, difference.n) == (1, 2)
    with pytest.raises(ValueError, match="leave the measure out"):
        paired([1.0, None], [None, 1.0], own(2))


def test_a_difference_changes_its_sign_with_the_order() -> None:
    a, b = np.random.default_rng(3).random((2, 40))
    forth, back = paired(a, b, own(40)), paired(b, a, own(40))
    assert (forth.value, forth.p) == pytest.approx((-back.value, back.p))
    assert (forth.low, forth.high) == pytest.approx((-back.high, -back.low))


def test_percentiles_are_linear_between_values() -> None:
    assert percentiles([3.0]) == Percentiles(p50=3, p95=3, p99=3, n=1)
    hundred_and_one = [float(i) for i in range(100, -1, -1)]
    assert percentiles(hundred_and_one) == Percentiles(p50=50, p95=95, p99=99, n=101)
    assert percentiles([1.0, 2.0]).p50 == 1.5


def test_percentiles_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="no value"):
        percentiles([])
