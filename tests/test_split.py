from __future__ import annotations

import itertools
import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.split import chunk_header, split
from rag.types import Brief, Chunk


def count_words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def cut(text: str, max_tokens: int = 40) -> tuple[Brief, tuple[Chunk, ...]]:
    brief = Brief(id="b", title="Title", text=text)
    return brief, split(brief, count_tokens=count_words, max_tokens=max_tokens)


def units(text: str, max_tokens: int = 40) -> list[tuple[str, str]]:
    brief, chunks = cut(text, max_tokens)
    seen = {(u.start, u.end, u.kind): brief.text[u.start : u.end] for c in chunks for u in c.units}
    return [(kind, words) for (_, _, kind), words in sorted(seen.items())]


@pytest.mark.parametrize(
    "text",
    [
        "The U.S. said Gen. Smith met Mr. Wang Yi on Jan. 5. He left at 3.30 p.m. on Thursday.",
        "Resolution No. 5 was adopted by 14 votes. The vote was close.",
        'He said: "It is over." Then they left for Washington, D.C. without him.',
        "J. K. Rowling met Lt. Col. Brown of the U.K. delegation. It cost $1.5 billion.",
    ],
)
def test_abbreviations_initials_and_decimals_do_not_end_a_sentence(text: str) -> None:
    assert len(units(text)) == 2


def test_a_heading_goes_into_the_chunk_s_heading_and_not_into_its_units() -> None:
    _, chunks = cut("# Top\n\nOne.\n\n## Below\n\nTwo.\n\n# Other\n\nThree.")
    assert [c.heading for c in chunks] == ["Top", "Top › Below", "Other"]
    assert units("# Top\n\nOne.") == [("sentence", "One.")]


def test_a_list_is_quoted_with_its_lead_in_and_its_items_know_it() -> None:
    text = "They agreed on:\n\n- trade\n- energy,\n  gas included\n"
    assert units(text) == [
        ("sentence", "They agreed on:"),
        ("list", "They agreed on:\n\n- trade\n- energy,\n  gas included"),
        ("item", "trade"),
        ("item", "energy,\n  gas included"),
    ]
    _, chunks = cut(text)
    items = [u for u in chunks[0].units if u.kind == "item"]
    assert [(i.context.start, i.context.end) for i in items if i.context] == [(0, 15), (0, 15)]


def test_a_sentence_without_colon_is_no_lead_in() -> None:
    assert ("list", "trade\n- energy") in units("They met.\n\n- trade\n- energy")


def test_a_table_row_knows_its_header_and_rules_are_no_units() -> None:
    text = "| Name | Post |\n| --- | --- |\n| Lavrov | minister |\n| Shoigu | secretary |"
    brief, chunks = cut(text)
    rows = [u for u in chunks[0].units if u.kind == "row"]
    assert [brief.text[u.start : u.end] for u in rows] == ["| Lavrov | minister |", "| Shoigu | secretary |"]
    assert {brief.text[u.context.start : u.context.end] for u in rows if u.context} == {"| Name | Post |"}
    assert [brief.text[u.start : u.end] for u in chunks[0].units if u.kind == "list"] == [text]


def test_a_hard_wrapped_paragraph_is_one_and_short_lines_are_several() -> None:
    wrapped = "The ministers of both countries met in\nthe capital and signed a treaty on trade\nand energy."
    assert len(units(wrapped)) == 1
    assert len(units("News Brief\nThe ministers of both countries met in the capital and signed a treaty.")) == 2


def test_a_text_of_headings_alone_can_still_be_quoted() -> None:
    assert units("# Finland joins NATO") == [("sentence", "# Finland joins NATO")]


def test_chunks_overlap_by_one_sentence_and_stay_under_the_budget() -> None:
    text = " ".join(f"Sentence number {n} has exactly eight words." for n in range(20))
    _, chunks = cut(text, max_tokens=24)
    assert all(count_words([text[c.start : c.end]])[0] <= 24 for c in chunks)
    for before, after in itertools.pairwise(chunks):
        assert before.units[-1] == after.units[0]


def test_a_list_that_fits_is_not_divided() -> None:
    text = "One two three four five six. " * 5 + "\n\nThe list:\n\n- a b c d e f g\n- h i j k l m n\n- o p q r s t u\n"
    _, chunks = cut(text, max_tokens=30)
    assert sum(u.kind == "list" for c in chunks for u in c.units) == 1


@pytest.mark.parametrize("text", ["a." * 1_000_000, "word " * 400_000, "x. " * 100_000, "- a\n" * 50_000])
def test_a_huge_line_is_cut_into_chunks_under_the_budget(text: str) -> None:
    brief, chunks = cut(text, max_tokens=200)
    assert_exact(brief, chunks, 200)
    spans = {(u.start, u.end) for c in chunks for u in c.units if u.kind != "list"}
    assert sum(text.count("a", *span) for span in spans) == text.count("a")
    assert sum(text.count("x", *span) for span in spans) == text.count("x")


def test_pages_are_those_of_the_chunk_s_first_character() -> None:
    brief = Brief(id="b", title="T", text="One.\n\nTwo two two.\n\nThree three.", page_starts=(0, 6, 20))
    chunks = split(brief, count_tokens=count_words, max_tokens=2)
    assert [c.page for c in chunks] == [1, 2, 2, 3]


def test_what_stands_before_the_text_is_title_and_headings_clipped_to_their_budget() -> None:
    assert chunk_header("Title", "Top › Below", count_tokens=count_words) == "Title › Top › Below"
    assert count_words([chunk_header("word " * 500, "", count_tokens=count_words)])[0] <= 48


ODD = (
    st.lists(
        st.one_of(
            st.text(max_size=60),
            st.sampled_from(
                ["# H\n", "\r\n", "\n\n", "- item\n", "1. x\n", "| a | b |\n", "|---|---|\n", "U.S. ", "Gen. Smith "]
            ),
            st.sampled_from(
                [
                    "No. 5. ",
                    "***\n",
                    "A:\n",
                    "“Quote.” ",
                    "「引用。」",
                    "नमस्ते। ",
                    "🙂‍↔️ ",
                    "\u2028",
                    "\x85",
                    "word " * 30,
                    "a" * 900,
                ]
            ),
        ),
        min_size=1,
        max_size=25,
    )
    .map("".join)
    .filter(bool)
)


def assert_exact(brief: Brief, chunks: Sequence[Chunk], max_tokens: int) -> None:
    assert [c.ordinal for c in chunks] == list(range(len(chunks)))
    for chunk in chunks:
        text = brief.text[chunk.start : chunk.end]
        assert text == text.strip() != ""
        assert chunk.units
        for unit in chunk.units:
            assert chunk.start <= unit.start < unit.end <= chunk.end
            assert brief.text[unit.start : unit.end].strip() == brief.text[unit.start : unit.end]
        base = [u for u in chunk.units if u.kind != "list"]
        assert sum(count_words([brief.text[u.start : u.end] for u in base])) <= max_tokens


@settings(max_examples=300, deadline=None)
@given(ODD)
def test_every_span_is_exact_and_no_text_is_lost(text: str) -> None:
    brief, chunks = cut(text, max_tokens=20)
    assert_exact(brief, chunks, 20)
    assert bool(chunks) == bool(text.strip())
    covered: set[int] = set()
    for chunk in chunks:
        for unit in chunk.units:
            covered.update(range(unit.start, unit.end))
    lost = [c for i, c in enumerate(text) if i not in covered and c.isalnum()]
    headings = [line for line in text.replace("\r", "\n").split("\n") if line.lstrip().startswith("#")]
    markers = sum(c.isalnum() for c in text if c.isdigit()) + sum(len(h) for h in headings)
    tables = sum(c.isalnum() for line in text.split("\n") if "|" in line for c in line)
    assert len(lost) <= markers + tables


@pytest.mark.parametrize("blank", ["\u00a0", "\u2009", "\u202f", "\u3000", "\u2028", "\u0085"])
def test_blanks_outside_ascii_stop_no_splitting_and_shift_no_span(blank: str) -> None:
    text = f"Under Option A{blank}. The talks went on. It was signed by J{blank}. Smith in Oslo."
    told = "".join(unit for _, unit in units(text, max_tokens=200))
    assert "".join(told.split()) == "".join(text.split())


@pytest.mark.parametrize("line", ["# a" + " " * 4_000 + "b", "|" + "-" * 4_000 + "x|", "# " + "#" * 4_000 + "a"])
def test_hostile_lines_take_little_time(line: str) -> None:
    start = time.perf_counter()
    cut(f"{line}\n\nThe talks went on.")
    assert time.perf_counter() - start < 1
