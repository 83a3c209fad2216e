from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from evals.training.reader.course import Plan, begin
from evals.training.reader.examples import Asked, read, write
from evals.training.reader.prepare import SHARES, drawn
from evals.training.reader.stories import (
    ACCOUNTS,
    DATED,
    DISAGREEMENTS,
    LISTS,
    RETOLD,
    SISTERS,
    Story,
    parse,
    read_stories,
    story_examples,
)
from evals.training.reader.units import UnitInContext, counter, packaged_tokenizer
from rag.encoder import Shape
from tests.test_training_reader import TINY, tiny_model

FISH = """
# BRIEF b1 | 2031-03-04 | Fish talks open
1 Envoys met in Oslo on Monday.
2 They spoke of quotas, which Iceland wants to keep at 4.5 per cent.

3 The talks go on in June.
# BRIEF b2 | 2031-06-20 | Fish talks end
1 The second round took place in Bergen.
2 Quotas fell to 3 per cent.
# QUESTIONS
paraphrase | b1:1 | Which town hosted the first round?
several | b1:2 b2:2 | What became of the share that Reykjavik wants?
near_miss | - | Who chaired the talks in Bergen?
"""


def test_story_is_read_sentence_by_sentence() -> None:
    story = parse("fish-01", FISH)
    first, second = story.briefs
    assert (first.date, second.title) == ("2031-03-04", "Fish talks end")
    assert first.text("fish-01").text == (
        "Envoys met in Oslo on Monday. They spoke of quotas, which Iceland wants to keep at 4.5 per cent.\n\n"
        "The talks go on in June."
    )
    assert [one.right for one in story.questions] == [(("b1", 1),), (("b1", 2), ("b2", 2)), ()]


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("paraphrase | b1:1", "paraphrase | b1:4"),  # no such sentence
        ("paraphrase | b1:1", "paraphrase | -"),
        ("near_miss | -", "near_miss | b2:1"),
        ("near_miss | -", "nearmiss | -"),
        ("2 Quotas fell", "3 Quotas fell"),
    ],
)
def test_broken_story_is_refused(good: str, bad: str) -> None:
    assert good in FISH
    with pytest.raises(ValueError, match="fish-01"):
        parse("fish-01", FISH.replace(good, bad))


def examples(*stories: Story) -> list[Asked]:
    return list(story_examples(stories, counter(packaged_tokenizer()), random.Random(0)))


def test_units_that_hold_a_named_sentence_are_right_and_all_others_wrong() -> None:
    first, several, near_miss = examples(parse("fish-01", FISH))
    assert [unit.text for unit in first.right] == ["Envoys met in Oslo on Monday."]
    assert [(unit.doc, unit.title) for unit in several.right] == [
        ("fish-01/b1", "Fish talks open"),
        ("fish-01/b2", "Fish talks end"),
    ]
    assert near_miss.right == ()
    for example in (first, several, near_miss):
        assert not set(example.right) & set(example.wrong)
        assert len({*example.right, *example.wrong}) == 5


def test_stories_for_development_lend_no_units_to_training() -> None:
    made = examples(*(parse(f"fish-{n:02}", FISH) for n in range(14)))
    docs = {
        split: {u.doc for e in made if e.split == split for u in (*e.right, *e.wrong)} for split in ("train", "dev")
    }
    assert {doc.split("/")[0] for doc in docs["dev"]} == {"fish-00", "fish-08"}
    assert not docs["train"] & docs["dev"]


def test_answers_are_taken_away_in_training_alone() -> None:
    story = parse("fish-01", FISH.replace("What became", "Which part became"))  # nothing unanswered opens so
    made = examples(*(replace(story, id=f"fish-{n:02}") for n in range(60)))
    removed = [e for e in made if e.kind == "stories/removed"]
    assert {e.split for e in removed} == {"train"}
    assert len(removed) == pytest.approx(0.6 * 104, abs=16)  # 52 stories with two answered questions each
    assert all(not e.right and len(e.wrong) >= 3 for e in removed)


def test_later_courses_see_their_shares_of_each_set_and_all_that_is_for_development() -> None:
    unit = UnitInContext("doc", 0, "Fish", "", "Envoys met.")
    one = Asked("id", "squad", "train", "Who met?", (unit,), ())
    written = replace(one, kind="written/near_miss")
    named = [("squad", one)] * 500 + [("written", written)] * 20 + [("squad", replace(one, split="dev"))] * 30
    kinds = [(e.kind, e.split) for e in drawn(named, SHARES[2], random.Random(0))]
    assert (kinds.count(("written/near_miss", "train")), kinds.count(("squad", "dev"))) == (20, 30)
    assert kinds.count(("squad", "train")) == pytest.approx(500 * SHARES[2]["squad"], abs=30)


def test_a_kind_in_a_set_may_have_a_share_of_its_own() -> None:
    one = Asked("id", "stories/near_miss", "train", "Who met?", (), ())
    named = [("retold", one), ("retold", replace(one, kind="stories/plain"))] * 500
    kinds = [e.kind for e in drawn(named, {"retold": 0.2, "retold/near_miss": 1.0}, random.Random(0))]
    assert kinds.count("stories/near_miss") == 500
    assert kinds.count("stories/plain") == pytest.approx(100, abs=30)


def test_all_accounts_of_a_disagreement_answer() -> None:
    asked = "paraphrase | b1:1 | Which town hosted the first round?"
    assert asked in FISH
    story = parse("fish-01", FISH.replace(asked, "conflict | b1:1 b1:2 / b2:1 | Where were the talks?"))
    assert story.questions[0].right == (("b1", 1), ("b1", 2), ("b2", 1))
    assert story.questions[0].accounts == ((("b1", 1), ("b1", 2)), (("b2", 1),))


def test_all_disagreements_of_the_repository_can_be_read() -> None:
    stories = read_stories(DISAGREEMENTS)
    assert len({story.id for story in stories}) == len(stories) == 125
    assert {one.kind for story in stories for one in story.questions} == {"conflict", "control", "near_miss"}


def test_all_rival_accounts_of_the_repository_can_be_read() -> None:
    stories = read_stories(ACCOUNTS)
    assert len({story.id for story in stories}) == len(stories) == 283
    conflicts = [one for story in stories for one in story.questions if one.kind == "conflict"]
    assert len(conflicts) > 3_000
    assert all(len(set(one.right)) > 1 for one in conflicts)


def test_all_stories_of_events_of_one_kind_can_be_read() -> None:
    stories = read_stories(SISTERS)
    assert len({story.id for story in stories}) == len(stories) == 536
    assert all(len(story.briefs) == 6 for story in stories)
    assert sum(len(story.questions) for story in stories) > 25_000


def test_all_stories_of_the_repository_can_be_read() -> None:
    stories = read_stories()
    assert len({story.id for story in stories}) == len(stories) > 150
    assert all(len(story.briefs) == 4 for story in stories)


def test_all_dated_stories_of_the_repository_can_be_read() -> None:
    stories = read_stories(DATED)
    assert len({story.id for story in stories} - {story.id for story in read_stories()}) == len(stories) == 91
    assert {bool(one.right) for story in stories for one in story.questions} == {True, False}


def test_all_stories_with_lists_can_be_read_and_no_answer_is_a_mere_header() -> None:
    stories = read_stories(LISTS)
    assert len({story.id for story in stories}) == len(stories) > 60
    lines = [line for story in stories for brief in story.briefs for line in brief.sentences]
    assert sum(line.startswith("- ") for line in lines) > 200
    assert sum(line.startswith("|") for line in lines) > 200
    asked = [example for example in examples(*stories[:3]) if example.kind != "stories/removed"]
    assert all(bool(e.right) is not e.kind.endswith(("near_miss", "false_premise")) for e in asked)


def test_all_retold_stories_of_the_repository_can_be_read() -> None:
    stories = read_stories(RETOLD)
    assert len({story.id for story in stories}) == len(stories) == 250
    assert all(len(story.briefs) == 4 for story in stories)
    asked = [one for story in stories for one in story.questions]
    assert sum(not one.right for one in asked) / len(asked) == pytest.approx(0.44, abs=0.01)


def test_items_and_rows_of_a_story_are_units_with_their_lead_in_or_header() -> None:
    lines = "1 Envoys met in Oslo on Monday.\n2 They agreed on:\n3 - Two quotas.\n4 | Year | Tons |\n5 | 2031 | 40 |"
    asked = "plain | b1:3 | What?\nkeywords | b1:5 | tons 2031"
    story = parse("x-01", f"# BRIEF b1 | 2031-02-14 | Fish\n{lines}\n# QUESTIONS\n{asked}")
    first, second = (e.right for e in examples(replace(story, id="x-02"), story) if e.split == "train")
    assert [(u.before, u.text) for u in (*first, *second)] == [
        ("They agreed on:", "Two quotas."),
        ("| Year | Tons |", "| 2031 | 40 |"),
    ]
    with pytest.raises(ValueError, match="wrong sentences"):
        parse("x-01", f"# BRIEF b1 | 2031-02-14 | Fish\n{lines}\n# QUESTIONS\nplain | b1:4 | What?")


def test_file_that_is_not_a_story_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("# STORY fish-09\n" + FISH.replace("1 Envoys", "Envoys"), encoding="utf-8")
    with pytest.raises(ValueError, match="fish-09"):
        read_stories(tmp_path)


def test_head_is_new_unless_it_is_to_be_kept() -> None:
    model = tiny_model()
    before = model.head.weight.detach().clone()
    begin(Plan(steps=1, shape=TINY, keep_head=True), model)
    assert bool((model.head.weight == before).all())
    begin(Plan(steps=1, shape=Shape(layers=2)), model)
    assert not bool((model.head.weight == before).all())


@pytest.mark.parametrize(("dated", "shown"), [(True, "june 20 2031. fish talks end."), (False, "fish talks end.")])
def test_context_opens_with_the_date_of_the_brief(tmp_path: Path, dated: bool, shown: str) -> None:
    tokenizer = packaged_tokenizer()
    asked = [one for one in examples(parse("fish-01", FISH)) if one.right][:2]
    write(tmp_path, asked, tokenizer, dated=dated)
    store, _ = read(tmp_path)
    contexts = [store.context[a:b] for a, b in pairwise([0, *store.context_ends])]
    assert shown in {tokenizer.decode(context.tolist()) for context in contexts}
