from __future__ import annotations

from datetime import date, datetime

import pytest
from pydantic import ValidationError

from rag.types import Brief, DateInterval, Scope


@pytest.mark.parametrize(
    ("value", "start", "end", "shown"),
    [
        ("2024", date(2024, 1, 1), date(2024, 12, 31), "2024"),
        (2024, date(2024, 1, 1), date(2024, 12, 31), "2024"),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29), "2024-02"),
        ("2024-5-6", date(2024, 5, 6), date(2024, 5, 6), "2024-05-06"),
        (date(2024, 5, 16), date(2024, 5, 16), date(2024, 5, 16), "2024-05-16"),
        (datetime(2024, 5, 16, 9, 30), date(2024, 5, 16), date(2024, 5, 16), "2024-05-16"),
        ("2024-05-16T09:30:00Z", date(2024, 5, 16), date(2024, 5, 16), "2024-05-16"),
        ("2024-05-16 09:30", date(2024, 5, 16), date(2024, 5, 16), "2024-05-16"),
    ],
)
def test_a_date_is_as_precise_as_its_source(value: object, start: date, end: date, shown: str) -> None:
    interval = DateInterval.parse(value)
    assert (interval.start, interval.end, str(interval)) == (start, end, shown)


@pytest.mark.parametrize(
    "value", ["soon", "2024-13", "2024-02-30", "16 May 2024", "20240516", "2024-05-16x", "0000", ""]
)
def test_what_is_no_date_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="is no date"):
        DateInterval.parse(value)


@pytest.mark.parametrize(
    ("one", "other", "days"),
    [
        ("2024-05-16", "2024-05-16", 0),
        ("2024-05-16", "2024-05-20", 4),
        ("2024-05-16", "2024-05", 0),
        ("2024-05-30", "2024-06", 2),
        ("2023", "2024-03", 61),
    ],
)
def test_days_lie_between_two_dates_that_cannot_be_the_same(one: str, other: str, days: int) -> None:
    first, second = DateInterval.parse(one), DateInterval.parse(other)
    assert first.days_from(second) == second.days_from(first) == days


def test_a_brief_needs_only_id_title_and_text() -> None:
    brief = Brief(id="a", title="A", text="Text.")
    assert (brief.date, brief.region, brief.constructed) == (None, (), False)


@pytest.mark.parametrize("bad", ["", "a b", "a/b", "a#1", "a@b", "a\x00b"])
def test_an_id_that_would_break_chunk_ids_or_paths_is_refused(bad: str) -> None:
    with pytest.raises(ValidationError):
        Brief(id=bad, title="A", text="Text.")


def test_the_digest_names_the_text_alone() -> None:
    one = Brief(id="a", title="A", text="Text.")
    other = Brief(id="b", title="B", text="Text.", date=DateInterval.parse("2024"))
    assert one.text_sha256 == other.text_sha256
    assert one.text_sha256 == "f06dce27b84e18ccb3c7e94a0679c279cd42027da23bcf1e1ca1f94e365ea420"


def test_metadata_comes_back_as_the_same_brief() -> None:
    brief = Brief.model_validate(
        {"id": "a", "title": "A", "text": "Text.", "date": "2024-05", "region": "asia, europe", "credibility": 2}
    )
    assert Brief(text=brief.text, **brief.metadata()) == brief
    assert brief.region == ("asia", "europe")


def test_an_empty_scope_does_not_restrict() -> None:
    assert not Scope().restricts
    assert Scope(regions=("asia",)).restricts
    assert not Scope(regions=("asia",)).needs_date
    assert Scope(as_of=date(2024, 1, 1)).needs_date
