"""Run the benchmark and print its figures."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import evals.bench.scale as package
from evals.bench.machine import machine
from evals.bench.scale.asking import ask_elsewhere
from evals.bench.scale.embedding import embedding_speed
from evals.bench.scale.fill import Filler
from evals.bench.scale.places import KINDS, Places, opened
from evals.bench.scale.report import shown
from evals.bench.scale.sizes import cpu_s, disk_bytes, server_mb, table_bytes, vacuum
from evals.bench.scale.texts import briefs

BUDGET_S = 900.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=package.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, nargs="+", default=[10_000], help="sizes at which to measure")
    parser.add_argument("--places", choices=list(KINDS), default="local")
    parser.add_argument("--budget-s", type=float, default=BUDGET_S, help="seconds after which filling ends")
    parser.add_argument("--embed", type=int, default=200, help="real chunks to embed by the packaged model")
    parser.add_argument("--folder", type=Path, help="new folder for index and servers, kept afterwards")
    parser.add_argument("--json", type=Path, help="file for all figures")
    chosen = parser.parse_args(arguments)
    with _work(chosen.folder) as folder, opened(chosen.places, folder) as places:
        sizes = measure(places, sorted(chosen.chunks), budget_s=chosen.budget_s)
    speed = embedding_speed(chosen.embed) if chosen.embed else None
    figures = {"machine": machine(), "places": chosen.places, "sizes": sizes, "embedding": speed}
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(shown(figures))


@contextmanager
def _work(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True)
        yield kept.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="geobrief-scale-") as folder:
        yield Path(folder)


def measure(places: Places, counts: Sequence[int], *, budget_s: float) -> list[dict[str, Any]]:
    """Fill the index up to each count in turn, and measure it there; ends early when the time is used up."""
    until = time.monotonic() + budget_s
    made, found = briefs(), []
    filler = Filler(places.settings, made)
    before: dict[str, float] = {}
    n_before = 0
    for count in counts:
        cpu = cpu_s(places)
        filler.up_to(count, until=until)
        first_s = filler.first_question()
        cpu = {name: used - cpu.get(name, 0.0) for name, used in cpu_s(places).items()}
        took = {part: seconds - before.get(part, 0.0) for part, seconds in filler.clock.seconds.items()}
        n = max(1, filler.n_chunks - n_before)
        before, n_before = dict(filler.clock.seconds), filler.n_chunks
        filler.close()
        vacuum(places)
        found.append(
            {
                "n_chunks": filler.n_chunks,
                "n_briefs": filler.n_briefs,
                "s_per_1000": {part: round(seconds / n * 1000, 2) for part, seconds in took.items()},
                "cpu_s_per_1000": {name: round(seconds / n * 1000, 2) for name, seconds in cpu.items()},
                "first_question_after_filling_s": round(first_s, 2),
                **_at_rest(places),
            }
        )
        print(f"{filler.n_chunks} chunks measured", flush=True)
        if time.monotonic() > until:
            break
    return found


def _at_rest(places: Places) -> dict[str, Any]:
    """Measure an index that nobody writes: its disk, and questions from nothing and when all is warm."""
    filled_mb = server_mb(places)
    places.restart()
    cold = ask_elsewhere(places.settings, cold=True)
    warm = ask_elsewhere(places.settings, cold=False)
    return {
        "bytes": disk_bytes(places),
        "tables": table_bytes(places),
        "servers_mb_after_filling": filled_mb,
        "cold": cold,
        "warm": warm,
        "servers_mb": server_mb(places),
    }


if __name__ == "__main__":
    main()
