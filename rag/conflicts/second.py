"""Whether a unit is a second account of what an answer says: the reader's word, weighed with where the two stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from rag.conflicts.accounts import NEAR, Account, apart
from rag.conflicts.figures import FigureAsked, Other
from rag.conflicts.lookalikes import are_of_two_days
from rag.conflicts.values import comparable, same
from rag.signals import log_share, probability, time_apart

MOST_READ = 6
"""Accounts that are weighed: those that the reader puts highest."""
THRESHOLD = 0.3
"""Least probability of an account that is shown."""
SURE = 0.7
"""Least probability of one that is said to contradict the answer."""

# Fitted by `python -m evals.training.second_accounts`, which tells on what and how well.
WEIGHTS: Mapping[str, float] = {
    "bias": 0.12,
    "otherwise": 0.6,
    "share": 0.62,
    "next": 2.59,
    "after": -0.05,
    "before": 0.8,
    "own": -1.32,
    "apart": 0.81,
    "days": -2.19,
}

_LEAST = -5.0


class SecondReader(Protocol):
    """Knows second accounts; the packaged reader does."""

    def score_otherwise(self, question: str, quoted: str, texts: Sequence[str]) -> Sequence[float]:
        """Return for each text the log-odds that it answers a question otherwise than a quoted one does."""
        ...


def signs(base: Account, other: Account, otherwise: float) -> dict[str, float]:
    """Tell what bears on whether an account gives another answer than the quoted one.

    Args:
        otherwise: the reader's log-odds that it does.
    """
    own = base.brief == other.brief
    step = other.place - base.place if own else 0
    return {
        "bias": 1.0,
        "otherwise": otherwise,
        "share": log_share(other.score, least=_LEAST),
        "next": float(step == 1),
        "after": float(1 < step <= NEAR),
        "before": float(-NEAR <= step < 0),
        "own": float(own),
        "apart": float(apart(base, other)),
        "days": 0.0 if own else time_apart(base.dated, other.dated),
    }


def weighed(
    question: str, base: Account, known: Sequence[Account], reader: SecondReader
) -> list[tuple[Account, dict[str, float]]]:
    """Return the accounts that may be a second one, the reader's choice first, with what is seen of each.

    Cost: one call of the reader.
    """
    others = [one for one in known if one is not base][:MOST_READ]
    odds = reader.score_otherwise(question, base.text, [one.text for one in others])
    return [(one, signs(base, one, said)) for one, said in zip(others, odds, strict=True)]


def seconds(
    question: str, wanted: FigureAsked | None, base: Account, known: Sequence[Account], reader: SecondReader
) -> list[Other]:
    """Return the accounts that are likely to give another answer than the quoted one, likeliest first."""
    odds = [(probability(seen, WEIGHTS), one) for one, seen in weighed(question, base, known, reader)]
    likely = sorted((pair for pair in odds if pair[0] >= THRESHOLD), key=lambda pair: -pair[0])
    return [
        Other(one, *_told(wanted, base, one), p >= SURE and not (wanted and are_of_two_days(base, one)))
        for p, one in likely
    ]


def _told(wanted: FigureAsked | None, base: Account, other: Account) -> tuple[str, str]:
    """Return the two figures that are asked for, as they are told; nothing where they cannot be compared."""
    mine, theirs = (wanted.value(one.text) if wanted else None for one in (base, other))
    if mine is None or theirs is None or not comparable(mine, theirs) or same(mine, theirs):
        return "", ""
    return mine.told, theirs.told
