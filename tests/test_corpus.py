"""The starter corpus: every file gives briefs that keep the rules of corpus/README.md."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from evals import render_corpus
from rag.load import find, parse
from rag.load.text import split_front_matter
from rag.types import Brief

CORPUS = render_corpus.CORPUS
DESK = "geobrief starter corpus"
REGIONS = {"africa", "americas", "asia", "europe", "middle-east", "oceania", "global"}
OUTLETS = (
    *("Reuters", "Associated Press", "AP", "Agence France-Presse", "AFP", "BBC", "CNN", "Al Jazeera", "Al Arabiya"),
    *("New York Times", "Guardian", "TASS", "RIA Novosti", "Sputnik", "RT", "Xinhua", "CGTN", "Interfax", "Newsweek"),
    *("Bloomberg", "Financial Times", "Wall Street Journal", "Washington Post", "Economist", "The Times", "Politico"),
    *("Le Monde", "El País", "Der Spiegel", "DW", "Deutsche Welle", "France 24", "Euronews", "NHK", "Kyodo", "Yonhap"),
    *("Anadolu", "TRT World", "ANSA", "EFE", "dpa", "PTI", "ANI", "The Hindu", "Times of India", "Haaretz"),
    *("Times of Israel", "Kyiv Independent", "Ukrinform", "NPR", "PBS", "Voice of America", "Radio Free Europe"),
)
OUTLET = re.compile(rf"\b(?:{'|'.join(map(re.escape, OUTLETS))})\b")


@dataclass(frozen=True, slots=True)
class Entry:
    """A brief as it is read, and what its front matter says (a rendered file may not carry all of it)."""

    path: Path
    read: Brief
    stated: Brief
    story: str


@cache
def entries() -> tuple[Entry, ...]:
    return tuple(_entries())


def _entries() -> Iterator[Entry]:
    rendered = {source.brief.id: source for source in render_corpus.sources()}
    for file in find([CORPUS]).files:
        data = file.read(max_bytes=render_corpus.MAX_BYTES)
        for brief in parse(file, data).briefs:
            if file.path.suffix == ".md":
                fields, _ = split_front_matter(data.decode())
                yield Entry(file.path, brief, brief, str(fields.get("story") or ""))
            else:
                source = rendered[brief.id]
                yield Entry(file.path, brief, source.brief, source.story)


def ids(found: list[Entry]) -> list[str]:
    return [entry.read.id for entry in found]


def n_words(text: str) -> int:
    return sum(any(char.isalnum() for char in word) for word in text.split())


def test_no_file_fails_or_warns() -> None:
    found = find([CORPUS])
    parsed = [parse(file, file.read(max_bytes=render_corpus.MAX_BYTES)) for file in found.files]
    assert found.failures == ()
    assert [problem for file in parsed for problem in (*file.failures, *file.warnings)] == []


def test_there_are_at_least_45_briefs() -> None:
    assert len(entries()) >= 45


@pytest.mark.parametrize("suffix", [".md", ".html", ".pdf", ".docx", ".rss", ".jsonl"])
def test_every_kind_of_file_is_there(suffix: str) -> None:
    assert any(entry.path.suffix == suffix for entry in entries())


def test_ids_are_unique() -> None:
    counts = Counter(entry.read.id for entry in entries())
    assert [name for name, count in counts.items() if count > 1] == []


def test_ids_are_those_of_the_front_matter_and_of_the_markdown_file() -> None:
    assert [e.path.name for e in entries() if e.path.suffix == ".md" and e.read.id != e.path.stem] == []
    assert ids([e for e in entries() if e.read.id != e.stated.id]) == []


def test_titles_are_one_line_that_the_text_does_not_repeat_as_a_heading() -> None:
    assert ids([e for e in entries() if not e.read.title.strip() or "\n" in e.read.title]) == []
    assert ids([e for e in entries() if f"# {e.read.title}" in e.read.text.split("\n")]) == []


def test_dates_are_those_of_the_id_and_within_2021_to_2024() -> None:
    def is_right(entry: Entry) -> bool:
        prefix = re.match(r"20(?:21|22|23|24)-\d\d(?:-\d\d)?(?=-)", entry.read.id)
        return prefix is not None and prefix[0] == str(entry.stated.date)

    assert ids([e for e in entries() if not is_right(e)]) == []


def test_only_a_pdf_is_undated() -> None:
    assert ids([e for e in entries() if e.path.suffix != ".pdf" and e.read.date != e.stated.date]) == []


def test_regions_are_of_the_list() -> None:
    assert ids([e for e in entries() if not e.stated.region or set(e.stated.region) - REGIONS]) == []


def test_topics_are_stated() -> None:
    assert ids([e for e in entries() if not e.stated.topics or not all(map(str.strip, e.stated.topics))]) == []


def test_source_and_information_are_graded() -> None:
    assert ids([e for e in entries() if e.stated.reliability is None or e.stated.credibility is None]) == []


def test_briefs_are_in_english() -> None:
    assert ids([e for e in entries() if (e.read.language, e.stated.language) != ("en", "en")]) == []


def test_briefs_have_200_to_450_words_and_constructed_ones_at_least_150() -> None:
    lengths = {e.read.id: (n_words(e.read.text), 150 if e.stated.constructed else 200) for e in entries()}
    assert {name: n for name, (n, least) in lengths.items() if not least <= n <= 450} == {}


def test_real_briefs_come_from_the_desk_of_the_corpus() -> None:
    assert ids([e for e in entries() if not e.stated.constructed and e.stated.source != DESK]) == []


def test_constructed_briefs_borrow_the_name_of_no_real_outlet() -> None:
    constructed = [entry for entry in entries() if entry.stated.constructed]
    assert ids([e for e in constructed if e.stated.source in (None, "", DESK)]) == []
    shown = {e.read.id: "\n".join((str(e.stated.source), e.read.title, e.read.text)) for e in constructed}
    assert {name: found for name, text in shown.items() if (found := OUTLET.findall(text))} == {}


def test_real_briefs_name_documents_and_no_addresses() -> None:
    real = [entry for entry in entries() if not entry.stated.constructed]
    assert ids([e for e in real if not e.stated.based_on]) == []
    assert ids([e for e in real if any("http" in document for document in e.stated.based_on)]) == []


def test_six_stories_have_three_briefs_or_more() -> None:
    counts = Counter(entry.story for entry in entries() if entry.story)
    assert sum(count >= 3 for count in counts.values()) >= 6


def test_every_source_is_rendered_and_belongs_to_a_story() -> None:
    found = render_corpus.sources()
    assert {source.brief.id for source in found} <= {entry.read.id for entry in entries()}
    assert [source.path.name for source in found if source.path.stem != source.brief.id or not source.story] == []


def test_rendered_files_are_what_their_sources_give() -> None:
    assert list(render_corpus.check(render_corpus.sources(), CORPUS)) == []


def test_rendering_again_gives_the_same_bytes() -> None:
    found = render_corpus.sources()
    assert render_corpus.rendered(found) == render_corpus.rendered(found)


def test_check_notices_another_text_and_a_missing_file(tmp_path: Path) -> None:
    found = render_corpus.sources()
    for name, data in render_corpus.rendered(found).items():
        (tmp_path / name).write_bytes(data)
    assert list(render_corpus.check(found, tmp_path)) == []
    feed = tmp_path / "2024.rss"
    feed.write_text(feed.read_text(encoding="utf-8").replace("Both camps", "Two camps"), encoding="utf-8")
    (tmp_path / "2022-2023-brazil.jsonl").unlink()
    assert [fault.removeprefix(f"{tmp_path}/") for fault in render_corpus.check(found, tmp_path)] == [
        "2022-2023-brazil.jsonl: is gone (no such file or folder); restore it or ingest again",
        "2024.rss: is not what its sources give; run python -m evals.render_corpus",
        "2024.rss: 2024-07-29-venezuela-election-night: its text is not that of the source",
    ]
