"""Records of many questions to a report: one row a system, its curves, and differences with intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np

from rag.evaluation import refusal
from rag.evaluation.measures import MEASURES
from rag.evaluation.records import Bin, Curve, Difference, Measured, Percentiles, QuestionRecord, SystemSummary
from rag.evaluation.scoring import FIRST
from rag.evaluation.statistics import Indices, bootstrap_mean, bootstrap_statistic, paired, percentiles

MAX_TYPES = 40
MAX_POINTS = 500
MOST_UNSURE = 0.05
"""Share of answers without a confidence, such as an overview of a subject, up to which the others are measured."""
Kind = Literal["answers", "ranks", "first passage"]
ANSWERABLE, UNANSWERABLE = "all answerable", "all unanswerable"
COMPARED = ("doc_hit@1", "doc_recall@5", "doc_ndcg@10", "passage_recall@5", "contains", "list_recall", "correct")


def summarise(name: str, records: Sequence[QuestionRecord], *, identity: Mapping[str, str], seed: int) -> SystemSummary:
    """Make the row of one system."""
    asked = [record for record in records if record.said is not None]
    kind: Kind = "first passage" if name.startswith(FIRST) else "answers" if asked else "ranks"
    confident, right, groups = _decided(records if kind == "answers" else ())
    bins = _bins(confident, right)
    return SystemSummary(
        name=name,
        kind=kind,
        identity=dict(identity),
        measures={
            **means(records, seed=seed),
            **refusals(asked, seed=seed),
            **_aurc(confident, right, groups, len(records), seed=seed),
        },
        by_type={kind: means(chosen, seed=seed) for kind, chosen in _by_type(records).items()},
        latency_ms=_latency(records),
        risk_coverage=_curve(confident, right),
        reliability=bins,
        ece=refusal.ece(bins),
        n_errors=sum(record.error is not None for record in records),
        tokens=_tokens(records),
    )


def means(records: Sequence[QuestionRecord], *, seed: int) -> dict[str, Measured]:
    """Mean of every measure, each over the records that it could be scored on."""
    found: dict[str, Measured] = {}
    for name in MEASURES:
        scored = [(record.scores[name], record.group) for record in records if name in record.scores]
        if scored:
            values, groups = zip(*scored, strict=True)
            found[name] = bootstrap_mean(values, groups, n_total=len(records), seed=seed)
    return found


def refusals(asked: Sequence[QuestionRecord], *, seed: int) -> dict[str, Measured]:
    """Precision, recall and F1 of refusing, and how well confidence tells answerable questions from others."""
    if not any(not record.answerable for record in asked):
        return {}
    answerable = np.array([record.answerable for record in asked])
    abstained = np.array([record.said is not None and record.said.abstained for record in asked])
    groups = [record.group for record in asked]

    def statistic(name: str) -> Callable[[Indices], float | None]:
        return lambda rows: getattr(refusal.refusal_scores(answerable[rows], abstained[rows]), name)

    wanted = {f"refusal_{name}": statistic(name) for name in ("precision", "recall", "f1")}
    found = {name: bootstrap_statistic(fn, len(asked), groups, seed=seed) for name, fn in wanted.items()}
    found["refusal_auroc"] = _auroc(asked, seed=seed)
    return {name: measured for name, measured in found.items() if measured is not None}


def _auroc(asked: Sequence[QuestionRecord], *, seed: int) -> Measured | None:
    """How well confidence tells answerable questions from others; None of a system that seldom has one."""
    if not _is_sure(asked):
        return None
    sure = [(r.confidence, r.answerable, r.group) for r in asked if r.confidence is not None]
    confidence, answerable, groups = zip(*sure, strict=True)
    scores, truths = np.array(confidence), np.array(answerable)
    return bootstrap_statistic(
        lambda rows: refusal.auroc(scores[rows], truths[rows]), len(sure), groups, seed=seed, n_total=len(asked)
    )


def _is_sure(records: Sequence[QuestionRecord]) -> bool:
    """Whether all but a few of some questions have a confidence."""
    return sum(record.confidence is None for record in records) <= MOST_UNSURE * len(records)


def differences(records: Mapping[str, Sequence[QuestionRecord]], baseline: str, *, seed: int) -> tuple[Difference, ...]:
    """Paired differences of each system against the baseline, over the questions that both were scored on."""
    return tuple(
        difference
        for name in records
        if name != baseline and not name.startswith(FIRST)
        for measure in COMPARED
        if (difference := _difference(records, name, baseline, measure, seed))
    )


def _difference(
    records: Mapping[str, Sequence[QuestionRecord]], name: str, baseline: str, measure: str, seed: int
) -> Difference | None:
    """Compare answers with the first passage of the baseline, where the baseline does not answer itself."""
    mine = {record.id: record for record in records[name] if measure in record.scores}
    for other in (baseline, f"{FIRST} {baseline}"):
        theirs = {r.id: r for r in records.get(other, ()) if measure in r.scores and r.id in mine}
        if theirs:
            a = [mine[i].scores[measure] for i in theirs]
            b = [record.scores[measure] for record in theirs.values()]
            groups = [record.group for record in theirs.values()]
            found = paired(a, b, groups, seed=seed)
            return Difference(
                measure=measure, system=name, baseline=other,
                value=found.value, low=found.low, high=found.high, p=found.p, n=found.n,
            )  # fmt: skip
    return None


def _decided(records: Sequence[QuestionRecord]) -> tuple[list[float], list[bool], list[str]]:
    """Confidence and rightness of what would be said without a threshold: the reader's best unit, where it marks units.

    An unanswerable question is never right. A refusal without marked units says nothing of what would have been said.
    The confidence is the score of that unit; that anything answers is another event. Nothing is decided of a system
    that has no confidence for more than a few of its answers.
    """
    if not _is_sure([record for record in records if record.said and not record.said.abstained]):
        return [], [], []
    confident: list[float] = []
    right: list[bool] = []
    groups: list[str] = []
    for record in records:
        if record.said is None or record.confidence is None:
            continue
        best = record.scores.get("unit_hit@1")
        if not record.answerable:
            verdict: bool | None = False
        elif best is not None:
            verdict = best > 0
        else:
            verdict = None if record.said.abstained else record.correct
        if verdict is not None:
            confident.append(record.confidence if record.score is None else record.score)
            right.append(verdict)
            groups.append(record.group)
    return confident, right, groups


def _aurc(
    confident: Sequence[float], right: Sequence[bool], groups: Sequence[str], n_total: int, *, seed: int
) -> dict[str, Measured]:
    if not confident:
        return {}
    scores, truth = np.array(confident), np.array(right)
    measured = bootstrap_statistic(
        lambda rows: refusal.aurc(scores[rows], truth[rows]), len(groups), groups, n_total=n_total, seed=seed
    )
    return {} if measured is None else {"aurc": measured}


def _curve(confident: Sequence[float], right: Sequence[bool]) -> Curve | None:
    return refusal.risk_coverage(confident, right, max_points=MAX_POINTS)


def _bins(confident: Sequence[float], right: Sequence[bool]) -> tuple[Bin, ...]:
    """Return the bins of a reliability diagram; none where a confidence is no probability, as a cosine below 0."""
    return refusal.reliability(confident, right) if all(0 <= c <= 1 for c in confident) else ()


def _by_type(records: Sequence[QuestionRecord]) -> dict[str, list[QuestionRecord]]:
    found: dict[str, list[QuestionRecord]] = {}
    for record in records:
        for kind in (*record.types, ANSWERABLE if record.answerable else UNANSWERABLE):
            found.setdefault(kind, []).append(record)
    largest = sorted(found, key=lambda kind: -len(found[kind]))[:MAX_TYPES]
    return {kind: found[kind] for kind in found if kind in largest}


def _latency(records: Sequence[QuestionRecord]) -> dict[str, Percentiles]:
    stages: dict[str, list[float]] = {}
    for record in records:
        for stage, ms in record.timings_ms.items():
            stages.setdefault(stage, []).append(ms)
    return {stage: percentiles(values) for stage, values in stages.items()}


def _tokens(records: Sequence[QuestionRecord]) -> dict[str, int]:
    found: dict[str, int] = {}
    for record in records:
        for kind, n in record.tokens.items():
            found[kind] = found.get(kind, 0) + n
    return found
