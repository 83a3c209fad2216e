"""Measure a trained reader on held-out articles and questions, beside cosine and coverage.

    python -m evals.training.reader.measure --work WORK --data DIR [--name NAME] [--n 800] [--threads 2]

Every system orders the units of the gold passages. Figures come with 95 % bootstrap intervals, SQuAD's resampled by
article. Refusal is measured on SQuAD's gold paragraphs alone: against its unanswerable questions, and against
answerable ones whose name, number or year was swapped.
"""

from __future__ import annotations

import argparse
import json
import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from tokenizers import Tokenizer

from evals.training.passages import Text, load
from evals.training.reader.course import Plan
from evals.training.reader.export import load_run
from evals.training.reader.model import answered
from evals.training.reader.prepare import trained_ids
from evals.training.reader.swaps import names_in, swap
from evals.training.reader.units import MODEL, counter, packaged_tokenizer, passages_of
from evals.training.readings import holds
from rag.embedding import SentenceTransformerEmbeddings
from rag.encoder import CrossEncoder, encode, lay_out
from rag.evaluation.records import Measured
from rag.evaluation.statistics import bootstrap_mean, bootstrap_statistic
from rag.lexicon import analyse
from rag.signals import Candidate, ask, candidates, coverage
from rag.token_match import TokenScorer

Scores = list[float]
SUMS = {
    "cosine+coverage": ("cosine", "coverage"),
    "cosine+coverage+reader": ("cosine", "coverage", "reader"),
}


@dataclass(frozen=True)
class Scored:
    """A question over the units of its passages.

    Attributes:
        kind: set and, after a slash, kind of refusal.
        group: what it is resampled with.
        scores: by system, one a unit.
        odds: by system, how surely anything answers.
    """

    kind: str
    group: str
    right: tuple[bool, ...]
    scores: Mapping[str, Scores]
    odds: Mapping[str, float]


@dataclass(frozen=True)
class Systems:
    """The systems that are compared."""

    cosine: TokenScorer
    model: CrossEncoder
    plan: Plan
    tokenizer: Tokenizer

    def score(self, question: str, units: Sequence[Candidate]) -> dict[str, Scores]:
        """Score all units by each system, and by sums of ranks (negative, so that higher is better)."""
        terms = ask(question, {}, 0).terms
        made = {
            "cosine": self.cosine.score([(question, c.text) for c in units]),
            "coverage": [coverage(terms, analyse(c.text)) for c in units],
            "reader": self.read(question, units),
        }
        sums = {name: _sum_of_ranks([made[part] for part in parts]) for name, parts in SUMS.items()}
        return {**made, **sums}

    def read(self, question: str, units: Sequence[Candidate]) -> Scores:
        """Score units by the trained model."""
        asked = encode(self.tokenizer, [question])[0]
        texts = encode(self.tokenizer, [" ".join(c.text.split()) for c in units])
        contexts = encode(self.tokenizer, [c.around for c in units])
        room = self.plan.room
        pairs = [lay_out(asked, text, context, room) for text, context in zip(texts, contexts, strict=True)]
        with torch.inference_mode():
            return [float(s) for s in self.model.score(pairs)]


def scored(kind: str, group: str, row: Mapping[str, Any], texts: Sequence[Text], systems: Systems) -> Scored | None:
    """Score a question over the units of texts; None where there are none, or no unit holds the accepted answer."""
    count = counter(systems.tokenizer)
    passages = [passage for text in texts for passage in passages_of(text, count)]
    units = candidates(passages)
    answers = row["answers"] if row["answerable"] else []
    right = tuple(any(holds(" ".join(c.text.split()), a) for a in answers) for c in units)
    if not units or (row["answerable"] and not any(right)):
        return None
    scores = systems.score(row["question"], units)
    odds = {name: max(scores[name]) for name in ("cosine", "coverage")}
    odds["reader"] = answered(torch.tensor(scores["reader"]), systems.model.null.detach())
    return Scored(kind, group, right, scores, odds)


def collect(data: Path, systems: Systems, *, n: int) -> list[Scored]:
    """Score at most `n` held-out questions a kind."""
    trained, rng = trained_ids(), random.Random(0)
    found: list[Scored | None] = []
    for name in ("squad2_dev", "nq_open_oracle"):
        texts, rows = load(data / name)
        held = [row for row in rows if row["id"] not in trained[name]]
        names = names_in([row["question"] for row in held])
        for kind, row in _drawn(name, held, names, rng, n=n):
            gold = [texts[doc] for doc in row["doc_ids"]]
            group = gold[0].title if name == "squad2_dev" else row["id"]
            found.append(scored(kind, group, row, gold, systems))
    return [one for one in found if one is not None]


def _drawn(
    name: str, rows: Sequence[dict[str, Any]], names: Sequence[str], rng: random.Random, *, n: int
) -> list[tuple[str, dict[str, Any]]]:
    """Draw answerable questions, unanswerable ones, and answerable ones swapped."""
    able, unable = ([row for row in rows if row["answerable"] == truth] for truth in (True, False))
    able, unable = (rng.sample(part, min(n, len(part))) for part in (able, unable))
    swaps = [{**row, "question": other, "answerable": False} for row in able
             if (other := swap(row["question"], names, rng))] if unable else []  # fmt: skip
    drawn = [(name, row) for row in able] + [(f"{name}/unanswerable", row) for row in unable]
    return drawn + [(f"{name}/swapped", row) for row in swaps]


def right_within(found: Sequence[Scored], system: str, k: int) -> Measured:
    """How often a right unit is among the first `k`; the earlier unit wins a tie."""
    hits = []
    for one in found:
        order = sorted(range(len(one.right)), key=lambda i: (-one.scores[system][i], i))
        hits.append(float(any(one.right[i] for i in order[:k])))
    return bootstrap_mean(hits, [one.group for one in found])


def refusal(found: Sequence[Scored], system: str) -> Measured | None:
    """AUROC of how surely anything answers, answerable against not."""
    truth = np.array([any(one.right) for one in found])
    odds = np.array([one.odds[system] for one in found])

    def auroc(places: Any) -> float | None:
        mixed = len(set(truth[places].tolist())) == 2
        return float(roc_auc_score(truth[places], odds[places])) if mixed else None

    return bootstrap_statistic(auroc, len(found), [one.group for one in found], n_resamples=500)


def report(found: Sequence[Scored], write: Callable[[dict[str, Any]], None]) -> None:
    """Write a row for each figure."""
    for kind in ("squad2_dev", "nq_open_oracle"):
        ranked = [one for one in found if one.kind == kind and not all(one.right)]
        for system in ranked[0].scores if ranked else ():
            for k in (1, 3):
                write({"set": kind, "measure": f"right in first {k}", "system": system,
                       **_figure(right_within(ranked, system, k))})  # fmt: skip
    for refused in sorted({one.kind for one in found if "/" in one.kind}):
        mixed = [one for one in found if one.kind in (refused, refused.split("/")[0])]
        for system in mixed[0].odds:
            write({"set": refused, "measure": "AUROC", "system": system, **_figure(refusal(mixed, system))})


def _figure(measured: Measured | None) -> dict[str, Any]:
    if measured is None:
        return {"value": None}
    return {"value": round(measured.value, 4), "low": round(measured.low, 4), "high": round(measured.high, 4),
            "n": measured.n}  # fmt: skip


def _sum_of_ranks(systems: Sequence[Scores]) -> Scores:
    ranks = [{i: rank for rank, i in enumerate(sorted(range(len(s)), key=lambda i: (-s[i], i)))} for s in systems]
    return [-float(sum(rank[i] for rank in ranks)) for i in range(len(systems[0]))]


def main() -> None:
    """Print the figures, and keep them beside the run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of the prepared data and the runs")
    parser.add_argument("--data", type=Path, default=os.environ.get("GEOBRIEF_DATA"), help="folder of the sets")
    parser.add_argument("--name", default="reader", help="name of the run")
    parser.add_argument("--n", type=int, default=800, help="most questions a kind")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model, plan = load_run(args.work, args.name)
    cosine = TokenScorer(SentenceTransformerEmbeddings(MODEL, dtype="float32"))
    systems = Systems(cosine, model, plan, packaged_tokenizer())
    rows: list[dict[str, Any]] = []
    report(collect(Path(args.data), systems, n=args.n), rows.append)
    lines = [json.dumps(row) for row in rows]
    (args.work / "runs" / args.name / "measured.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
