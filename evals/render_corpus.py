"""Render the starter briefs that are not Markdown files: one source each, written as a page, PDF, DOCX, feed or JSONL.

    python -m evals.render_corpus [--check]

A source is a Markdown brief in `evals/corpus_sources` with two more fields: `format` (html, pdf, docx, rss or jsonl),
and for rss and jsonl `file`, the name of the file that it goes into. Without `--check` the files are written into
`corpus`. In both cases they are then read as `geobrief ingest` reads them; what is not as the sources say is printed,
and the exit code is 1.

What a reader cannot find in a format stands only in the source:

| format | read from the file | id comes from |
|---|---|---|
| html | title, date, source, text | the file name |
| pdf | title, text | the file name |
| rss | title, date, source, text | the file name and the guid |
| docx, jsonl | all fields | the field `id` |
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from evals.corpus_formats import FIELDS, RENDERERS, RULE, Source, dateline
from rag.errors import SourceError
from rag.load import SourceFile, parse
from rag.load.brief import make_brief
from rag.load.text import split_front_matter
from rag.settings import IngestSettings
from rag.types import Brief

SOURCES = Path(__file__).parent / "corpus_sources"
CORPUS = Path(__file__).parents[1] / "corpus"
MAX_BYTES = IngestSettings().max_bytes

IN_ONE_FILE = ("rss", "jsonl")
# The bytes of the other two depend on the versions of fpdf2, python-docx and zlib. They are the same for each run of
# one installation, and are checked by what is read from them.
EXACT = ("html", "rss", "jsonl")

_STATED = ("id", "title", "date", "source", "language")
CARRIED: Mapping[str, tuple[str, ...]] = {
    "html": _STATED,
    "pdf": ("id", "title", "language"),
    "docx": FIELDS,
    "rss": _STATED,
    "jsonl": FIELDS,
}

_NOT_OF_A_BRIEF = re.compile(r"^(?:format|file):.*\n", re.MULTILINE)


def main() -> None:
    """Write the files unless they are only to be checked, and read them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    found = sources()
    if not arguments.check:
        for name, data in rendered(found).items():
            (CORPUS / name).write_bytes(data)
    faults = list(check(found, CORPUS))
    print("\n".join(faults) or f"{len(found)} briefs in {len(by_file(found))} files are as the sources say")
    sys.exit(1 if faults else 0)


def sources(folder: Path = SOURCES) -> list[Source]:
    """Read all sources of a folder, by file name.

    Raises:
        SourceError: if one is no brief, or does not say what it is to be rendered as.
    """
    return [_source(path) for path in sorted(folder.glob("*.md"))]


def _source(path: Path) -> Source:
    written = path.read_text(encoding="utf-8")
    fields, text = split_front_matter(written)
    form, file = str(fields.get("format")), fields.get("file")
    if form not in RENDERERS:
        raise SourceError(f"{path}: format {form!r} is none of {', '.join(RENDERERS)}; change it")
    if (form in IN_ONE_FILE) != isinstance(file, str):
        raise SourceError(f"{path}: file is {file!r}; only {' and '.join(IN_ONE_FILE)} need the name of a file")
    brief = make_brief(fields, text, default_id=path.stem)
    front = _NOT_OF_A_BRIEF.sub("", written.split("---\n", 2)[1])
    return Source(path, form, str(file or f"{brief.id}.{form}"), str(fields.get("story") or ""), front, brief)


def by_file(found: Sequence[Source]) -> dict[str, list[Source]]:
    """Group sources by the file that they go into, each group in order of date and id."""
    groups: defaultdict[str, list[Source]] = defaultdict(list)
    for source in sorted(found, key=lambda source: (str(source.brief.date), source.brief.id)):
        groups[source.file].append(source)
    return dict(groups)


def rendered(found: Sequence[Source]) -> dict[str, bytes]:
    """Return the bytes of each file by its name."""
    return {name: RENDERERS[group[0].format](group) for name, group in by_file(found).items()}


def check(found: Sequence[Source], folder: Path) -> Iterator[str]:
    """Yield what is wrong with the files in a folder."""
    expected = rendered(found)
    for name, group in by_file(found).items():
        path = folder / name
        try:
            data = SourceFile(path, folder).read(max_bytes=MAX_BYTES)
            parsed = parse(SourceFile(path, folder), data)
        except SourceError as error:
            yield f"{path}: {error.reason}"
            continue
        if group[0].format in EXACT and data != expected[name]:
            yield f"{path}: is not what its sources give; run python -m evals.render_corpus"
        yield from (f"{path}: {problem}" for problem in (*parsed.failures, *parsed.warnings))
        if [brief.id for brief in parsed.briefs] != [source.brief.id for source in group]:
            yield f"{path}: holds {[brief.id for brief in parsed.briefs]}"
            continue
        for source, brief in zip(group, parsed.briefs, strict=True):
            yield from (f"{path}: {brief.id}: {difference}" for difference in differences(source, brief))


def differences(source: Source, brief: Brief) -> Iterator[str]:
    """Yield each field of a brief that its format carries and that is not as in the source."""
    for name in CARRIED[source.format]:
        read, wanted = getattr(brief, name), getattr(source.brief, name)
        if read != wanted:
            yield f"{name} is {read!r}, not {wanted!r}"
    if RULE.sub("|", brief.text) != RULE.sub("|", text_of(source)):
        yield "its text is not that of the source"


def text_of(source: Source) -> str:
    """The text that a reader should find. A PDF also shows title, source and date, and its headings have no marks."""
    if source.format != "pdf":
        return source.brief.text
    shown = [source.brief.title, dateline(source.brief)]
    return "\n\n".join([*shown, re.sub(r"^## ", "", source.brief.text, flags=re.MULTILINE)])


if __name__ == "__main__":
    main()
