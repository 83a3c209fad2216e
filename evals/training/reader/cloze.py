"""Examples that need no label: keyword questions made by rule from UN speeches and State Department essays."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from evals.training.passages import Text
from evals.training.reader.examples import Asked
from evals.training.reader.questions import POOL
from evals.training.reader.swaps import names_in, swap
from evals.training.reader.units import UnitInContext, UnitSearch, units_of
from evals.training.readings import holds
from rag.lexicon import MONTHS, STOP_WORDS, analyse
from rag.split import CountTokens

SETS = ("us_state_historian", "ungdc_2013_2024")
SHARD = 40
"""Documents that share a search: enough for hard negatives, few enough to be quick."""

PER_DOCUMENT = 4
MAX_UNITS = 80
REMOVED, SWAPPED = 0.12, 0.22
_DROPPED_WORDS = 0.2

_SPEAKS = re.compile(r"\b(?:I|[Mm]y|[Ww]e|[Oo]ur|[Uu]s|[Yy]ou|[Yy]our|Mr\. President|[Tt]hank|[Cc]ongratulate)\b")
_MONTH = "|".join(month.title() for month in MONTHS)
_DATE = re.compile(rf"(?:\d{{1,2}} )?(?:(?:{_MONTH}) )?(?:\d{{1,2}}, )?(?:1[5-9]|20)\d\d\b")
_COUNT = re.compile(r"(?<![\w.,])\$?\d[\d,.]*\d(?: (?:million|billion|trillion|per cent|percent))?(?=[ ][a-z])")
_PERSON = re.compile(r"(?:President|Minister|Secretary|Ambassador|General|Chancellor|King|Queen|Senator|Dr\.|Mr\.) $")
_PLACE = re.compile(r"\b(?:in|at|from|near|across|throughout) (?:the )?$")
_CLAUSES = re.compile(r"[,:](?!\d)|[;()—–]| and | but | which | who | that ")


@dataclass(frozen=True, slots=True)
class Gap:
    """A phrase of a sentence to ask for, and the question word."""

    start: int
    end: int
    word: str


def gaps(sentence: str) -> list[Gap]:
    """List what can be asked of a sentence: its dates, counts, and runs of names inside it."""
    found = [Gap(m.start(), m.end(), "when") for m in _DATE.finditer(sentence)]
    found += [Gap(m.start(), m.end(), "how many") for m in _COUNT.finditer(sentence) if not _covered(m.start(), found)]
    for run in analyse(sentence).names:
        start, end = run[0].start, run[-1].start + len(run[-1].text)
        if not _covered(start, found) and not run[0].text[0].isdigit():
            found.append(Gap(start, end, _question_word(sentence[:start])))
    return found


def is_factual(sentence: str) -> bool:
    """Whether a sentence can be asked about: of fair length, whole, no courtesy of the speaker, no book title."""
    words = sentence.split()
    whole = sentence[:1].isupper() and sentence.endswith(".")
    small = sum(word[0].islower() for word in words)
    return 9 <= len(words) <= 45 and whole and small >= 0.5 * len(words) and not _SPEAKS.search(sentence)


def keyword_question(sentence: str, gap: Gap, rng: random.Random) -> str | None:
    """Ask for a gap with the sentence's other words, clauses shuffled and some words dropped; None if few are left."""
    clauses = [part for side in (sentence[: gap.start], sentence[gap.end :]) for part in _CLAUSES.split(side)]
    keeps_small = rng.random() < 0.5
    kept = []
    for clause in clauses:
        words = [w for w in re.findall(r"[\w'’$%.-]*\w%?", clause) if keeps_small or w.lower() not in STOP_WORDS]
        kept.append([w for w in words if w.lower() in STOP_WORDS or rng.random() >= _DROPPED_WORDS])
    if rng.random() < 0.7:
        rng.shuffle(kept)
    words = [word for clause in kept for word in clause][: rng.randint(5, 16)]
    if sum(w.lower() not in STOP_WORDS for w in words) < 4:
        return None
    question = " ".join((gap.word, *words))
    return question.lower() if rng.random() < 0.3 else question + "?" * (rng.random() < 0.6)


def cloze_examples(texts: Sequence[Text], count: CountTokens, rng: random.Random, *, limit: int) -> Iterator[Asked]:
    """Make at most `limit` examples from texts, shard by shard."""
    made = 0
    for start in range(0, len(texts), SHARD):
        docs = [_window(units_of(text, count), rng) for text in texts[start : start + SHARD]]
        search = UnitSearch([unit for units in docs for unit in units])
        names = names_in([unit.text for units in docs for unit in units[:3]]) or ["Atlantis"]
        for units in docs:
            for example in _of_document(units, search, names, rng):
                yield example
                made += 1
                if made == limit:
                    return


def _of_document(
    units: Sequence[UnitInContext], search: UnitSearch, names: Sequence[str], rng: random.Random
) -> Iterator[Asked]:
    usable = [(unit, found) for unit in units if is_factual(unit.text) and (found := gaps(unit.text))]
    for unit, found in rng.sample(usable, min(PER_DOCUMENT, len(usable))):
        gap = rng.choice(found)
        question = keyword_question(unit.text, gap, rng)
        if question:
            example = _asked(question, unit, unit.text[gap.start : gap.end], units, search)
            yield _changed(example, names, rng)


def _asked(
    question: str, right: UnitInContext, answer: str, units: Sequence[UnitInContext], search: UnitSearch
) -> Asked:
    around = sorted((u for u in units if u.text != right.text), key=lambda u: abs(u.place - right.place))[:8]
    found = search.best(question, k=POOL, without=frozenset((right, *around)))
    wrong = [unit for unit in (*around[:4], *found[:8], *around[4:]) if not holds(unit.text, answer)]
    return Asked(right.doc, "cloze", "train", question, (right,), tuple(wrong[:POOL]))


def _changed(example: Asked, names: Sequence[str], rng: random.Random) -> Asked:
    """Leave most examples as they are; take the right unit of some away, and swap a name, number or year of others."""
    drawn = rng.random()
    if drawn < REMOVED and example.wrong:
        return replace(example, kind="cloze/removed", right=())
    other = swap(example.question, names, rng) if drawn < REMOVED + SWAPPED else None
    if other is None:
        return example
    return replace(example, kind="cloze/swapped", question=other, right=(), wrong=(*example.right, *example.wrong))


def _window(units: Sequence[UnitInContext], rng: random.Random) -> list[UnitInContext]:
    """Take at most `MAX_UNITS` neighbouring units of a long text."""
    start = rng.randint(0, max(0, len(units) - MAX_UNITS))
    return list(units[start : start + MAX_UNITS])


def _question_word(before: str) -> str:
    return "who" if _PERSON.search(before) else "where" if _PLACE.search(before) else "what"


def _covered(start: int, found: Sequence[Gap]) -> bool:
    return any(gap.start <= start < gap.end for gap in found)
