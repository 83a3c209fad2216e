"""What can be told about a question and a unit at sight: shared words, names, numbers, form of the answer, rank.

Every signal is a plain number, mostly in [0, 1]; `rag.read` weighs them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.documents import Document

from rag.answer_types import AnswerType, answer_type, offers
from rag.lexicon import MONTHS, STOP_WORDS, Word, Words, analyse, other_forms, present
from rag.rarity import background, rarity
from rag.types import DateInterval, Span, Unit

# Nouns that name the kind of answer; the answer itself seldom repeats them.
_KIND_NOUNS = frozenset(
    [
        "year",
        "date",
        "day",
        "month",
        "time",
        "name",
        "kind",
        "type",
        "number",
        "amount",
        "place",
        "person",
        "thing",
        "word",
    ]
)
# Briefs on one story rank close together, and the answer stands in any of them: the first should not count for much
# more than the second. On held-out SQuAD articles and NQ it makes no difference (n = 1,421).
RANK_DAMPING = 2
FAR_APART = 60
"""Days from which on two briefs are of two times."""
CONTEXT = "\n\n"
"""What stands between a unit and its context in a pair; other cross-encoders read it as blank space."""
# Of U.S. and other initialisms that are spelled like stop words, whose frequency says nothing; as rare as "russia".
_INITIALISM_WEIGHT = 0.35
_LEANS = re.compile(r"[\"“'‘]?(?:he|she|it|they|his|her|its|their|this|that|these|those|both|such)\b", re.IGNORECASE)
_ASKS = re.compile(r"\?[\"”’')\]]*\s*$")


@dataclass(frozen=True, slots=True)
class Term:
    """A content word of the question.

    Attributes:
        weight: its rarity, from 0 to 1.
        others: stems that stand for it: the initialism of its name ("=us" for United), the country of a capital, the
            other name of a place.
    """

    stem: str
    weight: float
    name: bool
    number: bool
    others: tuple[str, ...] = ()

    def within(self, words: Words) -> float:
        """How surely it stands in a text, from 0 to 1."""
        return max(present(self.stem, words), *(0.9 * (other in words.stems) for other in self.others), 0.0)


@dataclass(frozen=True, slots=True)
class Asked:
    """An analysed question."""

    text: str
    kind: AnswerType
    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit of a passage with what stands around it.

    Attributes:
        place: position of its passage among the passages, from 0.
        before: the lead-in or header that it depends on, else the unit before it; empty for the first.
    """

    place: int
    unit: Unit
    text: str
    before: str
    passage: Document

    @property
    def readings(self) -> tuple[str, ...]:
        """Texts to score, of which the better counts: the unit, and if it leans, also after title and what is before.

        Scoring every unit with its context would double the cost and gains 0.3 points in right unit first on held-out
        SQuAD articles (n = 853), within the interval.
        """
        in_context = f"{self.passage.metadata['title']}: {self.heading} {self.before} {self.text}"
        return (self.text, in_context) if self.leans else (self.text,)

    @property
    def in_context(self) -> str:
        """The unit as a cross-encoder is shown it: its text and, after a blank line, date, title and what is before."""
        return f"{' '.join(self.text.split())}{CONTEXT}{self.around}"

    @property
    def around(self) -> str:
        """What a cross-encoder is shown beside the unit."""
        meta = self.passage.metadata
        return context_of(meta["title"], " ".join(self.before.split()), meta.get("date"))

    @property
    def heading(self) -> str:
        """The heading that a list, an item or a table row is the content of; empty for sentences."""
        return "" if self.unit.kind == "sentence" else str(self.passage.metadata.get("heading") or "")

    @property
    def leans(self) -> bool:
        """Whether it opens with a pronoun or depends on a lead-in, header or heading."""
        return self.unit.context is not None or bool(self.heading) or _LEANS.match(self.text) is not None


def context_of(title: str, before: str, date: str | None) -> str:
    """Write a unit's context: the brief's date in words if it has one, its title, and what stands before."""
    return " ".join([*([f"{in_words(date)}."] if date else []), f"{title}.", before]).strip()


def content_stems(question: str) -> tuple[str, ...]:
    """Stems of the question's content words, in order and once each."""
    words = analyse(question).words
    return tuple(dict.fromkeys(w.stem for w in words if w.text.lower() not in STOP_WORDS or w.stem[0] == "="))


def countable_stems(question: str) -> tuple[str, ...]:
    """Content stems whose frequency the catalogue knows: all but initialisms such as "=us"."""
    return tuple(s for s in content_stems(question) if not s.startswith("="))


def ask(question: str, corpus_df: Mapping[str, int], corpus_n: int) -> Asked:
    """Analyse a question, its words weighed by their rarity in the corpus and in the background."""
    words = analyse(question)
    names = {w.stem: run for run in words.names if len(run) > 1 for w in run}
    by_stem = {w.stem: w for w in words.words}
    return Asked(
        question,
        answer_type(question),
        tuple(_term(by_stem[s], names.get(s, ()), corpus_df, corpus_n) for s in content_stems(question)),
    )


def _term(word: Word, name: tuple[Word, ...], corpus_df: Mapping[str, int], corpus_n: int) -> Term:
    weight = _INITIALISM_WEIGHT if word.stem[0] == "=" else rarity(word.stem, corpus_df, corpus_n)
    return Term(
        word.stem,
        weight * (0.3 if word.stem in _KIND_STEMS else 1.0),
        word.name or word.stem in background().names,
        word.number is not None,
        other_forms(word, name),
    )


def candidates(passages: Sequence[Document]) -> list[Candidate]:
    """List the units of passages, each once, in the first passage that holds it. A question answers none."""
    found: dict[tuple[str, int, int], Candidate] = {}
    for place, passage in enumerate(passages):
        before = ""
        for marked in passage.metadata["units"]:
            unit = _unit(marked)
            text = slice_of(passage, unit.start, unit.end)
            key = (passage.metadata["brief_id"], unit.start, unit.end)
            if not _ASKS.search(text):
                found.setdefault(key, Candidate(place, unit, text, marked.get("context") or before, passage))
            before = text
    return list(found.values())


def slice_of(passage: Document, start: int, end: int) -> str:
    """Text of a span of the brief that lies inside the passage."""
    offset: int = passage.metadata["start"]
    return passage.page_content[start - offset : end - offset]


def cheap_signals(asked: Asked, unit: Candidate) -> dict[str, float]:
    """Measure everything about a unit that needs no model. Cost: about 0.1 ms."""
    words = analyse(f"{unit.heading} {unit.text}")
    around = (words, analyse(unit.before))
    titles = tuple(map(analyse, header(unit.passage)))
    ranks = unit.passage.metadata.get("ranks", {})
    offered = offers(asked.text, unit.text)
    return {
        "coverage": coverage(asked.terms, words),
        "coverage_before": coverage(asked.terms, *around),
        "coverage_titled": coverage(asked.terms, *around, *titles),
        "names": coverage(_names(asked), *around),
        "numbers": coverage(_numbers(asked), *around),
        "plain": coverage(_plain(asked), *around),
        "missing": missing(asked.terms, *around, *titles),
        "phrases": phrases(asked, words),
        "offers": offered,
        f"offers_{asked.kind}": offered,
        "length": min(1.0, math.log1p(len(words.words)) / 4),
        "leans": float(unit.leans),
        "dense": _closeness(ranks.get("dense")),
        "lexical": _closeness(ranks.get("lexical")),
    }


def _closeness(rank: int | None) -> float:
    """1 for the first passage, falling with the rank; 0 for one that was not found."""
    return 0.0 if rank is None else (1 + RANK_DAMPING) / (rank + RANK_DAMPING)


def coverage(terms: Iterable[Term], *texts: Words) -> float:
    """Share of the terms' weight that stands in any of the texts; 1 when there are no terms.

    sum(w_t * max over texts of present(t)) / sum(w_t)
    """
    chosen = tuple(terms)
    total = sum(term.weight for term in chosen)
    return sum(t.weight * max(t.within(text) for text in texts) for t in chosen) / total if total else 1.0


def missing(terms: Iterable[Term], *texts: Words) -> float:
    """Weight of the rarest term that stands in none of the texts; 0 when all do."""
    return max((t.weight for t in terms if not any(t.within(text) for text in texts)), default=0.0)


def phrases(asked: Asked, words: Words) -> float:
    """Share of neighbouring term pairs of the question that stand within four words of each other."""
    pairs = list(zip(asked.terms, asked.terms[1:], strict=False))
    if not pairs:
        return 0.0
    near = (
        any(abs(i - j) <= 4 for i in words.positions.get(a.stem, ()) for j in words.positions.get(b.stem, ()))
        for a, b in pairs
    )
    return sum(near) / len(pairs)


def header(passage: Document) -> tuple[str, ...]:
    """What stands above a passage: title, heading, and the date in words ("2024-05-16" adds "May 16 2024")."""
    meta = passage.metadata
    return (meta["title"], meta.get("heading") or "", in_words(meta.get("date") or ""))


def in_words(date: str) -> str:
    """Write a date as texts do: "2024-05-16" as "May 16 2024", "2024-05" as "May 2024", "2024" as it is."""
    year, *rest = date.split("-")
    month = [MONTHS[int(rest[0]) - 1].title()] if rest else []
    return " ".join([*month, *(str(int(part)) for part in rest[1:]), year])


def weigh(signals: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Sum the signals by their weights; a signal that is absent counts nothing."""
    return sum(weight * signals.get(name, 0.0) for name, weight in weights.items())


def logistic(x: float) -> float:
    """Map a log-odds to a probability, 1 / (1 + exp(-x)), within double range; what is no number, to 0."""
    if math.isnan(x):
        return 0.0
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, x))))


def probability(signals: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Return the probability that a logistic model gives what is seen."""
    return logistic(weigh(signals, weights))


def log_sum(values: Sequence[float]) -> float:
    """Return log sum exp of values, within double range. Of log-odds against the same "none": those that any holds."""
    most = max(values)
    return most + math.log(sum(math.exp(value - most) for value in values))


def odds_of_both(one: float, other: float) -> float:
    """Return the log-odds that both of two independent things hold, of their own log-odds.

    -log(exp(-one) + exp(-other) + exp(-one - other))
    """
    return -log_sum((-one, -other, -one - other))


def log_share(share: float, *, least: float) -> float:
    """Return the logarithm of a share, no lower than `least`, which stands for none, too."""
    return max(math.log(share), least) if share > 0 else least


def time_apart(one: str | None, other: str | None) -> float:
    """Return how far apart two briefs' dates are: 0 the same, 1 from `FAR_APART` days on, 0.5 where one has none."""
    if not (one and other):
        return 0.5
    return min(FAR_APART, DateInterval.parse(one).days_from(DateInterval.parse(other))) / FAR_APART


def _names(asked: Asked) -> Iterable[Term]:
    return (term for term in asked.terms if term.name)


def _numbers(asked: Asked) -> Iterable[Term]:
    return (term for term in asked.terms if term.number)


def _plain(asked: Asked) -> Iterable[Term]:
    return (term for term in asked.terms if not (term.name or term.number))


def _unit(marked: Mapping[str, Any]) -> Unit:
    has_context = marked.get("context_start") is not None
    context = Span(marked["context_start"], marked["context_end"]) if has_context else None
    return Unit(marked["start"], marked["end"], marked["kind"], context)


_KIND_STEMS = frozenset(stem for noun in _KIND_NOUNS for stem in content_stems(noun))
