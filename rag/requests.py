"""What a person wants: mostly an answer from the briefs (None here), else small talk, a list of briefs, or a digest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["greeting", "thanks", "help", "briefs", "digest", "news", "mentions"]


@dataclass(frozen=True, slots=True)
class Request:
    """A wish that no single passage answers.

    Attributes:
        kind: `briefs` asks which briefs there are, `digest` for the gist of some, `news` for the newest of some,
            `mentions` for the sentences that name a subject.
        about: what the briefs are to be about; empty for all.
        this: place, from 1, of the brief that is meant among those that the last answer rests on or lists; None where
            briefs are meant by subject.
    """

    kind: Kind
    about: str = ""
    this: int | None = None


_POLITE = r"(?:(?:please|could you|can you|would you|will you)\s+)*"
_BRIEFS = r"(?:briefs?|briefings?|documents?|reports?)"
_ON = r"(?:on|about|regarding|concerning|covering|related to|that (?:cover|mention|deal with)|mentioning|from)"
_ABOUT = r"(?P<about>\S+(?: \S+){0,7})"
_ASKS = (
    "who whom whose what which when where why how whether if that is are was were be been did do does has have had will"
    " would can could after before during while under it its he him his she her they them their this these those"
)
_WORD = rf"(?!(?-i:{'|'.join(_ASKS.split())})\b)\S+"
"""A word of a subject; those left out make a question of what they stand in, or refer to one before it."""
_SUBJECT = rf"(?P<about>{_WORD}(?: {_WORD}){{0,7}})"
_NAMED = rf"(?P<about>{_WORD}(?: {_WORD}){{0,3}})"
_PLACES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_NTH = rf"the (?P<place>{'|'.join(_PLACES)})(?: brief| document| report| one)"
_THIS = rf"(?:(?:this|that|the same|it)(?: brief| document| report| one)?|{_NTH})"
_SAYS = r"(?:say|mention|report|state|tell|describe|give|speak|claim)s?"
_ASKED_OF = r"(?:according to|in|of|from|by)"
_AFTER_BRIEF = (
    "do does did is are was has have can will who whom whose what which when where why how about on of that to and or"
    " there it as also from for"
)
_BRIEF = rf"brief(?=\W*$|[?!.,;:]| (?:{_SAYS}|{'|'.join(_AFTER_BRIEF.split())})\b)"
"""The noun, which what may follow it tells from the adjective of "that brief truce"."""
_MEANT = re.compile(
    rf"(?:,? ?\b{_ASKED_OF} )?\b(?:the (?P<place>{'|'.join(_PLACES)}|last) (?:{_BRIEF}|one (?={_SAYS}\b))"
    rf"|(?:this|that|the same) {_BRIEF})",
    re.IGNORECASE,
)
_ITS = r"(?:this|that|the same)"
_HERE = r"(?: (?:in|of) (?:the|your|this) (?:corpus|archive|collection|index|library))?"

_CHAT: tuple[tuple[Kind, str], ...] = (
    (
        "greeting",
        r"(?:hi|hello|hey|greetings|good (?:morning|afternoon|evening|day)|how are you)(?: there| everyone| geobrief)?",
    ),
    (
        "thanks",
        r"(?:(?:ok|okay|great|perfect|good|nice|super|excellent|got it|very good|i see)[,.!]* ?)*"
        r"(?:thanks|thank you|thx|cheers|many thanks|ok|okay|great|perfect|got it|bye|goodbye|see you|i see)"
        r"(?: (?:a lot|very much|so much|again|for (?:that|this|the|your)[\w ]*|geobrief|that's all))?",
    ),
    (
        "help",
        r"help(?: me)?|what (?:can|do) you do|who are you|what are you|what is this|what(?:'s| is) geobrief"
        r"|how (?:do|does|can) (?:you|geobrief|i use (?:you|this|geobrief)) ?(?:work)?"
        r"|what can i ask(?: you)?|what (?:sort|kind|kinds) of questions? can (?:i ask|you answer)",
    ),
)
_CORPUS = r"(?:the |your |this )?(?:corpus|archive|collection|index)"
_COVERED = r"(?:topics|stories|period|dates|years|regions|countries|sources)"
_HAVE = r"(?: (?:do you have|are there|is there|have you(?: got)?|you have|there are|exist|are available))"
_WHOSE = r"(?: of)?(?: the| your)?"
_LISTS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"{_POLITE}(?:list|show)(?: me)?(?: all)?{_WHOSE} {_BRIEFS}{_HAVE}?{_HERE}(?: {_ON} {_SUBJECT})?",
        rf"{_POLITE}(?:which|what|how many){_WHOSE} {_BRIEFS}{_HAVE}{_HERE}(?: {_ON} {_SUBJECT})?",
        rf"{_POLITE}(?:which|what|how many){_WHOSE} {_BRIEFS}{_HERE}(?: {_ON} {_NAMED})?",
        r"(?:(?:are there|is there|do you have|have you(?: got)?)(?: any| a)?|any)"
        rf" {_BRIEFS}{_HERE}(?: {_ON} {_SUBJECT})?",
        rf"what (?:do you have|is there|have you got){_HERE}(?: {_ON} {_SUBJECT})?",
        rf"what (?:is in|does) {_CORPUS}(?: (?:cover|contain|hold|have))?",
        rf"(?:what|which) {_COVERED} (?:do(?:es)? (?:you|{_CORPUS}) (?:cover|have|hold|know)|are (?:covered|there))",
        rf"how (?:big|large|old|recent|up to date) is {_CORPUS}",
        r"what(?:'s| is) (?:the )?(?:newest|latest|oldest) (?:brief|document|report)(?: you have)?",
    )
)
_GIST = r"(?:a |an |the )?(?:short |brief |quick )?(?:summary|overview|digest|gist|tl;?dr)"
_OF = rf"(?:{_THIS}|(?:the |all )?(?:{_BRIEFS} {_ON} )?{_ABOUT})"
_DIGESTS = tuple(
    re.compile(rf"{_POLITE}{form}", re.IGNORECASE)
    for form in (
        rf"(?:summari[sz]e|sum up|recap|condense)(?: {_OF})?",
        rf"(?:give me |write |provide |i need )?{_GIST}(?: (?:of|on|about) {_OF})?",
        rf"brief me on {_ABOUT}",
        rf"tell me (?:more )?about (?:{_ITS} (?:brief|document|report)|{_NTH})",
        rf"what does (?:{_ITS} (?:brief|document|report)|{_NTH}) say",
    )
)
_MENTIONS = (
    re.compile(
        rf"{_POLITE}what do(?:es)? (?:the |your )?(?:{_BRIEFS}|corpus|archive) (?:say|tell)s?(?: us| me)?"
        rf" (?:on|about) {_NAMED}",
        re.IGNORECASE,
    ),
)
_NEWS = tuple(
    re.compile(rf"{form}(?: (?:on|about|in|with|regarding|around|from|for) {_SUBJECT})?", re.IGNORECASE)
    for form in (
        r"what(?:'s| is|'s been| has been| has|'s)? (?:new|changed)",
        r"(?:is there |are there )?any(?:thing new|thing changed| new developments?| news| updates?)",
    )
)


def brief_meant(question: str) -> tuple[int, str] | None:
    """Tell which of the briefs before a question is asked of, and the question without saying so; None for all.

    "What does the second one say about oil?" -> 2, "What does the brief say about oil?"
    "According to this brief, who signed?" -> 1, "who signed?"

    The place counts from 1; the last is -1.
    """
    match = _MEANT.search(question)
    if match is None:
        return None
    said = (match["place"] or "first").lower()
    place = -1 if said == "last" else _PLACES.index(said) + 1
    opens = re.match(rf",? ?{_ASKED_OF} ", match.group(), re.IGNORECASE)
    rest = f"{question[: match.start()]}{'' if opens else 'the brief '}{question[match.end() :]}"
    rest = re.sub(r" (?=[?.!,])", "", " ".join(rest.split()).lstrip(", "))
    return (place, rest) if any(c.isalnum() for c in rest) else None


def understand(question: str) -> Request | None:
    """Tell small talk, questions about the corpus and wishes for a digest from questions to the briefs.

        "Thanks!" -> thanks
        "Which briefs do you have on Sudan?" -> briefs, about "Sudan"
        "Summarise this brief" -> digest of this
        "What has changed on Sudan?" -> news about "Sudan"
        "Which briefs were signed by Putin?" -> None
        "What has changed in how Russia recruits?" -> None

    Only whole questions of a known form are taken, so that a question to the briefs is never lost to another reading.
    """
    plain = " ".join(question.split()).strip(" .!?…")
    for kind, form in _CHAT:
        if re.fullmatch(form, plain, re.IGNORECASE):
            return Request(kind)
    forms: tuple[tuple[Kind, tuple[re.Pattern[str], ...]], ...] = (
        ("briefs", _LISTS),
        ("digest", _DIGESTS),
        ("news", _NEWS),
        ("mentions", _MENTIONS),
    )
    for wanted, patterns in forms:
        for pattern in patterns:
            if match := pattern.fullmatch(plain):
                named = match.groupdict()
                about, place = named.get("about") or "", named.get("place")
                this = _PLACES.index(place.lower()) + 1 if place else 1
                return Request(wanted, about, this if wanted == "digest" and not about else None)
    return None
