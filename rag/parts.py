"""A question of several parts to questions that can be asked one by one.

Only forms that say so are split: two question words ("who …, and when …"), some of those who did another thing, a
comparison of two things, a preposition said twice ("in May 2022 and in July 2023"), and two adjectives under a plural
("the Finnish and the Swedish papers").
"""

from __future__ import annotations

import re
from collections.abc import Callable

from rag.lexicon import MONTHS, STOP_WORDS, analyse

MAX_PARTS = 4

Halves = tuple[str, str]

_WH = r"(?:who|whom|whose|which|what|when|where|why|how)"
_PREPOSITION = r"(?:in|on|at|to|toward|towards|from|by|for|with|under|of|after|before|during|between|since|until|about)"
_AGAIN = r"(?:(?:then|again|later|once more|also) )*"

_NEXT_QUESTION = re.compile(rf"(?<=\?)\s+(?=(?:{_PREPOSITION} )?{_WH}\b)", re.IGNORECASE)
_TWO_WH = re.compile(
    rf"(?P<left>(?:{_PREPOSITION} )?(?:{_WH}|name|list|tell|give|state)\b.+?\w)[,;:]? (?:and|but) {_AGAIN}"
    rf"(?P<right>(?:{_PREPOSITION} )?{_WH}\b.+)",
    re.IGNORECASE,
)
_COMPARED = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        r"(?:please )?(?:compare|contrast) (?P<left>.+?) (?:with|against) (?P<right>.+)",
        r"(?:please )?(?:compare|contrast) (?P<left>.+?) (?:and|to) (?P<right>.+)",
        rf"{_WH} .*\bdifferences? between (?P<left>.+?) and (?P<right>.+)",
        r"how (?:do|does|did) (?P<left>.+?) (?:differ|compare) (?:from|with|to) (?P<right>.+)",
    )
)
_OF_SOME = re.compile(
    r"(?P<ask>which|who) of (?P<noun>(?:the |these |those )?(?:[\w'’-]+ ){0,3}?[\w'’-]+) (?P<link>that|which|who) "
    r"(?P<clause>[^,?]+?) (?:have |has |had )?(?:also|later|then|since|still|now|already) (?P<rest>[^?]+)",
    re.IGNORECASE,
)
_WHICH_FIRST = re.compile(
    r"(?P<head>.*\b(?:what|which)\b.*\b(?:first|sooner|earlier|later|last)\b[^,:]*)[,:] "
    r"(?P<left>.+?),? or (?P<right>.+)",
    re.IGNORECASE,
)
_ONLY_ADJECTIVE = re.compile(r"(?:the )?[A-Z][\w-]+")
_ADJECTIVE_FIRST = re.compile(r"(?:the )?[A-Z][\w-]+(?P<tail> .+)")
_AND_PREPOSITION = re.compile(rf",? and {_AGAIN}(?P<preposition>{_PREPOSITION}) ", re.IGNORECASE)
_TWO_ADJECTIVES = re.compile(
    r"(?P<head>.*\bthe )(?P<left>[A-Z][\w-]+) and (?:the )?(?P<right>[A-Z][\w-]+)(?P<tail> [a-z].+)"
)
_PLURAL = re.compile(r"\b(?:which|what) [a-z]+s\b|\b(?:each|both|respective|respectively)\b", re.IGNORECASE)
_ALIGNS = re.compile(rf"\b(?:{_PREPOSITION}|when|while|as)\b", re.IGNORECASE)
_QUESTION_WORDS = re.compile(rf"(?:{_PREPOSITION} )?{_WH}(?: (?:many|much|long|far|old|often|one))?\b ?", re.IGNORECASE)
_STANDS_IN = re.compile(r"(?:those|that|the ones?|these|the latter)\b", re.IGNORECASE)
_TO_A_PERSON = re.compile(r"\b(?:he|she|him|her|his|hers)\b", re.IGNORECASE)
_TO_A_THING = re.compile(r"\b(?:it|they|them|its|their|theirs)\b", re.IGNORECASE)
_VERB = re.compile(r"\b(?:is|are|was|were|do|does|did|has|have|had|will|would|can|could)\b", re.IGNORECASE)
_THEN_ASKED = re.compile(rf"\. (?={_WH}\b)", re.IGNORECASE)


def parts(question: str) -> tuple[str, ...]:
    """Return the questions that a question is made of, each to be understood alone; itself when it is one.

    "Who led Niger in 2022, and who in 2024?" -> "Who led Niger in 2022?", "Who led Niger in 2024?"
    "Compare the talks in Jeddah with those in Geneva." -> "the talks in Jeddah?", "the talks in Geneva?"
    "Who met Putin, and when did they meet?" -> "Who met Putin?", "Putin: when did they meet?"
    "Which of the states that joined also signed?" -> "Which states joined?", "Which states signed?"
    """
    asked = [re.sub(r"\s+", " ", text).strip(" ?!.") for text in _NEXT_QUESTION.split(question.strip())]
    found = list(dict.fromkeys(part for one in asked for part in _split(one)))
    return tuple(f"{part}?" for part in found) if 1 < len(found) <= MAX_PARTS else (question,)


def _split(sentence: str) -> list[str]:
    for form in (_of_comparison, _of_order, _of_some, _of_two_question_words, _of_a_preposition, _of_adjectives):
        if halves := form(sentence):
            return [part for half in halves for part in _split(half)]
    return [sentence]


def _of_comparison(sentence: str) -> Halves | None:
    match = next((m for form in _COMPARED if (m := form.fullmatch(sentence))), None)
    if match is None:
        return None
    left, right = match["left"], _stood_in(match["left"], match["right"])
    return left, _with_topic(left, right)


def _of_order(sentence: str) -> Halves | None:
    """Split "which came first, A or B" into when each was; names and numbers before it are told with both."""
    match = _WHICH_FIRST.fullmatch(sentence)
    if match is None:
        return None
    left, right = match["left"], re.split(r"[.?] ", match["right"])[0]
    shared = _ADJECTIVE_FIRST.fullmatch(right)
    if shared and _ONLY_ADJECTIVE.fullmatch(left):
        left += shared["tail"]
    head = analyse(match["head"])
    told = [*(w.text for run in head.names for w in run), *(w.text for w in head.words if w.text.isdigit())]
    about = f" ({' '.join(dict.fromkeys(told))})" if told else ""
    return f"When was {left}{about}", f"When was {right}{about}"


def _of_some(sentence: str) -> Halves | None:
    """Split "which of the states that joined also signed" into who did the one and who did the other."""
    match = _OF_SOME.fullmatch(sentence)
    if match is None:
        return None
    noun = re.sub(r"^(?:the|these|those) ", "", match["noun"], flags=re.IGNORECASE)
    return f"Which {noun} {match['clause']}", f"Which {noun} {match['rest']}"


def _of_two_question_words(sentence: str) -> Halves | None:
    match = _TWO_WH.fullmatch(sentence)
    if match is None:
        return None
    left, right = match["left"], _completed(match["left"], match["right"])
    return (left, _with_topic(left, right)) if _asks(right) else None


def _of_a_preposition(sentence: str) -> Halves | None:
    """Split where a preposition comes again after "and", each time before a name or a number."""
    for match in _AND_PREPOSITION.finditer(sentence):
        preposition = f" {match['preposition'].lower()} "
        at = sentence.lower().rfind(preposition, 0, match.start())
        if at < 0:
            continue
        head, left = sentence[: at + len(preposition)], sentence[at + len(preposition) : match.start()]
        right, *asked = _THEN_ASKED.split(sentence[match.end() :], maxsplit=1)
        right, tail = _stood_in(left, right), "".join(f". {text}" for text in asked)
        if _particular(left) and _particular(right):
            return f"{head}{left}{tail}", f"{head}{right}{tail}"
    return None


def _of_adjectives(sentence: str) -> Halves | None:
    match = _TWO_ADJECTIVES.fullmatch(sentence)
    if match is None or not _PLURAL.search(sentence):
        return None
    head, tail = match["head"], match["tail"]
    return f"{head}{match['left']}{tail}", f"{head}{match['right']}{tail}"


def _particular(text: str) -> bool:
    words = analyse(f"x {text}")
    return bool(words.names or words.numbers)


def _stood_in(left: str, right: str) -> str:
    """Put what "those of 2023" stands for in its place: the left's words before the same preposition."""
    match = _STANDS_IN.match(right)
    return right if match is None else _aligned(left, right[match.end() :].strip(), str.find) or right


def _completed(left: str, right: str) -> str:
    """Give a second question its verb when it has none: "who in 2024" after "who led Niger in 2022"."""
    rest = _QUESTION_WORDS.sub("", right, count=1)
    opens = _ALIGNS.match(rest) or _STANDS_IN.match(rest)
    return (_aligned(left, rest, str.rfind) or right) if opens else right


def _aligned(left: str, rest: str, find: Callable[[str, str], int]) -> str | None:
    """Return the left up to the word that the rest goes on from, its first or last place, and the rest from there."""
    for word in _ALIGNS.finditer(rest):
        at = find(left.lower(), f" {word.group().lower()} ")
        if at >= 0:
            return f"{left[:at]} {rest[word.start() :]}"
    return None


def _with_topic(left: str, right: str) -> str:
    """Put the names of the left before a right that refers to a person, or that refers to a thing and names none."""
    named = analyse(f"x {right}").names
    if not (_TO_A_PERSON.search(right) or (_TO_A_THING.search(right) and not named)):
        return right
    runs = ([word.text for word in run if word.text.lower() not in MONTHS] for run in analyse(left).names)
    names = [" ".join(run) for run in runs if run]
    return f"{', '.join(names)}: {right}" if names else right


def _asks(right: str) -> bool:
    """Whether a second question has a verb or matter of its own; "and on what date" asks more of the first's answer."""
    matter = sum(word.text.lower() not in STOP_WORDS for word in analyse(right).words)
    return matter >= 2 or (matter == 1 and _VERB.search(right) is not None)
