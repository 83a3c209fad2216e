"""Make rag/data/background_df.txt: how many 200-word windows of diplomatic prose hold each stem.

    python -m evals.training.background --data DIR

DIR holds ungdc_2013_2024 (CC0) and us_state_historian (public domain), each with a corpus.jsonl. Takes two minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rag.lexicon import stem

SETS = ("ungdc_2013_2024", "us_state_historian")
WINDOW = 200
KEPT = 20_000
TARGET = Path(__file__).parents[2] / "rag" / "data" / "background_df.txt"


@dataclass
class Counts:
    """Windows that hold a stem, and how it is written inside sentences."""

    df: Counter[str] = field(default_factory=Counter)
    capital: Counter[str] = field(default_factory=Counter)
    inside: Counter[str] = field(default_factory=Counter)
    windows: int = 0

    def add(self, text: str) -> None:
        """Count one text."""
        stems = []
        for match in re.finditer(r"[^\W_]+", text):
            stems.append(stem(match.group()))
            if re.search(r"[a-z,]\s$", text[max(0, match.start() - 2) : match.start()]):
                self.inside[stems[-1]] += 1
                self.capital[stems[-1]] += match.group()[0].isupper()
        for start in range(0, len(stems), WINDOW):
            self.df.update(set(stems[start : start + WINDOW]))
            self.windows += 1

    def is_name(self, stem_: str) -> bool:
        """Whether a stem is mostly capitalised inside sentences."""
        return self.capital[stem_] > 0.7 * self.inside[stem_]


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("GEOBRIEF_DATA"), help="folder of the sets")
    data = Path(parser.parse_args().data)
    counts = Counts()
    for name in SETS:
        for line in (data / name / "corpus.jsonl").open(encoding="utf-8"):
            counts.add(json.loads(line)["text"])
    kept = sorted(counts.df.items(), key=lambda item: (-item[1], item[0]))[:KEPT]
    lines = ["# all windows; then stem, windows that hold it, ^ if mostly capitalised", str(counts.windows)]
    lines += [f"{s} {n}" + (" ^" if counts.is_name(s) else "") for s, n in kept]
    TARGET.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
