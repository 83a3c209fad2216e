"""Another day, hour, name or place than the answer's, or a denial of what it says."""

from __future__ import annotations

import re

from rag.agreement import opposition
from rag.answer_types import answer_type, new_names, offers
from rag.clauses import root
from rag.conflicts.accounts import Account, Asked, apart, content, hands_over, near, overlap, told_apart
from rag.conflicts.figures import Other
from rag.conflicts.lookalikes import are_of_two_days, days_told, is_ahead, is_other_event, is_plan, is_plan_asked
from rag.conflicts.sides import of_one_time
from rag.conflicts.tellers import denied_words, disputes, disputes_that, is_rival, negates, teller
from rag.dates_in_text import StatedDate, may_be_one, without_dates
from rag.lexicon import analyse
from rag.quantities import quantities

MIN_SAID = 0.6
"""Least share of the question's matter that an account says which stands anywhere in the evidence."""
MIN_HALF = 0.5
MIN_NEAR = 0.3
"""The same of one that has another mark of speaking to the answer, and of one beside it that gives another day."""
MIN_SHARED = 4
"""Words that two clauses share of which one denies what the other says; that many are no names, where it is sure."""
MAX_DAYS = 31
"""Days between two briefs that may speak of one state of things: what is open now may be closed later."""
_LEAST_DENIED = 2
_ASKS_ELSE = re.compile(
    r"\bwho(?:se word| else)?\b[^?]{0,40}?\b(?:said|says?|complain\w*|blam\w+|accus\w+|insist\w*|claim\w*|deni\w+"
    r"|report\w*|announc\w+|warn\w*|call\w*|told|argu\w+|demand\w*|word)\b|\bwhose word\b"
    r"|\b(?:came|comes?|was \w+|were \w+) first\b|\bwhich [^?]{0,60}\bfirst\b"
    r"|\bhow (?:did|does|do) [^?]* (?:change|react|respond)\b",
    re.IGNORECASE,
)
_ASKS_OUTCOME = re.compile(
    r"\b(?:outcome|results?|fate|what happened|what became|how did [^?]* (?:ends?|vote|go|turn out)|who won)\b",
    re.IGNORECASE,
)
_ASKS_CAUSE = re.compile(
    r"\b(?:what|which) [^?]{0,30}?\b(?:caus\w+|triggered|led to|set off|started|sparked)\b|\bcauses? of\b|\bwhy\b", re.I
)
_CAUSE = re.compile(
    r"\b(?:caus\w+|because|due to|blam\w+|result(?:ed)? (?:of|from)|attribut\w+|trigger\w*|set off|led to|owing to"
    r"|responsib\w+|fault|failure|sabotage|accident|negligence)\b",
    re.IGNORECASE,
)
_HOUR = re.compile(r"\b(?:what|which) (?:hour|time)\b|\bwhen exactly\b", re.IGNORECASE)


def other_fact(asked: Asked, one: Account, other: Account) -> Other | None:
    """Tell whether an account says otherwise than the answer, by what kind of thing is asked."""
    if _ASKS_ELSE.search(asked.text) or not apart(one, other):
        return None
    found = _other_time(asked, one, other) if asks_time(asked.text) else _other_word(asked, one, other)
    if found is None or is_other_event(asked.text, one, other):
        return None
    return found if of_one_time(one.passage, other.passage, days=MAX_DAYS) else None


def is_polar(question: str) -> bool:
    """Whether a question asks whether something is so, or how it came out."""
    return answer_type(question) == "polar" or _ASKS_OUTCOME.search(question) is not None


def asks_time(question: str) -> bool:
    """Whether a question asks for a day or an hour."""
    return answer_type(question) == "when" or asks_hour(question)


def asks_hour(question: str) -> bool:
    """Whether a question asks for the time of a day."""
    return _HOUR.search(question) is not None


def _other_word(asked: Asked, one: Account, other: Account) -> Other | None:
    named = answer_type(asked.text) in ("who", "where")
    found = (_other_name(asked, one, other) if named else None) or _denied(asked, one, other)
    found = found or _other_cause(asked, one, other)
    return found if found and not are_of_two_days(one, other) else None


def _other_cause(asked: Asked, one: Account, other: Account) -> Other | None:
    """Tell whether an account gives a cause by another, where a cause is asked."""
    if not _ASKS_CAUSE.search(asked.text) or not told_apart(one, other) or not _CAUSE.search(other.text):
        return None
    is_near = near(one, other) and bool(one.teller)
    return Other(other, "", "", False) if is_near or asked.said(other) >= MIN_SAID else None


def _other_time(asked: Asked, one: Account, other: Account) -> Other | None:
    mine, theirs = _times(asked, one), _times(asked, other)
    if not mine or not theirs or any(_may_meet(a, b) for a in mine for b in theirs) or is_plan(asked.text, one, other):
        return None
    if not is_plan_asked(asked.text) and is_ahead(one) != is_ahead(other):
        return None
    said, rival = max(asked.said(other), overlap(one, other)), is_rival(other.text)
    beside = near(one, other) and told_apart(one, other) and (asked.said(other) >= MIN_NEAR or rival)
    if said >= MIN_SAID or beside or (rival and one.brief != other.brief):
        sure = beside or (said >= MIN_SAID and asked.said(one) >= MIN_HALF)
        return Other(other, _told(one, mine), _told(other, theirs), sure)
    return Other(other, _told(one, mine), _told(other, theirs), False) if hands_over(one, other) else None


def _other_name(asked: Asked, one: Account, other: Account) -> Other | None:
    fresh = _names(asked, other) - _names(asked, one)
    if not fresh or not told_apart(one, other) or offers(asked.text, other.text) < 1:
        return None
    after = near(one, other, within=1) and one.place < other.place
    if _replies(one, other) or (after and one.contested) or _names_not(one, other):
        return Other(other, "", "", True)
    said = max(asked.said(other), overlap(one, other)) if len(asked.matter) > 1 else 0.0
    if said >= MIN_SAID:
        return Other(other, "", "", negates(other.text))
    return Other(other, "", "", False) if hands_over(one, other) and asked.said(one) >= MIN_HALF else None


def _names_not(one: Account, other: Account) -> bool:
    """Whether an account says "not" of words of the answer: "the prime minister, not the defence minister"."""
    return len(one.content & content(denied_words(other.text))) >= _LEAST_DENIED


def _replies(one: Account, other: Account) -> bool:
    """Whether an account disputes the one before it, or whoever that one speaks of does: "denies such a call"."""
    if not near(one, other) or one.place > other.place or not disputes(other.text):
        return False
    spoken_of = bool(other.teller & (one.content - one.teller))
    return spoken_of or (near(one, other, within=1) and disputes_that(other.text))


def _denied(asked: Asked, one: Account, other: Account) -> Other | None:
    opposed = max(opposition(one.text, other.text), opposition(other.text, one.text)) >= MIN_SHARED
    if opposed and len(_shared(asked, one, other)) >= MIN_SHARED:
        return Other(other, "", "", True)
    found = _denied_by_another(asked, one, other) if told_apart(one, other) else None
    return found or (Other(other, "", "", False) if opposed else None)


def _shared(asked: Asked, one: Account, other: Account) -> frozenset[str]:
    """Return the words that two accounts share and that tell that both speak of one thing: none that is a name.

    Those of the question count where it asks whether something is so and the other account says all of it.
    """
    names = {root(word) for account in (one, other) for run in analyse(account.text).names for word in run}
    whole = is_polar(asked.text) and asked.said(other) == 1
    return (one.content & other.content) - names - asked.names - (frozenset() if whole else asked.matter)


def _denied_by_another(asked: Asked, one: Account, other: Account) -> Other | None:
    """Tell whether somebody else's account denies the answer, or the answer denies it."""
    first, second = sorted((one, other), key=lambda account: account.place)
    polar = is_polar(asked.text)
    if (polar or asked.said(first) >= MIN_HALF) and _replies(first, second):
        return Other(other, "", "", True)
    if polar and near(one, other, within=1) and first.contested:
        return Other(other, "", "", True)
    return _denied_polar(asked, one, other) if polar else None


def _denied_polar(asked: Asked, one: Account, other: Account) -> Other | None:
    said, close = asked.said(other), near(one, other, within=1) and one.kind == other.kind == "sentence"
    opposed = negates(one.text) != negates(other.text)
    rival = disputes(one.text) or disputes(other.text)
    plain = opposed and len(asked.matter) > 1 and said >= MIN_SAID
    if said >= MIN_HALF and (plain or (close and (opposed or rival))):
        return Other(other, "", "", True)
    named = any(name <= other.content for name in asked.long_names) and teller(other.text) is not None
    after = hands_over(one, other)
    held = disputes(one.text) and opposed and named
    return Other(other, "", "", False) if held or after or (opposed and close and said > 0) else None


def fact_fits(asked: Asked, one: Account) -> bool:
    """Whether an account may be the answer, by what kind of thing is asked."""
    if asks_time(asked.text):
        return bool(_times(asked, one))
    return answer_type(asked.text) not in ("who", "where") or bool(_names(asked, one))


def _names(asked: Asked, account: Account) -> set[str]:
    """Return the stems of the names of an account that neither the question nor the naming of its teller holds."""
    return {w.stem for run in new_names(asked.text, account.text) for w in run} - account.teller


def _times(asked: Asked, account: Account) -> tuple[StatedDate | int, ...]:
    """Return the clock times of an account where the hour is asked, else its days and months."""
    if asks_hour(asked.text):
        return tuple(int(q.value) for q in quantities(without_dates(account.text)) if q.unit == "clock")
    return days_told(account)


def _may_meet(one: StatedDate | int, other: StatedDate | int) -> bool:
    if isinstance(one, StatedDate) and isinstance(other, StatedDate):
        return may_be_one(one, other)
    return one == other


def _told(account: Account, times: tuple[StatedDate | int, ...]) -> str:
    said = [
        account.text[t.start : t.end] if isinstance(t, StatedDate) else f"{t // 60:02d}:{t % 60:02d}" for t in times
    ]
    return " and ".join(dict.fromkeys(said))
