"""Pairs of a claim and a text: how often the verifier accepts what is borne out and rejects what is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.evaluation.question import Pair
from rag.evaluation.records import Measured
from rag.evaluation.refusal import auroc, ece, reliability
from rag.evaluation.statistics import bootstrap_mean
from rag.verify import Claim, Judgement, Verifier

SUPPORTED = "SUPPORTS"
BATCH = 64


@dataclass(frozen=True, slots=True)
class Judged:
    """A labelled pair with what the verifier says of it."""

    pair: Pair
    judgement: Judgement

    @property
    def supported(self) -> bool:
        """Whether the label says that the text bears the claim out."""
        return self.pair.label == SUPPORTED

    @property
    def accepted(self) -> bool:
        """Whether the verifier would let the claim be shown."""
        return self.judgement.reason is None


@dataclass(frozen=True, slots=True)
class PairFigures:
    """Shares with 95 % intervals; an interval resamples groups of pairs where the pairs name one.

    Attributes:
        accuracy: of both kinds.
        accepted: share of the supported claims that are accepted.
        rejected: share of the other claims that are rejected.
        by_reason: `rejected` for each reason that the labels name.
        said: how often each reason was given, by whether the claim is supported.
        auroc: chance that a supported claim has more support than another; None where one kind is missing.
        ece: expected calibration error of the support that the model gave, rules left out.
    """

    n: int
    accuracy: Measured
    accepted: Measured | None
    rejected: Measured | None
    by_reason: dict[str, Measured]
    said: dict[tuple[str, bool], int]
    auroc: float | None
    ece: float | None


def judge_pairs(pairs: Sequence[Pair], verifier: Verifier) -> Iterator[Judged]:
    """Judge pairs in batches, in their order."""
    for start in range(0, len(pairs), BATCH):
        batch = pairs[start : start + BATCH]
        claims = [Claim(pair.hypothesis, pair.premise, pair.title, pair.dated) for pair in batch]
        yield from map(Judged, batch, verifier.judge(claims))


def pair_figures(judged: Sequence[Judged], *, seed: int = 0) -> PairFigures:
    """Count what was judged. `judged` is not empty."""
    supported, others = ([one for one in judged if one.supported is truth] for truth in (True, False))
    reasons = sorted({one.pair.reason for one in others if one.pair.reason})
    by_model = [one for one in judged if one.judgement.reason in (None, "unsupported")]
    bins = reliability([one.judgement.support for one in by_model], [one.supported for one in by_model])
    return PairFigures(
        n=len(judged),
        accuracy=_share([one.accepted == one.supported for one in judged], judged, seed),
        accepted=_share([one.accepted for one in supported], supported, seed) if supported else None,
        rejected=_share([not one.accepted for one in others], others, seed) if others else None,
        by_reason={reason: _rejected([one for one in others if one.pair.reason == reason], seed) for reason in reasons},
        said=dict(Counter((one.judgement.reason, one.supported) for one in judged if one.judgement.reason is not None)),
        auroc=auroc([one.judgement.support for one in judged], [one.supported for one in judged]),
        ece=ece(bins),
    )


def _rejected(chosen: Sequence[Judged], seed: int) -> Measured:
    return _share([not one.accepted for one in chosen], chosen, seed)


def _share(hits: Sequence[bool], of: Sequence[Judged], seed: int) -> Measured:
    return bootstrap_mean([float(hit) for hit in hits], [one.pair.group or one.pair.id for one in of], seed=seed)
