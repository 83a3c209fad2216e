"""An answer as one text for people and programs: its sentences with numbers, and under them what the numbers stand for.

Chats render such text as Markdown, and it holds words of briefs, which are not trusted. So nothing in it loads an
image, hides an address behind words, or is HTML; all else stands as it is in the brief.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from langchain_core.documents import Document

from rag.answer import Answer, BriefRef, Citation, Sentence
from rag.export.contents import line, shown
from rag.machine_talk import speaks_to_machines

BREAK = "\n\n"
"""Between blocks: a paragraph of its own in Markdown too."""

LEFT_OUT = "(left out here: text that speaks to language models)"

Fit = Callable[[str], str]
"""Makes text of a brief fit for its reader."""

_ACTIVE = re.compile(r"!(?=\[)|\](?=[(:\[])|<(?=[A-Za-z/!?])")
_INERT: Mapping[str, str] = {"!": "!\\", "]": "]\\", "<": "&lt;"}
_UNFIT = r"\s<>\"'`\\^{|}\x00-\x20\x7f"
_ADDRESS = re.compile(
    rf"(https?://(?:\[[0-9a-f:.]+\](?::\d+)?|[^{_UNFIT}/?#\[\]()!]+))((?:[/?#][^{_UNFIT}]*)?)", re.IGNORECASE
)
_MARKUP = re.compile(r"[\[\]()!]")
_REFERENCE = re.compile(r"^\[(\d+)\] .* · (\S+), characters [\d, -]+(?:, page \d+)?(?: · \S+)?$", re.MULTILINE)
_LISTED = re.compile(r"^- (\S+) · .* · ", re.MULTILINE)
_MARK = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Mark:
    """A citation number in a text: `text[start:end]` is "[n]"."""

    n: int
    start: int
    end: int
    passage: Document


@dataclass(frozen=True, slots=True)
class CitedText:
    """An answer as text, with the places of the numbers in it, in reading order."""

    text: str
    marks: tuple[Mark, ...]


def inert(text: str) -> str:
    """Return text of a brief with no control characters, and with nothing that acts when it is rendered as Markdown.

    "see ![map](http://x/m.png) <b>" -> "see !\\[map]\\(http://x/m.png) &lt;b>"
    """
    return _ACTIVE.sub(lambda match: _INERT[match[0]], shown(text))


def for_machines(text: str) -> str:
    """Return text of a brief as a language model may read it: orders to one are left out."""
    return LEFT_OUT if speaks_to_machines(text) else inert(text)


def web_address(url: str | None) -> str | None:
    """Return the address if it is one of the web, so that no `javascript:` or `file:` of a brief becomes a link.

    What could be read as Markdown is escaped: "https://x/![a](b)" -> "https://x/%21%5Ba%5D%28b%29"
    """
    found = _ADDRESS.fullmatch(url or "")
    return found and found[1] + _MARKUP.sub(lambda match: f"%{ord(match[0]):02X}", found[2])


def cited_text(answer: Answer, *, fit: Fit = inert) -> CitedText:
    """Return the answer as text.

    In order: the remark, the briefs that it lists, the sentences, notes, one reference per number; or the reason for
    saying nothing and the nearest briefs.
    """
    text = ""
    marks: list[Mark] = []
    opening = [fit(answer.reason or "")] if answer.abstained else [fit(answer.remark)] if answer.remark else []
    for block in [*opening, *(f"- {_named(ref, fit)}" for ref in answer.briefs)]:
        text += BREAK * bool(text) + block
    for sentence in answer.sentences:
        text += BREAK * bool(text)
        body = fit(sentence.text)
        marks += _marks(sentence, len(text) + len(body) + 1)
        text += said_text(sentence, fit=fit)
    return CitedText(BREAK.join(filter(None, [text, *_below(answer, fit)])), tuple(marks))


def said_text(sentence: Sentence, *, fit: Fit = inert) -> str:
    """Return the sentence with its numbers, as it stands in the text of its answer."""
    return f"{fit(sentence.text)} {''.join(f'[{n}]' for n in _numbers(sentence))}".rstrip()


def briefs_named(text: str) -> list[str]:
    """Return the ids of the briefs that a text of `cited_text` cites, in the order of its numbers, or lists.

    A client that keeps a conversation as text thereby still knows which brief "the second one" was.
    """
    by_number = dict(_REFERENCE.findall(text))
    cited = [by_number[number] for number in _MARK.findall(text) if number in by_number]
    return list(dict.fromkeys([*cited, *_LISTED.findall(text)]))


def _marks(sentence: Sentence, start: int) -> Iterator[Mark]:
    passages = {citation.n: citation.passage for citation in sentence.citations}
    for n in _numbers(sentence):
        end = start + len(f"[{n}]")
        yield Mark(n, start, end, passages[n])
        start = end


def _numbers(sentence: Sentence) -> list[int]:
    return list(dict.fromkeys(citation.n for citation in sentence.citations))


def _below(answer: Answer, fit: Fit) -> Iterator[str]:
    yield from (f"Nearest: {_named(ref, fit)}" for ref in answer.nearest if answer.abstained)
    yield from (f"Note: {fit(note)}" for note in answer.notes)
    cited: dict[int, list[Citation]] = {}
    for citation in (citation for sentence in answer.sentences for citation in sentence.citations):
        cited.setdefault(citation.n, []).append(citation)
    yield from (_reference(n, cited[n], fit) for n in sorted(cited))


def _reference(n: int, citations: Sequence[Citation], fit: Fit) -> str:
    """Return "[1] Title · date · source · brief-id, characters 0-41, page 2 · address"."""
    data = citations[0].passage.metadata
    about = [fit(line(part)) for part in (data["title"], data["date"] or "undated", data["source"]) if part]
    spans = ", ".join(dict.fromkeys(f"{c.start}-{c.end}" for c in citations))
    page = f", page {citations[0].page}" if citations[0].page else ""
    address = web_address(data.get("url"))
    place = f"{inert(data['brief_id'])}, characters {spans}{page}"
    return f"[{n}] {' · '.join([*about, place, *filter(None, [address])])}"


def _named(ref: BriefRef, fit: Fit) -> str:
    return f"{inert(ref.brief_id)} · {ref.date or 'undated'} · {fit(line(ref.title))}"
