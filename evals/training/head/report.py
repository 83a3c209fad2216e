"""Figures of a head on readings that it was not fitted on: by folds that part no story, article or country."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evals.training.head.fitting import DECAY, Head, Weights, fit, right_within, share_of
from evals.training.head.reading import Read
from rag.evaluation.records import Measured
from rag.evaluation.refusal import auroc, ece, refusal_scores, reliability
from rag.evaluation.statistics import bootstrap_mean, bootstrap_statistic
from rag.signals import logistic, weigh

FOLDS = 5
SINGLE: Mapping[str, Weights] = {
    "cosine": {"similarity": 1.0}, "coverage": {"coverage": 1.0}, "reader": {"reader": 1.0},
}  # fmt: skip
ODDS = {"cosine": "similarity_max", "reader": "reader_any"}


@dataclass(frozen=True)
class Judged:
    """A reading with what a head says of it that did not see its group.

    Attributes:
        hits: whether one of the first k units answers, by system and k.
        odds: log-odds, or a score that grows with them, that anything answers, by system.
        right: log-odds that the first unit answers.
    """

    read: Read
    hits: Mapping[tuple[str, int], bool]
    odds: Mapping[str, float]
    right: float

    @property
    def first(self) -> bool:
        """Whether the unit that the head puts first answers."""
        return self.hits["head", 1]


def cross_validated(reads: Sequence[Read], *, without: Sequence[str] = (), decay: float = DECAY) -> list[Judged]:
    """Judge every reading by a head that was fitted on the other folds."""
    fold = {group: i % FOLDS for i, group in enumerate(sorted({read.group for read in reads}))}
    judged: list[Judged] = []
    for n in range(FOLDS):
        head = fit([read for read in reads if fold[read.group] != n], without=without, decay=decay)
        judged += [judge(read, head) for read in reads if fold[read.group] == n]
    return judged


def judge(read: Read, head: Head) -> Judged:
    """Judge a reading by a head and by single signals."""
    row = head.row(read)
    hits = {(name, k): right_within(read, rank, k) for name, rank in SINGLE.items() for k in (1, 3)}
    hits |= {("head", k): head.right_within(read, k) for k in (1, 3)}
    odds = {name: row.get(signal, 0.0) for name, signal in ODDS.items()}
    covered = max(m.signals["coverage_before"] for m in read.units)
    return Judged(read, hits, {**odds, "coverage": covered, "head": head.odds(row)}, weigh(row, head.right))


def lines(judged: Sequence[Judged], thresholds: Sequence[float]) -> Iterator[str]:
    """Write the figures, each with n and a 95 % interval by group."""
    kinds = sorted({one.read.kind for one in judged})
    for kind in (kind for kind in kinds if "/" not in kind):
        asked = [one for one in judged if one.read.kind == kind]
        for system in (*SINGLE, "head"):
            first, three = (_mean([one.hits[system, k] for one in asked], asked) for k in (1, 3))
            yield f"{kind:22} {system:9} right first {first}  first three {three}"
    for kind in (kind for kind in [*kinds, "briefs/written"] if "/" in kind):
        mixed = [
            one
            for one in judged
            if (kind in (one.read.kind, share_of(one.read.kind)) or one.read.kind == kind.split("/")[0])
            and (one.read.clear or natural(one))
        ]
        for system in (*SINGLE, "head"):
            yield f"{kind:22} {system:9} AUROC {_auroc(mixed, system)}"
    yield from _calibration([one for one in judged if natural(one)], thresholds)


def natural(one: Judged) -> bool:
    """Whether a reading is a question of the briefs benchmark as it was written."""
    return share_of(one.read.kind) in ("briefs", "briefs/written")


def _calibration(asked: Sequence[Judged], thresholds: Sequence[float]) -> Iterator[str]:
    truth = [one.read.answerable for one in asked]
    stated = [logistic(one.odds["head"]) for one in asked]
    first = [logistic(one.right) for one in asked]
    yield f"answerable: ECE {ece(reliability(stated, truth)):.3f} n={len(asked)}"
    yield f"first unit: ECE {ece(reliability(first, [one.first for one in asked])):.3f} n={len(asked)}"
    for threshold in thresholds:
        found = refusal_scores(truth, [p < threshold for p in stated])
        answered = [p >= threshold for p, t in zip(stated, truth, strict=True) if t]
        said = [one.first for one, p in zip(asked, stated, strict=True) if p >= threshold and one.read.answerable]
        figures = zip("PRF", (found.precision, found.recall, found.f1), strict=True)
        refusal = " ".join(f"{name} {figure or 0:.3f}" for name, figure in figures)
        kept, right = sum(answered) / len(answered), sum(said) / max(1, len(said))
        yield f"at {threshold:.2f}: refusal {refusal}; answered {kept:.3f}, of these first unit right {right:.3f}"


def _mean(hits: Sequence[bool], asked: Sequence[Judged]) -> str:
    return shown(bootstrap_mean([float(hit) for hit in hits], [one.read.group for one in asked]))


def _auroc(mixed: Sequence[Judged], system: str) -> str:
    truth = np.array([one.read.answerable for one in mixed])
    odds = np.array([one.odds[system] for one in mixed])
    groups = [one.read.group for one in mixed]
    found = bootstrap_statistic(lambda rows: auroc(odds[rows], truth[rows]), len(mixed), groups, n_resamples=300)
    return shown(found)


def shown(found: Measured | None) -> str:
    """Write a mean with its interval and the number of questions; "-" where there is none."""
    return "-" if found is None else f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}] n={found.n}"
