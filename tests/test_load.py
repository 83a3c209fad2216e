"""Files become briefs, or a reason that says what to do. All data is made here."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from fpdf import FPDF
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter

from rag.errors import RagError, SourceError
from rag.language import detect
from rag.load import READERS, Failure, Found, Parsed, SourceFile, find, parse
from rag.load.brief import sensible_title, shorten, slug, title_of
from rag.load.pdf import flow, read_pdf
from rag.load.word import read_docx
from rag.types import Brief, DateInterval

ENGLISH = "The two presidents met in Beijing and agreed that their countries will work together on trade and energy."
GERMAN = "Der Bundeskanzler besuchte am Mittwoch die Ukraine und sagte der Regierung weitere Hilfe für das Land zu."


def read(name: str, data: bytes | str, *, languages: tuple[str, ...] = ("en",)) -> Parsed:
    """Parse data as if it were the file `name` below a folder /corpus."""
    raw = data.encode() if isinstance(data, str) else data
    return parse(SourceFile(Path("/corpus") / name, Path("/corpus")), raw, languages=languages)


def only(name: str, data: bytes | str) -> Brief:
    (brief,) = read(name, data).briefs
    return brief


def refusal(name: str, data: bytes | str) -> str:
    with pytest.raises(SourceError) as caught:
        read(name, data)
    return caught.value.reason


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"Text of {name}.")


def names(found: Found, root: Path) -> list[str]:
    return [file.path.relative_to(root).as_posix() for file in found.files]


@contextmanager
def without_privileges(folder: Path) -> Iterator[None]:
    """Run as a user whom permissions bind, since root may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.chmod(folder, 0o755)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may enter, unlike tmp_path."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(os.path.realpath(name))


# Finding


def test_find_lists_known_files_of_a_folder_and_below_sorted_by_path(tmp_path: Path) -> None:
    put(tmp_path, "b.md", "a.txt", "sub/c.PDF", "sub/deep/d.jsonl", "picture.png", "Makefile")
    found = find([tmp_path])
    assert names(found, tmp_path) == ["a.txt", "b.md", "sub/c.PDF", "sub/deep/d.jsonl"]
    assert {file.root for file in found.files} == {tmp_path}
    assert found.failures == ()


def test_readme_and_dotfiles_and_dot_folders_are_never_briefs(tmp_path: Path) -> None:
    put(tmp_path, "README.md", "sub/ReadMe.MD", ".hidden.md", ".git/x.md", "sub/.obsidian/y.md", "kept.md")
    assert names(find([tmp_path]), tmp_path) == ["kept.md"]
    assert names(find([f"{tmp_path}/**/*.md"]), tmp_path) == ["kept.md"]
    refused = find([tmp_path / "README.md", tmp_path / ".hidden.md"])
    assert refused.files == ()
    assert [failure.reason.split("(")[0] for failure in refused.failures] == ["is never read as a brief "] * 2


def test_a_named_file_has_its_folder_as_root(tmp_path: Path) -> None:
    put(tmp_path, "sub/a.md")
    assert find([tmp_path / "sub" / "a.md"]).files == (SourceFile(tmp_path / "sub/a.md", tmp_path / "sub"),)


def test_a_named_file_of_unknown_suffix_is_a_failure_that_lists_the_known_ones(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    (failure,) = find([tmp_path / "a.png"]).failures
    assert failure.path == str(tmp_path / "a.png")
    assert failure.reason.startswith("has no known suffix")
    assert ".docx" in failure.reason


def test_missing_paths_and_patterns_without_match_are_failures(tmp_path: Path) -> None:
    found = find([tmp_path / "gone", f"{tmp_path}/*.md", f"{tmp_path}/gone/*.md", ""])
    assert [failure.reason.split(";")[0] for failure in found.failures] == [
        "no such file or folder",
        "matches no file or folder",
        "no such file or folder",
        "is no path",
    ]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.md", ["a.md"]),
        ("**/*.md", ["a.md", "s/b.md", "s/t/c.md"]),
        ("**/t/*", ["s/t/c.md"]),
        ("s/**", ["s/b.md", "s/e.txt", "s/t/c.md"]),
        ("s*", ["s/b.md", "s/e.txt", "s/t/c.md"]),
        ("?/[a-c].md", ["s/b.md"]),
        ("**/**/**/c.md", ["s/t/c.md"]),
    ],
)
def test_find_expands_globs(tmp_path: Path, pattern: str, expected: list[str]) -> None:
    put(tmp_path, "a.md", "s/b.md", "s/e.txt", "s/t/c.md", "s/t/d.png")
    assert names(find([f"{tmp_path}/{pattern}"]), tmp_path) == expected


def test_a_globs_root_is_its_longest_folder_without_wildcard(tmp_path: Path) -> None:
    put(tmp_path, "s/t/c.md")
    (file,) = find([f"{tmp_path}/s/**/*.md"]).files
    assert file.root == tmp_path / "s"


def test_relative_paths_and_globs_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "s/a.md")
    monkeypatch.chdir(tmp_path)
    expected = (SourceFile(tmp_path / "s/a.md", tmp_path / "s"),)
    assert find(["s"]).files == find(["s/*.md"]).files == find(["s/a.md"]).files == expected


def test_an_existing_path_wins_over_its_meaning_as_a_glob(tmp_path: Path) -> None:
    put(tmp_path, "a[1].md", "a1.md")
    assert names(find([tmp_path / "a[1].md"]), tmp_path) == ["a[1].md"]


def test_a_file_given_twice_is_found_once_and_keeps_the_first_root(tmp_path: Path) -> None:
    put(tmp_path, "s/a.md")
    assert find([tmp_path, tmp_path / "s", tmp_path / "s/a.md"]).files == (SourceFile(tmp_path / "s/a.md", tmp_path),)


@pytest.mark.parametrize("pattern", ["", "/**", "/**/*.md"])
def test_loops_of_links_end_and_give_each_file_once(tmp_path: Path, pattern: str) -> None:
    put(tmp_path, "s/a.md")
    (tmp_path / "s/up").symlink_to(tmp_path)
    (tmp_path / "s/again").symlink_to(tmp_path / "s")
    (tmp_path / "self").symlink_to("self")
    assert names(find([f"{tmp_path}{pattern}"]), tmp_path) == ["s/a.md"]


def test_a_link_to_a_file_is_the_same_file_and_the_real_name_wins(tmp_path: Path) -> None:
    put(tmp_path, "real.md")
    (tmp_path / "alias.md").symlink_to("real.md")
    assert names(find([tmp_path]), tmp_path) == ["real.md"]


def test_a_link_to_a_folder_elsewhere_is_followed_with_that_folder_as_root(tmp_path: Path) -> None:
    put(tmp_path, "corpus/a.md", "else/sub/b.md")
    (tmp_path / "corpus/link").symlink_to(tmp_path / "else")
    found = find([tmp_path / "corpus"])
    assert found.files == (
        SourceFile(tmp_path / "corpus/a.md", tmp_path / "corpus"),
        SourceFile(tmp_path / "else/sub/b.md", tmp_path / "else"),
    )


def test_links_that_lead_nowhere_or_to_themselves_are_failures(tmp_path: Path) -> None:
    (tmp_path / "broken.md").symlink_to("nowhere.md")
    (tmp_path / "loop.md").symlink_to("loop.md")
    found = find([tmp_path])
    assert found.files == ()
    assert [failure.reason.split(" (")[0] for failure in found.failures] == ["is gone", "cannot be read"]


def test_a_folder_without_permission_is_a_failure_and_the_rest_goes_on(open_folder: Path) -> None:
    put(open_folder, "a.md", "closed/b.md", "z/c.md")
    (open_folder / "closed").chmod(0o000)
    with without_privileges(open_folder):
        found = find([open_folder])
    (open_folder / "closed").chmod(0o755)
    assert names(found, open_folder) == ["a.md", "z/c.md"]
    reason = "may not be read (no permission); change its permissions"
    assert found.failures == (Failure(str(open_folder / "closed"), reason),)


def test_a_pipe_named_as_a_brief_is_a_failure(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    (failure,) = find([tmp_path]).failures
    assert failure.reason.startswith("is not a regular file")


def test_a_name_that_is_not_utf8_is_a_failure_that_can_be_printed(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.md")).write_text("Text.")
    (failure,) = find([tmp_path]).failures
    assert failure.path.endswith("caf\\xe9.md")
    assert "not UTF-8" in failure.reason


# Reading bytes


def test_read_gives_the_bytes_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"a\r\nb\x00")
    assert SourceFile(tmp_path / "a.md", tmp_path).read(max_bytes=5) == b"a\r\nb\x00"


def test_a_file_over_the_limit_is_refused_without_being_read(tmp_path: Path) -> None:
    with open(tmp_path / "big.md", "wb") as file:
        file.truncate(60_000_000)
    with pytest.raises(SourceError, match=r"is 60\.0 MB large, over the limit of 50\.0 MB; split it or raise"):
        SourceFile(tmp_path / "big.md", tmp_path).read(max_bytes=50_000_000)


def test_empty_vanished_forbidden_and_irregular_files_say_what_is_wrong(open_folder: Path) -> None:
    (open_folder / "empty.md").touch()
    put(open_folder, "closed.md")
    (open_folder / "closed.md").chmod(0o000)
    os.mkfifo(open_folder / "pipe.md")
    reasons = {}
    with without_privileges(open_folder):
        for name in ("empty.md", "gone.md", "closed.md", "pipe.md", "."):
            with pytest.raises(SourceError) as caught:
                SourceFile(open_folder / name, open_folder).read(max_bytes=100)
            reasons[name] = caught.value.reason.split(";")[0]
    assert reasons["empty.md"] == "is empty"
    assert reasons["gone.md"] == "is gone (no such file or folder)"
    assert reasons["closed.md"] == "may not be read (no permission)"
    assert reasons["."] == "is not a regular file"
    assert reasons["pipe.md"] in {"is not a regular file", "may not be read (no permission)"}


# Markdown and text


def test_front_matter_gives_every_field() -> None:
    brief = only(
        "a.md",
        "---\nid: visit\ntitle: 'Visit: day one'\ndate: 2024-05-16\nsource: Agency\nurl: https://example.org/a\n"
        "region: [Russia, China]\ntopics: trade, energy\nreliability: b\ncredibility: 2\nlanguage: en\n"
        "based_on: other\nconstructed: yes\nunknown: {deep: [1]}\n---\n\nText.\n",
    )
    assert brief == Brief(
        id="visit",
        title="Visit: day one",
        text="Text.",
        date=DateInterval.parse("2024-05-16"),
        source="Agency",
        url="https://example.org/a",
        region=("Russia", "China"),
        topics=("trade", "energy"),
        reliability="B",
        credibility="2",
        language="en",
        based_on=("other",),
        constructed=True,
    )


def test_field_names_match_in_any_case_and_empty_fields_count_as_absent() -> None:
    brief = only("a.md", "---\nTitle: T\nSOURCE:\ndate: ~\nid:\n---\nText.")
    assert (brief.title, brief.source, brief.date, brief.id) == ("T", None, None, "a")


@pytest.mark.parametrize("date", ["2024", "2024-05", "2024-05-16"])
def test_dates_are_as_precise_as_they_are_written(date: str) -> None:
    assert str(only("a.md", f"---\ndate: {date}\n---\nText.").date) == date


def test_a_timestamp_counts_as_its_day() -> None:
    assert str(only("a.md", "---\ndate: 2024-05-16T23:30:00+08:00\n---\nText.").date) == "2024-05-16"


def test_scalars_stay_as_written() -> None:
    brief = only("a.md", "---\nid: 007\nlanguage: no\nsource: 1e3\ntitle: 2024-05-16\n---\nText.")
    assert (brief.id, brief.language, brief.source, brief.title) == ("007", "no", "1e3", "2024-05-16")


def test_the_text_is_the_body_exactly_with_its_line_ends() -> None:
    body = "# Head\r\n\r\nOne.  \r\n\tTwo\u00a0…\u2028\r\n---\r\nThree."
    assert only("a.md", f"\ufeff---\r\ntitle: T\r\n---\r\n\r\n{body}\r\n\r\n").text == body


def test_a_text_without_front_matter_is_read_whole() -> None:
    brief = only("a.txt", "First line.\nSecond line.\n\n---\nAfter a rule.\n")
    assert brief.text == "First line.\nSecond line.\n\n---\nAfter a rule."
    assert (brief.title, brief.date) == ("First line.", None)


def test_utf16_with_a_byte_order_mark_is_text() -> None:
    assert only("a.md", "---\ntitle: Zürich\n---\nText über Zürich.".encode("utf-16")).text == "Text über Zürich."


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Lead.\n\n# Main *title* #\n\nText.", "Main *title"),
        ("## Second level\n\nText.", "Second level"),
        ("\n\n---\n\n- **First item**\n- second", "First item"),
        ("#hashtag line\nmore", "hashtag line"),
        ("w " * 150, ("w " * 99).strip() + "…"),
        ("x" * 250, "x" * 199 + "…"),
        ("!!!", "My file"),
    ],
)
def test_the_title_defaults_to_the_first_heading_or_line(text: str, title: str) -> None:
    assert only("My file.md", text).title == title


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sub/Über file.md", "sub-uber-file"),
        ("Łódź & Straße.md", "lodz-strasse"),
        ("2024.05.16 visit.final.md", "2024-05-16-visit-final"),
        ("Си 2024.md", "2024-e072667b"),
        ("Путин.md", "983b039e"),
    ],
)
def test_the_id_defaults_to_the_slug_of_the_path(name: str, expected: str) -> None:
    assert only(name, "Text.").id == expected


def test_names_that_differ_only_in_another_script_get_different_ids() -> None:
    assert slug("Путин 2024") != slug("Си 2024")
    assert slug("a" * 150) != slug("a" * 151)


@pytest.mark.parametrize(
    ("front", "reason"),
    [
        ("title: Putin: visit", "front matter is broken YAML in line 2 (mapping values are not allowed here)"),
        ("title: [a", "front matter is broken YAML in line"),
        ("- a\n- b", "front matter is ['a', 'b'], not fields"),
        ("just words", "front matter is 'just words', not fields"),
        ("date: 2024-13-45", "date: '2024-13-45' is no date: month must be in 1..12; write YYYY, YYYY-MM or"),
        ("date: next week", "date: 'next week' is no date; write YYYY, YYYY-MM or YYYY-MM-DD"),
        ("id: a b", "id 'a b' holds a space"),
        ("reliability: Z", "reliability 'Z': input should be 'A', 'B', 'C', 'D', 'E' or 'F'; write a grade"),
        ("constructed: perhaps", "constructed 'perhaps': "),
        ("region: {a: b}", "region holds a nested value; write one name or a list of names"),
        ("title: [a, b]", "title ['a', 'b']: input should be a valid string; write it as one string"),
        ('title: "\\ud800"', "title holds half a character"),
        ('source: "a\\0b"', "source holds a NUL character"),
        ("a: &x [1]\nb: *x", "front matter is broken YAML in line 3 (it uses an alias; write the value out)"),
        ("region: " + "[" * 1_000, "front matter is nested too deeply"),
        ("a: " + "x" * 70_000, "front matter is longer than 65,536 characters"),
        ("title: !!python/name:os.system ''\ndate: x", "date: 'x' is no date"),
    ],
)
def test_broken_front_matter_names_field_value_and_remedy(front: str, reason: str) -> None:
    assert refusal("a.md", f"---\n{front}\n---\nText.").startswith(reason)


def test_reasons_are_short_and_name_every_field_once() -> None:
    reason = refusal("a.md", f"---\ntitle: {'x' * 5_000}\ndate: {'y' * 5_000}\n---\nText.")
    assert len(reason) < 500
    assert reason.count("title") == 1
    assert "shorten it to 500 characters" in reason
    assert "pydantic" not in reason
    assert "http" not in reason


def test_an_alias_bomb_is_refused_at_once() -> None:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert "alias" in refusal("a.md", "---\n" + "\n".join([*lines, "region: *a11"]) + "\n---\nText.")


def test_front_matter_that_is_not_closed_or_stands_alone_is_refused() -> None:
    assert refusal("a.md", "---\ntitle: T\n\nText.") == "front matter is not closed; end it with a line '---'"
    assert refusal("a.md", "---\ntitle: T\n---\n\n \n").startswith("has front matter but its text is empty")


@pytest.mark.parametrize(
    "data",
    [b"\x89PNG\r\n\x1a\n\x00\x00", bytes(range(256)), b"caf\xe9", b"a\x00b", b"\x01\x02\x03" * 20, b"\xff\xfe\x00\xd8"],
)
def test_what_is_not_text_says_to_save_it_as_utf8(data: bytes) -> None:
    reason = refusal("a.md", data)
    assert reason.startswith("is not text")
    assert reason.endswith("save it as UTF-8")


@pytest.mark.parametrize("data", [b"", b" \r\n\t\n", b"\xef\xbb\xbf\n"])
@pytest.mark.parametrize("name", ["a.md", "a.txt", "a.json"])
def test_a_text_of_nothing_is_empty(name: str, data: bytes) -> None:
    assert refusal(name, data).startswith("is empty")


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=200))
def test_any_text_is_kept_or_refused_with_a_reason(text: str) -> None:
    with suppress(SourceError):
        brief = only("a.md", text)
        assert brief.text == text.removeprefix("\ufeff").strip() or text.lstrip("\ufeff").lstrip().startswith("---")
        assert 0 < len(brief.title) <= 200


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(READERS)), st.binary(max_size=300))
def test_any_bytes_in_any_format_are_read_or_refused_with_a_reason(suffix: str, data: bytes) -> None:
    with suppress(SourceError):
        assert read(f"a{suffix}", data).briefs


# HTML

PAGE = """<!doctype html><html lang="en"><head><title>Visit to Beijing | Example</title>
<meta property="og:site_name" content="Example News"><meta name="date" content="2024-05-17">
<meta property="article:published_time" content="2024-05-16T10:00:00+08:00">
<link rel="canonical" href="https://example.org/visit"><style>p { color: red }</style></head><body>
<nav><a href="/">Home</a></nav><article><h1>Visit to Beijing</h1>
<p>The president arrived on <b>Thursday</b> for a <a href="/x">state visit</a>, and said <q>we go on</q>.</p>
<h2>Sectors</h2><p>They will cooperate in:</p>
<ul><li>industry</li><li>space<ul><li>the moon</li></ul></li><li>nuclear energy</li></ul>
<ol start="3"><li>third</li><li>fourth</li></ol>
<table><caption>Trade</caption><tr><th>Year</th><th>USD bn | total</th></tr>
<tr><td rowspan="2">2022</td><td>190</td></tr><tr><td>191</td></tr></table>
<p style="display: none">SECRET style</p><p hidden>SECRET attribute</p><!-- SECRET comment -->
<script>var SECRET = "script";</script><noscript>SECRET noscript</noscript><template>SECRET template</template>
<p>Prices * rose_ by 5 % [1].</p></article><footer>Copyright Example</footer></body></html>"""


def test_a_page_keeps_headings_lists_and_tables_word_for_word() -> None:
    assert only("a.html", PAGE).text == (
        "# Visit to Beijing\n\n"
        "The president arrived on Thursday for a state visit, and said “we go on”.\n\n"
        "## Sectors\n\nThey will cooperate in:\n\n"
        "- industry\n- space\n  - the moon\n- nuclear energy\n\n"
        "3. third\n4. fourth\n\n"
        "Trade\n\n| Year | USD bn \\| total |\n|---|---|\n| 2022 | 190 |\n| 2022 | 191 |\n\n"
        "Prices * rose_ by 5 % [1]."
    )


def test_a_page_gives_what_it_states_about_itself() -> None:
    brief = only("a.htm", PAGE)
    assert brief.title == "Visit to Beijing"
    assert str(brief.date) == "2024-05-16"
    assert (brief.source, brief.url) == ("Example News", "https://example.org/visit")


@pytest.mark.parametrize(
    ("head", "body", "date"),
    [
        ('<meta name="dc.date" content="2024-05">', "", "2024-05"),
        ('<meta name="citation_publication_date" content="2024/5/6">', "", "2024-05-06"),
        ('<meta itemprop="datePublished" content="2024-05-16">', "", "2024-05-16"),
        ('<script type="application/ld+json">{"@graph":[{"datePublished":"2024-05"}]}</script>', "", "2024-05"),
        ("", '<article><time datetime="2024-05-16">May</time></article>', "2024-05-16"),
        ("", '<time datetime="2024-01-01">a</time><time pubdate datetime="2024-05-16">b</time>', "2024-05-16"),
        ("", '<time datetime="2024-01-01">a</time><time datetime="2024-05-16">b</time>', "None"),
        ('<meta name="date" content="last week">', "", "None"),
        ('<script type="application/ld+json">{"broken</script>', "", "None"),
        ("", "<p>Published on 16 May 2024, copyright 2023.</p>", "None"),
    ],
)
def test_a_pages_date_is_stated_and_never_guessed(head: str, body: str, date: str) -> None:
    page = f"<html><head>{head}</head><body>{body}<p>{ENGLISH}</p></body></html>"
    assert str(only("a.html", page).date) == date


def test_only_web_addresses_become_the_url() -> None:
    page = '<html><head><link rel="canonical" href="javascript:alert(1)"></head><body><p>Text.</p></body></html>'
    assert only("a.html", page).url is None


def test_a_page_leaves_out_what_surrounds_its_main_text() -> None:
    page = (
        f'<body><div id="cookie-banner"><p>We use cookies.</p></div><div id="content"><p>{ENGLISH}</p>'
        f'<ul><li><a href="/y">Other story</a></li></ul><p>{ENGLISH} Again.</p><p>Short.</p>'
        '<div class="comments"><p>First!</p></div></div>'
        '<div class="sidebar"><ul><li><a href="/x">Other story</a></li></ul></div></body>'
    )
    assert only("a.html", page).text == f"{ENGLISH}\n\n{ENGLISH} Again.\n\nShort."


def test_tables_that_arrange_a_page_are_read_as_its_text() -> None:
    page = f"<table><tr><td><p>{ENGLISH}</p><p>Second.</p></td></tr></table>"
    assert only("a.html", page).text == f"{ENGLISH}\n\nSecond."


def test_a_page_in_another_encoding_is_decoded_as_it_declares() -> None:
    page = '<html><head><meta charset="windows-1251"></head><body><p>Привет, мир</p></body></html>'
    assert only("a.html", page.encode("cp1251")).text == "Привет, мир"
    assert only("a.html", "<p>Café</p>".encode()).text == "Café"
    assert only("a.html", "<p>Café</p>".encode("cp1252")).text == "Café"


@pytest.mark.parametrize("page", ["<html><body></body></html>", "<script>x</script>", "<p hidden>x</p>", "   "])
def test_a_page_without_text_says_so(page: str) -> None:
    assert refusal("a.html", page).startswith("has no text in it")


def test_a_deeply_nested_page_ends() -> None:
    assert only("a.html", "<div>" * 240 + "deep" + "</div>" * 240).text == "deep"
    for lost in ("<b>" * 50_000 + "deep", "<p>start</p>" + "<div>" * 300 + "MIDDLE" + "</div>" * 300 + "<p>END</p>"):
        assert refusal("a.html", lost).startswith("is nested too deeply or too large")


def test_tables_inside_tables_take_little_time() -> None:
    start = time.perf_counter()
    nested = "<table><tr><td>a</td><td>" * 20 + "deep" + "</td></tr></table>" * 20
    assert "deep" in only("a.html", f"<p>Before it.</p>{nested}").text
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize(
    "front", ["\ufeff\ufeff---\ntitle: T\ndate: 2024-05-16\n---\nText.", "---\rtitle: T\rdate: 2024-05-16\r---\rText."]
)
def test_front_matter_is_read_after_two_marks_and_with_line_ends_of_old_macs(front: str) -> None:
    brief = only("a.md", front)
    assert (brief.title, str(brief.date), brief.text) == ("T", "2024-05-16", "Text.")


def test_a_character_that_does_not_exist_is_told() -> None:
    assert "does not exist" in refusal("a.md", '---\ntitle: "\\UFFFFFFFF"\n---\nText.')


def test_a_date_of_an_early_year_is_written_in_four_digits() -> None:
    assert str(DateInterval.parse("0204-05")) == "0204-05"


# PDF


def pdf(*pages: str, title: str = "") -> bytes:
    document = FPDF()
    if title:
        document.set_title(title)
    for page in pages:
        document.add_page()
        document.set_font("helvetica", size=11)
        if page:
            document.multi_cell(0, 6, page)
    return bytes(document.output())


def test_a_pdf_gives_its_pages_with_the_offset_of_each() -> None:
    brief = only("a.pdf", pdf("First page.", "", "Third page."))
    assert brief.text == "First page.\n\nThird page."
    assert brief.page_starts == (0, 11, 13)
    assert brief.text[brief.page_starts[2] :] == "Third page."
    assert brief.date is None


def test_a_pdfs_lines_are_joined_into_its_paragraphs() -> None:
    first = " ".join([ENGLISH] * 3) + " They will meet again."
    text = only("a.pdf", pdf(f"{first}\n\nA second paragraph.\n- one item\n- another item")).text
    assert text == f"{first}\n\nA second paragraph.\n- one item\n- another item"


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("They will cooperate in space and nucle-\nar energy.", "They will cooperate in space and nuclear energy."),
        ("The visit ended on a day in mid-\nMay, he said.", "The visit ended on a day in mid- May, he said."),
        ("Sectors:\n• space\n•\nnuclear energy", "Sectors:\n- space\n- nuclear energy"),
        ("Trade\nThe two countries traded more than in the year before.", None),
        ("one  two\nthree   four", "one two three four"),
    ],
)
def test_hard_line_breaks_of_a_page_are_undone(page: str, text: str | None) -> None:
    assert flow(page) == (text or page.replace("\n", "\n\n"))


def test_a_pdfs_title_is_the_stated_one_unless_it_is_a_file_name() -> None:
    assert only("a.pdf", pdf("First line.", title="Trade report")).title == "Trade report"
    assert only("a.pdf", pdf("First line.", title="Microsoft Word - draft3.docx")).title == "First line."
    assert [sensible_title(title) for title in ("report.pdf", "Untitled", "2024", None)] == [None] * 4


def encrypted(user_password: str) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf("Text of the page."))))
    writer.encrypt(user_password, "owner", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_an_encrypted_pdf_is_read_only_when_its_password_is_empty() -> None:
    assert refusal("a.pdf", encrypted("secret")) == "is encrypted; remove the password"
    assert only("a.pdf", encrypted("")).text == "Text of the page."


def test_a_pdf_without_a_text_layer_asks_for_ocr() -> None:
    assert refusal("a.pdf", pdf("", "")) == "has no text layer; run OCR first"


def test_a_broken_pdf_says_so() -> None:
    whole = pdf("Text.")
    for data in (b"%PDF-1.4 nothing", b"hello", whole[:600], whole.replace(b"/Pages", b"/Pagez")):
        assert refusal("a.pdf", data).startswith("is a damaged PDF (")


def test_a_pdf_over_a_limit_says_which() -> None:
    with pytest.raises(SourceError, match="has 3 pages, over the limit of 2; split it"):
        read_pdf(pdf("a", "b", "c"), "a", "a", max_pages=2)
    with pytest.raises(SourceError, match="holds more than 10 characters of text; split it"):
        read_pdf(pdf("a long first page"), "a", "a", max_chars=10)


# DOCX


def saved(document: docx.document.Document) -> bytes:
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def test_a_docx_keeps_headings_lists_and_tables_in_order() -> None:
    document = docx.Document()
    document.add_heading("Trade report", 1)
    document.add_paragraph("The two sides met.")
    document.add_paragraph("space", style="List Bullet")
    document.add_paragraph("energy", style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(table._cells, ["Year", "USD | bn", "2022", "190"], strict=True):
        cell.text = text
    document.add_paragraph("first", style="List Number")
    document.add_paragraph("second", style="List Number")
    document.add_heading("End", 2)
    brief = only("a.docx", saved(document))
    assert brief.text == (
        "# Trade report\n\nThe two sides met.\n\n- space\n- energy\n\n"
        "| Year | USD \\| bn |\n|---|---|\n| 2022 | 190 |\n\n1. first\n2. second\n\n## End"
    )
    assert (brief.title, brief.date) == ("Trade report", None)


def test_a_docx_title_comes_from_its_properties() -> None:
    document = docx.Document()
    document.core_properties.title = "Stated title"
    document.add_paragraph("Text.")
    assert only("a.docx", saved(document)).title == "Stated title"


def test_a_docx_may_begin_with_front_matter() -> None:
    document = docx.Document()
    for line in ("---", "date: 2024-05-16", "source: Agency", "---", "Text."):
        document.add_paragraph(line)
    brief = only("a.docx", saved(document))
    assert (str(brief.date), brief.source, brief.text) == ("2024-05-16", "Agency", "Text.")


def test_tracked_insertions_and_content_controls_of_a_docx_are_text() -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("They met")
    run = "<w:r><w:t xml:space='preserve'> {}</w:t></w:r>"
    paragraph._p.append(parse_xml(f"<w:ins {nsdecls('w')} w:id='1'>{run.format('today')}</w:ins>"))
    control = f"<w:sdt {nsdecls('w')}><w:sdtContent><w:p>{run.format('In a box.')}</w:p></w:sdtContent></w:sdt>"
    paragraph._p.addnext(parse_xml(control))
    assert only("a.docx", saved(document)).text == "They met today\n\nIn a box."


def test_cells_that_span_columns_stand_once_and_nested_tables_are_read() -> None:
    document = docx.Document()
    table = document.add_table(rows=2, cols=2)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "Wide"
    table.cell(1, 0).text = "a"
    table.cell(1, 1).add_table(rows=1, cols=1).cell(0, 0).text = "inner"
    assert only("a.docx", saved(document)).text == "| Wide |  |\n|---|---|\n| a | inner |"


def test_a_docx_without_text_an_old_doc_and_a_broken_one_are_refused() -> None:
    assert refusal("a.docx", saved(docx.Document())).startswith("has no text in it")
    assert refusal("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest").startswith("is encrypted or an old .doc")
    for data in (b"hello", saved(docx.Document())[:3_000], b"PK\x05\x06" + b"\x00" * 18):
        assert refusal("a.docx", data).startswith("is a damaged DOCX file (")


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"\x00" * 20_000_000)
    with pytest.raises(SourceError, match=r"unpacks to 20 MB, over 1 MB; remove its pictures"):
        read_docx(out.getvalue(), "a", "a", max_unpacked_bytes=1_000_000)
    assert "times its size" in refusal("a.docx", out.getvalue())


# JSON and JSONL


def test_a_json_object_is_one_brief_with_the_default_id() -> None:
    brief = only("a.json", '{"text": "One.\\r\\nTwo.", "date": 2024, "region": "X, Y", "topics": ["t"], "extra": {}}')
    assert (brief.id, brief.title, brief.text) == ("a", "One.", "One.\r\nTwo.")
    assert (str(brief.date), brief.region, brief.topics) == ("2024", ("X", "Y"), ("t",))


@pytest.mark.parametrize("form", ["[{}, {}]", '{{"briefs": [{}, {}]}}'])
def test_a_json_list_gives_each_brief_its_position(form: str) -> None:
    briefs = read("a.json", form.format('{"text": "One."}', '{"id": 7, "text": "Two."}')).briefs
    assert [(brief.id, brief.text) for brief in briefs] == [("a-1", "One."), ("7", "Two.")]


def test_the_benchmark_form_is_read_one_brief_a_line() -> None:
    record = {"id": "b1", "title": "T", "date": "2024-05-16", "source": "S", "region": "Asia", "text": "Line\u2028sep."}
    parsed = read("a.jsonl", json.dumps(record, ensure_ascii=False) + '\n\n \r\n{"text": "Other."}\r\n')
    assert [brief.id for brief in parsed.briefs] == ["b1", "a-4"]
    assert parsed.briefs[0].text == "Line\u2028sep."
    assert parsed.briefs[0].region == ("Asia",)


def test_a_bad_line_is_a_failure_with_its_number_and_the_others_are_kept() -> None:
    parsed = read("a.jsonl", '{"text": "One."}\n{broken\n{"text": ""}\n{"date": 1}\n5\n{"text": "x", "date": "soon"}\n')
    assert [brief.id for brief in parsed.briefs] == ["a-1"]
    assert parsed.failures == (
        "line 2: is broken JSON (column 2: Expecting property name enclosed in double quotes); correct it there",
        "line 3: is empty; write a text into it",
        "line 4: has no 'text'; give it one",
        "line 5: 5 is no brief; write an object with a 'text'",
        "line 6: date: 'soon' is no date; write YYYY, YYYY-MM or YYYY-MM-DD",
    )


def test_a_file_whose_every_line_is_bad_is_refused_briefly() -> None:
    reason = refusal("a.jsonl", "x\n" * 500)
    assert reason.startswith("holds no brief that can be read: line 1: ")
    assert reason.endswith("; and 497 more")
    assert len(reason) < 400


def test_the_second_brief_with_an_id_is_a_failure() -> None:
    parsed = read("a.jsonl", '{"id": "x", "text": "One."}\n{"id": "x", "text": "Two."}\n')
    assert [brief.text for brief in parsed.briefs] == ["One."]
    assert parsed.failures == ("brief 2: id 'x' is taken by an earlier brief of this file; change it",)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("3", "is 3, not a brief"),
        ("[]", "holds no brief"),
        ('{"a": 1}', "has no 'text'"),
        ('{"text": [1]}', "text is [1]; write it as one string"),
        ('{"text": "x",\n}', "is broken JSON (line 2, column 1"),
        ('{"text": "a\\ud800"}', "text holds half a character"),
        ('{"text": "a\\u0000"}', "text holds a NUL character"),
        ("[" * 100_000, "is nested too deeply"),
        ('{"text": "x", "region": [[1]]}', "region holds a nested value"),
        ('{"text": ' + "9" * 5_000 + "}", "is broken JSON (Exceeds the limit"),
    ],
)
def test_json_that_is_no_brief_says_why(data: str, reason: str) -> None:
    assert refusal("a.json", data).startswith(reason)


# RSS and Atom

RSS = """<?xml version="1.0" encoding="utf-8"?><rss version="2.0"
 xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>World &amp; News</title>
<item><title>Visit &lt;b&gt;begins&lt;/b&gt;</title><link>https://example.org/a</link>
<guid isPermaLink="false">https://example.org/?p=1</guid><pubDate>Thu, 16 May 2024 23:30:00 -0500</pubDate>
<description>Short.</description><content:encoded><![CDATA[<p>They met.</p><ul><li>space</li><li>energy</li></ul>
<script>SECRET</script><p style="display:none">SECRET</p>]]></content:encoded></item>
<item><title>Prices</title><link>javascript:alert(1)</link>
<description>AT&amp;amp;T rose 3 &amp;lt; 5.</description></item>
<item><title>Empty</title></item></channel></rss>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Wire</title><entry><title>One</title><id>urn:x:1</id>
<link href="https://example.org/1"/><updated>2024-05-16T10:00:00Z</updated><summary>Plain a &lt; b.</summary></entry>
<entry><title>Two</title><id>urn:x:2</id><published>2024-05</published><content type="xhtml">
<div xmlns="http://www.w3.org/1999/xhtml"><p>Para.</p><table><tr><th>Year</th><th>n</th></tr><tr><td>2022</td><td>1</td></tr>
</table></div></content></entry></feed>"""


def test_entries_without_an_id_are_told_apart_by_their_links() -> None:
    item = "<item><title>Weekly</title><link>https://example.org/{0}</link><description>Text {0}.</description></item>"
    feed = f'<rss version="2.0"><channel><title>N</title>{item.format(1)}{item.format(2)}</channel></rss>'
    assert [brief.id for brief in read("wire.rss", feed).briefs] == ["wire-example-org-1", "wire-example-org-2"]
    long = "w" * 180
    assert all(len(brief.id) <= 200 for brief in read(f"{long}.rss", feed).briefs)


def test_an_rss_file_gives_a_brief_for_each_entry() -> None:
    parsed = read("wire.rss", RSS)
    first, second = parsed.briefs
    assert (first.id, first.title, first.text) == (
        "wire-example-org-p-1",
        "Visit begins",
        "They met.\n\n- space\n- energy",
    )
    assert (str(first.date), first.url, first.source) == ("2024-05-16", "https://example.org/a", "World & News")
    assert (second.id, second.text, second.url, second.date) == ("wire-prices", "AT&T rose 3 < 5.", None, None)
    assert parsed.failures == ("entry 3: (Empty) has no text; use a feed that carries its articles",)


@pytest.mark.parametrize("suffix", [".atom", ".xml"])
def test_an_atom_file_gives_a_brief_for_each_entry(suffix: str) -> None:
    first, second = read(f"wire{suffix}", ATOM).briefs
    assert (first.id, first.text) == ("wire-urn-x-1", "Plain a < b.")
    assert (str(first.date), first.source) == ("2024-05-16", "Wire")
    assert (second.text, str(second.date)) == ("Para.\n\n| Year | n |\n|---|---|\n| 2022 | 1 |", "2024-05")


def test_a_feed_that_is_cut_off_gives_its_entries_with_a_warning() -> None:
    parsed = read("wire.rss", RSS[: RSS.index("<item><title>Empty")])
    assert len(parsed.briefs) == 2
    assert parsed.warnings[0].startswith("the feed is damaged XML (")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_feed_that_declares_entities_is_refused(encoding: str) -> None:
    bomb = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    feed = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">{bomb}]>' + ATOM.replace("Plain", "&l9;")
    assert refusal("a.xml", feed.encode(encoding)).startswith("declares XML entities")


def test_a_feed_nested_without_end_is_refused() -> None:
    assert refusal("a.xml", "<rss version='2.0'><channel>" + "<a>" * 20_000).startswith("is nested too deeply")


@pytest.mark.parametrize(
    "data", ["<note><to>x</to></note>", "<html><p>x</p></html>", "/etc/hosts", "http://127.0.0.1:1/x"]
)
def test_xml_that_is_no_feed_is_refused(data: str) -> None:
    assert refusal("a.xml", data).startswith("is no RSS or Atom feed")


# Language and the table of readers


def test_a_brief_in_a_language_that_the_model_does_not_know_is_kept_with_a_warning() -> None:
    parsed = read("a.md", GERMAN)
    assert parsed.briefs[0].language == "de"
    assert parsed.warnings == (
        "a: its language is 'de', which the model does not know; it is indexed, but questions may miss it",
    )
    assert read("a.md", GERMAN, languages=("en", "de")).warnings == ()


def test_a_stated_language_is_not_second_guessed() -> None:
    assert read("a.md", f"---\nlanguage: en-GB\n---\n{GERMAN}").warnings == ()
    assert read("a.md", f"---\nlanguage: fr\n---\n{ENGLISH}").briefs[0].language == "fr"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (ENGLISH, "en"),
        (GERMAN, "de"),
        ("Президент России прибыл в Пекин с официальным визитом, сообщает агентство.", "ru"),
        ("习近平与普京在北京举行会谈双方签署联合声明并就能源合作交换意见推动两国关系持续发展", "zh"),
        ("وصل الرئيس الروسي إلى بكين في زيارة رسمية تستمر يومين", "ar"),
    ],
)
def test_the_language_of_a_text_is_detected(text: str, language: str) -> None:
    assert detect(text) == language


@pytest.mark.parametrize(
    "text",
    [
        "Guten Tag",
        "GDP 2.1% 2023; CPI 3.4%, PMI 49.8, RMB 7.24, USD 83.1; Brent 84.2; WTI 79.1; gold 2386, copper 10,104",
        "President Xi Jinping, Li Qiang, Wang Yi, Zhao Leji, He Lifeng, Dong Jun, Cai Qi, Ding Xuexiang, Li Xi",
        "Luiz Inacio Lula da Silva, Sao Paulo, Rio de Janeiro, Brasilia, Mercosul",
        "The African Union led the mediation through a panel of three: former presidents Olusegun Obasanjo of Nigeria "
        "and Uhuru Kenyatta of Kenya, and Phumzile Mlambo-Ngcuka.",
        "Recep Tayyip Erdogan, Hakan Fidan, Mevlut Cavusoglu, Bayraktar TB2, Baykar Makina",
        "| Year | Trade (USD bn) | Share |\n|---|---|---|\n| 2022 | 190 | 17.1 |\n| 2023 | 240 | 18.4 |",
    ],
)
def test_short_texts_names_and_numbers_are_not_taken_for_another_language(text: str) -> None:
    assert detect(text) in (None, "en")
    assert read("a.md", text).warnings == ()


def test_another_format_is_one_more_reader() -> None:
    def shout(data: bytes, default_id: str, fallback_title: str) -> Parsed:
        return Parsed((Brief(id=default_id, title=fallback_title, text=data.decode().upper()),))

    file = SourceFile(Path("/corpus/My note.loud"), Path("/corpus"))
    (brief,) = parse(file, b"hello", readers={**READERS, ".loud": shout}).briefs
    assert (brief.id, brief.title, brief.text) == ("my-note", "My note", "HELLO")
    with pytest.raises(SourceError, match="has no known suffix"):
        parse(file, b"hello")


def test_reasons_never_name_the_path_and_are_of_our_error_tree() -> None:
    for name in ("secret-name.md", "secret-name.pdf", "secret-name.docx", "secret-name.json"):
        with pytest.raises(RagError) as caught:
            read(name, b"\x00\xff")
        assert "secret-name" not in str(caught.value)


def test_titles_are_cut_at_a_word_where_one_ends_near() -> None:
    assert shorten("one two three", 9) == "one two…"
    assert shorten("onetwothree", 9) == "onetwoth…"
    assert title_of("  \n\n") is None


def test_importing_load_imports_no_parser() -> None:
    heavy = {"yaml", "lxml", "trafilatura", "pypdf", "docx", "feedparser", "numpy", "py3langid"}
    code = f"import sys, rag.load; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
