"""Words as the reader sees them: stems, stop words, names, numbers.

Stems agree with the catalogue's tokenizer, FTS5 `porter unicode61`, so that document frequencies can be asked of it.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import TypeVar

import snowballstemmer

from rag.rarity import background

One = TypeVar("One")

_LETTERS = r"[^\W_](?:[^\W_]|(?<=[^\W_])[\u0300-\u036f]+)*"
"""Letters and digits, with accents that stand as characters of their own."""
_WORD = re.compile(rf"\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?(?![^\W_])|{_LETTERS}(?:[.'’\-](?=[^\W_]){_LETTERS})*\.?")
_PIECE = re.compile(_LETTERS)
_ABBREVIATION = re.compile(r"(?:[A-Za-z]\.)+[A-Za-z]?\.?")
_NUMBER = re.compile(r"\d[\d,.]*")
_LONG_NAME = re.compile(
    r"(?!(?:The|An|In|On|At|For|By|And|But|If|When|While|After|Its?|This|That|Both) )"
    r"\b[A-Z]\w+(?:(?:['’]s)? (?:of (?:the )?)?[A-Z]\w+)+"
)
_ORDINAL_DIGITS = re.compile(r"(\d+)(?:st|nd|rd|th)")

STOP_WORDS = frozenset(
    """a about above after again against all also am an and any are as at be because been before being below between
    both but by can could did do does doing done down during each else ever few for from further get gets give given
    got had has have having he her here hers herself him himself his how i if in into is it its itself just let many
    may me might more most much must my myself no nor not now of off on once only or other our ours ourselves out over
    own per please said same say says shall she should so some such tell than that the their theirs them themselves
    then there these they this those through to too under until up upon us very was we were what when where which
    while who whom whose why will with within without would yes you your yours s t d ll re ve m o don doesn didn isn
    aren wasn weren hasn haven hadn won wouldn shouldn couldn""".split()
)

_SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
SENTENCE = 600
"""Characters up to which a text is kept among the many that are analysed once; longer ones take more memory."""
NUMBER_WORDS: Mapping[str, str] = {
    **{word: str(n) for n, word in enumerate(f"{_SMALL} seventeen eighteen nineteen".split())},
    **{word: str(10 * n) for n, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)},
    **{word: str(n) for n, word in enumerate("first second third fourth fifth sixth seventh eighth ninth".split(), 1)},
    "hundred": "100", "thousand": "1000", "million": "1000000", "billion": "1000000000", "dozen": "12", "tenth": "10",
}  # fmt: skip

MONTHS = "january february march april may june july august september october november december".split()


def _stands_for() -> Mapping[str, str]:
    lines = (files("rag") / "data" / "stands_for.tsv").read_text("utf-8").splitlines()
    return dict(line.split("\t") for line in lines if not line.startswith("#"))


STANDS_FOR: Mapping[str, str] = _stands_for()
"""What newspapers say for a country, in lower case, to its stem: capitals, and adjectives without its root."""

_TWO_NAMES = (
    "turkey türkiye, burma myanmar, swaziland eswatini, kiev kyiv, kharkov kharkiv, lvov lviv, peking beijing,"
    " rangoon yangon, bombay mumbai, calcutta kolkata"
)
OTHER_NAMES: Mapping[str, str] = {
    one: other for pair in _TWO_NAMES.split(",") for one, other in (pair.split(), reversed(pair.split()))
}
"""The other name of each place that has two, in lower case: türkiye by turkey, and the other way round."""
# Countries whose name begins another country's name or adjective.
_OWN_COUNTRY = frozenset(["niger", "guinea"])


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text.

    Attributes:
        text: as written, without a closing full stop.
        stem: as the catalogue's tokenizer makes it; "=us" for the initialism U.S., to keep it apart from "us".
        number: its value in digits if it is one ("75th", "seventy-five" is two words, "1,000" is "1000").
        name: whether it looks like part of a proper name.
    """

    text: str
    stem: str
    start: int
    number: str | None
    name: bool


@dataclass(frozen=True)
class Words:
    """An analysed text.

    Attributes:
        names: runs of name words, such as ("Xi", "Jinping").
        stems: every stem, with the initialisms that it uses or that its names have ("=us", "=prc").
        positions: where each stem stands, in words.
        by_prefix: stems by their first four letters.
    """

    words: tuple[Word, ...]
    names: tuple[tuple[Word, ...], ...]
    stems: frozenset[str]
    numbers: frozenset[str]
    positions: Mapping[str, tuple[int, ...]]
    by_prefix: Mapping[str, tuple[str, ...]]


_OF_THREAD = threading.local()


def _porter(word: str) -> str:
    """Stem with the thread's own stemmer: it keeps the word it works on."""
    if not hasattr(_OF_THREAD, "porter"):
        _OF_THREAD.porter = snowballstemmer.stemmer("porter")
    return str(_OF_THREAD.porter.stemWord(word))


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """Stem one word as FTS5's `porter unicode61` does.

    That is Porter's algorithm with the two departures of his own reference implementation (-bli, -logi), on words
    of three letters or more, after case and diacritics are folded.

    Source: M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980.
    """
    plain = unicodedata.normalize("NFKD", word.lower())
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    if len(plain) < 3:
        return plain
    made = _porter(plain)
    if made.endswith("bli"):
        return _porter(made[:-1] + "e")
    return made[:-1] if made.endswith("logi") and len(made) > 5 else made


@cache
def _other_stems() -> Mapping[str, str]:
    return {stem(one): stem(other) for one, other in OTHER_NAMES.items()}


def stands_for(word: Word) -> tuple[str, ...]:
    """Return the stems of what a word also names: the country of a capital, and the other name of a place."""
    country, other = STANDS_FOR.get(word.text.lower()), OTHER_NAMES.get(word.text.lower())
    return tuple(filter(None, (country, other and stem(other), _other_stems().get(country or ""))))


def other_forms(word: Word, name: tuple[Word, ...]) -> tuple[str, ...]:
    """Return the stems that stand for a word of a name: initialisms ("=us" for United, for US), and what it also names.

    Args:
        name: that the word is of; empty for a word that is of none.
    """
    initialism = ("=" + initials(name),) if len(name) > 1 else ()
    itself = ("=" + word.text.lower(),) if word.text.isupper() else ()
    return (*initialism, *itself, *stands_for(word))


def analyse(text: str) -> Words:
    """Split a text into words with stems, names and numbers. Cached: sentences come back with every question."""
    return (_of_sentence if len(text) <= SENTENCE else _of_passage)(text)


def _analysed(text: str) -> Words:
    words = _words(text)
    names = _runs(words)
    stems = {w.stem for w in words} | {NUMBER_WORDS[w.text.lower()] for w in words if w.text.lower() in NUMBER_WORDS}
    stems |= {"=" + w.text.lower() for w in words if w.text.isupper() and len(w.text) > 1}
    stems |= {"=" + "".join(re.findall(r"\b[A-Z]", found)).lower() for found in _LONG_NAME.findall(text)}
    positions: dict[str, list[int]] = {}
    for i, word in enumerate(words):
        positions.setdefault(word.stem, []).append(i)
    by_prefix: dict[str, list[str]] = {}
    for s in sorted(stems):
        by_prefix.setdefault(s[:4], []).append(s)
    numbers = frozenset(w.number for w in words if w.number is not None)
    return Words(words, names, frozenset(stems), numbers, _fixed(positions), _fixed(by_prefix))


def _fixed(lists: Mapping[str, Sequence[One]]) -> dict[str, tuple[One, ...]]:
    return {key: tuple(values) for key, values in lists.items()}


_of_sentence = lru_cache(maxsize=20_000)(_analysed)
_of_passage = lru_cache(maxsize=1_000)(_analysed)


def initials(run: tuple[Word, ...]) -> str:
    """First letters of a name's words in lower case: "us" for United States."""
    return "".join(w.text[0].lower() for w in run)


@lru_cache(maxsize=100_000)
def kin(a: str, b: str) -> bool:
    """Whether two stems differ by an ending that Porter keeps: china/chines, agre/agreement, ukrain/ukrainian."""
    short, long = sorted((a, b), key=len)
    if short in _OWN_COUNTRY:
        return False
    same = next((i for i, (x, y) in enumerate(zip(short, long, strict=False)) if x != y), len(short))
    return same >= 4 and len(short) - same <= 1 and len(long) - same <= 5 and not a[0].isdigit()


def present(term: str, words: Words) -> float:
    """How surely a stem stands in a text: 1 as it is, 0.8 by a kindred stem, else 0."""
    if term in words.stems:
        return 1.0
    return 0.8 if any(kin(term, other) for other in words.by_prefix.get(term[:4], ())) else 0.0


def _words(text: str) -> tuple[Word, ...]:
    found: list[Word] = []
    opens = True
    for match in _WORD.finditer(text):
        for start, piece in _pieces(match.group(), match.start()):
            found.append(_word(piece, start, opens))
            opens = False
        opens = opens or bool(re.match(r"[.!?:;]?[\"”’')\]]*\s*[\n\"“(]", text[match.end() - 1 : match.end() + 4]))
        opens = opens or (bool(re.search(r"[.!?]", text[match.end() - 1 : match.end() + 1])) and len(match.group()) > 2)
    return tuple(found)


def _pieces(token: str, start: int) -> list[tuple[int, str]]:
    """Cut a token as `unicode61` does, at hyphens and apostrophes, but keep initialisms and numbers whole."""
    bare = token.rstrip(".")
    if _ABBREVIATION.fullmatch(token) and "." in bare:
        return [(start, token.replace(".", ""))]
    if _NUMBER.fullmatch(bare):
        return [(start, bare)]
    return [(start + m.start(), m.group()) for m in _PIECE.finditer(bare)]


def _word(piece: str, start: int, opens: bool) -> Word:
    lower = piece.lower()
    number = piece.replace(",", "").rstrip(".") if _NUMBER.fullmatch(piece) else NUMBER_WORDS.get(lower)
    if ordinal := _ORDINAL_DIGITS.fullmatch(lower):
        number = ordinal.group(1)
    initialism = piece.isupper() and 2 <= len(piece) <= 5 and piece.isalpha()
    made = number if number and piece[0].isdigit() else stem(piece)
    if initialism and lower in STOP_WORDS:
        made = "=" + lower
    name = initialism or (piece[0].isupper() and lower not in STOP_WORDS and (not opens or _known_name(made)))
    return Word(piece, made, start, number, name)


def _known_name(made: str) -> bool:
    """Whether a word that opens a sentence is a name all the same: known as one, or known as nothing else."""
    table = background()
    return made in table.names or made not in table.df


def _runs(words: tuple[Word, ...]) -> tuple[tuple[Word, ...], ...]:
    runs: list[tuple[Word, ...]] = []
    last_end = -10
    for word in words:
        if not word.name:
            continue
        if runs and word.start - last_end == 1:
            runs[-1] = (*runs[-1], word)
        else:
            runs.append((word,))
        last_end = word.start + len(word.text)
    return tuple(runs)


def search_words(question: str) -> list[str]:
    """Return the words of a question worth looking for in full text: all but stop words, or all when only those.

    After them come the other names of places that have two.

    WHO, US, IT and May, where not all is in capitals, are no stop words.
    """
    words = _PIECE.findall(unicodedata.normalize("NFC", question))
    said = [w for i, w in enumerate(words) if w.lower() not in STOP_WORDS or _is_telling(w, question, first=i == 0)]
    folded = [_folded(word) for word in said or words]
    return [*folded, *filter(None, map(OTHER_NAMES.get, folded))]


def _is_telling(word: str, question: str, *, first: bool) -> bool:
    """Whether what would be a stop word in small letters is a name as it is written."""
    initialism = word.isupper() and 2 <= len(word) <= 5 and not question.isupper()
    return initialism or (word == "May" and not first)


def _folded(word: str) -> str:
    """Return a word in lower case, without the dot that remains of a Turkish capital."""
    return word.lower().replace("i\u0307", "i")
