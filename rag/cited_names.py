"""Names that a sentence uses, and whether its source has them, in the same parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

from rag.clauses import Clause, Parsed, parse, root
from rag.dates_in_text import MONTH_OF, WEEKDAYS
from rag.lexicon import STANDS_FOR, STOP_WORDS, Word, kin, stem

TITLES = frozenset(
    "president prime minister mr mrs ms dr sir lord lady king queen prince princess pope emperor chancellor premier "
    "secretary general gen admiral adm colonel col major maj captain lieutenant lt senator sen governor gov "
    "ambassador professor prof chairman chairwoman chair chief commander deputy vice former foreign defence defense "
    "interior finance st jr sr spokesman spokeswoman spokesperson leader director state".split()
)
_DATE_WORDS = frozenset([*MONTH_OF, *WEEKDAYS]) - {"mar", "sun"}
_JOINERS = frozenset("of the for and on in de".split())
_PLACE_WORDS = frozenset("in at near from around outside into".split())
_SEATS = frozenset(
    "washington kremlin moscow beijing kyiv kiev london paris berlin rome madrid brussels warsaw minsk ankara tehran "
    "delhi islamabad kabul baghdad damascus cairo riyadh tokyo seoul pyongyang taipei caracas havana ottawa "
    "canberra".split()
)
_AUXILIARIES = frozenset("has had have was were is are been be also then later again will would did not never".split())
_BE = frozenset("was were is are been be being".split())
_MUTUAL = frozenset(
    stem(word)
    for word in "meet talk negotiate speak agree fight clash cooperate border marry trade differ discuss "
    "join sign exchange compete officials leaders troops forces ministers".split()
)
_OBJECT_WORDS = 7
# Readings of one root that are compared, so that no text costs more than its length.
_MOST_READINGS = 64


@dataclass
class _Known:
    """What a source offers for names to be found in.

    Attributes:
        roots: stems of its words, "=us" for initialisms written or made from a name's initials.
        near: those by their first four letters.
        stands_for: stems of what its words stand for; `plainly` without capitals.
        after: stems that follow each name word within a name; `before` likewise.
    """

    roots: set[str] = field(default_factory=set)
    near: dict[str, set[str]] = field(default_factory=dict)
    stands_for: set[str] = field(default_factory=set)
    plainly: set[str] = field(default_factory=set)
    after: dict[str, set[str]] = field(default_factory=dict)
    before: dict[str, set[str]] = field(default_factory=dict)

    def has(self, made: str) -> bool:
        """Whether a stem or a kindred one is there."""
        return made in self.roots or any(kin(made, other) for other in self.near.get(made[:4], ()))


def names_disagree(sentence: str, source: str) -> bool:
    """Whether the sentence names what the source does not, gives a fuller name, or exchanges two names' parts.

    | sentence | source | disagrees |
    | --- | --- | --- |
    | Putin spoke | Vladimir Putin spoke | no |
    | Vladimir Putin spoke | Putin spoke | yes |
    | the Russian army | Russia's army | no |
    | Kyiv accused Minsk | Minsk accused Kyiv | yes |
    """
    mine, known = parse(sentence), _known(source)
    if any(not _stands(group, known) for group in _groups(mine)):
        return True
    return _exchanged(mine, parse(source))


def name_keys(words: tuple[Word, ...]) -> frozenset[str]:
    """Stems of the names among some words and of what they stand for, titles left out."""
    names = [word for word in words if _is_name(word)]
    return frozenset(key for word in names for key in (word.stem, _meant(word), _upper(word)) if key)


def keys_meet(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two sets of name keys share one or hold kindred ones."""
    return bool(one & other) or any(kin(a, b) for a in one for b in other if a[:4] == b[:4])


def _is_name(word: Word) -> bool:
    lower = word.text.lower()
    return word.name and lower not in TITLES and lower not in _DATE_WORDS and len(word.text) > 1


def _meant(word: Word) -> str | None:
    return STANDS_FOR.get(word.text.lower()) if word.text[0].isupper() else None


def _upper(word: Word) -> str | None:
    return "=" + word.text.lower() if word.text.isupper() and len(word.text) > 1 else None


@dataclass(frozen=True, slots=True)
class _Group:
    """Names joined by "of", "the" and their like, each a run of words; `at` is where it stands among the words."""

    runs: tuple[tuple[Word, ...], ...]
    initials: frozenset[str]
    place_word: str


def _groups(parsed: Parsed) -> Iterator[_Group]:
    """Yield the names of a text, long ones whole: "Economic Community of West African States" is one group."""
    held: list[Word] = []
    joined: list[Word] = []
    before = ""
    for word, mark in zip(parsed.words, parsed.marks, strict=True):
        if held and (mark or (not word.name and word.text not in _JOINERS) or len(held) + len(joined) > 24):
            yield _group(held, before)
            held, joined = [], []
        if word.name and word.text.lower() not in _DATE_WORDS:
            held, joined = [*held, *(joined if held else ()), word], []
        elif held:
            joined.append(word)
        if not held:
            before = word.text.lower()
    if held:
        yield _group(held, before)


def _group(words: list[Word], before: str) -> _Group:
    runs: list[list[Word]] = [[]]
    for word in words:
        if _is_name(word):
            runs[-1].append(word)
        else:
            runs.append([])
    proper = [word for word in words if word.name]
    short = {"=" + "".join(w.text[0].lower() for w in chosen) for chosen in (words, proper) if len(proper) > 1}
    return _Group(tuple(tuple(run) for run in runs if run), frozenset(short), before)


@lru_cache(maxsize=256)
def _known(source: str) -> _Known:
    parsed, known = parse(source), _Known()
    for word in parsed.words:
        known.roots.update(key for key in (word.stem, root(word), _upper(word)) if key)
        if meant := _meant(word):
            known.stands_for.add(meant)
            known.plainly.update([meant] if word.text.lower() not in _SEATS else [])
    for group in _groups(parsed):
        known.roots |= group.initials
        meanings = {STANDS_FOR[short[1:]] for short in group.initials if short[1:] in STANDS_FOR}
        known.stands_for |= meanings
        known.plainly |= meanings
        for run in group.runs:
            for one, other in pairwise(run):
                known.after.setdefault(one.stem, set()).add(other.stem)
                known.before.setdefault(other.stem, set()).add(one.stem)
    for made in sorted(known.roots):
        same = known.near.setdefault(made[:4], set())
        if len(same) < _MOST_READINGS:
            same.add(made)
    return known


def _stands(group: _Group, known: _Known) -> bool:
    if group.initials & known.roots or any(STANDS_FOR.get(i[1:]) in known.stands_for for i in group.initials):
        return True
    for run in group.runs:
        if not all(_word_stands(word, known, group.place_word) for word in run) or _is_scrambled(run, known):
            return False
    return True


def _word_stands(word: Word, known: _Known, place_word: str) -> bool:
    upper, meant = _upper(word), _meant(word)
    if known.has(word.stem) or word.stem in known.stands_for or upper in known.roots or upper in known.stands_for:
        return True
    if meant is None:
        return False
    if word.text.lower() in _SEATS:
        return place_word not in _PLACE_WORDS and (known.has(meant) or meant in known.plainly)
    return known.has(meant) or meant in known.stands_for


def _is_scrambled(run: tuple[Word, ...], known: _Known) -> bool:
    """Whether two neighbours of a name stand in the source in other names only: "Vladimir Zelensky"."""
    return any(
        known.after.get(one.stem)
        and known.before.get(other.stem)
        and other.stem not in known.after[one.stem]
        and not (one.text.isupper() or other.text.isupper() or one.text.lower() in STANDS_FOR)
        for one, other in pairwise(run)
    )


@dataclass(frozen=True, slots=True)
class _Deed:
    """Who does what to whom, by name keys."""

    agent: frozenset[str]
    verb: str
    patient: frozenset[str]


def _exchanged(mine: Parsed, theirs: Parsed) -> bool:
    """Whether a verb of the sentence stands in the source between the same two names the other way round only."""
    stated = [deed for clause in mine.clauses for deed in _deeds(clause)]
    if not stated:
        return False
    given: dict[str, set[_Deed]] = {}
    for clause in theirs.clauses:
        for deed in _deeds(clause):
            same = given.setdefault(deed.verb, set())
            if len(same) < _MOST_READINGS:
                same.add(deed)
    return any(_is_exchanged(deed, given) for deed in stated)


def _is_exchanged(deed: _Deed, given: Mapping[str, set[_Deed]]) -> bool:
    others = given.get(deed.verb, set())
    same = any(keys_meet(deed.agent, o.agent) and keys_meet(deed.patient, o.patient) for o in others)
    return not same and any(keys_meet(deed.agent, o.patient) and keys_meet(deed.patient, o.agent) for o in others)


def _deeds(clause: Clause) -> Iterator[_Deed]:
    words = clause.words
    for i, word in enumerate(words):
        if not _is_name(word) or (i + 1 < len(words) and _is_name(words[i + 1])):
            continue
        verb = i + 1
        while verb < len(words) and verb <= i + 4 and words[verb].text in _AUXILIARIES:
            verb += 1
        if verb < len(words) and _may_be_verb(words[verb]) and (deed := _deed(words, i, verb)):
            yield deed


def _may_be_verb(word: Word) -> bool:
    plain = word.text.isalpha() and word.text.islower() and word.text not in STOP_WORDS
    return plain and root(word) not in _MUTUAL


def _deed(words: tuple[Word, ...], subject: int, verb: int) -> _Deed | None:
    window = words[verb + 1 : verb + 1 + _OBJECT_WORDS]
    at = next((i for i, word in enumerate(window) if _is_name(word)), None)
    passive = any(word.text in _BE for word in words[subject + 1 : verb])
    if at is None:
        return None
    by = any(word.text == "by" for word in window[:at])
    if passive != by:
        return None
    run = [word for word in words[max(0, subject - 3) : subject + 1] if _is_name(word)]
    first, second = name_keys(tuple(run)), name_keys(tuple(w for w in window[at : at + 3] if _is_name(w)))
    return _Deed(second, root(words[verb]), first) if passive else _Deed(first, root(words[verb]), second)
