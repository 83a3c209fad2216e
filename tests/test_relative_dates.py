"""Dates told from the day of publication."""

from __future__ import annotations

import pytest

from rag.dates_in_text import dates_disagree
from rag.relative_dates import relative_dates, relative_dates_note
from rag.types import DateInterval
from tests.conftest import Desk


@pytest.mark.parametrize(
    ("published", "text", "told"),
    [
        ("2024-05-16", "They met yesterday.", {"yesterday": "2024-05-15"}),
        ("2024-03-01", "The day before yesterday they met.", {"The day before yesterday": "2024-02-28"}),
        ("2024-05-16", "They meet tomorrow, or tonight.", {"tomorrow": "2024-05-17", "tonight": "2024-05-16"}),
        ("2024-05-16", "They met on Monday.", {"on Monday": "2024-05-13"}),
        ("2024-05-16", "They met on Thursday.", {"on Thursday": "2024-05-16"}),
        ("2024-05-16", "They met last Thursday.", {"last Thursday": "2024-05-09"}),
        ("2024-05-16", "They will meet on Monday.", {}),
        ("2024-05-16", "They met two years ago.", {"two years ago": "2022"}),
        ("2024-05-16", "It began a million years ago, or one million days ago.", {}),
        ("2024-05-16", "It began 3,000 years ago, or twenty-five years ago, or two hundred years ago.", {}),
        ("2024-05-16", "They met. They will meet next Monday.", {"next Monday": "2024-05-20"}),
        ("2024-05-16", "On Monday, 6 May, they met.", {}),
        ("2024-05-16", "They met on Monday (13 May).", {}),
        ("2024-01-16", "Exports fell last month and last year.", {"last month": "2023-12", "last year": "2023"}),
        (
            "2024-05-16",
            "Three days ago; two years ago.",
            {"Three days ago": "2024-05-13", "two years ago": "2022"},
        ),
        ("2024-01-31", "11 months ago they agreed.", {"11 months ago": "2023-02"}),
        ("2024-05", "They met yesterday, and last month.", {"last month": "2024-04"}),
        ("2024", "They met last month, and last year.", {"last year": "2023"}),
        ("2024-05-16", "They met in May.", {}),
        ("2024-05-16", "In the last month of the war, in the last week in April, 300 died.", {}),
        ("2024-05-16", "In his last year in office he fled; the next year he was arrested.", {}),
        ("2024-05-16", "Over the last year, in Putin's last month and its last week, they met.", {}),
        ("2024-05-16", "Last year as president, last week before polls, last year in office, last week of May.", {}),
        ("2024-05-16", "USA Today reported on today's Russia.", {}),
        (
            "2024-05-16",
            "They met in Oslo today. Today they met last month in Bergen as last year ended.",
            {"today": "2024-05-16", "Today": "2024-05-16", "last month": "2024-04", "last year": "2023"},
        ),
        ("0001-01-01", "He died yesterday, last week, last month, last year, two years ago.", {}),
        ("9999-12-31", "He meets them tomorrow, next week, next month, next year, next Monday.", {}),
        ("9999", "He meets them next year.", {}),
    ],
)
def test_relative_dates_are_counted_from_publication_as_far_as_it_is_known(
    published: str, text: str, told: dict[str, str]
) -> None:
    found = relative_dates(text, DateInterval.parse(published))
    assert {one.words: str(one.date) for one in found} == told
    assert all(text[one.start : one.end] == one.words for one in found)


def test_a_week_is_told_by_its_days() -> None:
    assert relative_dates_note(2, "They meet next week.", "2024-05-16") == (
        "In [2], counted from the date of the brief, “next week” is 2024-05-20 to 2024-05-26."
    )
    assert relative_dates_note(1, "They meet next week.", None) is None
    assert relative_dates_note(1, "They met.", "2024-05-16") is None
    assert relative_dates_note(1, "He died yesterday.", "0001-01-01") is None


@pytest.mark.parametrize(
    ("sentence", "source", "dated", "disagrees"),
    [
        ("They met on 15 May 2024.", "They met yesterday.", "2024-05-16", False),
        ("They met on 15 May.", "They met yesterday.", "2024-05-16", False),
        ("They met on 14 May 2024.", "They met yesterday.", "2024-05-16", True),
        ("They met on 15 May 2024.", "They met yesterday.", "", True),
        ("They met on 15 May 2024.", "They met.", "2024-05-16", True),
        ("They met on 13 May 2024.", "They met on Monday.", "2024-05-16", False),
        ("Exports fell in April 2024.", "Exports fell last month.", "2024-05-16", False),
        ("300 died in April 2024.", "In the last month of the war, 300 died.", "2024-05-16", True),
        ("They met on 20 May 2024.", "They will meet next week.", "2024-05-16", True),
    ],
)
def test_a_written_date_may_be_what_the_source_tells_from_its_own(
    sentence: str, source: str, dated: str, disagrees: bool
) -> None:
    assert dates_disagree(sentence, source, dated=dated) is disagrees


def test_an_answer_says_what_yesterday_was(desk: Desk) -> None:
    desk.write("talks.md", "The envoys of Oslo met yesterday in Bergen.", title="Talks", date="2024-05-16")
    desk.ingest()
    answer = desk.ask("Where did the envoys of Oslo meet?")
    assert answer.sentences
    assert "In [1], counted from the date of the brief, “yesterday” is 2024-05-15." in answer.notes
