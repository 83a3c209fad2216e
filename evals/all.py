"""Run every benchmark and write the tables into evals/README.md.

    python -m evals.all --data DIR [--only NAME ...] [--out DIR]

DIR holds the public sets in the form that evals/README.md describes; a set that is not there is left out, and told.
Reports are kept in --out (default .geobrief-eval/reports): JSON with every record, and a page to browse.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rag.evaluation.compare import read_report
from rag.evaluation.markdown import markdown_tables

README = Path(__file__).parent / "README.md"
SYSTEMS = "bm25,dense,hybrid,full,langchain-tutorial"
BEGIN, END = "<!-- tables: python -m evals.all -->", "<!-- end of tables -->"
OWN = ("briefs", "plain")
"""Sets of this repository; the others lie in the folder named by --data."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One run: a dataset, its split, and how many of its questions are answered (None: all)."""

    dataset: str
    split: str | None = None
    answers: int | None = None

    @property
    def name(self) -> str:
        """Name of the run."""
        return f"{self.dataset}-{self.split}" if self.split else self.dataset


BENCHMARKS = (
    Benchmark("briefs", "dev"),
    Benchmark("briefs", "test"),
    Benchmark("plain", "dev"),
    Benchmark("plain", "test"),
    Benchmark("squad2_dev", answers=1000),
    Benchmark("nq_open_oracle", answers=1000),
    Benchmark("clapnq_dev"),
    Benchmark("mtrag_un"),
    Benchmark("ramdocs"),
    Benchmark("hotpotqa_kag_sample"),
    Benchmark("musique_kag_sample"),
)


def main() -> None:
    """Run what is asked for, then write the tables of every report that there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("GEOBRIEF_DATA"), help="folder of the sets")
    names = [benchmark.name for benchmark in BENCHMARKS]
    parser.add_argument("--only", nargs="*", choices=names, metavar="NAME", help=f"of {', '.join(names)}")
    parser.add_argument("--out", type=Path, default=Path(".geobrief-eval/reports"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for benchmark in BENCHMARKS:
        if not arguments.only or benchmark.name in arguments.only:
            run(benchmark, arguments.data, arguments.out)
    write_tables(arguments.out)


def run(benchmark: Benchmark, data: Path | None, out: Path) -> None:
    """Run one benchmark in a process of its own, so that its figures on time are not those of a crowded one."""
    if benchmark.dataset not in OWN and not (data and (Path(data) / benchmark.dataset).is_dir()):
        print(f"{benchmark.name}: not in {data or 'the folder named by --data'}, left out", file=sys.stderr)
        return
    command = [sys.executable, "-m", "rag", "eval", "--dataset", benchmark.dataset, "--systems", SYSTEMS]
    command += ["--split", benchmark.split] if benchmark.split else []
    command += ["--answers", str(benchmark.answers)] if benchmark.answers else []
    command += ["--json", str(out / f"{benchmark.name}.json"), "--html", str(out / f"{benchmark.name}.html")]
    environment = {**os.environ, **({"GEOBRIEF_DATA": str(data)} if data else {})}
    started = time.perf_counter()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    print(f"{benchmark.name}: {time.perf_counter() - started:.0f} s", file=sys.stderr)


def write_tables(out: Path) -> None:
    """Put the tables of all reports between the two marks of evals/README.md."""
    before, rest = README.read_text(encoding="utf-8").split(BEGIN)
    paths = [out / f"{benchmark.name}.json" for benchmark in BENCHMARKS]
    tables = [markdown_tables(read_report(path)) for path in paths if path.exists()]
    _, after = rest.split(END)
    README.write_text(f"{before}{BEGIN}\n\n" + "\n\n".join(tables) + f"\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
