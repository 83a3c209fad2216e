"""Which words of a question limit the dates of briefs, and to what."""

from __future__ import annotations

from datetime import date

import pytest

from rag import open_assistant
from rag.dates_asked import date_limit
from rag.types import Scope
from tests.conftest import Desk

TODAY = date(2024, 5, 22)  # a Wednesday


@pytest.mark.parametrize(
    ("question", "words", "rest", "as_of"),
    [
        ("Who ruled Niger as of May 2023?", "as of May 2023", "Who ruled Niger?", date(2023, 5, 31)),
        ("As of 3 May 2023, who led it?", "As of 3 May 2023", "who led it?", date(2023, 5, 3)),
        ("Who led it as of May 3rd, 2023?", "as of May 3rd, 2023", "Who led it?", date(2023, 5, 3)),
        ("Who led it as of May 3 2023?", "as of May 3 2023", "Who led it?", date(2023, 5, 3)),
        ("Who led it as of the end of May 2023?", "as of the end of May 2023", "Who led it?", date(2023, 5, 31)),
        ("Who led it as of early 2023?", "as of early 2023", "Who led it?", date(2023, 4, 30)),
        ("Who led it as of mid-May 2023?", "as of mid-May 2023", "Who led it?", date(2023, 5, 20)),
        ("Who led it as of 3 May, 2023?", "as of 3 May, 2023", "Who led it?", date(2023, 5, 3)),
        ("As of yesterday, who led it?", "As of yesterday", "who led it?", date(2024, 5, 21)),
        ("As of this week, who led it?", "As of this week", "who led it?", TODAY),
        ("As of last week, who led it?", "As of last week", "who led it?", date(2024, 5, 19)),
        ("Who led it as of the end of last month?", "as of the end of last month", "Who led it?", date(2024, 4, 30)),
        ("Who led it as of last year?", "as of last year", "Who led it?", date(2023, 12, 31)),
        ("How many, as of 2023-02?", "as of 2023-02", "How many?", date(2023, 2, 28)),
        (
            "Who led it as things stood in Sept. 2022?",
            "as things stood in Sept. 2022",
            "Who led it?",
            date(2022, 9, 30),
        ),
    ],
)
def test_as_of_takes_the_last_day_of_what_it_names(question: str, words: str, rest: str, as_of: date) -> None:
    limit = date_limit(question, today=TODAY)
    assert limit is not None
    assert (limit.words, limit.rest, limit.as_of, limit.date_from) == (words, rest, as_of, None)
    assert str(limit) == f"briefs published by {as_of}"


@pytest.mark.parametrize(
    ("question", "date_from"),
    [
        ("What has Chad done since March 2024?", date(2024, 3, 1)),
        ("What has Chad done since 2 March 2024?", date(2024, 3, 2)),
        ("What changed in the last two weeks?", date(2024, 5, 8)),
        ("What changed over the past 10 days?", date(2024, 5, 12)),
        ("What changed yesterday?", date(2024, 5, 21)),
        ("What changed this week?", date(2024, 5, 20)),
        ("What changed last week?", date(2024, 5, 13)),
        ("What changed this month?", date(2024, 5, 1)),
        ("What changed last month?", date(2024, 4, 1)),
        ("What changed this year?", date(2024, 1, 1)),
        ("What changed last year?", date(2023, 1, 1)),
        ("What changed in the past week?", date(2024, 5, 15)),
        ("What changed over the past month?", date(2024, 4, 21)),
        ("What changed in the past year?", date(2023, 5, 22)),
        ("What changed last month in Haiti?", date(2024, 4, 1)),
        ("What changed in the past two weeks in the Gaza Strip?", date(2024, 5, 8)),
        ("What has Chad done since the 2nd of March 2024?", date(2024, 3, 2)),
        ("What has Chad done since 2 March, 2024?", date(2024, 3, 2)),
        ("What has Chad done since early 2023?", date(2023, 1, 1)),
        ("What has Chad done since mid 2023?", date(2023, 5, 1)),
        ("What has Chad done since late 2023?", date(2023, 9, 1)),
        ("What has Chad done since the end of 2023?", date(2023, 12, 1)),
        ("What has Chad done since the middle of March 2024?", date(2024, 3, 11)),
        ("Since 2023 what has Chad done?", date(2023, 1, 1)),
    ],
)
def test_since_takes_the_first_day_of_what_it_names(question: str, date_from: date) -> None:
    limit = date_limit(question, today=TODAY)
    assert limit is not None
    assert (limit.date_from, limit.as_of) == (date_from, None)
    assert str(limit) == f"briefs dated from {date_from}"


@pytest.mark.parametrize(
    "question",
    [
        "Who was president in May 2024?",
        "What happened before June 2023?",
        "Where does the bid stand today?",
        "What has changed since the summit?",
        "Who won in the last year of the war?",
        "As of 31 February 2023, who led it?",
        "Who spoke on the last day of the talks?",
        "In the last week of July 2023, who seized power?",
        "Who left in the last three months of his presidency?",
        "Who came in the last two weeks before the vote?",
        "What is said about last week's attack?",
        "Who came in the last week in July 2023?",
        "Who left in his last month as president?",
        "As of last week's vote, who led it?",
        "As of the beginning of last month, who led it?",
        "What was agreed until last month?",
        "What had Hamas demanded before last week?",
        "Who spoke the day before yesterday?",
        "Who spoke the week before last week?",
        "How many more fled than in the past month?",
        "Who has left since 2500 troops came?",
        "Who has left since 2000 troops came?",
        "Who led it as of 1800 GMT on 5 May 2024?",
    ],
)
def test_what_speaks_of_events_sets_no_limit(question: str) -> None:
    assert date_limit(question, today=TODAY) is None


def test_of_the_limits_of_question_and_scope_the_stricter_counts() -> None:
    limit = date_limit("Who ruled as of May 2023?", today=TODAY)
    assert limit is not None
    assert limit.within(Scope(sources=("Desk",))) == Scope(as_of=date(2023, 5, 31), sources=("Desk",))
    assert limit.within(Scope(as_of=date(2022, 1, 1))) == Scope(as_of=date(2022, 1, 1))
    assert limit.within(Scope(as_of=date(2024, 1, 1))) == Scope(as_of=date(2023, 5, 31))
    since = date_limit("What changed since March 2024?", today=TODAY)
    assert since is not None
    assert since.within(Scope(date_from=date(2024, 1, 1))).date_from == date(2024, 3, 1)
    assert since.within(Scope(date_from=date(2024, 4, 1))).date_from == date(2024, 4, 1)


def test_a_follow_up_with_a_date_of_its_own_is_not_limited_by_that_of_before(desk: Desk) -> None:
    desk.write("old.md", "President Bazoum ruled Niger.", title="Niger in 2023", date="2023-05-02")
    desk.write("new.md", "General Tiani ruled Niger.", title="Niger in 2024", date="2024-05-02")
    desk.ingest()
    assistant = open_assistant(desk.settings, embeddings=desk.embeddings)
    first = assistant.ask("Who ruled Niger as of May 2023?")
    assert (first.limited_by, first.scope.as_of) == ("as of May 2023", date(2023, 5, 31))
    later = assistant.ask("And as of May 2024?", history=[("Who ruled Niger as of May 2023?", first.text)])
    assert (later.limited_by, later.scope.as_of) == ("as of May 2024", date(2024, 5, 31))
    now = assistant.ask("And now?", history=[("Who ruled Niger as of May 2023?", first.text)])
    assert (now.limited_by, now.scope.as_of) == (None, None)


def test_recent_is_counted_from_the_day_that_the_scope_ends(desk: Desk) -> None:
    desk.write("old.md", "Niger closed its border.", title="Border", date="2023-01-02")
    desk.write("coup.md", "Soldiers took power in Niger.", title="Coup", date="2023-07-27")
    desk.ingest()
    answer = desk.ask("Who took power in Niger in the last two weeks?", scope=Scope(as_of=date(2023, 7, 31)))
    assert answer.scope == Scope(date_from=date(2023, 7, 17), as_of=date(2023, 7, 31))
    assert answer.cited_briefs == ("coup",)


def test_the_start_of_a_month_is_within_it() -> None:
    limit = date_limit("How many ships a day since the start of September 2024?", today=date(2024, 12, 1))
    assert limit is not None
    assert limit.date_from == date(2024, 9, 1)


def test_nothing_is_counted_to_before_the_year_one() -> None:
    assert date_limit("What changed in the last two weeks?", today=date(1, 1, 3)) is None
    assert date_limit("As of last year, who led it?", today=date(1, 1, 3)) is None
