"""Whether a sentence agrees with the source it cites, by rules: numbers, dates, names, negation, hedges, attribution.

The rules read what is on the page. They find a contradiction or an invention that can be told at sight; that a sentence
passes does not mean that the source supports it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from rag.cited_names import keys_meet, name_keys, names_disagree
from rag.clauses import (
    CONDITIONS,
    HEARSAY,
    Clause,
    Marker,
    Parsed,
    alike,
    hedges,
    is_conditional,
    is_content,
    negations,
    parse,
    root,
    soft_words,
)
from rag.dates_in_text import dates_disagree, without_dates
from rag.lexicon import Word, stem
from rag.numbers_in_text import numbers_disagree

Reason = Literal["number", "date", "name", "negation", "hedge", "attribution"]

_OPPOSITES = """increase/decrease rise/fall win/lose open/close before/after more/less
more/fewer join/leave support/oppose first/last north/south east/west begin/end start/end import/export
strengthen/weaken gain/lose agree/disagree allow/ban allow/forbid allow/prohibit widen/narrow until/from until/since"""
# A root that stands in more clauses tells none from another, and following it up would cost more than the length.
_MOST_CLAUSES = 64
_MOST_NEAR = 8

_SAYING = frozenset(
    stem(word)
    for word in "say claim allege argue warn stress insist predict describe explain accuse believe suggest assert "
    "contend tell estimate".split()
)
_SAYING_THAT = frozenset(
    stem(word) for word in "state maintain add note report emphasise emphasize write announce declare".split()
)
_ATTRIBUTES = _SAYING | _SAYING_THAT | frozenset(
    stem(word)
    for word in "announce call conclude confirm acknowledge view accord declare cite mention quote deny speak comment "
    "remark reveal opinion promise admit recall put see link name point reportedly allegedly".split()
)  # fmt: skip
_NOT_A_VERB = frozenset("the a an this that such its his her their s no any some of member".split())
_STOPS_SAYING = frozenset("but while whereas although though".split())
_WITH = {"speak": "of", "point": "out"}
_AFTER_SAID = frozenset(
    "on in at to during after late early yesterday reporters journalists parliament lawmakers deputies television "
    "radio".split()
)
"""When and to whom something is said."""
_SPEAKER_WORDS = 14
_ASIDE_WORDS = 4


@dataclass(frozen=True, slots=True)
class _Frame:
    """Somebody's word: whose, by name keys; empty where no name says."""

    speakers: frozenset[str]


@dataclass(frozen=True)
class _Source:
    """A parsed text with its clauses by the roots that they hold, and each word's frame."""

    parsed: Parsed
    by_root: Mapping[str, tuple[int, ...]]
    by_sentence: Mapping[int, frozenset[str]]
    frames: tuple[_Frame | None, ...]
    negated: bool
    soft: Mapping[int, frozenset[str]]
    told: bool
    conditional: frozenset[int]


def disagreement(sentence: str, source: str, *, dated: str = "") -> Reason | None:
    """Return the first reason why a sentence does not agree with its source, or None. No model call.

    The order is number, date, name, negation, hedge, attribution.

    Args:
        sentence: one sentence, without citation marks.
        source: the cited text, one or several sentences.
        dated: ISO date of the brief, as precise as known; a year or month of the sentence may come from it.
    """
    if numbers_disagree(without_dates(sentence), without_dates(source)):
        return "number"
    if dates_disagree(sentence, source, dated=dated):
        return "date"
    if names_disagree(sentence, source):
        return "name"
    mine, theirs = _read(sentence), _read(source)
    pairs = tuple((clause, _nearest(clause, theirs)) for clause in mine.parsed.clauses)
    for reason, disagrees in _RULES.items():
        if any(_disagrees(disagrees, clause, near, mine, theirs) for clause, near in pairs):
            return reason
    return None


def opposition(sentence: str, other: str) -> int:
    """Return the most content words that a clause of a sentence shares with one of another that denies it; 0 if none.

    "The sides reached an agreement on 4 May", "The sides parted on 4 May without an agreement" -> 4
    """
    mine, theirs = _read(sentence), _read(other)
    return max(
        (
            len(clause.content & near.content)
            for clause in mine.parsed.clauses
            for near in _nearest(clause, theirs)
            if _negation(clause, near, mine, theirs)
        ),
        default=0,
    )


_Rule = Callable[[Clause, Clause | None, _Source, _Source], bool]


def _disagrees(rule: _Rule, clause: Clause, near: tuple[Clause, ...], mine: _Source, theirs: _Source) -> bool:
    """Whether a clause disagrees with every clause of the source that is as near as any."""
    return all(rule(clause, other, mine, theirs) for other in near or (None,))


def _negation(clause: Clause, other: Clause | None, mine: _Source, theirs: _Source) -> bool:
    stated = negations(clause)
    if other is None:
        return bool(stated) and not theirs.negated
    return _polarity_differs(clause, stated, other) != _opposed(clause, other, theirs)


def _polarity_differs(clause: Clause, stated: tuple[Marker, ...], other: Clause) -> bool:
    """Whether the words that both clauses have are negated in one only. What negates in both is passed over."""
    given = negations(other)
    shared_roots = {m.root for m in stated} & {m.root for m in given} - {"not"}
    mine = _negated(stated, shared_roots)
    theirs = _negated(given, shared_roots)
    if not given:
        return bool(mine) or any(not marker.focus for marker in stated)
    if any(alike(made, frozenset(theirs)) for made in mine):
        return False
    return any(alike(made, other.content) for made in mine) or any(alike(made, clause.content) for made in theirs)


def _negated(markers: tuple[Marker, ...], but: set[str]) -> set[str]:
    """Roots that an odd number of markers bear on."""
    times = Counter(made for marker in markers if marker.root not in but for made in set(marker.focus))
    return {made for made, n in times.items() if n % 2}


def _opposed(clause: Clause, other: Clause, theirs: _Source) -> bool:
    """Whether the clause has a word whose opposite, and not itself, stands in the other."""
    mine, given, whole = _roots(clause.words), _roots(other.words), theirs.by_sentence[other.sentence]
    opposed = [(made, _OPPOSITE[made]) for made in mine if made in _OPPOSITE]
    return any(opposite & given and made not in whole and not opposite & mine for made, opposite in opposed)


def _roots(words: Iterable[Word]) -> frozenset[str]:
    return frozenset(root(word) for word in words)


def _hedge(clause: Clause, other: Clause | None, mine: _Source, theirs: _Source) -> bool:
    if other is None or _is_hedged(other, mine, theirs):
        return False
    if other.sentence in theirs.conditional:
        return True
    return any(
        any(alike(made, clause.content) for made in marker.focus)
        and not (mine.told and (marker.root == "would" or marker.root in HEARSAY))
        for marker in hedges(other)
    )


def _is_hedged(other: Clause, mine: _Source, theirs: _Source) -> bool:
    """Whether a sentence holds back by what holds a clause back, or by a word that the clause's sentence has not."""
    own = {stem(marker.root) for marker in hedges(other)}
    if other.sentence in theirs.conditional:
        own |= {stem(word) for word in CONDITIONS}
    beside = theirs.soft[other.sentence] - own
    return any(soft - beside for soft in mine.soft.values())


def _attribution(clause: Clause, other: Clause | None, mine: _Source, theirs: _Source) -> bool:
    frame = None if other is None else _frame(other, clause.content, theirs)
    if other is None or frame is None:
        return False
    if not _tells(mine, theirs.by_sentence[other.sentence]):
        return True
    own = _frame(clause, other.content, mine)
    named = own is not None and own.speakers and frame.speakers
    return bool(named and own and not keys_meet(own.speakers, frame.speakers))


def _tells(mine: _Source, given: frozenset[str]) -> bool:
    """Whether a sentence says that somebody says it: by a word that opens what is said, or that its source has not."""
    words = mine.parsed.words
    return any(_says(words, i) or made not in given for i, w in enumerate(words) if (made := root(w)) in _ATTRIBUTES)


_RULES: Mapping[Reason, _Rule] = {"negation": _negation, "hedge": _hedge, "attribution": _attribution}


def _opposites() -> dict[str, frozenset[str]]:
    pairs = [tuple(stem(word) for word in pair.split("/")) for pair in _OPPOSITES.split()]
    words = {word for pair in pairs for word in pair}
    return {w: frozenset(o for pair in pairs if w in pair for o in pair if o != w) for w in words}


_OPPOSITE = _opposites()


@lru_cache(maxsize=256)
def _read(text: str) -> _Source:
    parsed = parse(text)
    by_root: dict[str, list[int]] = {}
    for i, clause in enumerate(parsed.clauses):
        for made in clause.content:
            by_root.setdefault(made, []).append(i)
    told: dict[int, list[Word]] = {}
    for clause in parsed.clauses:
        told.setdefault(clause.sentence, []).extend(clause.words)
    return _Source(
        parsed,
        {made: tuple(places[: _MOST_CLAUSES + 1]) for made, places in by_root.items()},
        {sentence: _roots(words) for sentence, words in told.items()},
        _frames(parsed),
        any(negations(clause) for clause in parsed.clauses),
        {sentence: soft_words(words) for sentence, words in told.items()},
        any(root(word) in _ATTRIBUTES for word in parsed.words),
        frozenset(clause.sentence for clause in parsed.clauses if is_conditional(clause)),
    )


def _nearest(clause: Clause, source: _Source) -> tuple[Clause, ...]:
    """Return the clauses that share most content words with one, of these the most alike; none if too few shared."""
    shared = Counter(
        place
        for made in clause.content
        if len(source.by_root.get(made, ())) <= _MOST_CLAUSES
        for place in source.by_root.get(made, ())
    )
    most = max(shared.values(), default=0)
    if most < 1 or (most < 2 < len(clause.content)):
        return ()
    near = [source.parsed.clauses[place] for place, n in shared.items() if n == most]
    smallest = min(len(other.content) for other in near)
    return tuple(other for other in near if len(other.content) == smallest)[:_MOST_NEAR]


def _frame(clause: Clause, content: frozenset[str], source: _Source) -> _Frame | None:
    """Return the frame that holds at least half of a clause's words that are among some content words."""
    at = [clause.first + i for i, w in enumerate(clause.words) if is_content(w) and root(w) in content]
    held = [source.frames[i] for i in at if source.frames[i] is not None]
    return held[-1] if held and 2 * len(held) > len(at) else None


def _frames(parsed: Parsed) -> tuple[_Frame | None, ...]:
    """Tell for each word whose word it is: after "X said", before ", X said", around "according to X"."""
    frames: list[_Frame | None] = [None] * len(parsed.words)
    current: _Frame | None = None
    closes = False
    for i, word in enumerate(parsed.words):
        mark = parsed.marks[i]
        if mark in (".", ";") or (mark == "," and closes) or word.text in _STOPS_SAYING:
            current, closes = None, False
        if _says(parsed.words, i):
            start, end = _chunk(parsed, i)
            current = _Frame(_speakers(parsed, i, start, end))
            closes = parsed.marks[start] == "," and parsed.words[start].text in ("who", "which", "as")
            if _is_aside(parsed, i, start, end):
                _fill_back(frames, parsed, i if word.text in ("according", "view") else start, current)
        elif current is not None:
            frames[i] = current
    return tuple(frames)


def _says(words: Sequence[Word], i: int) -> bool:
    """Whether a word opens what somebody says: a verb of saying, "according to", "in the view"."""
    word, before = words[i], words[i - 1] if i else None
    following = [other.text for other in words[i + 1 : i + 5]]
    if word.text.lower() == "according":
        return following[:1] == ["to"]
    if word.text == "view":
        return any(other.text.lower() == "in" for other in words[max(0, i - 5) : i])
    if word.text[0].isupper() or (before is not None and before.text.lower() in _NOT_A_VERB):
        return False
    made = root(word)
    if made in _SAYING or word.text == "reported" or following[:1] == [_WITH.get(made)]:
        return True
    return made in _SAYING_THAT and "that" in following


def _chunk(parsed: Parsed, i: int) -> tuple[int, int]:
    """Return the words around one between two marks, as far as a speaker's name may reach."""
    start, end = i, i + 1
    while start and not parsed.marks[start] and i - start < _SPEAKER_WORDS:
        start -= 1
    while end < len(parsed.words) and not parsed.marks[end] and end - i < _SPEAKER_WORDS:
        end += 1
    return start, end


def _is_aside(parsed: Parsed, i: int, start: int, end: int) -> bool:
    """Whether a frame stands beside or after what is said: ", as X reported", ", X said today", "according to X"."""
    opener, after = parsed.words[start].text, parsed.words[i + 1 : end]
    if parsed.words[i].text in ("according", "view") or (opener == "as" and parsed.marks[start] == ","):
        return True
    closed = end == len(parsed.words) or bool(parsed.marks[end])
    plain = not after or after[0].text in _AFTER_SAID or all(word.text[0].isupper() for word in after)
    return parsed.marks[start] == "," and closed and len(after) <= _ASIDE_WORDS and plain


def _fill_back(frames: list[_Frame | None], parsed: Parsed, at: int, frame: _Frame) -> None:
    """Give the words before a frame to it, back to where the sentence or its part opens."""
    while at and parsed.marks[at] not in (".", ";", ":") and frames[at - 1] is None:
        at -= 1
        frames[at] = frame


def _speakers(parsed: Parsed, i: int, start: int, end: int) -> frozenset[str]:
    """Return the name keys of whoever says it: named before the verb, else right after it."""
    first = i
    while first > max(0, i - _SPEAKER_WORDS) and parsed.marks[first] not in (".", ";", ":"):
        first -= 1
        if _says(parsed.words, first):
            break
    before, after = name_keys(parsed.words[first:i]), name_keys(parsed.words[i + 1 : end])
    if parsed.words[i].text.lower() == "according":
        return after
    return before or (after if start == i else frozenset())
