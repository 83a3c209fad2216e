"""The two sides of a conflict, and how they are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.documents import Document

from rag.answer import Sentence
from rag.lexicon import MONTHS, STOP_WORDS, analyse, present
from rag.rarity import background
from rag.types import DateInterval


@dataclass(frozen=True, slots=True)
class Conflict:
    """Sentences of several accounts, the newest first, and how to say that they differ; None where that is not sure."""

    sentences: tuple[Sentence, ...]
    note: str | None


def differ(
    how: str | None, sides: Sequence[tuple[Sentence, str]], *, beside: Sequence[Sentence] = (), limit: int = 5
) -> Conflict:
    """Return the sides, the newest first, with how they differ and what each says; other sentences go beside them.

    Two sides of one brief that are told by its number alone are told once. Of more sides than the limit the last ones
    are left out and not told; one that is left alone differs from nothing.
    """
    sides = sides[:limit]
    ordered = sorted(sides, key=lambda side: _date_of(side[0]), reverse=True)
    told = "; ".join(dict.fromkeys(f"{says} ({source(sentence)})" for sentence, says in ordered if says))
    each = {_in_brief(sentence): sentence for sentence in (*(sentence for sentence, _ in sides), *beside)}
    kept = sorted(sorted(list(each.values())[:limit], key=_place), key=_date_of, reverse=True)
    return Conflict(tuple(kept), f"{how}: {told}." if how and len(sides) > 1 else None)


def of_one_time(one: Document, other: Document, *, days: int, undated: bool = False) -> bool:
    """Whether two passages are of one brief, or of briefs at most some days apart; `undated` where one has no date."""
    if one.metadata["brief_id"] == other.metadata["brief_id"]:
        return True
    if not (one.metadata["date"] and other.metadata["date"]):
        return undated
    mine, theirs = (DateInterval.parse(passage.metadata["date"]) for passage in (one, other))
    return mine.days_from(theirs) <= days


def is_about(question: str, passages: Sequence[Document]) -> bool:
    """Whether passages of a brief, with its title, hold the last word of each name of a question; not without any."""
    names = _last_names(question)
    texts = [analyse(f"{passage.metadata['title']}. {passage.page_content}") for passage in passages]
    return bool(names) and all(any(present(name, words) > 0 for words in texts) for name in names)


def _last_names(question: str) -> set[str]:
    """Return the stem of the last word of each name; where there is none, of words that are known as nothing else."""
    words, known = analyse(question), background()
    runs = {run[-1] for run in words.names if run[-1].text.lower() not in (*STOP_WORDS, *MONTHS)}
    found = runs or {w for w in words.words if w.stem in known.names or w.stem not in known.df}
    return {w.stem for w in found if w.number is None and w.text.lower() not in STOP_WORDS}


def source(sentence: Sentence) -> str:
    """Return date and source of a sentence's brief, as people write them."""
    data = sentence.citations[0].passage.metadata
    return ", ".join(filter(None, [data["date"] or "undated", data["source"] or data["title"]]))


def _date_of(sentence: Sentence) -> str:
    return str(sentence.citations[0].passage.metadata["date"] or "")


def _in_brief(sentence: Sentence) -> tuple[str, int]:
    return str(sentence.citations[0].passage.metadata["brief_id"]), sentence.citations[0].start


def _place(sentence: Sentence) -> tuple[int, int]:
    return sentence.citations[0].n, sentence.citations[0].start
