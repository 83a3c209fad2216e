"""A question of several parts to questions that can be asked one by one.

Only forms that say so are split: two question words ("who …, and when …") or a question and a check on it ("…, and was
it kept"), some of those who did another thing, two things that are compared or to be named, prepositions that come
again ("in May 2022 and at sea in July 2023"), and two names or adjectives under a plural ("the Finnish and the Swedish
papers"). Where it is in doubt the question stays whole.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from rag.halves import (
    AUXILIARY,
    NAME,
    PREPOSITION,
    WH,
    asks,
    compared,
    completed,
    named_again,
    opening_again,
    particular,
    repeated,
    shared_tail,
    stood_in,
    with_topic,
)
from rag.lexicon import analyse

MAX_PARTS = 4
MOST_CHARACTERS = 500
"""Longer questions are asked as one."""

Halves = tuple[str, str]

_AGAIN = r"(?:(?:then|again|later|once more|also|if (?:so|not|yes)),? )*"
_LINKS = rf"(?:and|but),? {_AGAIN}"
_POLITELY = (
    r"(?:(?:(?:can|could|will|would) (?:you|u) )?(?:please )?(?:list|tell|give|state|explain|describe)"
    r"|do (?:you|we) know|i(?:['’]d| would)? (?:like|want|need) to know)"
)
_INVERTED = rf"{WH} (?:(?!(?:it|he|she|they)\b)\w+ ){{0,2}}{AUXILIARY}\b"
_SUBJECT = (
    r"(?:(?:it|he|she|they|there|the|this|that|these|those|any(?:one|body)?|its|his|her|their|all|some|both)\b"
    r"|(?-i:[A-Z]))"
)

_GOES_ON = r"(?:(?:and|but|also|then|next|finally|secondly),? )*"
_NEXT_QUESTION = re.compile(rf"(?<=\?)\s+(?={_GOES_ON}(?:(?:{PREPOSITION} )?{WH}|{AUXILIARY})\b)", re.IGNORECASE)
_LINK = re.compile(rf"^(?:first(?:ly)?, |{_GOES_ON})", re.IGNORECASE)
_OTHER_LINK = re.compile(
    rf"(,?) (?:&|plus|as well as|/|[-–—] and|(?<=, )(?:also|then)) (?=(?:{PREPOSITION} )?{WH}\b)", re.IGNORECASE
)
_THANKS = re.compile(r",? (?:please|pls|thanks)$", re.IGNORECASE)
_TWO_WH = re.compile(
    rf"(?P<left>(?:(?:{PREPOSITION} )?{WH}|name|{_POLITELY}"
    rf"|{AUXILIARY}(?=.* (?:{_LINKS}{_INVERTED}|and,? if (?:so|not),? {WH})))\b.+?\w)(?P<comma>[,;:]?) {_LINKS}"
    rf"(?P<right>(?:{PREPOSITION} )?{WH}\b.+)",
    re.IGNORECASE,
)
_AND_WHETHER = re.compile(
    rf"(?P<left>.*\b{WH}\b.+?\w)(?P<comma>,)? and (?P<right>{AUXILIARY} (?(comma){_SUBJECT}|(?:it|he|she|they)\b).+)",
    re.IGNORECASE,
)
_DANGLES = re.compile(
    rf"\b(?:{WH}|{AUXILIARY}(?: for| against)?)$|^(?:(?!\b{AUXILIARY}\b).)*\b(?:for|against)$"
    r"|^(?:in|on|at) (?:which|what) \w+$",
    re.IGNORECASE,
)
_DONE = re.compile(rf"\b{AUXILIARY}\b.+ (?:have|do)$|^{_POLITELY}\b.* {WH} .+ (?:is|are|was|were)$", re.IGNORECASE)
_ONLY_NOUN = re.compile(rf"(?:which|what|whose|how many|how much) (?!{AUXILIARY}\b)[\w'’-]+(?<!ed)", re.IGNORECASE)
_ITS_VERB = re.compile(
    rf"(?:which|what|whose|how many|how much) (?:(?!{AUXILIARY}\b)[\w'’-]+ ){{1,3}}(?P<verb>{AUXILIARY}\b.+)",
    re.IGNORECASE,
)
_VAGUE = re.compile(r"what (?:(?:be)?came|\w+ed)(?: (?:of|to|for|from))?(?: \w+)?", re.IGNORECASE)
_SAYS = re.compile(
    rf"(?:{PREPOSITION} )?{WH}\b.*\b(?:say|says|said|tell|told|explain|explained|claim|claimed)\b", re.IGNORECASE
)
_SAID = re.compile(rf"{WH} (?:it|he|she|they)\b", re.IGNORECASE)
_BARE = re.compile(
    rf"(?:who|what) (?!{AUXILIARY}\b)\w+|(?:which|what|how many) (?!{AUXILIARY}\b)\w+ (?!{AUXILIARY}\b)\w+",
    re.IGNORECASE,
)
_IN_A_ROW = re.compile(
    rf"[,;] (?=how\b|what\b.* {AUXILIARY}\b|what {AUXILIARY}\b|(?:when|where|why) {AUXILIARY}\b)", re.IGNORECASE
)
_ASKS = re.compile(rf"(?:{PREPOSITION} )?{WH}\b(?<!when)|when {AUXILIARY}\b", re.IGNORECASE)
_NAMED = re.compile(
    r"(?:please )?(?:name|list|give(?: me)?|tell me|state) (?P<left>.+?),? and "
    r"(?P<right>(?:the|those|all) .*\b(?:that|who|which) .+)",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"\b(?:that|who|which)\b", re.IGNORECASE)
_TWO_COMPARED = re.compile(
    r"(?:please )?(?:compare|contrast) "
    r"(?P<head>(?:(?:(?! and ).)+ (?:of|in|by|from|on|towards?|with|to)|how|what|why) )?"
    rf"(?P<left>{NAME}(?P<s>['’]s?)?) and (?P<right>{NAME}(?(s)['’]s?|(?!['’])))"
    rf"(?P<tail>(?! with )(?: (?:(?!['’]| with ).)+)?)",
    re.IGNORECASE,
)
_COMPARED = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        r"(?:please )?(?:compare|contrast) (?P<left>(?:(?! and ).)+?) (?:with|against) "
        r"(?P<right>(?:those|that|the|his|her|its|their)\b.+|(?:(?! and ).)+)",
        r"(?:please )?(?:compare|contrast) (?P<left>(?:(?!\bbetween\b).)+?) and (?P<right>(?:(?! with ).)+)",
        r"(?:please )?(?:compare|contrast) (?P<left>(?:(?! and ).)+?) to (?P<right>(?:(?! and ).)+)",
        rf"{WH}(?:['’]?s)? .*\bdifferences? between (?P<left>.+?) and (?P<right>.+)",
        r"how (?:do|does|did) (?P<left>.+?) (?:differ|compare) (?:from|with|to) (?!(?:others|before|elsewhere)$)"
        r"(?P<right>.+)",
    )
)
_ALSO = r"(?:also|later|then|still|now|already)"
_OF_SOME = re.compile(
    r"(?:which|who) of (?P<noun>(?:the |these |those )?(?:[\w'’-]+ ){0,3}?[\w'’-]+) (?:that|which|who) "
    rf"(?P<clause>[^,?]+?)(?<! and) "
    rf"(?P<aux>(?:(?:have|has|had|are|is|were|was) )?(?={_ALSO} )|(?:have|has|had) (?=since )"
    rf"|(?:have|has|had|are|is|were|was|did|do|does) not )(?:(?:{_ALSO}|since|yet) )?(?P<rest>[^?]*\w{{3}}[^?]*)",
    re.IGNORECASE,
)
_OF_SOME_WHICH = re.compile(
    r"of (?P<noun>(?:the |these |those )?(?:[\w'’-]+ ){0,3}?[\w'’-]+) (?:that|which|who) (?P<clause>[^,?]+), "
    rf"(?:which|who) (?P<aux>(?:have|has|had|are|is|were|was|did) |(?={_ALSO} ))(?:(?:{_ALSO}|since) )?"
    r"(?P<rest>[^,?]*\w{3}[^,?]*)",
    re.IGNORECASE,
)
_WHICH_FIRST = re.compile(
    r"(?P<head>.*\b(?:what|which)\b.*\b(?:first|sooner|earlier|later|last)\b[^,:]*)[,:] "
    r"(?P<left>.+?),? or (?P<right>.+)",
    re.IGNORECASE,
)
_ONLY_NAME = re.compile(r"[A-Z][\w-]+(?: [A-Z][\w-]+)*")
_ONLY_ADJECTIVE = re.compile(r"(?:the )?[A-Z][\w-]+")
_ADJECTIVE_FIRST = re.compile(r"(?:the )?[A-Z][\w-]+(?P<tail> .+)")
_AND_PREPOSITION = re.compile(rf",? (?P<link>and|or) {_AGAIN}(?P<preposition>{PREPOSITION}) (?!{WH}\b)", re.IGNORECASE)
_COMPARATIVE = re.compile(
    r"\b(?:more|less|fewer|better|worse|(?:high|low|larg|small|bigg|great|strong|weak|earli|lat|soon|long|short|clos"
    r"|old|young|rich|poor|fast|slow|cheap|deadli|wid)er)\b",
    re.IGNORECASE,
)
_IN_COMMON = re.compile(r"\b(?:in common|combined|together|jointly)\b", re.IGNORECASE)
_TWO_ADJECTIVES = re.compile(
    r"(?P<head>.*\bthe )(?P<left>[A-Z][\w-]+) and (?P<the>the )?(?P<right>[A-Z][\w-]+)(?P<tail> [a-z].+)"
)
_TWO_NAMES = re.compile(
    r"(?P<head>(?:.* )?(?!and |the )(?![A-Z])[^\s,]+ )(?P<left>(?:the )?[A-Z][\w-]+(?: [A-Z][\w-]+)*) and "
    r"(?P<right>(?:the )?[A-Z][\w-]+(?: [A-Z][\w-]+)*)(?P<tail>,? each\b.*| .*\b(?:each|respectively))"
)
_DEMONYM = re.compile(r"(?:an|ese|ish|ch|i|sh|eek|wiss|ic)$")
_JOINT = re.compile(
    r"\b(?:agree[ds]?|met|meet|share[ds]?|divide[ds]?|discuss\w*|between|common|combined|together|total|joint(?:ly)?"
    r"|link\w*)\b",
    re.IGNORECASE,
)
_EACH = re.compile(r",? (?:each|respectively)\b")
_PLURAL = re.compile(
    r"\b(?:which|what) (?!(?:is|was|has|does)\b)[a-z]+s\b|\b(?:each|both|respective|respectively)\b", re.IGNORECASE
)
_AFTER_LEAD = re.compile(
    rf"(?P<lead>(?:{PREPOSITION}|according to|as of|(?:when|while|once)(?! {AUXILIARY}\b)) (?:(?!\b{WH}\b)[^,?.:;])+, )"
    rf"(?P<rest>(?:{PREPOSITION} )?(?:{WH}|{AUXILIARY})\b.+)",
    re.IGNORECASE,
)
_THEN_ASKED = re.compile(rf"\. (?={WH}\b)", re.IGNORECASE)


def parts(question: str) -> tuple[str, ...]:
    """Return the questions that a question is made of, each to be understood alone; itself when it is one.

    "Who led Niger in 2022, and who in 2024?" -> "Who led Niger in 2022?", "Who led Niger in 2024?"
    "Compare the talks in Jeddah with those in Geneva." -> "the talks in Jeddah?", "the talks in Geneva?"
    "Who met Putin, and when did they meet?" -> "Who met Putin?", "Putin: when did they meet?"
    "Which of the states that joined also signed?" -> "Which states joined?", "Which states signed?"
    """
    if len(question) > MOST_CHARACTERS:
        return (question,)
    asked = [re.sub(r"\s+", " ", text).strip(" ?!.") for text in _NEXT_QUESTION.split(question.strip())]
    asked = [_OTHER_LINK.sub(r"\1 and ", _THANKS.sub("", text)) for text in asked]
    bare = [_LINK.sub("", one) for one in asked] if len(asked) > 1 else asked
    if not all(map(asks, bare[1:])):
        return (question,)
    later = [with_topic(before, one) for before, one in pairwise(bare)]
    found = _all([bare[0], *later])
    return tuple(f"{part}?" for part in found) if 1 < len(found) <= MAX_PARTS else (question,)


def _all(asked: Sequence[str]) -> list[str]:
    """Split questions until none can be split; none is returned where that takes more steps than parts could need."""
    todo, found = list(reversed(asked)), dict[str, None]()
    for _ in range(4 * MAX_PARTS):
        if not todo:
            return list(found)
        one = todo.pop()
        if halves := _halves(one):
            todo += reversed(halves)
        else:
            found[one] = None
    return []


def _halves(sentence: str) -> Halves | None:
    made = (form(sentence) for form in _FORMS)
    return next((halves for halves in made if halves and all(map(_closes_quotes, halves))), None)


def _closes_quotes(half: str) -> bool:
    return half.count('"') % 2 == 0 and half.count("“") == half.count("”")


def _of_comparison(sentence: str) -> Halves | None:
    if of_two := _TWO_COMPARED.fullmatch(sentence):
        head, tail = of_two["head"] or "", of_two["tail"]
        return f"{head}{of_two['left']}{tail}", f"{head}{of_two['right']}{tail}"
    match = next((m for form in _COMPARED if (m := form.fullmatch(sentence))), None)
    if match is None:
        return None
    left, right = compared(match["left"], stood_in(match["left"], match["right"]))
    return left, with_topic(left, right)


def _of_order(sentence: str) -> Halves | None:
    """Split "which came first, A or B" into when each was; names and numbers before it are told with both."""
    match = _WHICH_FIRST.fullmatch(sentence)
    if match is None:
        return None
    head, left, right = analyse(match["head"]), match["left"], re.split(r"[.?] ", match["right"])[0]
    if head.names and _ONLY_NAME.fullmatch(left) and _ONLY_NAME.fullmatch(right):
        return None  # "which recognised Palestine first, Spain or Ireland" is no question of when either was
    right = named_again(left, right)
    shared = _ADJECTIVE_FIRST.fullmatch(right)
    if shared and _ONLY_ADJECTIVE.fullmatch(left):
        left += shared["tail"]
    told = [*(w.text for run in head.names for w in run), *(w.text for w in head.words if w.text.isdigit())]
    about = f" ({' '.join(dict.fromkeys(told))})" if told else ""
    return f"When was {left}{about}", f"When was {right}{about}"


def _of_some(sentence: str) -> Halves | None:
    """Split "which of the states that joined also signed" into who did the one and who did the other."""
    match = _OF_SOME.fullmatch(sentence) or _OF_SOME_WHICH.fullmatch(sentence)
    if match is None:
        return None
    noun = re.sub(r"^(?:the|these|those) |^those$", "", match["noun"], flags=re.IGNORECASE) or "ones"
    return f"Which {noun} {match['clause']}", f"Which {noun} {match['aux']}{match['rest']}"


def _of_two_question_words(sentence: str) -> Halves | None:
    match = _TWO_WH.fullmatch(sentence) or _AND_WHETHER.fullmatch(sentence)
    if match is None:
        return None
    left, right = match["left"], completed(match["left"], match["right"])
    if _ONLY_NOUN.fullmatch(left) and (verb := _ITS_VERB.fullmatch(right)):
        left = f"{left} {verb['verb']}"  # "which bank and which insurer were fined"
    unfinished = not match["comma"] and _BARE.fullmatch(left) and not particular(left)  # "who won and who lost it"
    if unfinished or (_DANGLES.search(left) and not _DONE.search(left)) or not asks(right):
        return None
    if _SAYS.match(left) and _SAID.match(right):
        return None  # "what did he say about the war and how it should end"
    told = with_topic(left, right)
    return None if told == right and _VAGUE.fullmatch(right) else (left, told)


def _of_a_row(sentence: str) -> Halves | None:
    """Split "how many came, how many stayed" at the comma; before "who" or "which" it may begin a clause."""
    left, *more = _IN_A_ROW.split(sentence, maxsplit=1)
    if not more or not _ASKS.match(left) or _DANGLES.search(left) or not asks(more[0]):
        return None
    return left, with_topic(left, more[0])


def _of_names(sentence: str) -> Halves | None:
    match = _NAMED.fullmatch(sentence)
    if match is None or not (_CLAUSE.search(match["left"]) or particular(match["left"])):
        return None  # "the ministers and the generals who resigned" share their clause
    return match["left"], named_again(match["left"], match["right"])


def _of_a_preposition(sentence: str) -> Halves | None:
    """Split where prepositions come again after "and", or "or" where two are compared: before names or numbers."""
    if _IN_COMMON.search(sentence):
        return None
    sentence = repeated(sentence)
    for match in _AND_PREPOSITION.finditer(sentence):
        right, *asked = _THEN_ASKED.split(sentence[match.start("preposition") :], maxsplit=1)
        at = opening_again(sentence[: match.start()], right)
        if at is None or (match["link"].lower() == "or" and not _COMPARATIVE.search(sentence)):
            continue
        head, left = sentence[:at], sentence[at : match.start()]
        preposition, _, rest = right.partition(" ")
        right = f"{preposition} {stood_in(left.partition(' ')[2], rest)}"
        tail = "".join(f". {text}" for text in asked)
        if particular(left) and particular(right):
            return f"{head}{shared_tail(left, right)}{tail}", f"{head}{right}{tail}"
    return None


def _of_adjectives(sentence: str) -> Halves | None:
    match = _TWO_NAMES.fullmatch(sentence) or _adjectives(sentence)
    if match is None:
        return None
    head, tail = match["head"], _EACH.sub("", match["tail"])
    return f"{head}{match['left']}{tail}", f"{head}{match['right']}{tail}"


def _after_lead(sentence: str) -> Halves | None:
    """Split what is asked after "in 2023," or "after the coup,", which both halves keep."""
    match = _AFTER_LEAD.fullmatch(sentence)
    halves = _halves(match["rest"]) if match else None
    return (f"{match['lead']}{halves[0]}", f"{match['lead']}{halves[1]}") if match and halves else None


def _adjectives(sentence: str) -> re.Match[str] | None:
    """Find "the Finnish and the Swedish papers" in a question for several; "the Belt and Road loans" are one thing."""
    match = _TWO_ADJECTIVES.fullmatch(sentence)
    if match is None or not _PLURAL.search(sentence) or _JOINT.search(sentence):
        return None
    return match if match["the"] or all(_DEMONYM.search(match[half]) for half in ("left", "right")) else None


_FORMS = (
    _of_comparison,
    _of_order,
    _of_some,
    _of_two_question_words,
    _of_a_row,
    _of_names,
    _of_a_preposition,
    _of_adjectives,
    _after_lead,
)
