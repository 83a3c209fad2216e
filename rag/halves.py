"""How the halves of a question are made to stand alone: what the second leaves to the first is put into it."""

from __future__ import annotations

import re
from collections.abc import Callable

from rag.lexicon import MONTHS, STOP_WORDS, analyse

WH = r"(?:(?!(?-i:WHO\b))(?:who|whom|whose|which|what|when|where|why|how))"
PREPOSITION = r"(?:in|on|at|to|toward|towards|from|by|for|with|under|of|after|before|during|between|since|until|about)"
AUXILIARY = r"(?:did|does|do|was|were|is|are|has|have|had|will|would|can|could)"
NAME = r"(?:the )?(?-i:[A-Z][\w-]+(?: [A-Z][\w-]+)*)"

_ALIGNS = re.compile(rf"\b(?:{PREPOSITION}|when|while|as)\b", re.IGNORECASE)
_PREPOSITIONS = re.compile(rf"(?<= ){PREPOSITION}(?= )", re.IGNORECASE)
_QUESTION_WORDS = re.compile(rf"(?:{PREPOSITION} )?{WH}(?: (?:many|much|long|far|old|often|one))?\b ?", re.IGNORECASE)
_STANDS_IN = re.compile(r"(?:those|that|the ones?|these|the latter)\b", re.IGNORECASE)
_OF_THE_FIRST = re.compile(rf"{PREPOSITION} (?:it|them|these|those|that|each|which|whom)\b", re.IGNORECASE)
_ONE_OF_THEM = re.compile(
    r"(?:the )?(?:[A-Z][\w-]+(?: [A-Z][\w-]+)*|[a-z]+(?:st|nd|rd|th)|first|second|third|last|latter|former)"
)
_OTHER_OF_THEM = re.compile(rf"{_ONE_OF_THEM.pattern}(?P<tail> (?:(?!(?:and|or)\b)[a-z]|\d).*)")
_TO_A_PERSON = re.compile(r"\b(?:he|she|him|her|his|hers)\b", re.IGNORECASE)
_TO_A_THING = re.compile(
    rf"\b(?:it|them|there)(?: (?:in|on|after|before|since|now)\b.*)?$|\b{AUXILIARY} (?:it|they)\b", re.IGNORECASE
)
_OF_NOW = re.compile(r"\b(?:now|today|currently|later|since|then|next|afterwards)\b", re.IGNORECASE)
_YEAR = re.compile(r"(?:19|20)\d\d")
_HAS_VERB = re.compile(rf"^(?:who|how many)\b|^which \w+ed\b|\b{AUXILIARY}\b", re.IGNORECASE)
_DOES = frozenset("say said do get give".split())
_ABOUT_ONE = re.compile(rf"{WH}(?: \w+){{0,3}}? {AUXILIARY} {NAME} (?P<rest>.+)", re.IGNORECASE)
_ONLY_ONE = re.compile(rf"{WH}(?: \w+){{0,2}}? {AUXILIARY} {NAME}", re.IGNORECASE)


def particular(text: str) -> bool:
    """Whether a text names something or gives a number."""
    words = analyse(f"x {text}")
    return bool(words.names or words.numbers) or any(word.text == "May" for word in words.words)


def asks(right: str) -> bool:
    """Whether a second question has a verb or matter of its own; "and on what date" asks more of the first's answer."""
    words = analyse(right).words
    matter = sum(w.name or w.text.lower() not in STOP_WORDS or w.text.lower() in _DOES for w in words)
    return matter >= 2 or (matter == 1 and _HAS_VERB.search(right) is not None)


def completed(left: str, right: str) -> str:
    """Give a second question the verb that it leaves out: "who in 2024" after "who led Niger in 2022".

    "how did Denmark" after "how did Norway vote on the levy" gets "vote on the levy".
    """
    rest = _QUESTION_WORDS.sub("", right, count=1)
    opens = (_ALIGNS.match(rest) and not _OF_THE_FIRST.match(rest)) or _STANDS_IN.match(rest)
    whole = (_aligned(left, rest, str.rfind) or right) if opens else right
    of_one = _ABOUT_ONE.fullmatch(left)
    return f"{whole} {of_one['rest']}" if of_one and _ONLY_ONE.fullmatch(whole) else whole


def stood_in(left: str, right: str) -> str:
    """Put what "those of 2023" stands for in its place: the left's words before the same preposition."""
    match = _STANDS_IN.match(right)
    return right if match is None else _aligned(left, right[match.end() :].strip(), str.find) or right


def _aligned(left: str, rest: str, find: Callable[[str, str], int]) -> str | None:
    """Return the left up to the word that the rest goes on from, its first or last place, and the rest from there."""
    for word in _ALIGNS.finditer(rest):
        at = find(left.lower(), f" {word.group().lower()} ")
        if at >= 0:
            return f"{left[:at]} {rest[word.start() :]}"
    return None


def with_topic(left: str, right: str) -> str:
    """Put the names of the left before a right that names none, with its years, or that refers to what has a name."""
    named = bool(analyse(f"x {right}").names)
    if named and not _TO_A_PERSON.search(right) and not _TO_A_THING.search(right):
        return right
    words = analyse(left)
    runs = ([word.text for word in run if word.text.lower() not in MONTHS] for run in words.names)
    about = [" ".join(run) for run in runs if run]
    if about and not named and not analyse(right).numbers and not _OF_NOW.search(right):
        about += [word.text for word in words.words if _YEAR.fullmatch(word.text)]
    return f"{', '.join(dict.fromkeys(about))}: {right}" if about else right


def opening_again(before: str, right: str) -> int | None:
    """Return where before "and" the prepositions of the right begin: the same ones, its first, or as many others."""
    mine = [word.lower() for word in _PREPOSITIONS.findall(f" {right}")]
    places = [(match.start(), match.group().lower()) for match in _PREPOSITIONS.finditer(before)]
    last = places[-len(mine) :]
    if [word for _, word in last] == mine:
        return last[0][0]
    same = next((start for start, word in reversed(places) if word == mine[0]), None)
    return same if same is not None or not 1 < len(mine) <= len(places) else last[0][0]


def shared_tail(left: str, right: str) -> str:
    """Give "in the Swedish" what it shares with "in the Taiwanese case", and "in May" the year of "in June 2023"."""
    rest = _OTHER_OF_THEM.fullmatch(right.partition(" ")[2])
    alone = _ONE_OF_THEM.fullmatch(left.partition(" ")[2])
    return f"{left}{rest['tail']}" if rest and alone else left
