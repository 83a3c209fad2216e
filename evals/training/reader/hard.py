"""Draw the questions of a course that a reader gets wrong or barely right: as many refusals as answered ones.

    python -m evals.training.reader.hard --work WORK --reader FOLDER --out OUT [--each 7000]

WORK holds prepared data, FOLDER an exported reader, from which the course is to start. OUT gets the same units, the
examples that were drawn, and losses.jsonl; a run that was broken off goes on from the losses that it has.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import torch

from evals.training.reader.course import drawn
from evals.training.reader.examples import Example, Store, read
from evals.training.reader.model import each, exported
from rag.encoder import CrossEncoder, Room

SEED = 20
CANDIDATES = 6
TOGETHER = 128
"""Questions that are scored in one call."""
ROOM = Room(context=36)
LOSSES = "losses.jsonl"

Losses = Mapping[int, float]
"""The loss of a question by its place among the prepared examples."""


def measure(work: Path, folder: Path, places: Sequence[int], *, processes: int) -> Iterator[dict[int, float]]:
    """Yield the losses of questions, some at a time.

    Args:
        work: folder of the prepared data.
        folder: of the exported reader.
    """
    chunks = [places[at : at + TOGETHER] for at in range(0, len(places), TOGETHER)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_losses, [work] * len(chunks), [folder] * len(chunks), chunks)


def _losses(work: Path, folder: Path, places: Sequence[int]) -> dict[int, float]:
    store, examples, model = _loaded(work, folder)
    asked = [drawn(examples[i], CANDIDATES, random.Random(f"{SEED} {i}")) for i in places]
    with torch.inference_mode():
        scores = model.score([pair for one in asked for pair in one.pairs(store, ROOM)]).float()
        parts = torch.split(scores, [len(one.candidates) for one in asked])
        found = [each(mine, model.null.float(), one.n_right) for one, mine in zip(asked, parts, strict=True)]
    return {i: round(float(loss), 3) for i, loss in zip(places, found, strict=True)}


@cache
def _loaded(work: Path, folder: Path) -> tuple[Store, tuple[Example, ...], CrossEncoder]:
    """Load once in each process, which has a thread of its own."""
    torch.set_num_threads(1)
    return *read(work), exported(folder).bfloat16()


def known_losses(path: Path) -> dict[int, float]:
    """Read the losses that a file holds; none where there is no file."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {int(place): loss for line in lines for place, loss in json.loads(line).items()}


def hardest(losses: Losses, examples: Sequence[Example], n: int) -> list[int]:
    """Return the places of the `n` questions of highest loss of those that are answered, and of the others."""
    order = sorted(losses, key=lambda place: (-losses[place], place))
    halves = ([i for i in order if bool(examples[i].n_right) == answered] for answered in (True, False))
    return sorted(i for half in halves for i in half[:n])


def draw(work: Path, out: Path, examples: Sequence[Example], chosen: Iterable[int]) -> None:
    """Write the chosen of the prepared examples, those for development, and the units that all of them point into."""
    kept = {*chosen, *(i for i, one in enumerate(examples) if one.split == "dev")}
    lines = (work / "examples.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (out / "examples.jsonl").write_text("".join(lines[i] for i in sorted(kept)), encoding="utf-8")
    shutil.copy(work / "units.safetensors", out)


def main() -> None:
    """Measure what is not measured yet, draw, and print how many of each kind there were and are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder of the prepared data")
    parser.add_argument("--reader", type=Path, required=True, help="folder of an exported reader")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--each", type=int, default=7_000, help="answered ones to draw, and refusals")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    examples = read(args.work)[1]
    losses = known_losses(args.out / LOSSES)
    asked = [i for i, one in enumerate(examples) if one.split == "train" and i not in losses]
    random.Random(SEED).shuffle(asked)
    with (args.out / LOSSES).open("a", encoding="utf-8") as file:
        for found in measure(args.work, args.reader, asked, processes=args.processes):
            losses |= found
            file.write(json.dumps(found) + "\n")
            file.flush()
    chosen = hardest(losses, examples, args.each)
    draw(args.work, args.out, examples, chosen)
    counts = {name: dict(sorted(Counter(examples[i].kind for i in places).items()))
              for name, places in (("asked", losses), ("drawn", chosen))}  # fmt: skip
    (args.out / "counts.json").write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(counts, indent=1))


if __name__ == "__main__":
    main()
