"""How the halves of a question are made to stand alone: what the second leaves to the first is put into it."""

from __future__ import annotations

import re
from collections.abc import Callable

from rag.lexicon import MONTHS, STOP_WORDS, analyse

WH = r"(?:(?!(?-i:WHO\b))(?:who|whom|whose|which|what|when|where|why|how))"
PREPOSITION = r"(?:in|on|at|to|toward|towards|from|by|for|with|under|of|after|before|during|between|since|until|about)"
AUXILIARY = r"(?:did|does|do|was|were|is|are|has|have|had|will|would|can|could)"
NAME = r"(?:the )?(?-i:[A-Z][\w-]+(?: [A-Z][\w-]+)*)"
DATE = rf"(?:\d{{1,2}} )?(?:(?:{'|'.join(MONTHS)}) )?(?:19|20)\d\d(?![\w-])"

_ALIGNS = re.compile(rf"\b(?:{PREPOSITION}|when|while|as)\b", re.IGNORECASE)
_PREPOSITIONS = re.compile(rf"(?<= ){PREPOSITION}(?= )", re.IGNORECASE)
_QUESTION_WORDS = re.compile(rf"(?:{PREPOSITION} )?{WH}(?: (?:many|much|long|far|old|often|one))?\b ?", re.IGNORECASE)
_FROM_ONE = re.compile(r"\bbetween (?:(?:the )?[\w-]+(?<!s) )?$", re.IGNORECASE)
_IN_YEARS = re.compile(r"(?:in|for) (\d{4}) and (\d{4})", re.IGNORECASE)
_STANDS_IN = re.compile(r"(?:those|that|the ones?|these|the latter)\b", re.IGNORECASE)
_OF_THE_FIRST = re.compile(rf"{PREPOSITION} (?:it|them|these|those|that|each|which|whom)\b", re.IGNORECASE)
_ONE_OF_THEM = re.compile(
    r"(?:the )?(?:[A-Z][\w-]+(?: [A-Z][\w-]+)*|[a-z]+(?:st|nd|rd|th)|first|second|third|last|latter|former)"
)
_OTHER_OF_THEM = re.compile(rf"{_ONE_OF_THEM.pattern}(?P<tail> (?:(?!(?:and|or)\b)[a-z]|\d).*)")
_LONG_NAME = re.compile(r"(?:the )?(?:[A-Z][\w-]+ )+[A-Z][\w-]+")
_DATE = re.compile(DATE, re.IGNORECASE)
_AFTER_DATES = re.compile(rf"{DATE}(?: and {PREPOSITION} {DATE})*(?P<tail> (?!and\b|or\b)\w.*)", re.IGNORECASE)
_DATES = re.compile(rf"\b(?P<of>in|of|for|on|by|at) (?P<dates>{DATE}(?:, {DATE})*,? and {DATE})", re.IGNORECASE)
_TO_A_PERSON = re.compile(r"\b(?:he|she|him|her|his|hers)\b", re.IGNORECASE)
_TO_A_THING = re.compile(
    rf"\b(?:it|them|there)(?: (?:in|on|after|before|since|now)\b.*)?$|\b{AUXILIARY} (?:it|they)\b", re.IGNORECASE
)
_OF_NOW = re.compile(r"\b(?:now|today|currently|later|since|then|next|afterwards)\b", re.IGNORECASE)
_YEAR = re.compile(r"(?:19|20)\d\d")
_HAS_VERB = re.compile(
    rf"^(?:who|how many)\b|^(?:which|what) \w+ed\b|^what (?:be)?came\b|\b{AUXILIARY}\b"
    rf"|^{WH}(?:['’]s| (?:it|he|she|they) (?!and\b|or\b)\w)",
    re.IGNORECASE,
)
_NOW = re.compile(rf"{WH} {AUXILIARY} (?:it|he|she|they) now", re.IGNORECASE)
_DOES = frozenset("say said do get give".split())
_ABOUT_ONE = re.compile(rf"{WH}(?: \w+){{0,3}}? {AUXILIARY} {NAME} (?P<rest>.+)", re.IGNORECASE)
_ONLY_ONE = re.compile(rf"{WH}(?: \w+){{0,2}}? {AUXILIARY} {NAME}", re.IGNORECASE)
_ONLY_TIME = re.compile(r"(?:(?:does|do) )?(?P<time>now|today|at present|later|afterwards|in the end)", re.IGNORECASE)
_TIME = re.compile(
    r",? (?:(?:at first|at the outset|initially|originally|first)\b|(?:before|then)$"
    rf"|(?:in|of|by|until|before|after) (?:(?:spring|summer|autumn|winter|early|late|the end of) )?{DATE})",
    re.IGNORECASE,
)
_AT_TIME = re.compile(rf"(?:before|after|until|under) \w|in {DATE}", re.IGNORECASE)
_TIME_LAST = re.compile(rf" (?:(?:before|after|until|under) \w[^,]*|(?:in|by) (?:\w+ )?{DATE})$", re.IGNORECASE)
_LEFT_OUT = re.compile(
    r"(?:(?:actually|really) )?(?:(?:did|does|do|will)|(?P<be>was|were|is|are))(?: (?:it|he|she|they))?(?: actually)?",
    re.IGNORECASE,
)
_MEANT = re.compile(r" to (?!(?:the|an?|that|this|its|his|her|their)\b|[A-Z])(?P<be>be )?(?P<done>.+)")
_COUNTED = re.compile(
    rf"(?:{PREPOSITION} )?(?P<asked>how many|how much|which) "
    rf"(?P<noun>(?:(?!(?:{AUXILIARY}|{WH}|and|or)\b)[\w'’-]+ ){{1,3}}){AUXILIARY}\b",
    re.IGNORECASE,
)
_UNCOUNTED = re.compile(rf"(?:{PREPOSITION} )?(?P<asked>how many|how much|which) (?={AUXILIARY}\b)", re.IGNORECASE)
_THE_ONE = re.compile(rf"\bthe ones? (?P<link>{PREPOSITION})\b", re.IGNORECASE)
_OF_ONE = re.compile(rf"(?:(?:that|those) of )?(?P<name>{NAME})", re.IGNORECASE)
_OWN = re.compile(rf"{NAME}['’]s? (?P<rest>.+)", re.IGNORECASE)
_YEAR_LAST = re.compile(r"(?P<head>.*\b)(?:19|20)\d\d")
_YEAR_FIRST = re.compile(r"(?:19|20)\d\d(?P<tail> [a-z].*)")
_NAME_FIRST = re.compile(rf"{NAME}(?P<tail> (?-i:[a-z]).*)", re.IGNORECASE)
_ONE_THING = re.compile(rf"(?!(?:elsewhere|others|before|earlier)$)(?:[\w-]+|{NAME}|{DATE})", re.IGNORECASE)
_BEFORE_ONE = re.compile(rf"(?P<head>.* {PREPOSITION} (?:the )?)(?:[\w-]+|{NAME}|{DATE})", re.IGNORECASE)


def particular(text: str) -> bool:
    """Whether a text names something or gives a number."""
    words = analyse(f"x {text}")
    return bool(words.names or words.numbers) or any(word.text == "May" for word in words.words)


def asks(right: str) -> bool:
    """Whether a second question has a verb or matter of its own; "and on what date" asks more of the first's answer."""
    words = analyse(right).words
    matter = sum(w.name or w.text.lower() not in STOP_WORDS or w.text.lower() in _DOES for w in words)
    return matter >= 2 or (matter == 1 and _HAS_VERB.search(right) is not None) or _NOW.fullmatch(right) is not None


def completed(left: str, right: str) -> str:
    """Give a second question the verb or noun that it leaves out: "who in 2024" after "who led Niger in 2022".

    "how did Denmark" after "how did Norway vote on the levy" gets "vote on the levy", "when did it" after "when was the
    mine to open" gets "open", and "how many have come" after "how many ships were due" is told that it counts ships.
    """
    rest = _QUESTION_WORDS.sub("", right, count=1)
    if (later := _ONLY_TIME.fullmatch(rest)) and left.lower().startswith(right[: -len(rest)].lower()):
        return f"{_TIME.sub('', left)} {later['time']}"
    opens = (_ALIGNS.match(rest) and not _OF_THE_FIRST.match(rest)) or _STANDS_IN.match(rest)
    whole = right
    if opens:
        time = _TIME_LAST.search(left) if _AT_TIME.match(rest) else None
        whole = _aligned(left, rest, str.rfind) or (f"{left[: time.start()]} {rest}" if time else right)
    if opens and _PREPOSITIONS.match(f" {rest}", 1) and (at := _same_prepositions(left, rest)) is not None:
        whole = f"{left[:at]}{rest}"
    out, meant = _LEFT_OUT.fullmatch(rest), _MEANT.search(left)
    if out:
        if not meant or bool(out["be"]) is not bool(meant["be"]):
            return right
        whole = f"{whole} {meant['done']}"
    counted, again = _COUNTED.match(left), _UNCOUNTED.match(whole)
    if counted and again and counted["asked"].lower() == again["asked"].lower():
        whole = f"{again.group()}{counted['noun']}{whole[again.end() :]}"
    of_one = _ABOUT_ONE.fullmatch(left)
    whole = f"{whole} {of_one['rest']}" if of_one and _ONLY_ONE.fullmatch(whole) else whole
    return named_again(left, whole)


def named_again(left: str, right: str) -> str:
    """Put what "the one in Chad" stands for in its place: the left's noun before the same preposition."""
    one = _THE_ONE.search(right)
    noun = re.search(rf"\bthe (?:[\w'’-]+ ){{1,2}}?{one['link']}\b", left) if one else None
    return f"{right[: one.start()]}{noun.group()}{right[one.end() :]}" if one and noun else right


def compared(left: str, right: str) -> tuple[str, str]:
    """Give two that are compared what they share: "turnout in 2019" and "2023", "the 2019" and "2023 elections"."""
    own, other = _OWN.fullmatch(left), _OF_ONE.fullmatch(re.sub(r"['’]s?$", "", right))
    if own and other and other["name"] != right:
        return left, f"{other['name']}'s {own['rest']}"
    if (year := _YEAR_LAST.fullmatch(left)) and (later := _YEAR_FIRST.fullmatch(right)):
        return f"{left}{later['tail']}", f"{year['head']}{right}"
    if re.fullmatch(NAME, left, re.IGNORECASE) and (tail := _NAME_FIRST.fullmatch(right)):
        return f"{left}{tail['tail']}", right
    if _ONE_THING.fullmatch(right) and (before := _BEFORE_ONE.fullmatch(left)):
        return left, f"{before['head']}{right}"
    return left, right


def repeated(sentence: str) -> str:
    """Say the preposition of dates with each of them: "in 2021 and 2023" -> "in 2021 and in 2023".

    "In 2021 and 2022" is one time, and so is "between the spring of 2021 and May 2023".
    """

    def each(found: re.Match[str]) -> str:
        years = _IN_YEARS.fullmatch(found.group())
        if _FROM_ONE.search(sentence[: found.start()]) or (years and int(years[2]) - int(years[1]) == 1):
            return found.group()
        return " and ".join(f"{found['of']} {date.group()}" for date in _DATE.finditer(found["dates"]))

    return _DATES.sub(each, sentence)


def stood_in(left: str, right: str) -> str:
    """Put what "those of 2023" stands for in its place: the left's words before the same preposition."""
    match = _STANDS_IN.match(right)
    if match is None:
        return right
    rest = right[match.end() :].strip()
    dated = re.search(rf" (?:in|of|for) {DATE}", left, re.IGNORECASE) if _DATE.search(rest) else None
    return _aligned(left, rest, str.find) or (f"{left[: dated.start()]} {rest}" if dated else right)


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
    if (at := _same_prepositions(before, right)) is not None:
        return at
    last = places[-len(mine) :]
    same = next((start for start, word in reversed(places) if word == mine[0]), None)
    return same if same is not None or not 1 < len(mine) <= len(places) else last[0][0]


def _same_prepositions(before: str, right: str) -> int | None:
    """Return where the last prepositions before begin, where these are those of the right."""
    mine = [word.lower() for word in _PREPOSITIONS.findall(f" {right}")]
    last = list(_PREPOSITIONS.finditer(before))[-len(mine) :]
    return last[0].start() if mine and [word.group().lower() for word in last] == mine else None


def shared_tail(left: str, right: str) -> str:
    """Give "in the Swedish" what it shares with "in the Taiwanese case", and "in May" the year of "in June 2023".

    A date shares what follows the other one, and a name of several words only what a preposition opens.
    """
    one, other = left.partition(" ")[2], right.partition(" ")[2]
    if _DATE.fullmatch(one):
        after = _AFTER_DATES.fullmatch(other)
        return f"{left}{after['tail']}" if after else left
    rest, alone = _OTHER_OF_THEM.fullmatch(other), _ONE_OF_THEM.fullmatch(one)
    if not rest or not alone or (_LONG_NAME.fullmatch(one) and not re.match(rf" {PREPOSITION}\b", rest["tail"])):
        return left
    return f"{left}{rest['tail']}"
