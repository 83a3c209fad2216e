"""A question that only names another subject or year: the question before it, with that in its place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.follow_up import LINKS, names_of
from rag.lexicon import STANDS_FOR, STOP_WORDS, Word, Words, analyse

_ABOUT = r"(?:what|how) about "
_OPENING = re.compile(f"{LINKS}(?:{_ABOUT})?|{_ABOUT}", re.IGNORECASE)
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
_SECOND = re.compile(r" (?:and|or) (?:the )?[A-Z]")
_OWNER = re.compile(r"['’]s?\b")
_PLACES = {*STANDS_FOR, *STANDS_FOR.values()}


@dataclass(frozen=True)
class _Name:
    """A name with the words that belong to it ("Ko Wen-je", "Lai Ching-te") and the text around it.

    Attributes:
        words: those of them that are told as a name.
    """

    words: tuple[Word, ...]
    text: str
    head: str
    tail: str

    @property
    def preposition(self) -> str | None:
        """The preposition that it follows."""
        match = _PREPOSITION.search(self.head)
        return match[1].lower() if match else None

    @property
    def is_owner(self) -> bool:
        """Whether it is written as an owner."""
        return _OWNER.match(self.tail) is not None or self.words[-1].text.endswith(("'s", "’s"))

    @property
    def is_joined(self) -> bool:
        """Whether it is one of two that "and" or "or" joins."""
        return bool(_AND.search(self.head) or _SECOND.match(self.tail))

    @property
    def is_place(self) -> bool:
        """Whether it is a country's, a capital's or a people's."""
        return any(word.stem in _PLACES or word.text.lower() in _PLACES for word in self.words)

    def is_of(self, other: _Name) -> bool:
        """Whether it is the other name, perhaps in another form."""
        return {word.stem for word in self.words} == {word.stem for word in other.words}


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
    old = new and _replaced(new, before)
    if not (new and old):
        return None
    head, text = old.head, new.text
    wants, has = (_THE.search(part) is not None for part in (new.head, head))
    if wants and not has and not _OWNED.search(head):
        text = f"the {text}"
    elif has and not wants and old.words[-1].text.endswith("s") and not text.endswith("s"):
        head = _THE.sub("", head)
    return f"{head}{text}{old.tail}"


def _only_name(text: str) -> _Name | None:
    """Return the name of a text that says nothing else."""
    words = analyse(text)
    name = _only(_names(text, words))
    if name is None:
        return None
    inside = range(len(name.head), len(name.head) + len(name.text))
    others = [word.text.lower() for word in words.words if word.start not in inside]
    return name if len(others) <= _SMALL_WORDS and STOP_WORDS.issuperset(others) else None


def _replaced(new: _Name, before: str) -> _Name | None:
    """Choose the name that another one takes the place of: after the same preposition, or after none."""
    words = analyse(before)
    known = _names(before, words)
    names = [name for name in known if name.words in words.names] or [name for name in known if name.is_place]
    others = [name for name in names if not name.is_of(new)]
    alike = [name for name in others if name.preposition == new.preposition and not name.is_joined]
    if new.preposition:
        alike = [name for name in alike if name.is_owner == new.is_owner]
    elif not alike:
        return _only(others)
    same = [name for name in alike if name.is_place == new.is_place]
    return same[0] if same and new.is_place else _only(same) or _only(alike)


def _only(names: Sequence[_Name]) -> _Name | None:
    return names[0] if len(names) == 1 else None


def _names(text: str, words: Words) -> list[_Name]:
    """Return the names of a text, each with the capitalised word before it and what goes on after it."""
    found: list[_Name] = []
    for name in names_of(words):
        start, end = name[0].start, name[-1].start + len(name[-1].text)
        more = _GOES_ON.match(text, end)
        end = more.end() if more else end
        ahead = _CAPITALISED.search(text[:start])
        if ahead and ahead[0].strip().lower() not in STOP_WORDS:
            start = ahead.start()
        found.append(_Name(name, text[start:end], text[:start], text[end:]))
    return found
