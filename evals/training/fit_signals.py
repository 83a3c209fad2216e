"""Fit the weights in rag/signal_weights.py and report them on articles that were not fitted.

    python -m evals.training.fit_signals --data DIR --cache DIR [--write]

The ranking model is a list-wise softmax: the units that hold an accepted answer should take the probability. The
answering model is a logistic regression on the best unit's signals, refusals weighed so that both classes count alike.
DIR holds squad2_dev and nq_open_oracle. The first run encodes 9,000 texts (about five minutes on two cores).
"""

from __future__ import annotations

import argparse
import os
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize  # type: ignore[import-untyped]
from sklearn.metrics import roc_auc_score

from evals.training.encoder import packaged_encoder
from evals.training.readings import Read, natural_questions, squad
from rag.read import answer_signals, weigh

Array = NDArray[np.float64]

RANK_NAMES = (
    "similarity coverage coverage_before coverage_titled names numbers plain missing phrases "
    "offers negation length leans complete asks dense lexical "
    "offers_who offers_when offers_where offers_number offers_why offers_list offers_ordinal"
).split()
ANSWER_NAMES = (
    "bias similarity similarity_max coverage coverage_before coverage_titled coverage_passage "
    "coverage_max plain plain_passage plain_max names names_passage numbers numbers_passage numbers_all strangers "
    "missing missing_passage missing_all phrases negation rank lead terms "
    "offers_who offers_when offers_where offers_number offers_why offers_list offers_ordinal "
    "kind_who kind_when kind_where kind_number kind_why kind_list kind_ordinal kind_polar kind_how"
).split()
# Each kind of reading weighs as much as its share here, whatever its count.
KIND_SHARES = {
    "gold": 2.0, "article": 2.0, "open": 1.0,
    "gold/unanswerable": 2.0, "article/swapped": 1.5, "article/outside": 0.75, "open/removed": 0.75,
}  # fmt: skip


def matrix(rows: Sequence[dict[str, float]], names: Sequence[str]) -> Array:
    """Lay signals out as (n_rows, n_names); absent signals are 0."""
    return np.array([[row.get(name, 0.0) for name in names] for row in rows])


def fit_ranking(reads: Sequence[Read], *, decay: float) -> dict[str, float]:
    """Minimise -log sum of the right units' softmax, over readings that have right and wrong units."""
    lists = [(matrix([dict(m.signals) for m in r.units], RANK_NAMES), np.array(r.right)) for r in reads
             if any(r.right) and not all(r.right)]  # fmt: skip
    share = share_weights([r for r in reads if any(r.right) and not all(r.right)])
    x = np.concatenate([rows for rows, _ in lists])
    right = np.concatenate([flags for _, flags in lists])
    starts = np.cumsum([0, *(len(rows) for rows, _ in lists)])[:-1]
    sizes = np.array([len(rows) for rows, _ in lists])

    def loss(w: Array) -> tuple[float, Array]:
        z = x @ w
        z = np.exp(z - np.repeat(np.maximum.reduceat(z, starts), sizes))
        p = z / np.repeat(np.add.reduceat(z, starts), sizes)
        hit = np.add.reduceat(p * right, starts) + 1e-12
        q = p * right / np.repeat(hit, sizes)
        gradient = -((q - p) * np.repeat(share, sizes)) @ x
        return float(-(share * np.log(hit)).sum() + decay * w @ w), gradient + 2 * decay * w

    found = minimize(loss, np.zeros(len(RANK_NAMES)), jac=True, method="L-BFGS-B")
    return dict(zip(RANK_NAMES, map(float, found.x), strict=True))


def answer_row(read: Read, rank: dict[str, float]) -> dict[str, float]:
    """Signals of the answering model, with the units in the ranking model's order."""
    order = sorted(((weigh(m.signals, rank), -i) for i, m in enumerate(read.units)), reverse=True)
    return answer_signals(read.asked, [read.units[-i] for _, i in order], [score for score, _ in order])


def fit_answering(rows: Array, answerable: Array, share: Array, *, decay: float) -> dict[str, float]:
    """Minimise the weighted logistic loss; the bias is not decayed."""
    free = np.array([0.0 if name == "bias" else 1.0 for name in ANSWER_NAMES])

    def loss(w: Array) -> tuple[float, Array]:
        z = rows @ w
        p = 1 / (1 + np.exp(-z))
        value = share @ (np.logaddexp(0, z) - answerable * z)
        return float(value + decay * (free * w * w).sum()), (share * (p - answerable)) @ rows + 2 * decay * free * w

    found = minimize(loss, np.zeros(len(ANSWER_NAMES)), jac=True, method="L-BFGS-B")
    return dict(zip(ANSWER_NAMES, map(float, found.x), strict=True))


def share_weights(reads: Sequence[Read]) -> Array:
    """Weights that sum to the number of readings and give each kind its share."""
    kinds = [r.kind for r in reads]
    total = sum(KIND_SHARES[kind] for kind in set(kinds))
    return np.array([KIND_SHARES[kind] / total * len(reads) / kinds.count(kind) for kind in kinds])


def interval(values: Array, measure: Callable[[Array], float], *, rounds: int = 1000) -> str:
    """Format a figure with its 95 % percentile bootstrap interval over rows. Source: Efron, 1979."""
    rng = np.random.default_rng(7)
    drawn = [measure(values[rng.integers(0, len(values), len(values))]) for _ in range(rounds)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return f"{measure(values):.3f} [{low:.3f}, {high:.3f}] n={len(values)}"


def auroc(pairs: Array) -> float:
    """Area under the ROC curve of (answerable, score) rows."""
    return float(roc_auc_score(pairs[:, 0], pairs[:, 1]))


SYSTEMS: dict[str, dict[str, float]] = {"cosine": {"similarity": 1.0}, "coverage": {"coverage": 1.0}}


def right_at(reads: Sequence[Read], rank: dict[str, float], k: int) -> Array:
    """For each answerable reading, whether a right unit is among the first `k`."""
    hits = []
    for read in reads:
        if read.answerable:
            order = sorted(range(len(read.units)), key=lambda i: (-weigh(read.units[i].signals, rank), i))
            hits.append(any(read.right[i] for i in order[:k]))
    return np.array(hits, dtype=float)


def report_ranking(reads: Sequence[Read], rank: dict[str, float]) -> None:
    """Print how often a right unit comes first and in the first three, by system and kind."""
    for kind in ("gold", "article", "open"):
        chosen = [r for r in reads if r.kind == kind and not all(r.right)]
        for name, weights in {**SYSTEMS, "signals": rank}.items():
            first, three = (interval(right_at(chosen, weights, k), np.mean) for k in (1, 3))
            print(f"{kind:8} {name:9} first {first}  first three {three}")


def report_answering(reads: Sequence[Read], scores: dict[str, Array], thresholds: Sequence[float]) -> None:
    """Print AUROC of refusal by system, then precision and recall of refusal at thresholds, by kind of refusal."""
    kinds = [r.kind for r in reads]
    for kind in ("gold/unanswerable", "article/swapped", "article/outside", "open/removed"):
        picked = np.array([k in (kind, kind.split("/")[0]) for k in kinds])
        truth = np.array([r.answerable for r in reads], dtype=np.bool_)[picked]
        for name, score in scores.items():
            pair = np.stack([truth.astype(np.float64), score[picked]], axis=1)
            print(f"{kind:18} {name:9} AUROC {interval(pair, auroc, rounds=300)}")
        for threshold in thresholds:
            refused = scores["signals"][picked] < threshold
            kept, caught = interval(1.0 - refused[truth], np.mean), interval(1.0 * refused[~truth], np.mean)
            print(f"{kind:18} at {threshold:.2f}: answerable kept {kept}; refused {caught}; "
                  f"precision of refusal {1 - truth[refused].mean():.3f}")  # fmt: skip


def collect(data: Path, cache: Path) -> list[Read]:
    """Read the questions of both sets, or what the last run kept."""
    kept = cache / "reads.pkl"
    if kept.exists():
        return list(pickle.loads(kept.read_bytes()))
    cache.mkdir(parents=True, exist_ok=True)
    encoder = packaged_encoder(cache / "vectors.pkl")
    reads = [*squad(data, encoder, paragraphs=10), *natural_questions(data, encoder, questions=240, distractors=240)]
    encoder.save()
    kept.write_bytes(pickle.dumps(reads))
    return reads


def balanced_threshold(score: Array, answerable: NDArray[np.bool_], share: Array) -> float:
    """Score at which answerable questions are kept as often as the others are refused."""
    grid = np.linspace(0.05, 0.95, 181)
    kept = [np.average(score[answerable] >= t, weights=share[answerable]) for t in grid]
    refused = [np.average(score[~answerable] < t, weights=share[~answerable]) for t in grid]
    return float(grid[int(np.argmin(np.abs(np.array(kept) - np.array(refused))))])


def main() -> None:
    """Fit, report on held-out articles, and with --write keep the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("GEOBRIEF_DATA"), help="folder of the sets")
    parser.add_argument("--cache", type=Path, required=True, help="folder for vectors and readings between runs")
    parser.add_argument("--threshold", type=float, default=0.5, help="report refusals at this score as well")
    parser.add_argument("--write", action="store_true", help="write rag/signal_weights.py")
    args = parser.parse_args()
    reads = collect(Path(args.data), args.cache)
    fit, held = ([r for r in reads if r.split == split] for split in ("fit", "held-out"))
    rank = fit_ranking(fit, decay=1.0)
    rows = matrix([answer_row(r, rank) for r in fit], ANSWER_NAMES)
    truth, share = np.array([r.answerable for r in fit]), share_weights(fit)
    answers = fit_answering(rows, truth.astype(float), share, decay=1.0)
    vector = np.array([answers[name] for name in ANSWER_NAMES])
    threshold = balanced_threshold(1 / (1 + np.exp(-rows @ vector)), truth, share)
    report_ranking(held, rank)
    held_rows = [answer_row(r, rank) for r in held]
    scores = {
        "cosine": np.array([row["similarity_max"] for row in held_rows]),
        "coverage": np.array([row["coverage_max"] for row in held_rows]),
        "signals": 1 / (1 + np.exp(-matrix(held_rows, ANSWER_NAMES) @ vector)),
    }
    report_answering(held, scores, (args.threshold, threshold))
    print("RANK", {k: round(v, 3) for k, v in rank.items()})
    print("ANSWERS", {k: round(v, 3) for k, v in answers.items()})
    print("threshold", threshold)
    if args.write:
        write_weights(rank, answers)


def write_weights(rank: dict[str, float], answers: dict[str, float]) -> None:
    """Write the weights as the constants of rag/signal_weights.py."""
    target = Path(__file__).parents[2] / "rag" / "signal_weights.py"
    lines = [target.read_text("utf-8").split("\nRANK")[0]]
    for name, weights in (("RANK", rank), ("ANSWERS", answers)):
        lines += [f"{name}: Mapping[str, float] = {{", *(f'    "{k}": {v:.3f},' for k, v in weights.items()), "}"]
    target.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
