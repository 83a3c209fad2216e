"""Whether a question leans on the conversation before it: a logistic model of what can be seen at sight."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rag.lexicon import MONTHS, STOP_WORDS, Word, Words, analyse, present
from rag.rarity import background
from rag.signals import weigh
from rag.years_meant import counts_from_before

WH = r"(?:who|whom|whose|which|what|when|where|why|how)"
VERB = re.compile(
    rf"\b(?:{WH}|is|are|was|were|do|does|did|has|have|had|will|would|can|could|should|name|list|tell|give|compare)\b",
    re.IGNORECASE,
)
LINKS = r"(?:(?:and|but|or|so|also|ok|okay|then)\b[,.]? )+"
"""What joins a question to the one before it."""
OWN_MATTER = 3
"""With so many words of matter, and neither a name, "the" nor a pronoun, a question is of another topic."""

# Fitted by `python -m evals.training.follow_ups`, which tells on what and how well.
WEIGHTS: Mapping[str, float] = {
    "bias": 5.5,
    "opens": 4.34,
    "words": -0.21,
    "matter": -1.28,
    "the": 0.41,
    "pronoun": 2.01,
    "that": 2.74,
    "nameless": 1.27,
    "known": 2.12,
    "new": -0.68,
    "verbless": -2.86,
}

_PRONOUN = re.compile(
    r"\b(?:he|she|it|they|him|her|them|his|hers|its|their|theirs|there|this|these|those|then|same|both|former"
    r"|latter|else|ones?)\b",
    re.IGNORECASE,
)
# Not as in "the ship that sank" or "said that it sank".
_THAT = re.compile(
    r"\bthat\b(?=\s*(?:\?|$|(?:in|was|is|has|had|mean|cost|help|work|done|day|year|time|happen|change|end|for|to|of|go)\b))",
    re.IGNORECASE,
)
_OPENS_BACK = re.compile(
    r"(?:and|but|or|so|also|ok|okay|what about|how about|any(?:thing|one|body)?|another point|i mean"
    r"|i meant|mostly|mainly|especially|including)\b",
    re.IGNORECASE,
)
_THE = re.compile(r"\bthe\b", re.IGNORECASE)


def refers_back(question: str, said: Sequence[str] = ()) -> bool:
    """Whether a question needs an earlier one: it has a pronoun, opens as a reply, says too little, or counts years.

    Args:
        said: the turns before it, each with its answer.
    """
    if counts_from_before(question):
        return True
    seen = signs(question, said)
    leans = seen["the"] or seen["pronoun"] or seen["that"] or seen["opens"]
    if seen["nameless"] and not leans and seen["matter"] >= OWN_MATTER:
        return False
    return weigh(seen, WEIGHTS) > 0


def signs(question: str, said: Sequence[str]) -> dict[str, float]:
    """Tell what bears on whether a question stands alone."""
    question = question.strip()
    words, before = analyse(question), [analyse(turn) for turn in said]
    names = names_of(words)
    fresh = [not any(present(word.stem, turn) for word in name for turn in before) for name in names]
    return {
        "bias": 1.0,
        "opens": float(_OPENS_BACK.match(question) is not None),
        "words": float(len(words.words)),
        "matter": float(len(matter_of(words))),
        "the": float(not names and _THE.search(question) is not None),
        "pronoun": float(_PRONOUN.search(question) is not None),
        "that": float(_THAT.search(question) is not None),
        "nameless": float(not names),
        "known": float(bool(fresh) and not all(fresh)),
        "new": float(sum(fresh)),
        "verbless": float(VERB.search(question) is None),
    }


def names_of(words: Words) -> list[tuple[Word, ...]]:
    """Return the names, those known ones too that are written without a capital, but for months."""
    known = background().names
    inside = {word for run in words.names for word in run}
    small = ((w,) for w in words.words if w not in inside and w.stem in known and w.text.lower() not in STOP_WORDS)
    runs = [run for run in words.names if any(word.text.lower() not in MONTHS for word in run)]
    return sorted([*runs, *small], key=lambda run: run[0].start)


def matter_of(words: Words) -> list[str]:
    """Return the words that say what a question is about; "won" is the verb, not what remains of "won't"."""
    return [w.text for w in words.words if w.name or w.text.lower() == "won" or w.text.lower() not in STOP_WORDS]
