"""The table of readers, and the checks that hold for briefs of every format."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from rag.errors import SourceError
from rag.language import detect
from rag.load.brief import Parsed, Reader, slug
from rag.load.feed import read_feed
from rag.load.html import read_html
from rag.load.pdf import read_pdf
from rag.load.records import read_json, read_jsonl
from rag.load.text import read_text
from rag.load.word import read_docx
from rag.types import Brief

if TYPE_CHECKING:
    from rag.load.files import SourceFile

READERS: Mapping[str, Reader] = MappingProxyType(
    {
        ".md": read_text,
        ".markdown": read_text,
        ".txt": read_text,
        ".html": read_html,
        ".htm": read_html,
        ".pdf": read_pdf,
        ".docx": read_docx,
        ".json": read_json,
        ".jsonl": read_jsonl,
        ".rss": read_feed,
        ".atom": read_feed,
        ".xml": read_feed,
    }
)


def parse(
    file: SourceFile,
    data: bytes,
    *,
    readers: Mapping[str, Reader] = READERS,
    languages: Collection[str] = ("en",),
) -> Parsed:
    """Read the briefs that the bytes of a file hold. Never opens the file or the network.

    A brief that states no language gets the one its text is in, where that is beyond doubt. One in a language that is
    not among `languages` (ISO 639-1 codes) is kept, with a warning. Of two briefs with one id the first is kept.

    Raises:
        SourceError: if no brief of the file can be read.
    """
    reader = readers.get(file.path.suffix.lower())
    if reader is None:
        raise SourceError(f"has no known suffix; the known ones are {', '.join(sorted(readers))}")
    if not data:
        raise SourceError("is empty; write a text into it or remove it")
    parsed = reader(data, slug(file.path.relative_to(file.root).with_suffix("").as_posix()), file.path.stem)
    first, repeated = _first_of_each_id(parsed.briefs)
    briefs = tuple(_with_language(brief) for brief in first)
    foreign = tuple(_foreign(brief) for brief in briefs if _is_foreign(brief, languages))
    return Parsed(briefs, parsed.failures + repeated, parsed.warnings + foreign)


def _first_of_each_id(briefs: Iterable[Brief]) -> tuple[list[Brief], tuple[str, ...]]:
    kept: dict[str, Brief] = {}
    repeated: list[str] = []
    for position, brief in enumerate(briefs, start=1):
        if kept.setdefault(brief.id, brief) is not brief:
            repeated.append(f"brief {position}: id {brief.id!r} is taken by an earlier brief of this file; change it")
    return list(kept.values()), tuple(repeated)


def _with_language(brief: Brief) -> Brief:
    language = brief.language or detect(brief.text)
    return brief if language == brief.language else brief.model_copy(update={"language": language})


def _is_foreign(brief: Brief, languages: Collection[str]) -> bool:
    return bool(brief.language) and str(brief.language).lower().replace("_", "-").split("-")[0] not in languages


def _foreign(brief: Brief) -> str:
    unknown = f"its language is {brief.language!r}, which the model does not know"
    return f"{brief.id}: {unknown}; it is indexed, but questions may miss it"
