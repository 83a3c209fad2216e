"""Cut a brief into units that can be quoted and chunks that are embedded, with exact spans.

A line break is a hard wrap only when the next word would not have fitted on the line; otherwise it ends a
paragraph. A list keeps its lead-in (the sentence before it that ends in a colon), a table row its header row; a table
as a whole is a list too.
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import sentencex

from rag.types import Brief, Chunk, Span, Unit

SPLITTER = "units-2"
"""Name of the algorithm: it changes when the same text and parameters would give other chunks."""

HEADER_TOKENS = 48
"""Budget of title and headings in what is embedded."""

CHARS_PER_TOKEN = 8
"""A unit longer than this many characters a token is cut however few tokens a tokenizer sees in it."""

CountTokens = Callable[[Sequence[str]], Sequence[int]]

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*)\Z")
_WIDE_BLANK = re.compile(r"[^\S\x00-\x7f]")
_ITEM = re.compile(r"[ \t]*(?:[-*+•–]|\d{1,3}[.)])[ \t]+(?=\S)")
_RULE = re.compile(r"[ \t]*(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,}|={3,})\Z")
_TABLE_ROW = re.compile(r"[ \t]*\|.*\|[ \t]*\Z")
_TABLE_RULE = re.compile(r"(?=.*--)[ \t:|-]+\Z")


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class _Block:
    """A unit that takes part in packing, or a list that lies over several of them (`overlay`)."""

    unit: Unit
    heading: str
    overlay: bool = False


def split(brief: Brief, *, count_tokens: CountTokens, max_tokens: int = 200) -> tuple[Chunk, ...]:
    """Cut a brief into chunks of whole units of at most `max_tokens` each, with one sentence of overlap.

    A chunk never crosses a heading. A list that fits in one chunk is not divided. Units are never empty; a text
    that has only headings yields them as sentences.

    Args:
        count_tokens: tokens of each text, without special tokens.
    """
    blocks = list(_blocks(brief.text))
    lists = [b.unit for b in blocks if b.overlay]
    base = [b for b in blocks if not b.overlay]
    sizes = _sizes(base, brief.text, count_tokens)
    if any(_too_long(block.unit, size, max_tokens) for block, size in zip(base, sizes, strict=True)):
        base = list(_fit(base, sizes, brief.text, count_tokens, max_tokens))
        sizes = _sizes(base, brief.text, count_tokens)
    groups = _pack(base, sizes, lists, max_tokens)
    before = {block.unit.start: previous.unit.end for previous, block in itertools.pairwise(base)}
    return tuple(_chunk(brief, ordinal, group, lists, before) for ordinal, group in enumerate(groups))


def chunk_header(title: str, heading: str, *, count_tokens: CountTokens) -> str:
    """Return title and headings as they stand before the text in what is embedded, clipped to `HEADER_TOKENS`."""
    header = " › ".join(part for part in (title, heading) if part)
    header = header[: HEADER_TOKENS * CHARS_PER_TOKEN]
    while header and count_tokens([header])[0] > HEADER_TOKENS:
        header = header[: len(header) * 3 // 4].rstrip()
    return header


def _lines(text: str) -> Iterator[_Line]:
    for match in _LINE.finditer(text):
        if match.end() > match.start():
            content = match.group().rstrip("\r\n")
            yield _Line(match.start(), match.start() + len(content), content)


def _blocks(text: str) -> Iterator[_Block]:
    lines = list(_lines(text))
    headings: list[tuple[int, str]] = []
    found = False
    for kind, run in _runs(lines):
        if kind == "heading":
            match = _HEADING.match(run[0].text)
            assert match is not None
            level = len(match.group(1))
            headings = [h for h in headings if h[0] < level] + [(level, _heading_text(match.group(2)))]
            lead_in = None
            continue
        path = " › ".join(title for _, title in headings if title)
        if kind == "blank":
            continue
        units = list(_UNITS[kind](text, run))
        if kind == "list":
            units = list(_with_lead_in(units, lead_in if found else None))
        for unit in units:
            found = True
            yield _Block(unit, path, overlay=unit.kind == "list")
        last = units[-1] if units else None
        ends_open = last is not None and last.kind == "sentence" and text[last.end - 1] == ":"
        lead_in = Span(last.start, last.end) if last is not None and ends_open else None
    if not found:
        for line in lines:
            for unit in _trimmed(text, line.start, line.end, "sentence"):
                yield _Block(unit, "")


def _runs(lines: Sequence[_Line]) -> Iterator[tuple[str, list[_Line]]]:
    """Group lines into runs of one kind: heading, blank, list, table, paragraph."""
    position = 0
    while position < len(lines):
        kind = _kind(lines, position)
        end = position + 1
        while end < len(lines) and _continues(kind, lines, end):
            end += 1
        yield kind, list(lines[position:end])
        position = end


def _kind(lines: Sequence[_Line], position: int) -> str:
    text = lines[position].text
    if not text.strip() or _RULE.match(text):
        return "blank"
    if _HEADING.match(text):
        return "heading"
    if _ITEM.match(text):
        return "list"
    if _TABLE_ROW.match(text):
        return "table"
    return "paragraph"


def _heading_text(text: str) -> str:
    """Return a heading without blanks and closing marks."""
    return text.strip(" \t").rstrip("#").rstrip(" \t")


def _continues(kind: str, lines: Sequence[_Line], position: int) -> bool:
    following = _kind(lines, position)
    if kind == "list":
        indented = lines[position].text[:1] in (" ", "\t")
        loose = following == "blank" and position + 1 < len(lines) and _kind(lines, position + 1) == "list"
        return following == "list" or (following == "paragraph" and indented) or loose
    return kind in ("table", "paragraph") and following == kind


def _paragraph_units(text: str, run: Sequence[_Line]) -> Iterator[Unit]:
    for start, end in _paragraphs(run):
        position = start
        # sentencex panics at some blanks outside ASCII; a copy of equal length keeps all spans.
        for sentence in sentencex.segment("en", _WIDE_BLANK.sub(" ", text[start:end])):
            yield from _trimmed(text, position, position + len(sentence), "sentence")
            position += len(sentence)


def _paragraphs(run: Sequence[_Line]) -> Iterator[tuple[int, int]]:
    """Join hard-wrapped lines: a break is a wrap when the next word would have passed the longest line."""
    width = max(len(line.text) for line in run)
    start = run[0].start
    for line, following in itertools.pairwise(run):
        word = following.text.split(maxsplit=1)[0]
        if len(line.text.rstrip()) + 1 + len(word) <= width:
            yield start, line.end
            start = following.start
    yield start, run[-1].end


def _list_units(text: str, run: Sequence[_Line]) -> Iterator[Unit]:
    first: _Line | None = None
    last = run[0]
    for line in [*run, None]:
        if first is not None and (line is None or _ITEM.match(line.text)):
            match = _ITEM.match(first.text)
            assert match is not None
            yield from _trimmed(text, first.start + match.end(), last.end, "item")
        if line is not None:
            first = line if _ITEM.match(line.text) else first
            last = line


def _with_lead_in(items: Sequence[Unit], lead_in: Span | None) -> Iterator[Unit]:
    """Give items their lead-in, and add the list as a whole."""
    yield from (replace(item, context=lead_in) for item in items)
    if items and (lead_in is not None or len(items) > 1):
        start = items[0].start if lead_in is None else lead_in.start
        yield Unit(start, items[-1].end, "list")


def _table_units(text: str, run: Sequence[_Line]) -> Iterator[Unit]:
    has_header = len(run) > 1 and _TABLE_RULE.match(run[1].text) is not None
    header = next(_trimmed(text, run[0].start, run[0].end, "row")) if has_header else None
    context = Span(header.start, header.end) if header else None
    rows: list[Unit] = []
    for line in run[1 if has_header else 0 :]:
        if not _TABLE_RULE.match(line.text):
            for unit in _trimmed(text, line.start, line.end, "row"):
                rows.append(replace(unit, context=context))
    yield from rows
    if len(rows) > 1:
        yield Unit(header.start if header else rows[0].start, rows[-1].end, "list")


_UNITS: dict[str, Callable[[str, Sequence[_Line]], Iterator[Unit]]] = {
    "paragraph": _paragraph_units,
    "list": _list_units,
    "table": _table_units,
}


def _trimmed(text: str, start: int, end: int, kind: str) -> Iterator[Unit]:
    """Yield the unit without the blank space around it, or nothing when only that is there."""
    content = text[start:end]
    stripped = content.strip()
    if stripped:
        offset = start + len(content) - len(content.lstrip())
        yield Unit(offset, offset + len(stripped), kind)  # type: ignore[arg-type]


def _too_long(unit: Unit, size: int, max_tokens: int) -> bool:
    return size > max_tokens or unit.end - unit.start > max_tokens * CHARS_PER_TOKEN


def _fit(
    blocks: Sequence[_Block], sizes: Sequence[int], text: str, count: CountTokens, max_tokens: int
) -> Iterator[_Block]:
    """Cut units that are longer than a chunk, at blank space where there is some."""
    for block, size in zip(blocks, sizes, strict=True):
        unit = block.unit
        if not _too_long(unit, size, max_tokens):
            yield block
            continue
        for start, end in _windows(text, unit.start, unit.end, count, max_tokens):
            for piece in _trimmed(text, start, end, unit.kind):
                yield replace(block, unit=replace(piece, context=unit.context))


def _windows(text: str, start: int, end: int, count: CountTokens, max_tokens: int) -> Iterator[tuple[int, int]]:
    while start < end:
        stop = min(end, start + max_tokens * CHARS_PER_TOKEN // 2)
        while True:
            if stop < end:
                space = max(text.rfind(blank, start + (stop - start) // 2, stop) for blank in (" ", "\n", "\t"))
                stop = space if space > start else stop
            if stop - start <= 1 or count([text[start:stop]])[0] <= max_tokens:
                break
            stop = start + max(1, (stop - start) // 2)
        yield start, stop
        start = stop


def _sizes(blocks: Sequence[_Block], text: str, count: CountTokens) -> list[int]:
    """Tokens of each unit together with what stands between it and the unit before (markers, pipes)."""
    ends = [block.unit.end for block in blocks]
    gaps = [max(0, b.unit.start - 200, previous) for b, previous in zip(blocks, [0, *ends], strict=False)]
    whole = [text[gap : block.unit.end] for gap, block in zip(gaps, blocks, strict=True)]
    return list(count(whole))


def _pack(
    blocks: Sequence[_Block], sizes: Sequence[int], lists: Sequence[Unit], max_tokens: int
) -> Iterator[list[_Block]]:
    list_end = {unit.start: unit.end for unit in lists}
    group: list[int] = []
    for position, block in enumerate(blocks):
        total = sum(sizes[i] for i in group) + sizes[position]
        whole_list = _list_size(blocks, sizes, position, list_end)
        divides_list = total - sizes[position] + whole_list > max_tokens >= whole_list > 0
        crosses = bool(group) and blocks[group[-1]].heading != block.heading
        if group and (total > max_tokens or divides_list or crosses):
            yield [blocks[i] for i in group]
            group = [] if crosses else _overlap(blocks, sizes, group, max(sizes[position], whole_list), max_tokens)
        group.append(position)
    if group:
        yield [blocks[i] for i in group]


def _list_size(blocks: Sequence[_Block], sizes: Sequence[int], position: int, list_end: dict[int, int]) -> int:
    end = list_end.get(blocks[position].unit.start, 0)
    stop = position
    while stop < len(blocks) and blocks[stop].unit.end <= end:
        stop += 1
    return sum(sizes[position:stop])


def _overlap(
    blocks: Sequence[_Block], sizes: Sequence[int], group: Sequence[int], following: int, max_tokens: int
) -> list[int]:
    """Repeat the last sentence in the next chunk, where it leaves room and is no large part of it."""
    last = group[-1]
    repeats = blocks[last].unit.kind == "sentence" and len(group) > 1
    return [last] if repeats and sizes[last] <= max_tokens // 3 and sizes[last] + following <= max_tokens else []


def _chunk(
    brief: Brief, ordinal: int, group: Sequence[_Block], lists: Sequence[Unit], before: Mapping[int, int]
) -> Chunk:
    """Make a chunk of units. A table that begins it is taken with its header, which is no unit of its own.

    Args:
        before: where the unit before a unit ends, by the unit's start.
    """
    first, end = group[0].unit.start, group[-1].unit.end
    floor = before.get(first, 0)
    whole = [unit for unit in lists if floor <= unit.start <= unit.end <= end and unit.end > first]
    start = min([first, *(unit.start for unit in whole)])
    page = bisect.bisect_right(brief.page_starts, first) or None
    ordered = sorted([*(block.unit for block in group), *whole], key=lambda unit: (unit.start, unit.end))
    return Chunk(ordinal, start, end, group[0].heading, page, tuple(ordered))
