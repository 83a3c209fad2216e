"""The verifier's figures on pairs, as a table in a terminal, as Markdown and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from rich import box
from rich.table import Table

from rag.evaluation.pairs import Judged, PairFigures
from rag.evaluation.records import Measured

Line = tuple[str, str, str, str]
HEADINGS: Line = ("figure", "share", "95 % interval", "n")


def lines_of(figures: PairFigures) -> Iterator[Line]:
    """Yield a line a figure: name, value, interval, count."""
    yield _line("accuracy", figures.accuracy)
    if figures.accepted:
        yield _line("supported, accepted", figures.accepted)
    if figures.rejected:
        yield _line("not supported, rejected", figures.rejected)
    for reason, measured in figures.by_reason.items():
        yield _line(f"... {reason}", measured)
    for (reason, supported), n in sorted(figures.said.items()):
        yield (f"rejected for {reason}, {'wrongly' if supported else 'rightly'}", "", "", str(n))
    if figures.auroc is not None:
        yield ("AUROC of support", f"{figures.auroc:.3f}", "", str(figures.n))
    if figures.ece is not None:
        yield ("calibration error of support", f"{figures.ece:.3f}", "", "")


def table_of(figures: PairFigures, title: str) -> Table:
    """Lay the figures out for a terminal."""
    table = Table(*HEADINGS, title=title, box=box.SIMPLE, title_justify="left")
    for line in lines_of(figures):
        table.add_row(*line)
    return table


def markdown_of(figures: PairFigures, title: str) -> str:
    """Lay the figures out as Markdown."""
    rows = ["| " + " | ".join(line) + " |" for line in (HEADINGS, ("---",) * len(HEADINGS), *lines_of(figures))]
    return "\n".join([f"## {title}", "", *rows, ""])


def json_of(judged: Sequence[Judged], figures: PairFigures) -> str:
    """Write the figures with every pair's judgement, for those who look for the failures."""
    rows = [
        {
            "id": one.pair.id, "premise": one.pair.premise, "hypothesis": one.pair.hypothesis, "label": one.pair.label,
            "labelled_reason": one.pair.reason or None, "support": round(one.judgement.support, 4),
            "reason": one.judgement.reason,
        }
        for one in judged
    ]  # fmt: skip
    shares = {name: {"share": value, "interval": interval, "n": n} for name, value, interval, n in lines_of(figures)}
    return json.dumps({"figures": shares, "pairs": rows}, ensure_ascii=False, indent=1)


def _line(name: str, measured: Measured) -> Line:
    return (name, f"{measured.value:.3f}", f"{measured.low:.3f} - {measured.high:.3f}", str(measured.n))
