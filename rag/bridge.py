"""A question that describes what it asks about: "Who leads the country that hosted the 2024 summit?".

The description becomes a question of its own; the name that answers it is put in its place. Only relative clauses
and "founded by …" after a noun are known, not "the Nigerian president's predecessor".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from rag.answer import Reading
from rag.answer_types import new_names
from rag.lexicon import MONTHS, STANDS_FOR, STOP_WORDS, Word, stem

MAX_HOPS = 2
MAX_NAMES = 3
"""Names that are tried in the place of a description."""

_PLACES = (
    "country state nation republic city town village capital province region county district island continent area"
    " territory location place"
)
_PEOPLE = (
    "person man woman people president minister leader general politician official diplomat envoy ambassador mediator"
    " negotiator commander king queen candidate author actor actress director singer writer performer composer founder"
    " artist player scientist individual judge chancellor premier governor mayor senator colonel"
)
_BODIES = (
    "group party alliance bloc organisation organization association company firm bank agency ministry government"
    " junta army militia movement institution university school council court commission film band book newspaper"
    " treaty agreement pact operation port base mine plant"
)
_ENTITIES = frozenset(f"{_PLACES} {_PEOPLE} {_BODIES}".split())
_DESCRIBED = re.compile(
    r"\bthe (?P<noun>(?:[a-z][\w'’-]* ){0,2}?[a-z][\w'’-]+) "
    r"(?P<link>(?:where|in which|that|which|who|whose) |(?=(?:\w+ed|led|run|held|built|made|won) by \w))"
    r"(?!(?:day|night|week|month|year|time|morning|evening|summer|winter)\b)(?P<clause>[^,?]+)(?P<rest>,? ?.*)"
)
_TOLD = re.compile(r"\b(?:tells?|told|warn\w*|inform\w*|assur\w*|convinc\w*|persuad\w*|remind\w*) $", re.IGNORECASE)
_SUBJECT = re.compile(
    r"(?:^|\b(?:did|does|do|will|would|can|could|has|have|had|is|are|was|were|when|after|before|while|because|if)) $",
    re.IGNORECASE,
)
_AUXILIARY = re.compile(r"\b(did|does|do|will|would|can|could) $", re.IGNORECASE)
_IS = re.compile(r"\b(?:is|are|was|were) $", re.IGNORECASE)
_PLACED = re.compile(
    r"\b(?:is|are|was|were|being) (?:\w+ly )?"
    r"(?:located|found|born|held|based|situated|headquartered|founded|made|signed)"
    r"(?= (?!in\b|by\b|at\b|on\b|of\b|for\b|to\b|after\b|near\b|as\b))"
)
_BARE_VERB = re.compile(
    r" (?=(?:say|do|want|propose|sign|join|become|leave|hold|give|take|make|get|call|ask|offer|accept|reject|refuse"
    r"|agree|promise|announce|demand|win|lose|start|begin|end|send|receive|visit|meet|vote|react|respond|pay|sell|buy"
    r"|export|import|export|close|open|ratify|approve|handle|plan|expect|accuse|blame|name|use|have|gain|fall"
    r"|belong|come|go|pull|face|fare|owe|seek|oppose)\b)"
)
_PARTICIPLE = re.compile(r" (?=(?:\w+ed|born|taken|given|made|held|sent|won|lost|known|chosen|told|named|become)\b)")
_NO_MATTER = frozenset("name names title called know known".split())
_COUNTRIES = frozenset(STANDS_FOR.values())


@dataclass(frozen=True, slots=True)
class Bridge:
    """A question with a description in it.

    Attributes:
        described: asks what the description stands for.
        before, after: the question around the description.
        noun: of the description, such as "country".
    """

    described: str
    before: str
    after: str
    noun: str

    def about(self, name: str) -> str:
        """Return the question with a name in the description's place."""
        return f"{self.before}{name}{self.after}"


def bridge(question: str) -> Bridge | None:
    """Return the last description of a question, or None.

    "Who leads the country that hosted the summit?" -> "Which country hosted the summit?", "Who leads …?"
    """
    question = " ".join(question.split())
    starts = [match.start() for match in re.finditer(r"\bthe ", question)]
    matches = [match for at in reversed(starts) if (match := _DESCRIBED.match(question, at)) and _is_thing(match)]
    return next((found for match in matches if (found := _of(question, match)) and _asks(found)), None)


def names_for(found: Bridge, reading: Reading) -> list[str]:
    """Return names in the best unit that may be what is described, the likeliest first."""
    if not reading.units:
        return []
    runs = [run for run in new_names(found.described, reading.units[0].text) if run[0].text.lower() not in MONTHS]
    told = [run for run in runs if _fits(found.noun, run)] or runs
    return list(dict.fromkeys(" ".join(word.text for word in run) for run in told))[:MAX_NAMES]


def bridged(question: str, read: Callable[[str], Reading], threshold: float) -> list[tuple[str, Reading]]:
    """Return what was asked to answer a question that describes what it asks of, with what reading gave; else nothing.

    Each question but the last asks for a description, and its reading keeps the one unit that names it. Every one is
    answered with at least the threshold's probability.
    """
    asked: list[tuple[str, Reading]] = []
    while len(asked) < MAX_HOPS and (found := bridge(question)):
        first = read(found.described)
        if (first.answerable or 0.0) < threshold:
            break
        tried = [(found.about(name), read(found.about(name))) for name in names_for(found, first)]
        if not tried:
            break
        question, last = max(tried, key=lambda one: one[1].answerable or 0.0)
        asked.append((found.described, replace(first, units=first.units[:1])))
    if not asked or (last.answerable or 0.0) < threshold:
        return []
    return [*asked, (question, last)]


def _is_thing(match: re.Match[str]) -> bool:
    return match["noun"].split()[-1] in _ENTITIES


def _asks(found: Bridge) -> bool:
    """Whether more is asked than what the description stands for: not in "Who was the man who signed it?"."""
    outer = f"{found.before} {found.after}".lower()
    matter = set(re.findall(r"[\w’'-]+", outer)) - STOP_WORDS - _NO_MATTER
    return bool(matter) and re.search(r"\b(?:who|whom|whose|what|which|when|where|why|how)\b", outer) is not None


def _of(question: str, match: re.Match[str]) -> Bridge | None:
    before, clause, rest = question[: match.start()], match["clause"].strip(), match["rest"].strip()
    link = match["link"].strip()
    if link == "that" and _TOLD.search(before):
        return None
    if _SUBJECT.search(before) and not rest.startswith(","):
        parted = _parted(before, clause)
        if not link and (parted is None or not re.search(r"\b(?:did|does|do|is|are|was|were) $", before)):
            return None
        if parted is None and not _IS.search(before):
            return None
        clause, more = parted or (clause, "")
        rest = f" {more}{rest}" if more else rest
    elif rest.startswith(", "):
        rest = rest if re.search(r"\w", before) and not _SUBJECT.search(before) else f" {rest[2:]}"
    return Bridge(_asked(match["noun"], link, clause), before, rest or "?", match["noun"].split()[-1])


def _parted(before: str, clause: str) -> tuple[str, str] | None:
    """Part a clause from the rest of the sentence that its noun is the subject of."""
    if match := _PLACED.search(clause):
        return clause[: match.end()], clause[match.end() :].strip()
    form = _BARE_VERB if _AUXILIARY.search(before) else _PARTICIPLE
    places = [match.start() for match in form.finditer(clause) if match.start() > 0]
    return (clause[: places[-1]], clause[places[-1] :].strip()) if places else None


def _asked(noun: str, link: str, clause: str) -> str:
    if link in ("where", "in which"):
        return f"In which {noun} {clause}?"
    if not link:
        return f"Which {noun} was {clause}?"
    if link == "who":
        return f"Who {clause}?"
    return f"Which {noun}: whose {clause}?" if link == "whose" else f"Which {noun} {clause}?"


def _fits(noun: str, run: tuple[Word, ...]) -> bool:
    """Whether a name says that it is what the noun calls it, or is known as a country where one is sought."""
    stems = {word.stem for word in run}
    if noun in ("country", "state", "nation"):
        return bool(stems & _COUNTRIES)
    if noun in _PEOPLE.split():
        return not stems & _COUNTRIES
    return stem(noun) in stems
