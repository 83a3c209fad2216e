"""The other accounts that an answer is shown beside."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from rag.answer import Reading, Sentence
from rag.conflicts.accounts import Account, Asked, accounts, asked
from rag.conflicts.facts import asks_hour, fact_fits, is_polar, other_fact
from rag.conflicts.figures import FigureAsked, Other, figure_asked, fits, is_final, other_figure
from rag.conflicts.second import SecondReader, seconds
from rag.conflicts.sides import Conflict, differ

MOST_OTHERS = 2
MOST_BASES = 4
MIN_SCORE = 0.15
"""Least score, as a share of the best unit's, of an account that may be the answer.

This and the shares below were chosen on the dev questions of `evals/datasets/conflicts` and `evals/datasets/briefs`.
"""
MIN_SAID = 0.6
MIN_CLOSE = 0.25
"""Least share of the question's matter that one says which is not quoted: with a figure, and with anything else."""
_COUNTS = ("No", "One", "Two", "Three")
_QUOTED = 0.5
_BEST = 0.99
_MORE = 0.3
"""How much more of the matter another account may say than the answer: what says far more is itself the answer."""


def beside(
    question: str, reading: Reading, best: Sequence[Sentence], *, limit: int, one_day: bool = False,
    reader: SecondReader | None = None,
) -> Conflict | None:  # fmt: skip
    """Return the accounts of the evidence that say otherwise than an answer, with it; None where none does.

    Rules tell first; where they find none, the reader is asked, if there is one.

    Args:
        limit: most sentences in all.
        one_day: only accounts of briefs of one date disagree; of others the later one is the state of things.
    """
    query = asked(question)
    known = accounts(question, reading)
    wanted = figure_asked(query)
    pairs = [
        (base, _others(query, wanted, base, _rivals(base, known, one_day=one_day)))
        for base in _bases(query, known, best, wanted)
    ]
    pairs = [(base, found) for base, found in pairs if found]
    if pairs:
        base, found = max(pairs, key=lambda pair: _strength(query, best, *pair))
        return _shown(query, base, found, best, limit)
    quoted = next((one for one in known if _quotes(best, one)), None)
    if reader is None or quoted is None:
        return None
    found = seconds(question, wanted, quoted, _rivals(quoted, known, one_day=one_day), reader)[:MOST_OTHERS]
    return _shown(query, quoted, found, best, limit) if found else None


def _rivals(base: Account, known: Sequence[Account], *, one_day: bool) -> list[Account]:
    return [one for one in known if not one_day or one.dated == base.dated]


def _strength(query: Asked, best: Sequence[Sentence], base: Account, found: Sequence[Other]) -> float:
    """Return how well a pair of accounts is of the question: by its words, and by whether it is sure, and quoted."""
    return found[0].sure + query.said(base) + query.said(found[0].account) + _QUOTED * _quotes(best, base)


def _bases(
    query: Asked, known: Sequence[Account], best: Sequence[Sentence], wanted: FigureAsked | None
) -> list[Account]:
    """Return the accounts that may be the answer: those quoted, then those that the reader puts high."""
    fitting = [one for one in known if (fits(wanted, one) if wanted else fact_fits(query, one))]
    quoted = [one for one in fitting if one.score >= MIN_SCORE and _quotes(best, one)]
    if wanted is None and is_polar(query.text):
        return quoted[:MOST_BASES]
    said = wanted.said if wanted else query.said
    least = MIN_SAID if wanted else MIN_CLOSE
    close = [one for one in fitting if one.score >= MIN_SCORE and said(one) >= least]
    high = [one for one in fitting if said(one) >= MIN_SAID and (wanted or one.contested)]
    found = [one for one in dict.fromkeys([*quoted, *close, *high]) if one.score >= _BEST or said(one) > 0]
    if wanted:
        found = [one for one in found if is_final(wanted, one, known)]
    return list(islice(found, MOST_BASES))


def _quotes(best: Sequence[Sentence], one: Account) -> bool:
    return any(
        c.passage.metadata["brief_id"] == one.brief and c.start <= one.span.start and one.span.end <= c.end
        for s in best for c in s.citations[:1]
    )  # fmt: skip


def _others(query: Asked, wanted: FigureAsked | None, base: Account, known: Sequence[Account]) -> list[Other]:
    found: list[Other] = []
    for one in known:
        other = None
        if one is not base:
            other = other_figure(wanted, base, one) if wanted else other_fact(query, base, one)
        if other and query.said(one) > query.said(base) + _MORE:
            other = None
        if other and not (wanted and (not is_final(wanted, one, known) or other.theirs in {o.theirs for o in found})):
            found.append(other)
    found.sort(key=lambda o: (not o.sure, -query.said(o.account), abs(o.account.place - base.place)))
    return found[:MOST_OTHERS]


def _shown(query: Asked, base: Account, found: Sequence[Other], best: Sequence[Sentence], limit: int) -> Conflict:
    first = next((s for s in best if _quotes([s], base)), None) or base.quote()
    sure = [other for other in found if other.sure][: limit - 1]
    if not sure:
        return differ(None, [(first, ""), *((o.account.quote(), "") for o in found)], beside=best, limit=limit)
    stated = all(other.mine and other.theirs for other in sure)
    said = [sure[0].mine, *(other.theirs for other in sure)]
    sides = [first, *(other.account.quote() for other in sure)]
    told = [(s, value if stated else f"[{s.citations[0].n}]") for s, value in zip(sides, said, strict=True)]
    return differ(_how(query, [base, *(o.account for o in sure)], stated=stated), told, beside=best, limit=limit)


def _how(query: Asked, voices: Sequence[Account], *, stated: bool) -> str:
    """Say who differs, and in what: in figures, days or hours where each voice states one."""
    count = _COUNTS[len(voices)]
    if not stated:
        return f"{count} accounts contradict each other" if len(voices) == 2 else f"{count} accounts do not agree"
    who = f"{count} accounts" if len({voice.brief for voice in voices}) == 1 else "The briefs"
    what = "figures" if figure_asked(query) else "times" if asks_hour(query.text) else "dates"
    return f"{who} give different {what}"
