"""Reduce a report to what a later one is compared with: figures by question, without texts.

    python -m evals.baseline REPORT.json

Writes evals/baseline.json, which `make eval` compares with. Commit it with the change that moves the figures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rag.evaluation.compare import GATED, read_report
from rag.evaluation.records import QuestionRecord, Report, SystemSummary

KEPT = {*GATED, "doc_hit@1", "doc_ndcg@10", "list_recall", "unit_hit@1", "answered"}
TARGET = Path(__file__).parent / "baseline.json"


def main() -> None:
    """Write the baseline."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path)
    TARGET.write_text(reduced(read_report(parser.parse_args().report)) + "\n", encoding="utf-8")


def reduced(report: Report) -> str:
    """Return a report as JSON, with of each record only what is compared, one record a line."""
    systems = tuple(_row(system) for system in report.systems if system.kind != "first passage")
    bare = report.model_copy(update={"records": (), "command": "", "systems": systems})
    names = {system.name for system in systems}
    records = [_bare(record) for record in report.records if record.system in names]
    lines = ",\n".join(record.model_dump_json(exclude_defaults=True) for record in records)
    return f'{bare.model_dump_json(exclude={"records"})[:-1]},\n"records":[\n{lines}\n]}}'


def _row(system: SystemSummary) -> SystemSummary:
    return system.model_copy(update={"by_type": {}, "risk_coverage": None, "reliability": ()})


def _bare(record: QuestionRecord) -> QuestionRecord:
    scores = {name: value for name, value in record.scores.items() if name in KEPT}
    return QuestionRecord(
        id=record.id,
        system=record.system,
        question=record.question,
        types=(),
        group=record.group,
        answerable=record.answerable,
        correct=record.correct,
        scores=scores,
        error=record.error,
    )


if __name__ == "__main__":
    main()
