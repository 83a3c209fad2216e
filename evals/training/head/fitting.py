"""The models of the head and how they are fitted.

The ranking models are list-wise softmaxes: the units that answer should take the probability. One orders all units; the
other orders those that come first by it once they are read closely. The others see `rag.read.answer_signals`. Whether
anything here answers is the product of two logistic models that are fitted together: what is asked about is here, and
it is answered. Whether the unit that was put first answers is a logistic regression.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize  # type: ignore[import-untyped]

from evals.training.head.reading import Read
from rag.measure import Measured
from rag.read import CLOSE_UNITS, anew, answer_signals
from rag.signals import logistic, odds_of_both, probability, weigh

Array = NDArray[np.float64]
Weights = dict[str, float]

RANK_NAMES = (
    "reader similarity matched matched_terms matched_names matched_plain unmatched "
    "coverage coverage_before coverage_titled names numbers plain missing phrases "
    "offers length leans dense lexical "
    "offers_who offers_when offers_where offers_number offers_why offers_list offers_ordinal"
).split()
CLOSE_NAMES = ["closer", *RANK_NAMES]
HERE_NAMES = "bias similarity_max matched_max rank".split()
ANSWER_NAMES = "bias closer reader lead names_passage numbers_all strangers missing_all".split()
RIGHT_NAMES = (
    "bias closer reader reader_any similarity_max names_passage numbers_passage numbers_all strangers missing_all "
    "rank lead terms"
).split()
# Each kind of reading weighs as much as its share here, whatever its count.
KIND_SHARES = {
    "briefs": 6.0, "briefs/written": 6.0, "briefs/removed": 1.5, "briefs/swapped": 0.5,
    "squad": 0.5, "squad/unanswerable": 0.5, "squad/swapped": 0.2, "squad/removed": 0.5,
    "factbook": 0.5, "factbook/removed": 0.5,
    "stories": 3.0, "stories/refused": 3.0, "stories/removed": 1.5,
    "short": 3.0, "short/refused": 3.0, "short/removed": 1.5,
}  # fmt: skip

RANK_DECAY, DECAY = 0.3, 2.0
"""Of the ranking model's weights, and of the answering models'; by folds (DECISIONS.md, 69, 84)."""


@dataclass(frozen=True)
class Scale:
    """What makes log-odds of a model probabilities where they were measured: a factor, and what is added then."""

    factor: float = 1.0
    shift: float = 0.0

    def of(self, odds: float) -> float:
        """Return log-odds on this scale."""
        return self.factor * odds + self.shift

    def weights(self, weights: Weights) -> Weights:
        """Return the weights of a model on this scale."""
        scaled = {name: self.factor * weight for name, weight in weights.items()}
        return {**scaled, "bias": scaled["bias"] + self.shift}


@dataclass(frozen=True)
class Head:
    """Weights by signal.

    Attributes:
        rank: of the order of units.
        here: of whether what is asked about is here.
        answers: of whether it is answered, where it is.
        right: of whether the first unit answers.
        scale: of the log-odds that anything answers, `here` and `answers` together.
        close: of the order of the units that are read closely; empty where none are.
    """

    rank: Weights
    here: Weights
    answers: Weights
    right: Weights
    scale: Scale = Scale()
    close: Weights = field(default_factory=dict)

    def row(self, read: Read) -> Weights:
        """Signals of the answering models."""
        return row_of(closely(read, self.rank), self.rank, self.close)

    def right_within(self, read: Read, k: int) -> bool:
        """Whether one of the first `k` units answers."""
        return right_within(closely(read, self.rank), self.rank, k, self.close)

    def probabilities(self, read: Read) -> tuple[float, float]:
        """That anything answers, and that the first unit does."""
        row = self.row(read)
        return logistic(self.odds(row)), probability(row, self.right)

    def odds(self, row: Mapping[str, float]) -> float:
        """Return the log-odds that anything answers, by the signals of `row`."""
        return self.scale.of(odds_of_both(weigh(row, self.here), weigh(row, self.answers)))


def share_of(kind: str) -> str:
    """Name the share that a kind counts in: refusals that people wrote share one for each set."""
    part, _, refusal = kind.partition("/")
    if part in ("stories", "short") and refusal and refusal != "removed":
        return f"{part}/refused"
    written = part == "briefs" and refusal not in ("", "removed", "swapped")
    return "briefs/written" if written else kind


def closely(read: Read, rank: Mapping[str, float]) -> Read:
    """Forget what the closer reader says of units that do not come first by the ranking model."""
    best = {i for i, _ in ranked(read, rank)[:CLOSE_UNITS]}
    return replace(read, units=tuple(m if i in best else _at_first(m) for i, m in enumerate(read.units)))


def _at_first(measured: Measured) -> Measured:
    signals = {name: value for name, value in measured.signals.items() if name != "closer"}
    return replace(measured, signals=signals)


def ranked(read: Read, rank: Mapping[str, float], close: Mapping[str, float] | None = None) -> list[tuple[int, float]]:
    """Places of the units with their scores by a ranking model, best first; ties in the order of the places.

    Args:
        close: weights by which the first, which were read closely, are ordered anew.
    """
    order = _by_score([(weigh(m.signals, rank), i) for i, m in enumerate(read.units)])
    if close:
        again = [i for _, i in order if "closer" in read.units[i].signals]
        order = anew(order, _by_score([(weigh(read.units[i].signals, close), i) for i in again]))
    return [(i, score) for score, i in order]


def _by_score(scored: Sequence[tuple[float, int]]) -> list[tuple[float, int]]:
    return sorted(scored, key=lambda pair: (-pair[0], pair[1]))


def row_of(read: Read, rank: Mapping[str, float], close: Mapping[str, float] | None = None) -> Weights:
    """Signals of the answering models, with the units in the order of `ranked`."""
    order = ranked(read, rank, close)
    return answer_signals(read.asked, [read.units[i] for i, _ in order], [score for _, score in order])


def fit(reads: Sequence[Read], *, without: Sequence[str] = (), decay: float = DECAY) -> Head:
    """Fit the head on the signals that were measured, leaving out those named.

    Args:
        decay: of the answering models' weights.
    """
    measured = {name for read in reads for m in read.units for name in m.signals}
    known = [n for n in CLOSE_NAMES if n in measured and n not in without]
    rank = fit_ranking(reads, [n for n in known if n != "closer"], decay=RANK_DECAY)
    close: Weights = {}
    if "closer" in known:
        reads = [closely(read, rank) for read in reads]
        close = fit_ranking([_read_closely(read) for read in reads], known, decay=RANK_DECAY)
    signals = [row_of(read, rank, close) for read in reads]
    here, answers, last = (
        [name for name in names if name not in without and any(name in row for row in signals)]
        for names in (HERE_NAMES, ANSWER_NAMES, RIGHT_NAMES)
    )
    right = np.array([right_within(read, rank, 1, close) for read in reads], dtype=float)
    clear = [i for i, read in enumerate(reads) if read.clear]
    answerable = np.array([reads[i].answerable for i in clear], dtype=float)
    rows = matrix(signals, here)[clear], matrix(signals, answers)[clear]
    both = fit_both(rows, answerable, share_weights([reads[i] for i in clear]), (here, answers), decay=decay)
    first = fit_logistic(matrix(signals, last), right, share_weights(reads), last, decay=decay)
    return Head(rank, *both, first, close=close)


def _read_closely(read: Read) -> Read:
    """Leave out the units that were not read closely."""
    places = [i for i, m in enumerate(read.units) if "closer" in m.signals]
    return replace(read, units=tuple(read.units[i] for i in places), right=tuple(read.right[i] for i in places))


def right_within(read: Read, rank: Mapping[str, float], k: int, close: Mapping[str, float] | None = None) -> bool:
    """Whether one of the `k` units that come first by `ranked` answers."""
    return any(read.right[i] for i, _ in ranked(read, rank, close)[:k])


def fit_ranking(reads: Sequence[Read], names: Sequence[str], *, decay: float) -> Weights:
    """Minimise -log of a right unit's softmax among the wrong ones, over the right units of readings that have both.

    So no right unit answers for another, and each item of a list is to stand before what does not answer.
    """
    mixed = [read for read in reads if any(read.right) and not all(read.right)]
    lists = [rows for read in mixed for rows in _one_right(matrix([m.signals for m in read.units], names), read.right)]
    counts = [sum(read.right) for read in mixed]
    share, x = np.repeat(share_weights(mixed) / counts, counts), np.concatenate(lists)
    sizes = np.array([len(rows) for rows in lists])
    starts = np.cumsum([0, *sizes])[:-1]

    def loss(w: Array) -> tuple[float, Array]:
        z = x @ w
        z = np.exp(z - np.repeat(np.maximum.reduceat(z, starts), sizes))
        p = z / np.repeat(np.add.reduceat(z, starts), sizes)
        hit = p[starts] + 1e-12
        gradient = (p * np.repeat(share, sizes)) @ x - share @ x[starts]
        return float(-(share * np.log(hit)).sum() + decay * w @ w), gradient + 2 * decay * w

    found = minimize(loss, np.zeros(len(names)), jac=True, method="L-BFGS-B")
    return dict(zip(names, map(float, found.x), strict=True))


def _one_right(rows: Array, right: Sequence[bool]) -> list[Array]:
    """For each right unit its row and those of the wrong units, the right one first."""
    truth = np.array(right)
    return [np.concatenate([rows[i : i + 1], rows[~truth]]) for i in np.flatnonzero(truth)]


def fit_logistic(rows: Array, truth: Array, share: Array, names: Sequence[str], *, decay: float) -> Weights:
    """Minimise the weighted logistic loss; the bias is not decayed."""
    free = np.array([0.0 if name == "bias" else 1.0 for name in names])

    def loss(w: Array) -> tuple[float, Array]:
        z = rows @ w
        p = 1 / (1 + np.exp(-z))
        value = share @ (np.logaddexp(0, z) - truth * z)
        return float(value + decay * (free * w * w).sum()), (share * (p - truth)) @ rows + 2 * decay * free * w

    found = minimize(loss, np.zeros(len(names)), jac=True, method="L-BFGS-B")
    return dict(zip(names, map(float, found.x), strict=True))


def fit_both(
    rows: tuple[Array, Array], truth: Array, share: Array, names: tuple[Sequence[str], Sequence[str]], *, decay: float
) -> tuple[Weights, Weights]:
    """Fit two logistic models of which both must hold, p = p1 p2, by the weighted logistic loss of p.

    Neither is told which of the two failed; it is their signals that part them. Source: noisy AND (Pearl,
    "Probabilistic reasoning in intelligent systems", 1988).
    """
    n = len(names[0])
    free = np.array([0.0 if name == "bias" else 1.0 for part in names for name in part])

    def loss(w: Array) -> tuple[float, Array]:
        one, other = rows[0] @ w[:n], rows[1] @ w[n:]
        log_p = -np.logaddexp(0, -one) - np.logaddexp(0, -other)
        p = np.exp(log_p)
        missed = np.maximum(1 - p, 1e-9)
        slope = share * ((1 - truth) * p / missed - truth)
        gradient = [(slope * np.exp(-np.logaddexp(0, z))) @ x for z, x in zip((one, other), rows, strict=True)]
        value = -share @ (truth * log_p + (1 - truth) * np.log(missed))
        return float(value + decay * (free * w * w).sum()), np.concatenate(gradient) + 2 * decay * free * w

    start = np.where(free == 0, 1.0, 0.0)
    found = list(map(float, minimize(loss, start, jac=True, method="L-BFGS-B").x))
    return dict(zip(names[0], found[:n], strict=True)), dict(zip(names[1], found[n:], strict=True))


def platt(odds: Sequence[float], truth: Sequence[bool]) -> Scale:
    """Fit a scale. Source: Platt, "Probabilistic outputs for support vector machines", 1999."""
    rows = np.stack([np.ones(len(odds)), np.asarray(odds)], axis=1)
    ones = np.ones(len(odds))
    found = fit_logistic(rows, np.asarray(truth, dtype=float), ones, ("shift", "factor"), decay=0.0)
    return Scale(found["factor"], found["shift"])


def share_weights(reads: Sequence[Read]) -> Array:
    """Weights that sum to the number of readings and give each kind its share."""
    kinds = [share_of(read.kind) for read in reads]
    total = sum(KIND_SHARES[kind] for kind in set(kinds))
    return np.array([KIND_SHARES[kind] / total * len(reads) / kinds.count(kind) for kind in kinds])


def matrix(rows: Sequence[Mapping[str, float]], names: Sequence[str]) -> Array:
    """Lay signals out as (n_rows, n_names); absent signals are 0."""
    return np.array([[row.get(name, 0.0) for name in names] for row in rows])
