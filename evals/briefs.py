"""Check the briefs benchmark and fill in its spans: each gold text is found in its brief, where it must stand once.

    python -m evals.briefs [--write]

A question is written with `gold: [{"doc_id": ..., "text": ...}]`; `--write` adds `start` and `end`, in code points of
the brief's text. Whatever is wrong is printed with file and line, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rag.load import find, parse
from rag.settings import IngestSettings

FOLDER = Path(__file__).parent / "datasets" / "briefs"
CORPUS = Path(__file__).parents[1] / "corpus"
ANSWERED = (
    *("fact", "list", "number", "who", "when", "where", "why", "multi_brief", "temporal", "as_of", "update"),
    *("conversation", "conflict", "attribution"),
)
REFUSED = ("near_miss", "false_premise", "outside", "after_end")


def main() -> None:
    """Check both splits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write start and end of each gold text")
    parser.add_argument("files", nargs="*", type=Path, default=sorted(FOLDER.glob("*.jsonl")))
    arguments = parser.parse_args()
    texts = brief_texts()
    faults = 0
    for path in arguments.files:
        lines = path.read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        for n, row in enumerate(rows, 1):
            for fault in check(row, texts):
                print(f"{path}:{n}: {row.get('id')}: {fault}")
                faults += 1
        if arguments.write:
            path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    sys.exit(1 if faults else 0)


def brief_texts() -> dict[str, str]:
    """Return the text of every brief of the starter corpus by id."""
    sources, limit = find([CORPUS]).files, IngestSettings().max_bytes
    return {brief.id: brief.text for file in sources for brief in parse(file, file.read(max_bytes=limit)).briefs}


def check(row: dict[str, Any], texts: Mapping[str, str]) -> Iterator[str]:
    """Fill in the spans of one question and yield what is wrong with it."""
    kinds = ANSWERED if row["answerable"] else REFUSED
    if row["type"] not in kinds:
        yield f"type {row['type']!r} is none of {', '.join(kinds)}"
    gold = row.get("gold", [])
    if row["answerable"] != bool(gold):
        yield "an answerable question has gold spans, a refusal has none"
    for span in gold:
        text = texts.get(span["doc_id"])
        if text is None:
            yield f"no brief {span['doc_id']!r}"
        elif text.count(span["text"]) != 1:
            yield f"stands {text.count(span['text'])} times in {span['doc_id']}: {span['text']!r}"
        else:
            span["start"] = text.index(span["text"])
            span["end"] = span["start"] + len(span["text"])
    if sorted({span["doc_id"] for span in gold}) != sorted(row["doc_ids"]):
        yield "doc_ids are not the briefs of the gold spans"
    for answer in [*row["answers"], *(alias for item in row.get("items", []) for alias in item)]:
        if not any(answer in span["text"] for span in gold):
            yield f"answer {answer!r} stands in no gold span"
    if row["answerable"] and not (row["answers"] or row.get("items") or row.get("polar")):
        yield "no answers, items or polar"
    for turn in row.get("history", []):
        if turn["role"] not in ("user", "assistant") or not turn["text"]:
            yield "a turn of the history needs role user or assistant, and text"


if __name__ == "__main__":
    main()
