from __future__ import annotations

import random
from pathlib import Path

import pytest

import evals.training.reader.beside as beside_module
from evals.training.reader.beside import beside_examples
from evals.training.reader.examples import Asked, read, write
from evals.training.reader.stories import read_stories
from evals.training.reader.units import counter, packaged_tokenizer
from rag.cross_encoder import OTHERWISE
from rag.encoder import BESIDE_CONTEXT, Room

TOLL = """
# STORY toll-{n}
# BRIEF b1 | 2031-03-04 | Shelling of the harbour
1 The army counts nine dead in the harbour of Vell.
2 The mayor of Vell speaks of twenty-two dead.
3 The harbour was closed at noon.
# BRIEF b2 | 2031-03-09 | After the shelling
1 A hospital of the harbour town lists 22 killed.
2 Ships wait outside the harbour of Vell.
# QUESTIONS
conflict | b1:1 / b1:2 b2:1 | How many died in the harbour of Vell?
control | b1:3 | When was the harbour closed?
near_miss | - | Who ordered the shelling?
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tolls.txt").write_text("".join(TOLL.replace("{n}", f"{n:02}") for n in range(40)), encoding="utf-8")
    return tmp_path


@pytest.fixture
def made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    monkeypatch.setattr(beside_module, "STRAY", 1.0)
    return list(beside_examples([folder], counter(packaged_tokenizer()), random.Random(0)))


def test_the_other_account_is_right_and_those_who_agree_with_the_quoted_one_are_wrong(made: list[Asked]) -> None:
    rivals = [one for one in made if one.kind == "beside"]
    assert len(rivals) == 40
    army, town = "The army counts nine dead", ("The mayor of Vell speaks", "A hospital of the harbour")
    assert {one.right[0].title[: len(army)] for one in rivals} >= {army}
    for one in rivals:
        assert one.question == f"{OTHERWISE}How many died in the harbour of Vell?"
        (quoted,) = {unit.title for unit in (*one.right, *one.wrong)}
        assert all((unit.before, unit.date) == ("", None) for unit in (*one.right, *one.wrong))
        others = [unit.text for unit in one.right]
        assert all(text.startswith(town) for text in others) if quoted.startswith(army) else len(others) == 1
        if not quoted.startswith(army):
            assert others[0].startswith(army)
            assert any(unit.text.startswith(town) for unit in one.wrong)  # says the same as the quoted one
        assert f"{quoted}." not in [unit.text for unit in (*one.right, *one.wrong)]


def test_nothing_is_right_beside_the_only_account_nor_beside_what_does_not_answer(made: list[Asked]) -> None:
    none = [one for one in made if one.kind == "beside/none"]
    assert all(one.right == () for one in none)
    assert len([one for one in none if "closed" in one.question]) == 40
    strays = [one for one in none if "died" in one.question]
    assert {one.wrong[0].title for one in strays} <= {
        "The harbour was closed at noon",
        "Ships wait outside the harbour of Vell",
    }
    assert len(strays) == 40
    assert not [one for one in made if "ordered" in one.question]


def test_stories_for_development_are_the_readers(made: list[Asked], folder: Path) -> None:
    dev = {story.id for story in read_stories(folder)[::8]}
    assert {one.id.split("/")[0] for one in made if one.split == "dev"} == dev


def test_the_quoted_account_has_more_room_than_a_context(made: list[Asked], tmp_path: Path) -> None:
    long = [one for one in made if one.kind == "beside"][:1]
    units = tuple(unit.__class__(unit.doc, 0, "a quoted word " * 40, "", unit.text) for unit in long[0].right)
    plain = Asked("id", "squad", "dev", "Who met?", units, ())
    write(tmp_path, [Asked("id", "beside", "dev", "Who met?", units, ()), plain], packaged_tokenizer())
    store, (asked, other) = read(tmp_path)
    room = Room(context=20)
    lengths = [len(one.pairs(store, room)[0].ids) for one in (asked, other)]
    assert lengths[0] - lengths[1] == BESIDE_CONTEXT - 20
