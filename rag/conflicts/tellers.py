"""Whose word a sentence is, and whether it disputes what somebody else says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from rag.lexicon import STOP_WORDS, analyse, stem

_HEAD_CHARS = 220
_WHO_CHARS = 80
_SAYS = (
    r"(?:says?|said|saying|tells?|told|claim(?:s|ed)?|reports?|reported|states?|stated|counts?|counted|lists?|listed"
    r"|puts?|gives?|gave|dates?|dated|blames?|blamed|accus(?:es?|ed)|insists?|insisted|declares?|declared"
    r"|announces?|announced|estimates?|estimated|reckons?|reckoned|calculates?|calculated|finds?|found|holds?|held"
    r"|denies|denied|deny|rejects?|rejected|disputes?|disputed|contradicts?|contradicted|admits?|admitted"
    r"|acknowledges?|acknowledged|maintains?|maintained|argues?|argued|confirm(?:s|ed)?|names?|named"
    r"|speaks? of|spoke of|spoken of|sees?|saw|records?|recorded|registers?|registered|verif(?:ies|ied)"
    r"|measures?|measured|noted?|notes"
    r"|believes?|thinks?|suspects?|alleges?|alleged|attributes?|attributed|places?|placed|documents?|documented"
    r"|describes?|described|concludes?|concluded|adds?|added|writes?|wrote|shows?|showed|knows?|knew|warns?|warned)"
)
_VERB = re.compile(rf"\b{_SAYS}\b(?! by\b)")
_ACCORDING = re.compile(rf"\b(?:[Aa]ccording to|[Ii]n the view of) ([^,.;:]{{3,{_WHO_CHARS}}})")
_BY = re.compile(
    r"\b(?:described|reported|put|given|dated|confirmed|announced|counted|named|estimated) by ([^,.;:]{3,40}?)"
    r"(?= as | at | to | in | on |[,.;:])"
)
_AFTER = re.compile(rf", (?:as )?(?:says?|said|reports?|reported|writes?|wrote|adds?|added) ([^.;:]{{3,{_WHO_CHARS}}})")
_ASIDE = re.compile(rf", ((?:[\w'’.\-]{{1,30}} ){{1,10}}){_SAYS}[.,;]")
_POSSESSIVE = re.compile(
    r"((?:[\w.\-]{1,30} ){0,6}[\w.\-]{1,30})['’]s? (?:list|count|figures?|tally|register|statement)\b"
)
_OWNED = re.compile(r"(?:its|his|her|their)\b", re.IGNORECASE)
_PRONOUNS = frozenset("he she it they we i this that these those who which".split())
_NO_NAME = frozenset(stem(word) for word in "according has have had was were also flatly one two always spoken".split())
_OFFICES = frozenset(
    stem(word)
    for word in "ministry minister office official spokesman spokeswoman spokesperson government president authority "
    "group association agency commission committee union mission desk bureau chief".split()
)

_VOICES = frozenset(stem(word) for word in "spokesman spokeswoman spokesperson office leader chief bureau desk".split())
_DENIES = (
    r"den(?:y|ies|ied|ying)|reject(?:s|ed)?|(?<!is )(?<!are )(?<!was )(?<!were )disput(?:es?|ed)|contradict\w*"
    r"|refut\w*|no such|not a single|disagree\w*"
)
_DISPUTES = re.compile(
    rf"\b(?:{_DENIES}|otherwise|differently|untrue|blam(?:es?|ed)(?! on)|on the contrary|contrary to|admits to)\b", re.I
)
_NEGATES = re.compile(rf"\b(?:{_DENIES}|never|nor|not|no|none|without|nobody|empty|nothing)\b|n['’]t\b", re.IGNORECASE)
_CONTESTED = re.compile(
    r"\b(?:contested|disputed|in dispute|contradict\w*|differ(?:s|ently|ing)?|otherwise|disagree\w*|conflicting"
    r"|diverg\w*|(?:two|other|rival|own) versions?)\b",
    re.IGNORECASE,
)
_AGREED = re.compile(r"\b(?:not|no|nobody|none|without|hardly)\b", re.IGNORECASE)
_RIVAL = re.compile(
    r"\b(?:only (?:on|in|from|at|after)|not (?:until|before|on|in)|no earlier than|already (?:on|in)|as early as"
    r"|no\b[^.;]{0,60} before|(?:well|long) (?:before|after)|rather than|instead of|in (?:fact|reality|truth)"
    r"|dates? (?:\w+ ){1,4}to|not \d)\b",
    re.IGNORECASE,
)
_REFERS = re.compile(
    r"\b(?:this|that|it|such|these|them|charges?|claims?|reports?|allegations?|accusations?|accounts?|versions?|denial)\b",
    re.IGNORECASE,
)
_NOT_THAT = re.compile(r"\b(?:not|instead of|rather than)\b([^.:;]{3,60})")


@dataclass(frozen=True, slots=True)
class Teller:
    """Who tells: stems of the words that name them; `pronoun` where a pronoun does, or says for whom they speak."""

    stems: frozenset[str]
    pronoun: bool = False


@lru_cache(maxsize=4096)
def teller(text: str) -> Teller | None:
    """Return who tells what a sentence says, None where it is nobody's but the brief's.

    "The port authority gives 02:40" -> {port, author}; "She said" -> a pronoun. The first 220 characters are read, up
    to a semicolon.
    """
    for who in _named(text.lstrip("*#- \n").partition(";")[0][:_HEAD_CHARS]):
        made = _stems(who)
        if made:
            return Teller(made, pronoun=_OWNED.match(who) is not None and not made.isdisjoint(_VOICES))
        if any(word.lower() in _PRONOUNS for word in who.split()):
            return Teller(frozenset(), pronoun=True)
    return None


def same_teller(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether the stems that name two tellers may name one: they share more than an office, or one has no more."""
    shared = one & other
    return bool(shared - _OFFICES or (shared and shared in (one, other)))


def disputes(text: str) -> bool:
    """Whether a sentence says that somebody says otherwise: denies, rejects, sees it otherwise, blames."""
    return _DISPUTES.search(text) is not None


def disputes_that(text: str) -> bool:
    """Whether a sentence disputes what was said just before it: "denies such a call", "rejects this"."""
    match = _DISPUTES.search(text)
    return match is not None and _REFERS.search(text, match.start()) is not None


def negates(text: str) -> bool:
    """Whether a sentence says no to something."""
    return _NEGATES.search(text) is not None


def denied_words(text: str) -> str:
    """Return what a sentence says not to be so, after "not", "instead of" or "rather than"; else nothing."""
    match = _NOT_THAT.search(text)
    return match[1] if match else ""


def is_contested(text: str) -> bool:
    """Whether a sentence says that there are two accounts of something: "The shelling remains contested"."""
    return _CONTESTED.search(text) is not None and not _AGREED.search(text)


def is_rival(text: str) -> bool:
    """Whether a sentence sets its value against another one: "only on 15 November", "not before 12 May", "in fact"."""
    return _RIVAL.search(text) is not None


def _named(head: str) -> Iterator[str]:
    """Yield the words that may name who tells, the plainest form first."""
    for pattern in (_ACCORDING, _BY, _AFTER, _ASIDE):
        if match := pattern.search(head):
            yield match[1]
    for verb in _VERB.finditer(head):
        who = re.split(r"[.:] ", head[: verb.start()])[-1]
        if who.strip():
            yield who
            break
    if match := _POSSESSIVE.search(head):
        yield match[1]


def _stems(who: str) -> frozenset[str]:
    words = (word for word in analyse(who).words if word.text.lower() not in STOP_WORDS and not word.number)
    return frozenset(word.stem for word in words) - _NO_NAME
