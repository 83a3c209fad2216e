"""What is to be known of an answer at a glance: its support, its dates, its origins, and what to be wary of."""

from __future__ import annotations

from collections.abc import Iterator

from rag.answer import Answer
from rag.types import DateInterval, Scope

THIN = 0.8
"""Calibrated probability that something answers below which one cited sentence is thin evidence."""
OLD_DAYS = 730
"""Days between the newest cited brief and the newest of all from which the evidence is old."""


def facts_of(answer: Answer) -> list[str]:
    """Return support, dates and origins: "2 sentences, verbatim", "2023-06-19 to 2023-06-22", "2 briefs, 1 source"."""
    if not answer.sentences:
        return []
    cited = {c.passage.metadata["brief_id"]: c.passage.metadata for s in answer.sentences for c in s.citations}
    dates = sorted({known["date"] for known in cited.values() if known.get("date")})
    sources = {known["source"] for known in cited.values() if known.get("source")}
    facts = [_support(answer)]
    if dates:
        facts.append(dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}")
    if len(cited) > 1 and sources:
        facts.append(f"{len(cited)} briefs, {_counted(len(sources), 'source')}")
    return facts


def limits_of(scope: Scope) -> str:
    """Return which briefs were asked: "from 2024-01-01, as of 2024-06-30, China"; empty for all."""
    days = {"from": scope.date_from, "to": scope.date_to, "as of": scope.as_of}
    told = [f"{word} {day}" for word, day in days.items() if day]
    if scope.as_known_at:
        told.append(f"as known at {scope.as_known_at:%Y-%m-%d %H:%M}")
    return ", ".join([*told, *scope.regions, *scope.sources, *scope.topics, *scope.briefs])


def warnings_of(answer: Answer, newest: str | None) -> list[str]:
    """Return what to be wary of: briefs that disagree, thin evidence, old evidence."""
    return [*answer.conflicts, *_thin(answer), *_old(answer, newest)]


def _support(answer: Answer) -> str:
    counted = _counted(len(answer.sentences), "sentence")
    written = [s.support for s in answer.sentences if s.support != 1.0]
    if not written:
        return f"{counted}, verbatim"
    return f"{counted}, {len(answer.sentences) - len(written)} verbatim, {len(written)} written and checked"


def _thin(answer: Answer) -> Iterator[str]:
    sure = answer.answerable
    if sure is not None and sure < THIN and len(answer.sentences) == 1:
        yield f"Thin evidence: one sentence, which answers with a probability of {sure:.2f}."


def _old(answer: Answer, newest: str | None) -> Iterator[str]:
    dates = [c.passage.metadata.get("date") for s in answer.sentences for c in s.citations]
    known = [interval.end for day in dates if (interval := _interval(day))]
    until = _interval(newest)
    if not known or until is None or answer.scope.needs_date:
        return
    latest = until.start
    if (latest - max(known)).days > OLD_DAYS:
        yield f"Old evidence: the newest brief cited is of {max(known)}; there are briefs up to {newest}."


def _interval(day: str | None) -> DateInterval | None:
    """Read a date; a record from elsewhere may hold anything in its place."""
    try:
        return DateInterval.parse(day) if day else None
    except ValueError:
        return None


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}" + ("" if n == 1 else "s")
