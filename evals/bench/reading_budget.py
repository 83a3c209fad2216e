"""What the reading budget costs: quality, with intervals, and milliseconds, as fewer or more units are read.

    python -m evals.bench.reading_budget --work DIR                 # quality on the dev questions of briefs
    python -m evals.bench.reading_budget --work DIR --times 60      # and milliseconds of 60 of them
    python -m evals.bench.reading_budget --work DIR --tokens 600 900 1200 1500 2048

Units are read in the order of their promise, so that a smaller budget reads the first of a larger one's; the models
read each text once. DIR keeps the index between runs.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evals.bench.machine import machine
from evals.bench.replay import Bench, open_bench
from rag.evaluation.records import Measured, QuestionRecord
from rag.evaluation.statistics import paired
from rag.evaluation.summary import means, refusals
from rag.measure import MAX_UNITS
from rag.read import FIRST_UNITS, SignalReader

UNITS = (4, 8, 12, 16, 24, 36, 48)
ENOUGH_TOKENS = 1_000_000
ENOUGH_UNITS = 1_000
SHOWN = {"unit_hit@1": "right unit first", "unit_hit@3": "in first three", "correct": "right answer"}


@dataclass(frozen=True, slots=True)
class Budget:
    """How much is read of a question's units."""

    units: int
    tokens: int = ENOUGH_TOKENS
    first: int = ENOUGH_UNITS

    def of(self, reader: SignalReader) -> SignalReader:
        """Return a reader that keeps to it."""
        return replace(reader, max_units=self.units, max_tokens=self.tokens, first_units=self.first)

    def __str__(self) -> str:
        tokens = "" if self.tokens == ENOUGH_TOKENS else f", {self.tokens:,} tokens"
        return f"{self.units}{tokens}" if self.first == ENOUGH_UNITS else f"{self.first}, then {self.units}{tokens}"


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path(".geobrief-eval"), help="keeps the index between runs")
    parser.add_argument("--units", type=int, nargs="*", default=UNITS)
    parser.add_argument("--tokens", type=int, nargs="*", default=[], help=f"token budgets of {MAX_UNITS} units")
    parser.add_argument("--first", type=int, nargs="*", default=[FIRST_UNITS], help="early stops after so many units")
    parser.add_argument("--limit", type=int, help="questions asked; all by default")
    parser.add_argument("--times", type=int, default=0, help="questions whose reading is timed")
    arguments = parser.parse_args()
    bench = open_bench(arguments.work, limit=arguments.limit)
    budgets = [*map(Budget, arguments.units), *(Budget(MAX_UNITS, tokens) for tokens in arguments.tokens)]
    budgets += [Budget(MAX_UNITS, first=first) for first in arguments.first]
    print("\n".join([machine(), "", *quality(bench, budgets)]))
    if arguments.times:
        print("\n".join(["", *times(bench, budgets, n=arguments.times)]))


def quality(bench: Bench, budgets: Sequence[Budget]) -> list[str]:
    """Compare budgets with the default one on every question, in a Markdown table."""
    kept = bench.remembering()
    largest_first = sorted({*budgets, Budget(MAX_UNITS)}, key=lambda budget: (-budget.units, -budget.tokens))
    records = {budget: kept.ask(budget.of(kept.reader)) for budget in largest_first}
    usual = records[Budget(MAX_UNITS)]
    rows = [_quality_row(str(budget), records[budget], usual) for budget in budgets]
    heads = [*SHOWN.values(), "refusal AUROC", "right answer, difference", "answers unchanged"]
    return [f"| units | {' | '.join(heads)} |", f"| --- |{' ---: |' * len(heads)}", *rows]


def _quality_row(name: str, records: Sequence[QuestionRecord], usual: Sequence[QuestionRecord]) -> str:
    found = {**means(records, seed=0), **refusals(records, seed=0)}
    cells = [_cell(found.get(key)) for key in (*SHOWN, "refusal_auroc")]
    return f"| {name} | {' | '.join([*cells, difference('correct', records, usual), unchanged(records, usual)])} |"


def _cell(measured: Measured | None) -> str:
    """Write a mean with its interval and number of questions; a few questions may hold none to refuse."""
    return f"{measured.value:.3f} [{measured.low:.3f}, {measured.high:.3f}], {measured.n}" if measured else "–"


def difference(measure: str, records: Sequence[QuestionRecord], usual: Sequence[QuestionRecord]) -> str:
    """Write the paired difference of a measure, with its 95 % interval by story."""
    mine, theirs = ([record.scores.get(measure) for record in each] for each in (records, usual))
    found = paired(mine, theirs, [record.group for record in records])
    return f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


def unchanged(records: Sequence[QuestionRecord], usual: Sequence[QuestionRecord]) -> str:
    """Write the share of questions that are answered, or refused, in the same words."""
    same = [mine.said == other.said for mine, other in zip(records, usual, strict=True)]
    return f"{sum(same) / len(same):.3f}"


def times(bench: Bench, budgets: Sequence[Budget], *, n: int) -> list[str]:
    """Time the reading of `n` questions with every budget in turn, with texts that are new and texts that are known.

    What else the machine does falls on all budgets; the ratios are medians over the questions.
    """
    readers = {str(budget): budget.of(bench.reader) for budget in budgets}
    questions = bench.questions[:: max(1, len(bench.questions) // n)][:n]
    taken: dict[tuple[str, str], list[float]] = {}
    for turn, question in enumerate(questions):
        passages = bench.assistant.retriever.search(question.text)
        order = list(readers)[turn % len(readers) :] + list(readers)[: turn % len(readers)]
        for name in order:
            reader = bench.fresh(readers[name])
            for texts in ("new", "known"):
                taken.setdefault((name, texts), []).append(_ms(lambda: reader.read(question.text, passages)))  # noqa: B023
    return _time_rows(taken, list(readers), str(Budget(MAX_UNITS)))


def _time_rows(taken: Mapping[tuple[str, str], Sequence[float]], names: Sequence[str], usual: str) -> list[str]:
    rows = []
    for name in names:
        cells = [name]
        for texts in ("new", "known"):
            mine, theirs = taken[name, texts], taken.get((usual, texts), taken[name, texts])
            ratio = statistics.median(a / b for a, b in zip(mine, theirs, strict=True))
            cells += [f"{statistics.median(mine):.0f}", f"{ratio:.2f}"]
        rows.append(f"| {' | '.join(cells)} |")
    return [
        f"| units | ms, texts new (median) | against {usual} | ms, texts known (median) | against {usual} |",
        "| --- | ---: | ---: | ---: | ---: |",
        *rows,
    ]


def _ms(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
