"""How long an answer takes, by stage: every dev question of the briefs benchmark, asked in rounds.

    python -m evals.bench.latency                    # .geobrief-eval keeps the index between runs
    python -m evals.bench.latency --limit 100

In the first round most texts are new to the reader; it keeps the vectors of the last 2,000, which is all of the
starter corpus, so that in the second round texts are known.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from evals.bench.machine import machine
from evals.bench.replay import Bench, open_bench
from rag.evaluation.records import Percentiles
from rag.evaluation.statistics import percentiles

STAGES = ("rewrite", "retrieve", "read", "answer", "verify", "total")
ROUNDS = ("texts new", "texts known")


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path(".geobrief-eval"), help="keeps the index between runs")
    parser.add_argument("--limit", type=int, help="questions asked; all by default")
    arguments = parser.parse_args()
    bench = open_bench(arguments.work, limit=arguments.limit)
    print("\n".join([f"{machine()}, n = {len(bench.questions)}", "", *lines(measure(bench))]))


def measure(bench: Bench) -> list[dict[str, Percentiles]]:
    """Ask every question in each round; milliseconds by stage."""
    rounds = []
    for _ in ROUNDS:
        timings = [record.timings_ms for record in bench.ask(bench.reader)]
        rounds.append({stage: percentiles([taken[stage] for taken in timings]) for stage in STAGES})
    return rounds


def lines(rounds: Sequence[Mapping[str, Percentiles]]) -> list[str]:
    """Write the milliseconds as a Markdown table."""
    heads = [f"{name}, {which}" for name in ROUNDS for which in ("p50", "p95")]
    rows = [
        f"| {stage} | {' | '.join(f'{ms:,.1f}' for found in rounds for ms in (found[stage].p50, found[stage].p95))} |"
        for stage in STAGES
    ]
    return [f"| stage, ms | {' | '.join(heads)} |", f"| --- |{' ---: |' * len(heads)}", *rows]


if __name__ == "__main__":
    main()
