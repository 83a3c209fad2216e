"""A question that only names another subject or year: the question before it, with that in its place."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.follow_up import names_of
from rag.lexicon import STANDS_FOR, STOP_WORDS, Word, analyse

_OPENING = re.compile(
    r"(?:(?:and|but|or|so|also|ok|okay|then)\b[,.]? )+(?:(?:what|how) about )?|(?:what|how) about ", re.IGNORECASE
)
_SMALL_WORDS = 2
"""Most small words beside the name: "and from the Danes?"."""
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_ONLY_A_YEAR = re.compile(r"(?:(?:in|by|since|until|for) )?((?:19|20)\d\d)[ ?.!]*", re.IGNORECASE)
_THE = re.compile(r"\bthe $", re.IGNORECASE)
_OWNED = re.compile(r"\b(?:its|their|his|her|our|this|that|these|those) $", re.IGNORECASE)
_PREPOSITION = re.compile(
    r"\b(about|against|among|at|between|by|for|from|in|into|of|on|over|to|under|with|without) (?:the )?$", re.IGNORECASE
)
_GOES_ON = re.compile(r"(?:-\w+)*(?: [A-Z]\w*(?:-\w+)*)*")
_CAPITALISED = re.compile(r"\b[A-Z]\w*(?:-\w+)* $")
_AND = re.compile(r"\b(?:and|or) (?:the )?$", re.IGNORECASE)
_PLACES = {*STANDS_FOR, *STANDS_FOR.values()}


def with_other_subject(question: str, before: str) -> str | None:
    """Return the question before with what this one names in place of what it named; None where that is in doubt.

    A name takes the place of one that follows the same preposition, or none as it does itself:

        "How did Baku react to the shots?", "And Tehran?" -> "How did Tehran react to the shots?"
        "How did the Bulgarians vote in 2031?", "what about the Croats?" -> "How did the Croats vote in 2031?"
        "How did the Bulgarians vote in 2031?", "And in 2032?" -> "How did the Bulgarians vote in 2032?"
    """
    opening = _OPENING.match(question.strip())
    if opening is None:
        return None
    named = question.strip()[opening.end() :]
    if year := _ONLY_A_YEAR.fullmatch(named):
        return _YEAR.sub(year[1], before) if len(set(_YEAR.findall(before)) - {year[1]}) == 1 else None
    new = _only_name(named)
    old = new and _replaced(new, named, before)
    if not (new and old):
        return None
    start, end = _span(before, old)
    first, last = _span(named, new)
    head, text = before[:start], named[first:last]
    wants, has = (_THE.search(part) is not None for part in (named[:first], head))
    if wants and not has and not _OWNED.search(head):
        text = f"the {text}"
    elif has and not wants and old[-1].text.endswith("s") and not text.endswith("s"):
        head = _THE.sub("", head)
    return f"{head}{text}{before[end:]}"


def _only_name(text: str) -> tuple[Word, ...] | None:
    """Return the name of a text that says nothing else."""
    words = analyse(text)
    names = names_of(words)
    if len(names) != 1:
        return None
    start, end = _span(text, names[0])
    others = [word for word in words.words if not start <= word.start < end]
    if len(others) > _SMALL_WORDS or any(word.text.lower() not in STOP_WORDS for word in others):
        return None
    return names[0]


def _replaced(new: Sequence[Word], named: str, before: str) -> tuple[Word, ...] | None:
    """Choose the name that another one takes the place of: after the same preposition, or after none."""
    preposition = _before(named, new)
    words = analyse(before)
    known = names_of(words)
    names = [name for name in known if name in words.names] or [name for name in known if _is_place(name)]
    others = [name for name in names if {word.stem for word in name} != {word.stem for word in new}]
    alike = [name for name in others if _before(before, name) == preposition and not _joined(before, name)]
    if preposition:
        alike = [name for name in alike if _owns(before, name) == _owns(named, new)]
    elif not alike:
        return _only(others)
    same = [name for name in alike if _is_place(name) == _is_place(new)]
    return same[0] if same and _is_place(new) else _only(same) or _only(alike)


def _only(names: Sequence[tuple[Word, ...]]) -> tuple[Word, ...] | None:
    return names[0] if len(names) == 1 else None


def _before(text: str, name: Sequence[Word]) -> str | None:
    """Return the preposition that a name follows."""
    match = _PREPOSITION.search(text[: _span(text, name)[0]])
    return match[1].lower() if match else None


def _owns(text: str, name: Sequence[Word]) -> bool:
    """Whether a name is written as an owner."""
    return re.match(r"['’]s?\b", text[_span(text, name)[1] :]) is not None or name[-1].text.endswith(("'s", "’s"))


def _joined(text: str, name: Sequence[Word]) -> bool:
    """Whether a name is one of two that "and" or "or" joins."""
    start, end = _span(text, name)
    return bool(_AND.search(text[:start]) or re.match(r" (?:and|or) (?:the )?[A-Z]", text[end:]))


def _is_place(name: Sequence[Word]) -> bool:
    return any(word.stem in _PLACES or word.text.lower() in _PLACES for word in name)


def _span(text: str, name: Sequence[Word]) -> tuple[int, int]:
    """Return where a name starts and ends, with the words that belong to it: "Ko Wen-je", "Lai Ching-te"."""
    start, end = name[0].start, name[-1].start + len(name[-1].text)
    more = _GOES_ON.match(text, end)
    end = more.end() if more else end
    ahead = _CAPITALISED.search(text[:start])
    if ahead and ahead[0].strip().lower() not in STOP_WORDS:
        start = ahead.start()
    return start, end
