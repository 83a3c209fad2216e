"""Write down what the packaged weights are trained on, so that the harness never scores them on it.

    python -m evals.training.trained_on --data DIR

DIR holds squad2_dev and nq_open_oracle. Half of the SQuAD articles, whole, as `evals.training.readings` chooses them;
of the NQ questions those that it fits on, and half of all by the digest of their id.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
from pathlib import Path

from evals.training.passages import load
from evals.training.readings import NQ_SEED, SQUAD_SEED, in_fitting_order
from rag.signal_weights import HEAD

TARGET = Path(__file__).parents[2] / "rag" / "data" / "trained_on.json"


def main() -> None:
    """Write rag/data/trained_on.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("GEOBRIEF_DATA"), help="folder of the sets")
    data = Path(parser.parse_args().data)
    sets = {"squad2_dev": squad_questions(data), "nq_open_oracle": natural_questions(data, questions=240)}
    TARGET.write_text(json.dumps({"reader": HEAD, "questions": sets}, indent=0) + "\n", encoding="utf-8")
    print({name: len(ids) for name, ids in sets.items()})


def squad_questions(data: Path) -> list[str]:
    """Ids of all questions on the articles that were fitted on, or whose questions served as foreign ones."""
    texts, rows = load(data / "squad2_dev")
    titles = in_fitting_order({text.title for text in texts.values()}, random.Random(SQUAD_SEED))
    fitted = {i for i in range(len(titles)) if i % 2}
    fitted |= {(i + 2) % len(titles) for i in fitted}
    chosen = {titles[i] for i in fitted}
    return sorted(row["id"] for row in rows if texts[row["doc_ids"][0]].title in chosen)


def natural_questions(data: Path, *, questions: int) -> list[str]:
    """Ids of the NQ questions that the signals were fitted on, and of those in the training half."""
    _, rows = load(data / "nq_open_oracle")
    fitted = {row["id"] for i, row in enumerate(random.Random(NQ_SEED).sample(rows, questions)) if i % 2}
    return sorted(fitted | {row["id"] for row in rows if in_training_half(row["id"])})


def in_training_half(question_id: str) -> bool:
    """Whether the first hexadecimal digit of the id's sha256 is below 8: the same half on every machine."""
    return int(hashlib.sha256(question_id.encode()).hexdigest()[0], 16) < 8


if __name__ == "__main__":
    main()
