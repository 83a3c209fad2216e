"""What kind of thing a question asks for, and whether a text offers one.

The kinds follow the coarse classes of question classification, reduced to those that a sentence shows on its face.

Source: Li & Roth, "Learning Question Classifiers", COLING 2002 (classes HUM, LOC, NUM, ENTY/DESC).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Literal

from rag.lexicon import MONTHS, STOP_WORDS, Word, analyse, present, stem

AnswerType = Literal["who", "when", "where", "number", "ordinal", "list", "why", "how", "polar", "thing"]

_PLACE_NOUNS = "city country capital place region state province town nation continent location area village island"
_PERSON_NOUNS = "person leader president minister official politician name author king queen general diplomat aide man"
_TIME_NOUNS = "year date day month century decade time period"
_LIST_NOUNS = "sectors areas fields topics issues subjects members countries nations names types kinds officials parts"
_AUXILIARIES = "did do does is are was were has have had will would can could should"

_PATTERNS: tuple[tuple[AnswerType, str], ...] = (
    ("ordinal", r"\b(?:what|which) (?:\w+ )?(?:anniversary|edition|round|birthday|term)\b"),
    ("list", rf"\b(?:what|which|name|list)\b(?: \w+)? (?:{'|'.join(_LIST_NOUNS.split())})\b"),
    ("list", r"\bwho (?:is|are|was|were)(?: \w+)* (?:in|on|part of|among|accompan\w+)\b.*\b\w+|\bwho accompan"),
    ("list", r"^(?:name|list)\b|\bwhat (?:are|were) the (?:\w+ )?\w+s\b"),
    ("number", r"\bhow (?:many|much|long|far|old|large|big|high|tall|often|fast|deep|wide)\b"),
    ("number", r"\b(?:what|which) (?:is |was |were |are )?(?:the )?(?:\w+ )?(?:number|percent\w*|amount|population|"
               r"price|cost|rate|share|total|proportion|fraction|temperature|distance|height|length|size)\b"),
    ("when", rf"\bwhen\b|\b(?:what|which) (?:\w+ )?(?:{'|'.join(_TIME_NOUNS.split())})\b|\bhow long ago\b"),
    ("where", rf"\bwhere\b|\b(?:what|which) (?:\w+ )?(?:{'|'.join(_PLACE_NOUNS.split())})\b"),
    ("who", rf"\b(?:who|whom|whose)\b|\b(?:what|which) (?:\w+ )?(?:{'|'.join(_PERSON_NOUNS.split())})\b"),
    ("why", r"\bwhy\b|\bwhat (?:is|was|were|are) the (?:\w+ )?(?:reason|purpose|cause|aim|goal)"
            r"|\bwhat (?:made|caused)\b|\bhow come\b|\bfor what reason"),
    ("how", r"\bhow\b"),
    ("polar", rf"^(?:{'|'.join(_AUXILIARIES.split())})(?:n['’]t)?\b"),
)  # fmt: skip

_NUMERAL = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|hundreds?|thousands?|millions?"
    r"|billions?|trillions?|half|twice|third|quarter|once|several|none|no)\b",
    re.IGNORECASE,
)
_UNITS: Mapping[str, str] = {
    "how long": r"years?|months?|weeks?|days?|hours?|minutes?|decades?|centur|seconds?|miles?|km|kilomet|met(?:er|re)",
    "how much": r"[$€£¥]|dollars?|euros?|rubles?|roubles?|yuan|pounds?|percent|per cent|%|[bm]illion|tons?|tonnes?",
    "how far": r"miles?|km|kilomet|met(?:er|re)s?|feet|light",
    "how old": r"years?|aged?|old|born",
    "how often": r"every|each|daily|weekly|monthly|annual|year|times|once|twice",
    "percent": r"%|percent|per cent",
    "price": r"[$€£¥]|dollars?|euros?|cents?",
}
_TIME = re.compile(
    rf"\b(?:1\d|20)\d\ds?\b|\b(?:{'|'.join(MONTHS)})\b"
    r"|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\bcentur(?:y|ies)\b|\bdecades?\b|\b(?:yester|to)day\b|\btomorrow\b"
    r"|\b(?:last|next|this|previous|following) (?:year|month|week|night|spring|summer|autumn|fall|winter)\b"
    r"|\b\d+ (?:years?|months?|weeks?|days?|hours?) (?:ago|later|before|after)\b"
    r"|\b(?:AD|BC|BCE|CE)\b|\b(?:before|after|until|since|during|when)\b",
    re.IGNORECASE,
)  # fmt: skip
_REASON = re.compile(
    r"\bbecause\b|\bdue to\b|\bin order to\b|\bas a result\b|\bso that\b|\bowing to\b|\bthanks to\b|\btherefore\b"
    r"|\baim(?:s|ed|ing)? (?:to|at)\b|\breasons?\b|\bcaus(?:e[sd]?|ing)\b|\bsince\b|\bled to\b|\bpurpose\b"
    r"|\bopportunity to\b|\bamid\b|\bfor (?:its|his|her|their)\b|\bto (?:[a-z]+(?:e|en|t|ct|rt|d|p|n|ze|fy))\b",
    re.IGNORECASE,
)
_AFTER_NUMERAL = re.compile(rf"(?:{_NUMERAL.pattern})[\d,.]*((?:[ -][^\W\d_]+){{1,4}})", re.IGNORECASE)
_PLACED = re.compile(r"\b(?:in|at|to|from|near|into|across|around|of|between|through)\s+(?:the\s+)?(?:\w+\s+)?$")
_ORDINAL = re.compile(r"\b\d+(?:st|nd|rd|th)\b|\b(?:first|second|third|\w+th|\w+tieth)\b", re.IGNORECASE)
_ITEMS = re.compile(
    r"(?:[^\s,;:()]+(?: [^\s,;:()]+){0,6}[,;] ){2,}(?:and |or |along |as well )?\w+|(?:^|\n)\s*(?:[-*•]|\d+[.)]) "
)


@lru_cache(maxsize=4096)
def answer_type(question: str) -> AnswerType:
    """Name what the question asks for, by its question word and the noun behind it; "thing" when they do not say."""
    lower = question.lower().strip()
    return next((kind for kind, pattern in _PATTERNS if re.search(pattern, lower)), "thing")


def offers(question: str, text: str) -> float:
    """How well a text offers what the question asks for: 1 it does, 0 it does not, 0.5 where no form tells.

    A name or place counts when the question does not hold it already; a number, when a fitting unit stands by.
    """
    form = _FORMS.get(answer_type(question))
    return 0.5 if form is None else form(question, text)


def new_names(question: str, text: str) -> list[tuple[Word, ...]]:
    """Names of the text that the question does not hold, in reading order."""
    asked = analyse(question)
    return [run for run in analyse(text).names if any(present(word.stem, asked) == 0 for word in run)]


def _number(question: str, text: str) -> float:
    if not _NUMERAL.search(text):
        return 0.0
    lower = question.lower()
    unit = next((pattern for words, pattern in _UNITS.items() if words in lower), None)
    if unit is not None:
        return 1.0 if re.search(unit, text, re.IGNORECASE) else 0.5
    counted = re.search(r"how many (?:of the )?((?:\w+ ?){1,2})", lower)
    if counted is None:
        return 0.8
    nouns = {stem(word) for word in counted.group(1).split()} - {stem(word) for word in STOP_WORDS}
    near = (m.group(1) for m in _AFTER_NUMERAL.finditer(text))
    return 1.0 if nouns & {stem(word) for run in near for word in run.split()} else 0.6


def _place(question: str, text: str) -> float:
    fresh = new_names(question, text)
    if not fresh:
        return 0.0
    return 1.0 if any(_PLACED.search(text[max(0, run[0].start - 30) : run[0].start]) for run in fresh) else 0.7


_FORMS: Mapping[AnswerType, Callable[[str, str], float]] = {
    "when": lambda _, text: 1.0 if _TIME.search(text) else 0.0,
    "why": lambda _, text: 1.0 if _REASON.search(text) else 0.0,
    "list": lambda _, text: 1.0 if _ITEMS.search(text) else 0.0,
    "ordinal": lambda _, text: 1.0 if _ORDINAL.search(text) else 0.0,
    "who": lambda question, text: 1.0 if new_names(question, text) else 0.0,
    "where": _place,
    "number": _number,
}
