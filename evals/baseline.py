"""Reduce a report to what a later one is compared with: figures by question, without texts.

    python -m evals.baseline REPORT.json

Writes evals/baseline.json, which `make eval` compares with. Commit it with the change that moves the figures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rag.evaluation.compare import read_report
from rag.evaluation.records import QuestionRecord, Report

TARGET = Path(__file__).parent / "baseline.json"


def main() -> None:
    """Write the baseline."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path)
    TARGET.write_text(reduced(read_report(parser.parse_args().report)) + "\n", encoding="utf-8")


def reduced(report: Report) -> str:
    """Return a report as JSON, with of each record only what is compared, one record a line."""
    bare = report.model_copy(update={"records": (), "command": ""})
    head = bare.model_dump_json(exclude_defaults=True, exclude={"systems": {"__all__": {"risk_coverage", "by_type"}}})
    records = ",\n".join(_bare(record).model_dump_json(exclude_defaults=True) for record in report.records)
    return f'{head[:-1]},\n"records":[\n{records}\n]}}'


def _bare(record: QuestionRecord) -> QuestionRecord:
    scores = {name: round(value, 4) for name, value in record.scores.items()}
    empty: dict[str, object] = {
        "hits": (),
        "said": None,
        "gold": (),
        "gold_docs": (),
        "answers": (),
        "timings_ms": {},
        "question": "",
    }
    return record.model_copy(update={**empty, "standalone_question": None, "scores": scores})


if __name__ == "__main__":
    main()
