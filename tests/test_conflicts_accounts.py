"""Accounts beside an answer: the next sentence that says otherwise, and what only looks as if it did."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import cast

import pytest

from rag.answer import Answer
from rag.conflicts.accounts import Account
from rag.conflicts.lookalikes import is_ahead
from rag.conflicts.tellers import same_teller, teller
from rag.conflicts.values import same, values
from tests.conftest import Desk

MINERS = "How many miners died in the Orvel pit?"
FOURTEEN = "The mine operator says that 14 miners died in the Orvel pit."


def one_brief(desk: Desk, question: str, *sentences: str) -> Answer:
    text = f"The weather was mild. Shops opened at once. {' '.join(sentences)} A bakery gave out bread."
    desk.write("kesten.md", text, title="Kesten news", date="2024-05-04", source="Wire")
    desk.ingest()
    return desk.ask(question)


def said(answer: Answer) -> list[str]:
    return [sentence.text for sentence in answer.sentences]


@pytest.mark.parametrize(
    ("question", "first", "second", "told"),
    [
        (MINERS, FOURTEEN, "The miners' union counts 19 dead.", "different figures: 14"),
        (
            "How many people attended the rally in Kesten?",
            "Police estimated that 4,000 people attended the rally in Kesten.",
            "The organisers spoke of 15,000.",
            "different figures: 4,000",
        ),
        (
            "Did the rebels take the town of Kesten?",
            "The rebels announced that they had taken the town of Kesten.",
            "The army denies this.",
            "contradict",
        ),
        (
            "Who ordered the raid on the Kesten depot?",
            "The opposition holds General Prahl responsible for ordering the raid on the Kesten depot.",
            "The general's staff blames Colonel Ostry.",
            "contradict",
        ),
    ],
)
def test_the_next_sentence_of_a_brief_that_says_otherwise_is_quoted_and_told(
    desk: Desk, question: str, first: str, second: str, told: str
) -> None:
    answer = one_brief(desk, question, first, second)
    assert said(answer)[:2] == [first, second]
    assert told in answer.conflicts[0]


@pytest.mark.parametrize(
    ("question", "first", "second"),
    [
        (
            "Where is Dragan Vel being held?",
            "The ministry says that Dragan Vel is being held in the prison at Orvel.",
            "His family insists that he is in the barracks at Lom.",
        ),
        (
            "How long was the Kesten bridge closed?",
            "The police said that the Kesten bridge was closed for three hours.",
            "Lorry drivers report eleven hours.",
        ),
        (
            "What caused the fire in the Kesten refinery?",
            "The fire in the Kesten refinery was caused by a short circuit, the owner says.",
            "Firefighters attribute it to a drone.",
        ),
    ],
)
def test_what_may_answer_otherwise_is_quoted_without_a_claim(
    desk: Desk, question: str, first: str, second: str
) -> None:
    answer = one_brief(desk, question, first, second)
    assert said(answer)[:2] == [first, second]
    assert answer.conflicts == ()


@pytest.mark.parametrize(
    ("question", "first", "second"),
    [
        (MINERS, FOURTEEN, "The union says that 30 miners were injured."),
        (MINERS, FOURTEEN, "The union says that nine of them came from Kesten."),
        (MINERS, FOURTEEN, "The union says that 300 miners work there."),
        (MINERS, FOURTEEN, "Rescuers brought up 21."),
        (MINERS, FOURTEEN, "In 1998, the union recalls, 40 miners died in the same pit at Orvel."),
        (MINERS, FOURTEEN, "He added that five were from Kesten and nine, he said, from Orvel."),
        (MINERS, FOURTEEN, "The union says that it expects 20 miners to have died in the Orvel pit."),
        (
            "How long is the Kesten bridge?",
            "The ministry says that the Kesten bridge is 10 km long.",
            "The engineers give its length as 6.2 miles.",
        ),
        (
            "When was Dragan Vel arrested in Kesten?",
            "The prosecutor says that Dragan Vel was arrested in Kesten on 3 May 2024.",
            "His lawyer says that his trial opens on 9 September 2024.",
        ),
        (
            "Who ordered the raid on the Kesten depot?",
            "The opposition holds General Prahl responsible for ordering the raid on the Kesten depot.",
            "She said so on Monday in Orvel.",
        ),
    ],
)
def test_what_only_looks_like_another_account_is_left_out(desk: Desk, question: str, first: str, second: str) -> None:
    answer = one_brief(desk, question, first, second)
    assert first in said(answer)
    assert second not in said(answer)
    assert answer.conflicts == ()


def test_a_total_that_is_replaced_is_no_account(desk: Desk) -> None:
    desk.write("a.md", "The rescuers counted nine dead in the Orvel pit.", title="Pit", date="2024-05-03")
    desk.write("b.md", FOURTEEN, title="Orvel", date="2024-05-04")
    assert asked_again(desk)
    later = "In the Orvel pit 14 miners died, the operator says; this takes the place of the nine of Monday."
    desk.write("c.md", later, title="Orvel pit", date="2024-05-05")
    assert not asked_again(desk)


def asked_again(desk: Desk) -> tuple[str, ...]:
    desk.ingest()
    return desk.ask(MINERS).conflicts


@pytest.mark.parametrize("most", [1, 2])
def test_no_more_sentences_are_quoted_than_wanted(desk: Desk, most: int) -> None:
    for n, source in enumerate(["Wire", "Ledger", "Courier", "Letter"]):
        desk.write(f"{n}.md", f"The {source} says that {20 + n} miners died in the Orvel pit.", title=source,
                   date=f"2024-05-0{n + 1}", source=source)  # fmt: skip
    desk.settings = desk.settings.model_copy(
        update={"answer": desk.settings.answer.model_copy(update={"max_sentences": most})}
    )
    desk.ingest()
    answer = desk.ask(MINERS)
    assert len(answer.sentences) == most
    assert bool(answer.conflicts) is (most > 1)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("one third", "33 percent", True),
        ("10 km", "6.2 miles", True),
        ("264 months", "22 years", True),
        ("712 km", "442 miles", True),
        ("52,000 people", "50,000 people", True),
        ("between 10,000 and 15,000 people", "12,000 people", True),
        ("between 10 and 15 million euros", "12 million euros", True),
        ("10-15 percent", "20 percent", False),
        ("10 to 15 km", "between 14 and 20 km", True),
        ("10 and 15 ships", "12 ships", False),
        ("more than 10,000 people", "12,000 people", True),
        ("more than 10,000 people", "12,000 ships", False),
        ("fewer than 900 people", "8,000 people", False),
        ("fewer than 900 people", "more than 500 people", True),
        ("at least 34 people", "at least 51 people", False),
        ("118 persons", "109 persons", False),
        ("2.1 billion euros", "3.4 billion euros", False),
    ],
)
def test_one_figure_in_two_forms_is_told_from_two_figures(one: str, other: str, expected: bool) -> None:
    assert same(values(one)[0], values(other)[0]) is expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0.7 percent of its income", ["0.7%"]),
        ("40 percent of them, or half", ["40%", "50%"]),
        ("300 km, which is 186 miles", ["300 km", "186 miles"]),
        ("three million euros for 12 ships", ["3,000,000", "12"]),
        ("5m people and 1.2m Syrian refugees", ["5,000,000", "1,200,000"]),
        ("3-4m voters", ["3,000,000", "4,000,000"]),
        ("5m waves and 2m tall men", ["5 m", "2 m"]),
        ("killed 120¹ people, and 10² of them", ["120", "10"]),
        ("①", []),
        (f"{'9' * 30} pm, {'9' * 40} ships and 12 boats", ["12"]),
        (f"{'hundred ' * 15} and one", ["1,000,000,000,000,000,000", "1,000,000,000,001"]),
    ],
)
def test_a_figure_is_told_as_it_is_stated(text: str, told: list[str]) -> None:
    assert [value.told for value in values(text)] == told


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("The port authority gives 02:40 as the time.", {"port", "author"}),
        ("The quantity is firm, says the agency's buyer; more may come.", {"agenc", "buyer"}),
        ("Malik obtained 48.9 percent, according to the tabulation.", {"tabul"}),
        ("The vote was described by the presidency as unanimous.", {"presid"}),
    ],
)
def test_who_tells_is_read_from_the_sentence(text: str, who: set[str]) -> None:
    found = teller(text)
    assert found is not None
    assert found.stems == who


@pytest.mark.parametrize(
    ("dated", "text", "ahead"),
    [
        ("2024-01-08", "The bridge closes on 20 February.", True),
        ("2024-01-08", "The bridge closed on 20 December.", False),
        ("2024-01-08", "The bridge closes on 20 December 2024.", True),
        ("2024-05-08", "The bridge closed on 2 May.", False),
        ("2024-05-08", "The bridge is closed.", False),
    ],
)
def test_a_day_without_a_year_is_ahead_by_months_at_most(dated: str, text: str, ahead: bool) -> None:
    account = cast(Account, SimpleNamespace(text=text, dated=dated))
    assert is_ahead(account) is ahead


def test_two_offices_are_not_one_teller_but_a_short_form_is() -> None:
    assert not same_teller(frozenset({"defenc", "ministri"}), frozenset({"interior", "ministri"}))
    assert same_teller(frozenset({"ministri"}), frozenset({"interior", "ministri"}))


@pytest.mark.parametrize("repeated", ["said ", "not 9 ", "1 of them, ", "word-", "; ", "according to ", "a, b says"])
def test_hostile_text_takes_little_time(repeated: str) -> None:
    text = repeated * (100_000 // len(repeated))
    begun = time.perf_counter()
    teller(text)
    values(text[:20_000])
    assert time.perf_counter() - begun < 3
