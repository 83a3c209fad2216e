"""Ask the questions on the seed brief of an index that holds only that brief, and print what share is right.

    python -m evals.seed --brief putin-in-beijing.txt [--split test] [--verbose]

An answerable question is right when it is answered and an accepted answer stands in the quoted text; an unanswerable
one when it is refused. Intervals are 95 % bootstrap intervals over questions.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from rag.answer import Answer
from rag.assistant import Assistant
from rag.build import open_assistant, open_embeddings, open_index, warm_up
from rag.evaluation.statistics import bootstrap_mean
from rag.ingest import sync
from rag.settings import load_settings

QUESTIONS = Path(__file__).parent / "datasets" / "seed" / "questions.jsonl"


def main() -> None:
    """Ask every question of the split and print the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--brief", type=Path, required=True)
    parser.add_argument("--split", default="dev", choices=["dev", "test"])
    parser.add_argument("--verbose", action="store_true", help="show what is not right")
    arguments = parser.parse_args()
    rows = [row for row in map(json.loads, QUESTIONS.open(encoding="utf-8")) if row["split"] == arguments.split]
    with tempfile.TemporaryDirectory() as folder:
        assistant = assistant_over(arguments.brief, Path(folder))
        answers = [assistant.ask(row["question"]) for row in rows]
    tally: dict[str, list[bool]] = {}
    for row, answer in zip(rows, answers, strict=True):
        for name in ("answerable" if row["answerable"] else "unanswerable", row["type"]):
            tally.setdefault(name, []).append(is_right(row, answer))
        if arguments.verbose and not is_right(row, answer):
            print(f"{'refused' if answer.abstained else 'answered'}: {row['question']} -> {answer.text[:200]!r}")
    for name, rights in tally.items():
        mean = bootstrap_mean([float(right) for right in rights], [str(n) for n in range(len(rights))])
        print(f"{name:14} {sum(rights):3} of {len(rights):3}  {mean.value:.3f} [{mean.low:.3f}, {mean.high:.3f}]")
    print(f"question, ms   {statistics.median(answer.timings_ms['total'] for answer in answers):.0f} (median)")


def assistant_over(brief: Path, folder: Path) -> Assistant:
    """Open an assistant over a new index that holds one brief."""
    settings = load_settings(index=folder)
    embeddings = open_embeddings(settings)
    sync(open_index(settings, create=True, embeddings=embeddings), [brief])
    assistant = open_assistant(settings, embeddings=embeddings)
    warm_up(assistant)
    return assistant


def is_right(row: dict[str, Any], answer: Answer) -> bool:
    """Whether an answer holds an accepted answer, or a refusal was due."""
    if not row["answerable"]:
        return answer.abstained
    text = " ".join(answer.text.lower().split())
    return not answer.abstained and any(accepted.lower() in text for accepted in row["answers"])


if __name__ == "__main__":
    main()
