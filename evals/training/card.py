"""Measure the packaged models on data of the repository, and write the figures that their cards state.

    python -m evals.training.card

Writes rag/models/{reader,closer,verifier}/figures.json; a test measures again and compares.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rag.cross_encoder import MODELS, PackagedCrossEncoder
from rag.evaluation.dataset import open_dataset
from rag.evaluation.pairs import judge_pairs, pair_figures
from rag.evaluation.question import Question
from rag.verify import Verifier

Figures = dict[str, float]

STEP = 3
"""Every third question is measured."""


def reader_figures(model: PackagedCrossEncoder) -> Figures:
    """Share of briefs questions (dev) whose own span the reader puts first among those of the others on the brief."""
    with TemporaryDirectory() as work:
        questions = open_dataset("briefs", work=Path(work), split="dev").questions
    asked = [question for question in questions if len(question.gold) == 1 and not question.history]
    spans: dict[str, set[str]] = {}
    for question in asked:
        spans.setdefault(question.gold[0].doc_id, set()).add(question.gold[0].text)
    chosen = [question for question in asked if len(spans[question.gold[0].doc_id]) > 2][::STEP]
    hits = [_first(model, question, sorted(spans[question.gold[0].doc_id])) for question in chosen]
    return {"n": len(hits), "own span first": sum(hits) / len(hits)}


def _first(model: PackagedCrossEncoder, question: Question, spans: Sequence[str]) -> bool:
    scores = model.score([(question.text, span) for span in spans])
    return spans[scores.index(max(scores))] == question.gold[0].text


def verifier_figures(model: PackagedCrossEncoder) -> Figures:
    """Share of sentences of a small LLM that the verifier judges as they are labelled, and of the two kinds."""
    with TemporaryDirectory() as work:
        pairs = open_dataset("written", work=Path(work)).pairs
    found = pair_figures(list(judge_pairs(pairs, Verifier(model))))
    assert found.accepted is not None
    assert found.rejected is not None
    shares = {"accuracy": found.accuracy, "accepted": found.accepted, "rejected": found.rejected}
    return {"n": found.n, **{name: share.value for name, share in shares.items()}}


def main() -> None:
    """Write the files."""
    for name, measure in (("reader", reader_figures), ("closer", reader_figures), ("verifier", verifier_figures)):
        found = measure(PackagedCrossEncoder(MODELS / name))
        rounded = {key: round(value, 4) for key, value in found.items()}
        (MODELS / name / "figures.json").write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")
        print(name, rounded)


if __name__ == "__main__":
    main()
