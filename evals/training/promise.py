"""Fit what tells, before any model has seen them, which units are worth reading (`rag.measure.PROMISE`).

    python -m evals.training.promise --cache DIR

The weights are fitted on the questions of the development stories; the dev questions of the briefs benchmark tell, as a
test, how often a unit that answers is among the first.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from evals.training.encoder import packaged_encoder
from evals.training.head.fitting import RANK_DECAY, fit_ranking, ranked
from evals.training.head.reading import Read
from evals.training.head.report import shown
from evals.training.head.sources import Models, briefs, stories
from evals.training.weighing import rounded
from rag.evaluation.statistics import bootstrap_mean
from rag.measure import PROMISE

EVERY = 2
FIRST = (6, 12, 18, 24, 32)


def found_within(reads: Sequence[Read], weights: Mapping[str, float], k: int) -> list[bool]:
    """For each question, whether one of the `k` most promising units answers it."""
    return [any(read.right[i] for i, _ in ranked(read, weights)[:k]) for read in reads]


def main() -> None:
    """Print the weights, and how often they choose a unit that answers, beside those that are packaged."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="folder for vectors and an index")
    cache = parser.parse_args().cache
    models = Models(None, packaged_encoder(cache / "vectors.pkl"))
    told = [read for read in stories(models, every=EVERY, removed=0.0) if any(read.right)]
    asked = [read for read in briefs(models, cache) if any(read.right)]
    fitted = rounded(fit_ranking(told, tuple(PROMISE), decay=RANK_DECAY))
    for name, weights in (("packaged", PROMISE), ("fitted", fitted)):
        for k in FIRST:
            hits = [float(hit) for hit in found_within(asked, weights, k)]
            print(f"{name}, first {k}: {shown(bootstrap_mean(hits, [read.group for read in asked]))}")
    print(fitted)


if __name__ == "__main__":
    main()
