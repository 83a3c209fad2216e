"""Clauses of a text, with the words in each that negate and that hedge."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from rag.lexicon import STOP_WORDS, Word, analyse, kin, stem

_MOST_CHARS = 3000
_MOST_WORDS = 60
"""A clause is cut after so many words, so that comparing two never costs more than a bound."""
_ENDS = re.compile(r"[.!?…][\"”’')\]]*\s")
_ITEM = re.compile(r"\n\s*[-*•]\s")
_BLANK = re.compile(r"\n\s*\n")
_SIGNS = {";": ";", ":": ":", "—": ":", " – ": ":", " - ": ":", ",": ","}
TITLES = frozenset(
    "gen adm mr mrs ms dr prof st sen rep gov lt col maj capt sgt no vs jr sr mt art fig approx inc".split()
)
"""Short forms that end with a point in the middle of a sentence."""
_OPENERS = frozenset(
    "which who whose whom where when while but although though whereas because unless if after before until as since "
    "and or so yet".split()
)
_RELATIVES = frozenset("which who whose whom where".split())
_CONNECTORS = frozenset("but while whereas although though because unless if".split())
_AFTER_AND = frozenset(
    "he she it they we has had have was were is are did does do will would may might could cannot not never no said "
    "says that".split()
)
_IRREGULAR = dict(
    pair.split(":")
    for pair in """spoke:speak spoken:speak met:meet left:leave fell:fall fallen:fall rose:rise risen:rise won:win
    began:begin begun:begin sent:send held:hold made:make took:take taken:take gave:give given:give broke:break
    broken:break chose:choose chosen:choose sold:sell bought:buy built:build brought:bring fought:fight knew:know
    known:know led:lead lost:lose paid:pay said:say saw:see seen:see withdrew:withdraw withdrawn:withdraw grew:grow
    grown:grow became:become came:come found:find drew:draw drawn:draw struck:strike sought:seek told:tell
    thought:think kept:keep meant:mean felt:feel went:go gone:go did:do done:do got:get ran:run wrote:write
    written:write shot:shoot stood:stand understood:understand threw:throw shown:show drove:drive driven:drive
    died:die dead:die death:die deaths:die sank:sink sunk:sink""".split()
)

_NOT = frozenset("not never no none nobody nothing neither nor without cannot hardly barely".split())
_NOT_NEGATING = frozenset("more less fewer later earlier only doubt least".split())
_REFUSALS = frozenset(stem(word) for word in "refuse deny reject lack unable".split())
_REFUSALS_TO = frozenset(stem(word) for word in "fail decline".split())
_BE = frozenset("is are was were be been being".split())
_HEDGES = frozenset(
    "may might could would should likely unlikely possible possibly perhaps maybe probably reportedly allegedly "
    "apparently seemingly presumably supposedly purportedly potentially proposed considering".split()
)
HEARSAY = frozenset("reported said alleged believed thought claimed estimated rumoured rumored".split())
"""In the passive these hedge, and any word of saying keeps the reserve."""
_HEDGES_TO = frozenset(stem(w) for w in "plan hope intend expect seek aim appear seem wish propose mean".split())
CONDITIONS = frozenset(["if", "unless", "provided"])
_HOLDING_BACK = _HEDGES | CONDITIONS
_IDLE_IFS = frozenset("needed necessary any possible so required not".split())
_SOFT = frozenset(
    stem(w)
    for w in "plan hope intend expect seek aim appear seem wish want propose consider believe think suggest "
    "potential threaten promise pledge estimate alleged suspect predict forecast can possibility prospect risk "
    "mean rumour rumor".split()
)
_FOCUS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Clause:
    """A clause: words `first` onwards of the text. Equal only to itself, so that what is found in it can be cached.

    Attributes:
        sentence: number of its sentence, from 0.
        content: roots of its content words.
    """

    words: tuple[Word, ...]
    first: int
    sentence: int
    content: frozenset[str]


@dataclass(frozen=True)
class Parsed:
    """A text in words and clauses.

    Attributes:
        marks: what stands before each word: "" for a blank; ",", ";" or ":" for a break within a sentence, ":" also
            for a dash and an item of a list; "." for the start of a sentence.
    """

    words: tuple[Word, ...]
    marks: tuple[str, ...]
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Marker:
    """A word that negates or hedges, and the roots of the content words that it bears on."""

    root: str
    focus: tuple[str, ...]


def root(word: Word) -> str:
    """Stem of a word's base form: "speak" for spoke."""
    base = _IRREGULAR.get(word.text.lower())
    return word.stem if base is None else stem(base)


def is_content(word: Word) -> bool:
    """Whether a word says something by itself."""
    return word.text.lower() not in STOP_WORDS or word.stem[0] == "="


def alike(one: str, roots: frozenset[str]) -> bool:
    """Whether a root, or a kindred one, is among a clause's."""
    return one in roots or any(kin(one, other) for other in roots if other[:4] == one[:4])


@lru_cache(maxsize=512)
def parse(text: str) -> Parsed:
    """Split a text into words and clauses. Cost grows with the length alone, whatever the text."""
    words, ends = _words(text)
    marks = _marks(text, words, ends)
    return Parsed(words, marks, tuple(_clauses(words, marks)))


@lru_cache(maxsize=30_000)
def negations(clause: Clause) -> tuple[Marker, ...]:
    """Find what negates: not, no, never, without, n't; refuse, deny, reject, lack; fail to, decline to."""
    found = []
    for i, word in enumerate(clause.words):
        lower, following = word.text.lower(), _lower(clause, i + 1)
        if (lower in _NOT or _is_nt(clause, i)) and following not in _NOT_NEGATING and not following[:1].isdigit():
            found.append(Marker("not", _focus(clause, i)))
        elif word.stem in _REFUSALS or (word.stem in _REFUSALS_TO and following == "to"):
            passive = _lower(clause, i - 1) in _BE or _lower(clause, i - 2) in _BE
            found.append(Marker(word.stem, _focus(clause, i) + (_before(clause, i) if passive else ())))
    return tuple(found)


@lru_cache(maxsize=30_000)
def hedges(clause: Clause) -> tuple[Marker, ...]:
    """Find what hedges: may, likely, reportedly, plans to, is expected to, are said to."""
    found = []
    for i, word in enumerate(clause.words):
        lower, following = word.text.lower(), _lower(clause, i + 1)
        if word.text == "May" or (lower in ("could", "would", "should") and following in ("not", "no")):
            continue
        hearsay = lower in HEARSAY and {_lower(clause, i - 1), _lower(clause, i - 2)} & _BE
        if hearsay or lower in _HEDGES or (word.stem in _HEDGES_TO and _tied(clause, i, following)):
            found.append(Marker(lower, _focus(clause, i)))
    return tuple(found)


def is_conditional(clause: Clause) -> bool:
    """Whether a clause states a condition: if, unless, provided that; not "if needed"."""
    return any(
        word.text.lower() in CONDITIONS
        and _lower(clause, i + 1) not in _IDLE_IFS
        and (word.text.lower() != "provided" or _lower(clause, i + 1) == "that")
        and _lower(clause, i - 1) not in ("as", "even")
        for i, word in enumerate(clause.words)
    )


def soft_words(words: Iterable[Word]) -> frozenset[str]:
    """Return the stems of words that hold back: of a hedge, a wish, a belief, an if."""
    return frozenset(
        word.stem for word in words if word.text != "May" and (word.stem in _SOFT or word.text.lower() in _HOLDING_BACK)
    )


def _tied(clause: Clause, i: int, following: str) -> bool:
    """Whether "plan", "expect" and their like bear on a verb or stand in the passive: "expected in the 2030s"."""
    if following in ("to", "that"):
        return True
    return clause.words[i].stem == "expect" and (_lower(clause, i - 1) in _BE or _lower(clause, i - 2) in _BE)


def _is_nt(clause: Clause, i: int) -> bool:
    return clause.words[i].text in ("t", "T") and _lower(clause, i - 1).endswith(("n", "ca"))


def _lower(clause: Clause, i: int) -> str:
    return clause.words[i].text.lower() if 0 <= i < len(clause.words) else ""


def _focus(clause: Clause, i: int) -> tuple[str, ...]:
    """Roots of the next content words of the clause."""
    near = (root(word) for word in clause.words[i + 1 : i + 9] if is_content(word) and not _is_refusal(word))
    return tuple(made for made, _ in zip(near, range(_FOCUS), strict=False))


def _before(clause: Clause, i: int) -> tuple[str, ...]:
    return tuple(root(word) for word in clause.words[max(0, i - 5) : i] if is_content(word))[-_FOCUS:]


def _is_refusal(word: Word) -> bool:
    """Whether a word negates by its meaning: reject, deny, fail."""
    return word.stem in _REFUSALS or word.stem in _REFUSALS_TO


def _words(text: str) -> tuple[tuple[Word, ...], tuple[int, ...]]:
    """Words of a text, analysed by pieces that are short enough, and where each ends."""
    if len(text) <= _MOST_CHARS:
        words = analyse(text).words
    else:
        words = tuple(replace(w, start=w.start + at) for at, piece in _pieces(text) for w in analyse(piece).words)
    return words, tuple(_end(text, word) for word in words)


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    at = 0
    while at < len(text):
        end = at + _MOST_CHARS
        cut = max(text.rfind(" ", at, end), text.rfind("\n", at, end))
        end = cut + 1 if cut > at and end < len(text) else end
        yield at, text[at:end]
        at = end


def _end(text: str, word: Word) -> int:
    """Where a word ends in the text; an initialism is longer there than its letters."""
    end = word.start + len(word.text)
    if text.startswith(word.text, word.start):
        return end
    return word.start + 2 * len(word.text)


def _marks(text: str, words: tuple[Word, ...], ends: tuple[int, ...]) -> tuple[str, ...]:
    marks, listing = ["."] if words else [], False
    for i, (before, after) in enumerate(pairwise(words)):
        gap = text[ends[i] : after.start + 1]
        dotted = ends[i] - before.start != len(before.text)
        mark = _mark(gap, before, after, listing=listing, dotted=dotted)
        listing = mark != "." and (listing or ":" in gap)
        marks.append(mark)
    return tuple(marks)


def _mark(gap: str, before: Word, after: Word, *, listing: bool, dotted: bool) -> str:
    if _ITEM.search(gap):
        return ":" if listing or ":" in gap else "."
    if _ENDS.search(gap) or (dotted and after.text[0].isupper()):
        short = dotted or before.text.lower() in TITLES or (len(before.text) == 1 and before.text.isupper())
        opens = after.text[0].isupper() and after.text.lower() in STOP_WORDS
        return "." if opens or not short else ""
    if _BLANK.search(gap):
        return ":" if ":" in gap else "."
    return next((mark for sign, mark in _SIGNS.items() if sign in gap), "")


def _clauses(words: tuple[Word, ...], marks: tuple[str, ...]) -> Iterator[Clause]:
    start, sentence, relative = 0, 0, False
    for i in range(1, len(words) + 1):
        mark = marks[i] if i < len(words) else "."
        opens = i < len(words) and _opens(words, i, mark)
        if mark in (".", ";", ":") or opens or (mark == "," and relative) or i - start == _MOST_WORDS:
            relative = opens and mark == "," and words[i].text in _RELATIVES
            if i > start:
                yield _clause(words[start:i], start, sentence)
            start, sentence = i, sentence + (mark == ".")


def _opens(words: tuple[Word, ...], i: int, mark: str) -> bool:
    lower = words[i].text.lower()
    if mark == ",":
        following = words[i + 1].text.lower() if i + 1 < len(words) else ""
        return lower in _OPENERS and (lower not in ("and", "or") or following in _AFTER_AND or following == "the")
    if lower == "and":
        return i + 1 < len(words) and words[i + 1].text in _AFTER_AND
    return lower in _CONNECTORS


def _clause(words: tuple[Word, ...], first: int, sentence: int) -> Clause:
    return Clause(words, first, sentence, frozenset(root(word) for word in words if is_content(word)))
