"""Conversations and short questions on stories become questions that stand alone."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from evals.training.reader.short import read_short
from evals.training.reader.stories import RETOLD, Story, development_stories, parse, read_stories, story_examples
from evals.training.reader.talks import questions_of, read_talks, talk_of
from evals.training.reader.units import counter, packaged_tokenizer

BRIEF = """# BRIEF b1 | 2031-03-04 | Fish talks open in Oslo
1 Envoys of Iceland and Norway met in Oslo on Monday.
2 Minister Sigrun Dahl of Norway wants a quota of 4.5 per cent.
3 | Year | Tons |
4 | 2031 | 40 |
# QUESTIONS
plain | b1:1 | Where did the envoys meet?
"""
TALK = """b1:1 | Where did Iceland and Norway meet in March 2031?
b1:2 | and what does she want?
- | why?
b1:4 | Which catch was agreed on for the Barents Sea in 2031?
"""


@pytest.fixture
def story() -> Story:
    return parse("fish-01", BRIEF)


def test_a_turn_takes_along_what_the_talk_so_far_has_named(story: Story) -> None:
    asked = [(q.kind, q.right, q.question) for q in questions_of(talk_of(story, TALK))]
    first = "Where did Iceland and Norway meet in March 2031?"
    assert asked[0] == ("follow_up", (("b1", 1),), first)
    kind, right, text = asked[1]
    assert (kind, right) == ("follow_up", (("b1", 2),))
    assert text.startswith("what does she want (")
    assert "Iceland" in text
    assert asked[2] == ("near_miss", (), f"{first} why?")
    assert asked[3][2] == "Which catch was agreed on for the Barents Sea in 2031?"


@pytest.mark.parametrize(
    ("turn", "told"),
    [
        ("b1:9 | Where?", "no sentence b1:9"),
        ("b1:3 | Where?", "no sentence b1:3"),
        ("b7:1 | Where?", "no sentence b7:1"),
        ("b1:x | Where?", "no sentence b1:x"),
        ("b1:1 Where?", "not a turn"),
        ("b1:1 | ", "not a turn"),
    ],
)
def test_a_turn_that_is_none_or_names_nothing_is_refused(story: Story, turn: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        talk_of(story, turn)


def test_all_stories_stay_so_that_none_for_development_is_trained_on(tmp_path: Path, story: Story) -> None:
    others = [parse(f"fish-{n:02}", BRIEF) for n in range(2, 10)]
    (tmp_path / "a.txt").write_text(f"# STORY fish-03\n# TALK\n{TALK}# TALK\n{TALK}", encoding="utf-8")
    made = read_talks(tmp_path, [story, *others])
    assert [s.id for s in made] == [s.id for s in (story, *others)]
    assert [len(s.questions) for s in made] == [0, 0, 8, *[0] * 6]
    assert {e.split for e in story_examples(made, counter(packaged_tokenizer()), random.Random(1))} == {"train"}


def test_a_story_that_is_not_there_is_refused(tmp_path: Path, story: Story) -> None:
    (tmp_path / "a.txt").write_text(f"# STORY fish-03\n# TALK\n{TALK}", encoding="utf-8")
    with pytest.raises(ValueError, match="no story fish-03"):
        read_talks(tmp_path, [story])


def test_all_talks_of_the_repository_can_be_read() -> None:
    stories = read_talks()
    assert [s.id for s in development_stories(stories)] == [s.id for s in development_stories(read_stories(RETOLD))]
    asked = [q for s in stories for q in s.questions]
    assert len(asked) > 4_000
    assert sum(not q.right for q in asked) / len(asked) == pytest.approx(0.2, abs=0.06)


def test_short_questions_are_asked_of_the_stories_of_their_folder(tmp_path: Path) -> None:
    first, second, *_ = read_stories(RETOLD)
    lines = f"# STORY retold/{second.id}\nplain | b1:1 b2:1 | Who left?\nnear_miss | - | Who stayed?\n"
    (tmp_path / "a.txt").write_text(lines, encoding="utf-8")
    (made,) = read_short(tmp_path).values()
    assert [s.id for s in made] == [s.id for s in read_stories(RETOLD)]
    assert (made[0].id, made[0].questions) == (first.id, ())
    assert [(q.kind, q.right, q.question) for q in made[1].questions] == [
        ("plain", (("b1", 1), ("b2", 1)), "Who left?"),
        ("near_miss", (), "Who stayed?"),
    ]


@pytest.mark.parametrize(
    ("story_id", "line", "told"),
    [
        ("retold/{}", "plain | b9:1 | Who left?", "wrong sentences for a plain"),
        ("retold/{}", "plain | - | Who left?", "wrong sentences for a plain"),
        ("retold/{}", "near_miss | b1:1 | Who left?", "wrong sentences for a near_miss"),
        ("retold/{}", "short | b1:1 | Who left?", "not a question"),
        ("retold/nowhere-01", "near_miss | - | Who left?", "there is no story retold/nowhere-01"),
        ("retold", "near_miss | - | Who left?", "no story is named above # STORY retold"),
    ],
)
def test_a_short_question_that_is_none_or_names_nothing_is_refused(
    tmp_path: Path, story_id: str, line: str, told: str
) -> None:
    known = story_id.format(read_stories(RETOLD)[0].id)
    (tmp_path / "a.txt").write_text(f"# STORY {known}\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=told):
        read_short(tmp_path)


def test_the_short_questions_are_on_stories_that_are_there() -> None:
    asked = [question for stories in read_short().values() for story in stories for question in story.questions]
    assert len(asked) > 25_000
    assert 0.3 < sum(not question.right for question in asked) / len(asked) < 0.5
