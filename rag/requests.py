"""What a person wants: mostly an answer from the briefs (None here), else small talk, a list of briefs, or a digest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from rag.lexicon import NUMBER_WORDS

Kind = Literal["greeting", "thanks", "help", "briefs", "digest", "news", "mentions", "sources"]


@dataclass(frozen=True, slots=True)
class Request:
    """A wish that no single passage answers.

    Attributes:
        kind: `briefs` asks which briefs there are, `digest` for the gist of some, `news` for the newest of some,
            `mentions` for the sentences that name a subject, `sources` which briefs the last answer rests on.
        about: what the briefs are to be about; empty for all.
        this: place, from 1, of the brief that is meant among those that the last answer rests on or lists, the last
            is -1; None where briefs are meant by subject.
        those: places of the briefs that are meant, where there are several; ALL for all of them.
    """

    kind: Kind
    about: str = ""
    this: int | None = None
    those: tuple[int, ...] = ()


ALL = (0,)
_POLITE = r"(?:(?:please|pls|could you|can you|would you|will you)\s+)*"
_BRIEFS = r"(?:briefs?|briefings?|documents?|reports?)"
_OWN = r"(?:briefs?|briefings?)"
"""What the corpus alone holds: reports may also be what a question to the briefs is about."""
_NAMING = r"(?:mention|cover|discuss|concern|deal with|talk about|refer to|speak (?:of|about)|touch (?:on|upon))s?"
_ON = rf"(?:on|about|regarding|concerning|covering|related to|that {_NAMING}|mentioning|from)"
_ABOUT = r"(?P<about>\S+(?: \S+){0,7})"
_ASKS = (
    "who whom whose what which when where why how whether if that is are was were be been did do does has have had will"
    " would can could after before during while under it its he him his she her they them their this these those"
)
_WORD = rf"(?!(?-i:{'|'.join(_ASKS.split())})\b)\S+"
"""A word of a subject; those left out make a question of what they stand in, or refer to one before it."""
_SUBJECT = rf"(?P<about>{_WORD}(?: {_WORD}){{0,7}})"
_NAMED = rf"(?P<about>{_WORD}(?: {_WORD}){{0,3}})"
_PLAIN = r"(?!\S*['’])" + _WORD
_PLACES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_PLACE = rf"(?:{'|'.join(_PLACES)}|last|[1-9](?:st|nd|rd|th)|10th)"
_NUMBER = r"(?:[1-9]\d?|one|two|three|four|five|six|seven|eight|nine|ten)"
_COUNTED = (
    rf"(?:the {_PLACE}(?: brief| document| report| one)?"
    rf"|(?:the )?(?:brief|document) (?:number |no\.? ?|#)?[1-9]\d?|number {_NUMBER})"
)
_NTH = rf"(?P<place>{_COUNTED})"
_THIS = rf"(?:(?:this|that|the same|it)(?: brief| document| report| one)?|{_NTH})"
_SAYS = r"(?:say|mention|report|state|tell|describe|give|speak|claim|quote|cite)s?"
_ASKED_OF = r"(?:according to|in|of|from|by|per)"
_AFTER_BRIEF = (
    "do does did is are was has have can will who whom whose what which when where why how about on of that to and or"
    " there it as also from for published dated"
)
_FOLLOWS = rf"(?=\W*$|[?!.,;:]| (?:{_SAYS}|{'|'.join(_AFTER_BRIEF.split())})\b)"
_BRIEF = rf"brief{_FOLLOWS}"
"""The noun, which what may follow it tells from the adjective of "that brief truce"."""
_MEANT = re.compile(
    rf"(?:,? ?\b{_ASKED_OF} )?\b(?:(?P<place>the {_PLACE} (?:{_BRIEF}|one(?= {_SAYS}\b))"
    rf"|(?<=according to )the {_PLACE} one|brief (?:number |no\.? ?|#)?[1-9]\d?{_FOLLOWS}"
    rf"|number {_NUMBER}(?= {_SAYS}\b))|(?:this|that|the same) {_BRIEF})",
    re.IGNORECASE,
)
_ITS = r"(?:this|that|the same)"
_HERE = r"(?: (?:in|of) (?:the|your|this) (?:corpus|archive|collection|index|library))?"

_HI = r"(?:hi|hello|hey|hiya|howdy|greetings|good (?:morning|afternoon|evening|day)|how are you(?: doing)?(?: today)?)"
_THANKS = r"(?:thanks|thank you|thank u|thx|ty|cheers|many thanks)"
_PRAISE = (
    r"(?:ok|okay|great|perfect|good|nice|super|excellent|cool|awesome|brilliant|lovely|wonderful|wow|alright|all right"
    r"|fair enough|understood|got it|i see|(?:good|great|nice) (?:job|work|stuff)|well done|very good|much appreciated"
    r"|that helps|that will do"
    r"|(?:that's|that is|that was) (?:(?:very|really|so) )?"
    r"(?:all(?: for (?:now|today))?|helpful|useful|great|good|perfect))"
)
_BYE = r"(?:bye|goodbye|good night|see you(?: later| soon)?|have a (?:nice|good|great) (?:day|evening|weekend))"
_MUCH = r"(?: (?:a lot|a bunch|very much|so much|indeed|again|mate|geobrief))*"
_TO_YOU = r"(?:you|geobrief|this (?:tool|chat|app|bot|thing)|i use (?:you|this|it|geobrief|this (?:tool|chat)))"
_TONGUE = (
    r"(?:english|french|german|spanish|italian|portuguese|russian|ukrainian|arabic|chinese|turkish|other languages)"
)
_CHAT: tuple[tuple[Kind, str], ...] = (
    ("greeting", rf"{_HI}(?: (?:there|everyone|all|again|geobrief))?(?: {_HI})?(?: nice to meet you)?"),
    (
        "thanks",
        rf"(?:(?:{_PRAISE}|no|yes|{_BYE}|{_THANKS}{_MUCH}) )*(?:{_PRAISE}|{_BYE}"
        rf"|{_THANKS}{_MUCH}(?: for (?:that|this|the|your|all)(?: \w+){{0,3}})?)(?: geobrief)?",
    ),
    (
        "help",
        r"help(?: me)?|what (?:can|do) you do(?: for me)?|what are you able to do|who are you|what are you"
        r"|what(?:'s| is) (?:geobrief|this(?: tool| chat| app)?)|who (?:made|built|created) you"
        rf"|how (?:do|does|can|should) {_TO_YOU} ?(?:work)?|how can you help(?: me)?"
        r"|(?:can|could) you help(?: me)?(?: with (?:something|this))?"
        r"|are you (?:a |an )?(?:ai|bot|robot|machine|human|person|chatgpt|llm|language model)"
        r"|what (?:can|should|could) i ask(?: you)?(?: here| about)?"
        r"|what (?:sort|kind|kinds|sorts) of (?:questions?|things?) can (?:i ask|you answer)(?: you)?"
        r"|(?:give|show) me (?:an |some |a few )?examples?(?: questions?)?|examples"
        r"|(?:can|may|could) i ask(?: you)? (?:a question|something)|i have a question"
        rf"|what languages? (?:do|can) you (?:speak|understand|know)|(?:do|can) you (?:speak|understand) {_TONGUE}",
    ),
)
_AFTER_CHAT = re.compile(
    rf"(?:(?:hi|hello|hey|hiya)(?: there| geobrief)?[,.!:;]*|(?:ok|okay)[,.!]*(?= (?:{_THANKS}|now)\b)"
    rf"|(?:{_HI}|{_PRAISE}|{_THANKS}{_MUCH}(?: for(?: \w+){{1,4}})?|sorry|right|well|now|no|let me rephrase)"
    r"(?<!ok)(?<!okay)[,.!:;]+) +",
    re.IGNORECASE,
)
_ASIDE = re.compile(
    r"(?:,? (?:please|pls|for me|thanks|thank you|briefly"
    r"|in (?:a few|one|two|three|five) (?:sentences?|words|points))){1,3}$",
    re.IGNORECASE,
)
_CORPUS = r"(?:the |your |this )?(?:corpus|archive|collection|index|library)"
_ALL = rf"(?:you|{_CORPUS}|(?:the|your) (?:briefs|data))"
_COVERED = r"(?:(?:time )?period|topics|subjects|stories|dates|years|regions|countries|sources)"
_HAVE = r"(?: (?:do you have|are there|is there|have you(?: got)?|you have|you've got|there are|exist|are available))"
_WHOSE = r"(?: of)?(?: the| your)?"
_SEEK = (
    r"(?:(?:list|show|find|give|get)(?: me)?(?: a list of)?|i(?:'d| would) like(?: to see| a list of)?"
    r"|i(?:'m| am) looking for|i (?:want|need)(?: to see)?)"
)
_HELD = rf"(?:do you have|have you(?: got)?|you got|got|is there|does {_CORPUS} (?:have|hold|contain)|{_SEEK})"
_LISTS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"{_POLITE}{_SEEK}(?: all)?{_WHOSE} {_BRIEFS}{_HAVE}?{_HERE}(?: {_ON} {_SUBJECT})?",
        rf"{_POLITE}(?:which|what|how many){_WHOSE} {_BRIEFS}{_HAVE}{_HERE}(?: in total)?(?: {_ON} {_SUBJECT})?",
        rf"{_POLITE}(?:which|what|how many){_WHOSE} {_BRIEFS}(?: are)?{_HERE}(?: {_ON} {_NAMED})?",
        rf"(?:(?:which|what|how many){_WHOSE}|do any(?: of)?(?: the| your)?) {_OWN}"
        rf" (?:{_NAMING}|are (?:about|on)|(?:(?:were|are) )?(?:published (?:in|on)|written (?:in|on)|dated)) {_NAMED}",
        r"(?:which|what|how many) briefs (?:were|have been) (?:published|added)",
        rf"(?:do(?:es)?) (?:you|{_CORPUS}) {_NAMING} {_NAMED}",
        r"(?:(?:are there|is there|do you have|have you(?: got)?)(?: any| a)?|any)"
        rf" {_BRIEFS}{_HERE}(?: {_ON} {_SUBJECT})?",
        rf"{_POLITE}(?:{_HELD} )?(?:any|some|every)thing(?: else)?{_HAVE}?{_HERE} (?:on|about) {_SUBJECT}",
        rf"{_POLITE}{_SEEK} what(?:ever)? you(?:'ve| have)(?: got)? (?:on|about) {_SUBJECT}",
        rf"what(?: else)? (?:do you have|is there|have you got){_HERE}(?: {_ON} {_SUBJECT})?",
        rf"(?:all |the |all the )?{_OWN} (?:on|about|from|mentioning|covering) {_SUBJECT}",
        rf"(?:what(?:'?s| is) in|what does) {_CORPUS}(?: (?:cover|contain|hold|have))?",
        rf"(?:what|which) {_COVERED} (?:do(?:es)? {_ALL} (?:cover|have|hold|know|go back to)|are (?:covered|there))",
        rf"how (?:big|large|old|recent|current|up[ -]to[ -]date) (?:is|are) {_ALL}|how far back (?:do|does) {_ALL} go",
        rf"when (?:was|were) {_ALL} last updated|what(?:'?s| is) your (?:knowledge )?cut-?off(?: date)?",
        rf"(?:(?:what(?:'?s| is| are)|{_SEEK}) )?(?:the |your )?(?:newest|latest|most recent|oldest) {_OWN}"
        rf"(?: you have)?(?: {_ON} {_SUBJECT})?",
        r"what(?:'?s| is) (?:the |your )?(?:newest|latest|most recent|oldest) (?:document|report)(?: you have)?",
    )
)
_GIST = (
    r"(?:a |an |the |your )?(?:short |brief |quick |one-line )?"
    r"(?:summary|overview|digest|gist|tl;?dr)"
)
_MATTER = (
    r"(?:(?:(?:the )?(?:(?:current|latest|recent|overall) )?(?:latest|situation|state of play|state of affairs"
    r"|developments|events|news)|what(?:'s| is| has been|) (?:happened|happening|going on))"
    r" (?:in|on|about|around|with|of|regarding) )?"
)
"""What says no more than that there is a subject."""
_OF = (
    rf"(?:{_THIS}|(?:(?:everything|what) you have (?:on|about) )?(?:the |all |your )?(?:{_BRIEFS} {_ON} )?"
    rf"{_MATTER}{_ABOUT})"
)
_ONE = rf"(?:{_ITS} (?:brief|document|report)|{_NTH})"
_DIGESTS = tuple(
    re.compile(rf"{_POLITE}{form}", re.IGNORECASE)
    for form in (
        r"(?:sum|summing) (?:it|this|that) up",
        rf"(?:summari[sz]e|sum up|recap|condense)(?: {_OF})?",
        rf"(?:give me |write |provide |(?:i|can i|could i|may i) (?:need|get|have) )?{_GIST}"
        rf"(?: (?:of|on|about) {_OF})?",
        r"(?:what are |give me )?(?:the )?(?:highlights|(?:main |key )(?:points|takeaways|messages))"
        rf" (?:of|from|in) {_ONE}",
        rf"brief me (?:on|about) {_MATTER}{_ABOUT}",
        rf"(?:(?:catch|bring) me up(?: to speed)? on|fill me in on|update me on|i need a brief(?:ing)? on"
        r"|what (?:do you know|can you tell me) about|tell me (?:everything )?about(?! (?:the|an?) ))"
        rf" {_MATTER}{_NAMED}",
        rf"tell me (?:more )?about {_ONE}",
        rf"(?:open|give me|show(?: me)?|read(?: me)?) {_ONE}",
        rf"what (?:does|did) {_ONE} say",
        rf"what(?:'?s| is| was) {_ONE} about",
    )
)
_THEM = (
    r"(?:them(?: all)?|these|both|all|(?:both|all)(?: of)? (?:them|these|the briefs)"
    r"|(?:both|all|the two|these(?: two)?) briefs)"
)
_PAIR = (
    rf"(?P<one>{_COUNTED}) (?:and|with|to|against|(?:differ|compare) (?:from|to|with))"
    rf" (?P<other>{_COUNTED}|{_PLACE}(?: briefs?| one)?)"
)
_SEVERAL = rf"(?:{_PAIR}|{_THEM}|the first (?P<count>two|three|four|five)(?: briefs)?)"
_COMPARED = rf"(?:{_PAIR}|(?:the|these|both) (?:two |first two )?briefs)"
_TOGETHER = tuple(
    re.compile(rf"{_POLITE}{form}", re.IGNORECASE)
    for form in (
        rf"(?:(?:summari[sz]e|sum up|recap) |{_GIST} of ){_SEVERAL}",
        rf"compare {_COMPARED}",
        rf"what(?:'?s| is| are) the differences? between {_COMPARED}",
        rf"(?:how|where) do {_COMPARED} (?:differ|compare)",
        rf"how does {_PAIR}",
    )
)
_MENTIONS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"{_POLITE}what do(?:es)? (?:the |your |all |any )?(?:{_BRIEFS}|corpus|archive) (?:say|tell)s?(?: us| me)?"
        rf" (?:on|about) {_NAMED}",
        rf"(?:where|in (?:which|what) briefs?) (?:is|are) {_NAMED} mentioned",
    )
)
_NEWS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"(?:what(?:'?s| is|'s been| has been| has)? (?:new|changed)"
        r"|(?:is there |are there |have there been )?any(?:thing new|thing changed|(?: new| recent| further)?"
        r" (?:developments?|news|updates?)))"
        rf"(?: (?:on|about|in|with|regarding|around|from|for) {_SUBJECT})?",
        rf"(?:what(?:'?s| is) (?:happening|going on|the state of play|the situation)"
        r"|(?:(?:what(?:'?s| is)|tell me|give me) )?(?:the )?latest(?: news| updates?| developments?)?"
        r"|(?:is there )?(?:the )?(?:recent )?news)"
        rf" (?:on|about|in|with|from) (?P<about>{_PLAIN}(?: {_PLAIN}){{0,2}})",
    )
)
_SOURCES = (
    re.compile(
        r"sources?|what(?:'?s| is| are| was) (?:the|your) sources?(?: (?:for|of) (?:that|this|it))?"
        r"|(?:which|what) briefs? (?:says?|said|is|are) (?:that|this|it|so)(?: from| in)?"
        r"|(?:in|from) (?:which|what) briefs? (?:is|was) (?:that|this|it)"
        r"|where (?:is|was) (?:that|this|it) (?:from|said|written)"
        r"|where did you (?:get|find|read) (?:that|this|it)(?: from)?",
        re.IGNORECASE,
    ),
)
_OTHER = re.compile(
    rf"(?:and |now |(?:what|how) about |(?:the )?same for )*"
    rf"(?:{_NTH}|(?<=(?:and|for|out) )(?:(?:on|about|for) )?(?!(?:compare|then|else|so|more|not)\b){_NAMED})",
    re.IGNORECASE,
)


def brief_meant(question: str) -> tuple[int, str] | None:
    """Tell which of the briefs before a question is asked of, and the question without saying so; None for all.

    "What does the second one say about oil?" -> 2, "What does the brief say about oil?"
    "According to this brief, who signed?" -> 1, "who signed?"

    The place counts from 1; the last is -1.
    """
    match = _MEANT.search(question)
    if match is None or len(re.findall(rf"\b{_COUNTED}\b", question, re.IGNORECASE)) > 1:
        return None
    opens = re.match(rf",? ?{_ASKED_OF} ", match.group(), re.IGNORECASE)
    rest = f"{question[: match.start()]}{'' if opens else 'the brief '}{question[match.end() :]}"
    rest = re.sub(r" (?=[?.!,])", "", " ".join(rest.split()).lstrip(", "))
    return (_place(match["place"]), rest) if any(c.isalnum() for c in rest) else None


def _place(said: str | None) -> int:
    """Return the place that words tell: 2 for "the second one" or "brief 2", -1 for the last, else 1."""
    for word in re.findall(r"\d+|[a-z]+", (said or "").lower()):
        if word == "last" or word.isdigit() or word in NUMBER_WORDS:
            return -1 if word == "last" else int(NUMBER_WORDS.get(word, word))
    return 1


def _places(named: Mapping[str, str | None]) -> tuple[int, ...]:
    """Return the places of several briefs: of "the first two", of "the first and the third"; ALL without any."""
    if count := named.get("count"):
        return tuple(range(1, int(NUMBER_WORDS[count.lower()]) + 1))
    return (_place(named["one"]), _place(named["other"])) if named.get("one") else ALL


def counts_briefs(question: str) -> bool:
    """Whether a question means a brief by its place: "Summarise the second one"."""
    wish = understand(question)
    meant = wish.this or wish.those if wish else brief_meant(question)
    return bool(meant) and re.search(rf"{_NTH}|\bthe first\b", question, re.IGNORECASE) is not None


def asked_again(question: str, before: str) -> str | None:
    """Return what is asked by a question that only names another brief or subject than the one before it.

    "Summarise the second one", "And the third?" -> "Summarise the third brief"
    "Which briefs do you have on Sudan?", "The third one" -> "Summarise the third brief"
    "Which briefs do you have on Sudan?", "And on Chad?" -> "Which briefs do you have on Chad?"
    """
    match = _OTHER.fullmatch(_bare(question))
    if match is None or understand(question):
        return None
    before = " ".join(before.split())
    wish = understand(before)
    if match["place"]:
        place = _place(match["place"])
        nth = f"the {'last' if place < 0 else _PLACES[place - 1]} brief" if place <= len(_PLACES) else match["place"]
        if wish and (wish.kind == "briefs" or wish.those):
            return f"Summarise {nth}"
        return re.sub(_NTH, nth, before, count=1, flags=re.IGNORECASE) if counts_briefs(before) else None
    if wish is None or not wish.about or wish.about not in before:
        return None
    return match["about"].join(before.rsplit(wish.about, 1))


def without_chat(question: str) -> str:
    """Return a question without greetings, thanks and the like before it: "Ok thanks. Who won?" -> "Who won?"."""
    at = 0
    while found := _AFTER_CHAT.match(question, at):
        at = found.end()
    return question[at:] if any(c.isalnum() for c in question[at:]) else question


def _bare(question: str) -> str:
    """Return a question on one line, without what politeness puts around it."""
    plain = " ".join(question.split()).replace("’", "'").strip(" .!?…")
    return _ASIDE.sub("", without_chat(plain)).strip(" ,.!?…")


@lru_cache(maxsize=1_000)
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
    said = re.sub(r"[^\w']+", " ", question.replace("’", "'")).strip()
    for kind, form in _CHAT:
        if re.fullmatch(form, said, re.IGNORECASE):
            return Request(kind)
    plain = re.sub(r"^(?:(?:and|so|but|also|ok|okay)\b,? )+", "", _bare(question), flags=re.IGNORECASE)
    forms: tuple[tuple[Kind, tuple[re.Pattern[str], ...]], ...] = (
        ("sources", _SOURCES),
        ("briefs", _LISTS),
        ("digest", _DIGESTS),
        ("news", _NEWS),
        ("mentions", _MENTIONS),
    )
    if together := next(filter(None, (form.fullmatch(plain) for form in _TOGETHER)), None):
        return Request("digest", those=_places(together.groupdict()))
    for wanted, patterns in forms:
        for pattern in patterns:
            if match := pattern.fullmatch(plain):
                named = match.groupdict()
                about, place = named.get("about") or "", named.get("place")
                if about and not re.search(r"[^\W\d_]|\d{4}", about):
                    return None  # "[2]" is no subject
                return Request(wanted, about, _place(place) if wanted == "digest" and not about else None)
    return None
