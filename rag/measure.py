"""Which units of passages are read, and what the models say of them.

Cheap signals choose units by their promise, up to a number of units and of tokens; a cross-encoder and the vectors of
words measure what is chosen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.documents import Document

from rag.errors import ModelUnusable
from rag.signals import Asked, Candidate, candidates, cheap_signals, weigh

READ_PASSAGES = 10
MAX_UNITS = 20
# On the dev questions even 24 units and their contexts hold 1,373 tokens (median) and 1,793 at most: only longer ones
# are limited, and from 1,800 up no answer changes (`python -m evals.bench.reading_budget`).
MAX_TOKENS = 2_048
BYTES_PER_TOKEN = 4
PROMISE = {
    "coverage": 4.3,
    "coverage_before": -0.77,
    "coverage_titled": 6.63,
    "offers": 1.71,
    "dense": 1.68,
    "lexical": 0.5,
}
"""What the cheap signals say of a unit's worth, which decides whether the models see it; fitted by
`python -m evals.training.promise`."""


class Matcher(Protocol):
    """Tells how the words of a question are met; `rag.token_match.TokenScorer` does."""

    def match(self, asked: Asked, texts: Sequence[str]) -> Mapping[str, Mapping[str, float]]:
        """Return signals for each text."""
        ...


@dataclass(frozen=True)
class Scorers:
    """The models that measure units; the weights of the signals must know those that are there.

    Attributes:
        similarity: a cross-encoder of (question, unit): the cosine of their embeddings.
        reader: a cross-encoder of (question, unit in its context) that gives log-odds.
        matcher: tells how the words of the question are met by those of a unit.
        closer: a larger cross-encoder of the same pairs, for the units that come first by all the others.
    """

    similarity: BaseCrossEncoder
    reader: BaseCrossEncoder | None = None
    matcher: Matcher | None = None
    closer: BaseCrossEncoder | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """A unit with its signals."""

    candidate: Candidate
    signals: Mapping[str, float]


def measure(
    asked: Asked, passages: Sequence[Document], scorers: Scorers, *, max_units: int, max_tokens: int = MAX_TOKENS
) -> list[Measured]:
    """Measure the most promising units of the first passages by all but a close reading.

    One call of each scorer, none where there is no unit.
    """
    return score_units(asked, choose(asked, passages, max_units=max_units, max_tokens=max_tokens), scorers)


def choose(
    asked: Asked, passages: Sequence[Document], *, max_units: int, max_tokens: int = MAX_TOKENS
) -> list[Measured]:
    """Choose units of the first passages by cheap signals, the most promising first.

    A unit that would pass `max_tokens` is left out and shorter ones after it are still taken; the first always is.

    | promise | tokens | with max_tokens=100 |
    |---------|--------|---------------------|
    | 1.9     | 60     | chosen              |
    | 1.5     | 50     | left out            |
    | 1.2     | 40     | chosen              |

    Args:
        max_units: most units that are chosen.
        max_tokens: most tokens that the chosen hold with their contexts, by the estimate of `n_tokens`.
    """
    chosen: list[Measured] = []
    left = max_tokens
    for m in by_promise(asked, passages):
        size = n_tokens(m.candidate.in_context)
        if len(chosen) < max_units and (size <= left or not chosen):
            chosen.append(m)
            left -= size
    return chosen


def by_promise(asked: Asked, passages: Sequence[Document]) -> list[Measured]:
    """Return the units of the first passages with their cheap signals, the most promising first."""
    cheap = [Measured(c, cheap_signals(asked, c)) for c in candidates(passages[:READ_PASSAGES])]
    return sorted(cheap, key=lambda m: (-weigh(m.signals, PROMISE), *tie(m.candidate)))


def score_units(asked: Asked, chosen: Sequence[Measured], scorers: Scorers) -> list[Measured]:
    """Add what the models say to the cheap signals of units."""
    if not chosen:
        return []
    texts = [m.candidate.in_context for m in chosen]
    read = _scores(asked, scorers.reader, texts) if scorers.reader else {}
    cosines = _scores(asked, scorers.similarity, [text for m in chosen for text in m.candidate.readings])
    met = scorers.matcher.match(asked, [m.candidate.readings[-1] for m in chosen]) if scorers.matcher else {}
    return [
        Measured(
            m.candidate,
            {
                **m.signals,
                **({"reader": read[m.candidate.in_context]} if read else {}),
                **met.get(m.candidate.readings[-1], {}),
                "similarity": max(cosines[text] for text in m.candidate.readings),
            },
        )
        for m in chosen
    ]


def read_closely(asked: Asked, measured: Sequence[Measured], closer: BaseCrossEncoder) -> list[Measured]:
    """Add to the signals of units what a larger cross-encoder says of them."""
    read = _scores(asked, closer, [m.candidate.in_context for m in measured])
    return [Measured(m.candidate, {**m.signals, "closer": read[m.candidate.in_context]}) for m in measured]


def n_tokens(text: str) -> int:
    """Estimate a text's tokens from its bytes: English has four to five a token, other scripts two to three."""
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


def tie(candidate: Candidate) -> tuple[str, int]:
    """Order of equals, so that the same machine gives the same answer."""
    return str(candidate.passage.metadata["brief_id"]), candidate.unit.start


def _scores(asked: Asked, scorer: BaseCrossEncoder, texts: Sequence[str]) -> dict[str, float]:
    """Score each different text once."""
    different = list(dict.fromkeys(texts))
    scores = [float(score) for score in scorer.score([(asked.text, text) for text in different])]
    if not all(math.isfinite(score) for score in scores):
        raise ModelUnusable(f"{type(scorer).__name__} gives scores that are no numbers; set another model for reading")
    return dict(zip(different, scores, strict=True))
