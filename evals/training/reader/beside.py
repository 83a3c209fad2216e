"""Examples of what is asked beside a quoted unit: which unit answers otherwise, and which adds to the answer.

The question is asked with the words that mark the task, and the quoted unit stands where a unit's context does.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from evals.training.reader.examples import BESIDE, Asked, Split
from evals.training.reader.questions import POOL
from evals.training.reader.stories import Place, Story, StoryQuestion, development_stories, read_stories, units_by_place
from evals.training.reader.units import UnitInContext, UnitSearch
from rag.cross_encoder import FURTHER, OTHERWISE
from rag.split import CountTokens

STRAY = 0.3
"""Share of the questions on rival accounts that are asked beside a unit that does not answer, too: none is right."""
UNDISPUTED = 0.12
"""Share of the questions with one account, or answered by one sentence, that are asked."""
MORE = f"{BESIDE}/more"


def beside_examples(folders: Sequence[Path], count: CountTokens, rng: random.Random) -> Iterator[Asked]:
    """Make the examples of the stories of some folders; those whose briefs disagree give the right ones."""
    for story, split in _stories(folders):
        yield from _of_story(story, split, count, rng)


def further_examples(folders: Sequence[Path], count: CountTokens, rng: random.Random) -> Iterator[Asked]:
    """Make the examples of the stories of some folders; what several sentences answer gives the right ones."""
    for story, split in _stories(folders):
        yield from _more_of_story(story, split, count, rng)


def _stories(folders: Sequence[Path]) -> Iterator[tuple[Story, Split]]:
    for folder in folders:
        stories = read_stories(folder)
        dev = development_stories(stories)
        yield from ((story, "dev" if story in dev else "train") for story in stories)


def _search_of(cut: Mapping[Place, list[UnitInContext]]) -> UnitSearch:
    return UnitSearch(list(dict.fromkeys(unit for units in cut.values() for unit in units)))


def _more_of_story(story: Story, split: Split, count: CountTokens, rng: random.Random) -> Iterator[Asked]:
    cut = units_by_place(story, count)
    search = _search_of(cut)
    for one in story.questions:
        told = [cut[place] for place in one.right if cut[place]]
        if not told or (one.kind != "several" and (len(told) > 1 or rng.random() > UNDISPUTED)):
            continue
        quoted = rng.randrange(len(told))
        right = list(dict.fromkeys(u for units in told for u in units if u not in told[quoted]))
        yield _asked(one, split, rng.choice(told[quoted]), right, search, task=FURTHER, kind=MORE)


def _of_story(story: Story, split: Split, count: CountTokens, rng: random.Random) -> Iterator[Asked]:
    cut = units_by_place(story, count)
    search = _search_of(cut)
    disputed = any(one.kind == "conflict" for one in story.questions)
    for one in story.questions:
        accounts = [list(dict.fromkeys(u for place in told for u in cut[place])) for told in one.accounts]
        accounts = [told for told in accounts if told]
        if not accounts or (len(accounts) == 1 and not disputed and rng.random() > UNDISPUTED):
            continue
        quoted = rng.randrange(len(accounts))
        right = [u for told in accounts for u in told if u not in accounts[quoted]] if one.kind == "conflict" else []
        yield _asked(one, split, rng.choice(accounts[quoted]), right, search, task=OTHERWISE)
        if right and rng.random() < STRAY:
            told = [u for told in accounts for u in told]
            if strays := search.best(one.question, k=6, without=told):
                yield _asked(one, split, rng.choice(strays), [], search, task=OTHERWISE)


def _asked(
    one: StoryQuestion, split: Split, quoted: UnitInContext, right: Sequence[UnitInContext], search: UnitSearch,
    *, task: str, kind: str = BESIDE,
) -> Asked:  # fmt: skip
    inside = search.best(one.question, k=POOL, without=[*right, quoted])
    others = [unit for unit in search.units if unit not in right and unit != quoted]
    wrong = tuple(dict.fromkeys((*inside, *others)))[:POOL]

    def shown(units: Sequence[UnitInContext]) -> tuple[UnitInContext, ...]:
        return tuple(replace(unit, title=quoted.text.rstrip("."), before="", date=None) for unit in units)

    kind = kind if right else f"{kind}/none"
    return Asked(quoted.doc, kind, split, task + one.question, shown(right), shown(wrong))
