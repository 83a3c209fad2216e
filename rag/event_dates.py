"""The day of an event that a question counts from: "since the summit in Beijing", "since the war broke out"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from rag.answer import Reading, ScoredUnit
from rag.dates_in_text import StatedDate, dates_told
from rag.lexicon import MONTHS, STOP_WORDS, Word, analyse, kin
from rag.relative_dates import TO_COME

MAX_UNITS = 3
"""Units that are searched for the day, the best first."""

_EVENTS = (
    "abduction accession accord agreement annexation armistice arrest assassination assault attack ban blackout blast"
    " blockade bombing ceasefire clash collapse conference conflict conquest conviction coup crackdown crash death deal"
    " deployment disaster earthquake election embargo evacuation exit explosion fall fighting flood freeze hurricane"
    " inauguration incursion independence invasion killing landing launch massacre meeting murder mutiny offensive"
    " ouster overthrow pact poll protest putsch raid referendum resignation revolt revolution riot ruling siege signing"
    " storm strike summit suspension takeover talks treaty truce unrest uprising verdict visit vote war withdrawal"
)
_TOKEN = r"(?:[A-Z][\w'’.-]*|\d{1,2}(?:st|nd|rd|th)?|(?:1[5-9]|20)\d\d)(?![\w’'-])"
_PHRASE = re.compile(
    r",? ?\b(?:[Ee]ver )?[Ss]ince (?P<event>"
    r"(?:the|its|his|her|their|that|this|last|(?:[A-Z][\w.-]* ){0,3}[A-Z][\w.-]*['’]s?)"
    rf" (?:[\w'’.-]+ ){{0,4}}?(?P<noun>{'|'.join(f'{noun}s?' for noun in _EVENTS.split())})"
    r"(?: (?:in|into|inside|of|on|at|between|by|with|within|against|over|near|to|from|for|across|around)"
    rf" (?:the )?{_TOKEN}(?:(?: and|,(?= \d{{4}}))? (?:the )?{_TOKEN})*)*)"
    r"(?P<verb> (?:began|started|broke out|ended|took place|happened|was (?:held|signed|announced)))?"
    r"(?=[,?.!;]|$| (?:has|have|had|did|by|which|who|what|how|and)\b)"
)
_BEGINS = re.compile(r"began|started|broke out")


@dataclass(frozen=True, slots=True)
class EventAsked:
    """An event that a question counts from.

    Attributes:
        words: as they stand in the question, "since the summit in Beijing".
        question: asks when it was.
        noun: of the event, "summit".
    """

    words: str
    question: str
    noun: str


@dataclass(frozen=True, slots=True)
class EventDate:
    """The day that an event was, and the title of the brief that tells it."""

    day: date
    title: str


def event_asked(question: str) -> EventAsked | None:
    """Return the event that a question counts from, or None.

    "Who has visited Chad since the coup in Niger?" -> "When was the coup in Niger?"
    "How many have fled Sudan since the war broke out?" -> "When did the war in Sudan begin?"
    """
    match = _PHRASE.search(question)
    if match is None:
        return None
    words = match.group().strip(" ,")
    rest = f"{question[: match.start()]} {question[match.end() :]}"
    return EventAsked(words, _when(match, rest), match["noun"])


def event_date(asked: EventAsked, reading: Reading, threshold: float) -> EventDate | None:
    """Return the day that the best units give to an event, or None where they give none.

    Only days count, not months or years, and only in a unit that speaks of the event. Of several, the one nearest to
    its noun in the text is taken.
    """
    if (reading.answerable or 0.0) < threshold:
        return None
    for unit in reading.units[:MAX_UNITS]:
        if day := _day(asked.noun, unit, reading):
            return EventDate(day, reading.evidence[unit.n - 1].metadata["title"])
    return None


def _when(match: re.Match[str], rest: str) -> str:
    """Ask when an event was; the first name of the question tells which, where the event itself has none."""
    event = re.sub(r"^(?:its|his|her|their|that|this|last)\b", "the", match["event"])
    names = [] if _names(f"of {event}") else _names(rest)
    of = f" in {names[0]}" if names else ""
    return f"When did {event}{of} begin?" if _BEGINS.search(match["verb"] or "") else f"When was {event}{of}?"


def _names(text: str) -> list[str]:
    runs = analyse(text).names
    return [" ".join(word.text for word in run) for run in runs if run[0].text.lower() not in (*MONTHS, *STOP_WORDS)]


def _day(noun: str, unit: ScoredUnit, reading: Reading) -> date | None:
    dated = str(reading.evidence[unit.n - 1].metadata["date"] or "")
    spoken = [word for word in analyse(unit.text).words if _is_of(noun, word)]
    near = [
        (abs(word.start - stated.start), day)
        for stated in dates_told(unit.text, dated)
        if (day := _whole(stated, dated)) and (stated.year or not TO_COME.search(unit.text))
        for word in spoken
    ]
    return min(near)[1] if near else None


def _is_of(noun: str, word: Word) -> bool:
    singular = noun.removesuffix("s")
    return word.text.lower() in (noun, singular, f"{singular}s") or kin(word.stem, analyse(noun).words[0].stem)


def _whole(stated: StatedDate, dated: str) -> date | None:
    """Return a day; the year that it lacks is the year of the brief, or the one before where it would lie ahead."""
    if not (stated.month and stated.day):
        return None
    try:
        if stated.year:
            return date(stated.year, stated.month, stated.day)
        published = date.fromisoformat(dated)
        found = date(published.year, stated.month, stated.day)
        return found if found <= published else found.replace(year=published.year - 1)
    except ValueError:
        return None
