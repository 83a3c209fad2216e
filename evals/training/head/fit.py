"""Fit the weights in rag/signal_weights.py, and report them by cross-validation.

    python -m evals.training.head.fit --data DIR --cache DIR [--reader FOLDER] [--closer FOLDER] [--write]

DIR holds squad2_dev and world_factbook; --cache keeps vectors and readings between runs. With --reader the signals of
an exported cross-encoder are measured as well, and with --closer what a larger one says of the units that come first by
the packaged weights. The first run takes about ten minutes on two cores, with a reader twenty, with both half an hour.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from langchain_core.cross_encoders import BaseCrossEncoder

from evals.training.encoder import packaged_encoder
from evals.training.head.fitting import DECAY, Head, Weights, fit, platt, ranked
from evals.training.head.reading import Read
from evals.training.head.report import Judged, cross_validated, lines, natural
from evals.training.head.sources import Models, briefs, factbook, squad, stories
from rag.cross_encoder import WORDS_OF, PackagedCrossEncoder
from rag.embedding import SentenceTransformerEmbeddings
from rag.measure import Scorers
from rag.read import CLOSE_UNITS
from rag.signal_weights import RANK, THRESHOLD
from rag.token_match import TokenScorer

TOGETHER = 64
"""Questions whose units are read closely in one call."""
TARGET = Path(__file__).parents[3] / "rag" / "signal_weights.py"
THRESHOLDS = (0.3, 0.4, 0.45, 0.5, 0.52, 0.54, 0.56, 0.58, 0.6, 0.62, 0.64, 0.66, 0.7, 0.75, 0.8, 0.85)


def collect(data: Path, cache: Path, reader: Path | None, closer: Path | None, *, threads: int) -> list[Read]:
    """Read the questions of all sources, or what the last run with the same readers kept."""
    torch.set_num_threads(threads)
    cache.mkdir(parents=True, exist_ok=True)
    first, second = (PackagedCrossEncoder(folder) if folder else None for folder in (reader, closer))
    words = SentenceTransformerEmbeddings(WORDS_OF)
    name = f"reads-{first.identity if first else 'none'}-{words.dtype}"

    def measured() -> list[Read]:
        return _kept(cache / f"{name}.pkl", lambda: _measured(data, cache, words, first))

    if second is None:
        return measured()
    return _kept(cache / f"{name}-{second.identity}-{_chosen_by()}.pkl", lambda: read_again(measured(), second))


def _chosen_by() -> str:
    """Return a digest of what chooses the units that are read again."""
    return hashlib.sha256(repr((sorted(RANK.items()), CLOSE_UNITS)).encode()).hexdigest()[:12]


def _kept(path: Path, make: Callable[[], list[Read]]) -> list[Read]:
    """Return the readings that a file holds; make and keep them where there is none."""
    if not path.exists():
        path.write_bytes(pickle.dumps(make()))
    return list(pickle.loads(path.read_bytes()))


def _measured(
    data: Path, cache: Path, words: SentenceTransformerEmbeddings, reader: PackagedCrossEncoder | None
) -> list[Read]:
    """Read the questions of all sources by all signals but a close reading."""
    scorer = TokenScorer(words)
    models = Models(Scorers(scorer, reader, scorer), packaged_encoder(cache / "vectors.pkl"))
    reads = [*briefs(models, cache), *squad(models, data, n=80), *factbook(models, data, n=100), *stories(models)]
    models.encoder.save()
    return reads


def read_again(reads: Sequence[Read], closer: BaseCrossEncoder) -> list[Read]:
    """Read the first units of each question closely, twice as many as for an answer: the fit may bring others forward.

    Cost: one call of the closer reader for every `TOGETHER` questions.
    """
    done: list[Read] = []
    for at in range(0, len(reads), TOGETHER):
        some = reads[at : at + TOGETHER]
        places = [[i for i, _ in ranked(read, RANK)[: 2 * CLOSE_UNITS]] for read in some]
        asked = [(read.asked.text, read.units[i].candidate.in_context) for read, mine in zip(some, places, strict=True)
                 for i in mine]  # fmt: skip
        scores = iter(closer.score(asked))
        done += [_with(read, {i: next(scores) for i in mine}) for read, mine in zip(some, places, strict=True)]
    return done


def _with(read: Read, closer: Mapping[int, float]) -> Read:
    """Add what a closer reader says of the units at some places."""
    units = list(read.units)
    for i, score in closer.items():
        units[i] = replace(units[i], signals={**units[i].signals, "closer": score})
    return replace(read, units=tuple(units))


def calibrated(head: Head, judged: Sequence[Judged]) -> tuple[Head, list[Judged]]:
    """Rescale the probabilities of a head and of the folds by what the folds said of the natural questions."""
    asked = [one for one in judged if natural(one)]
    answers = platt([one.odds["head"] for one in asked], [one.read.answerable for one in asked])
    right = platt([one.right for one in asked], [one.first for one in asked])
    scaled = replace(head, scale=answers, right=right.weights(head.right))
    return scaled, [
        replace(one, odds={**one.odds, "head": answers.of(one.odds["head"])}, right=right.of(one.right))
        for one in judged
    ]


def write(head: Head, threshold: float) -> None:
    """Write the weights as the constants of rag/signal_weights.py."""
    text = TARGET.read_text(encoding="utf-8").split("\nTHRESHOLD")[0]
    parts = [f"\nTHRESHOLD = {threshold}", ""]
    parts += [f"ANSWERS_SCALE, ANSWERS_SHIFT = {head.scale.factor:.3f}, {head.scale.shift:.3f}"]
    parts += ['"""Of the log-odds that anything answers, so that they are probabilities of that."""', ""]
    models = {"RANK": head.rank, "CLOSE_RANK": head.close or head.rank}
    models |= {"HERE": head.here, "ANSWERS": head.answers, "RIGHT": head.right}
    for name, weights in models.items():
        parts += [f"{name}: Mapping[str, float] = {{", *_rows(weights), "}"]
    TARGET.write_text(text + "\n".join(parts) + "\n", encoding="utf-8")


def _rows(weights: Weights) -> list[str]:
    return [f'    "{name}": {weight:.3f},' for name, weight in weights.items()]


def main() -> None:
    """Fit, report by folds, and with --write keep the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("GEOBRIEF_DATA"), help="folder of the sets")
    parser.add_argument("--cache", type=Path, required=True, help="folder for vectors and readings between runs")
    parser.add_argument("--reader", type=Path, help="folder of an exported reader")
    parser.add_argument("--closer", type=Path, help="folder of an exported reader that reads the first units again")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--decay", type=float, default=DECAY, help="of the answering models' weights")
    parser.add_argument("--without", nargs="*", default=[], help="signals to leave out")
    parser.add_argument("--threshold", type=float, default=THRESHOLD, help="what --write sets as default")
    parser.add_argument("--write", action="store_true", help="write rag/signal_weights.py")
    args = parser.parse_args()
    reads = collect(Path(args.data), args.cache, args.reader, args.closer, threads=args.threads)
    judged = cross_validated(reads, without=args.without, decay=args.decay)
    head, scaled = calibrated(fit(reads, without=args.without, decay=args.decay), judged)
    print("\n".join(lines(scaled, THRESHOLDS)))
    if args.write:
        write(head, args.threshold)


if __name__ == "__main__":
    main()
