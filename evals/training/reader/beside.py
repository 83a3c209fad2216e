"""Examples of the second account: which unit says otherwise than one that is quoted, in answer to the same question.

The question is asked with the words that mark this task, and the quoted unit stands where a unit's context does.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from evals.training.reader.examples import BESIDE, Asked, Split
from evals.training.reader.questions import POOL
from evals.training.reader.stories import Story, StoryQuestion, development_stories, read_stories, units_by_place
from evals.training.reader.units import UnitInContext, UnitSearch
from rag.cross_encoder import OTHERWISE
from rag.split import CountTokens

STRAY = 0.3
"""Share of the questions on rival accounts that are asked beside a unit that does not answer, too: none is right."""
UNDISPUTED = 0.12
"""Share of the questions with one account that are asked."""


def beside_examples(folders: Sequence[Path], count: CountTokens, rng: random.Random) -> Iterator[Asked]:
    """Make the examples of the stories of some folders; those whose briefs disagree give the right ones."""
    for folder in folders:
        stories = read_stories(folder)
        dev = development_stories(stories)
        for story in stories:
            yield from _of_story(story, "dev" if story in dev else "train", count, rng)


def _of_story(story: Story, split: Split, count: CountTokens, rng: random.Random) -> Iterator[Asked]:
    cut = units_by_place(story, count)
    search = UnitSearch(list(dict.fromkeys(unit for units in cut.values() for unit in units)))
    disputed = any(one.kind == "conflict" for one in story.questions)
    for one in story.questions:
        accounts = [list(dict.fromkeys(u for place in told for u in cut[place])) for told in one.accounts]
        accounts = [told for told in accounts if told]
        if not accounts or (len(accounts) == 1 and not disputed and rng.random() > UNDISPUTED):
            continue
        quoted = rng.randrange(len(accounts))
        right = [u for told in accounts for u in told if u not in accounts[quoted]] if one.kind == "conflict" else []
        yield _asked(one, split, rng.choice(accounts[quoted]), right, search)
        if right and rng.random() < STRAY:
            told = [u for told in accounts for u in told]
            if strays := search.best(one.question, k=6, without=told):
                yield _asked(one, split, rng.choice(strays), [], search)


def _asked(
    one: StoryQuestion, split: Split, quoted: UnitInContext, right: Sequence[UnitInContext], search: UnitSearch
) -> Asked:
    inside = search.best(one.question, k=POOL, without=[*right, quoted])
    others = [unit for unit in search.units if unit not in right and unit != quoted]
    wrong = tuple(dict.fromkeys((*inside, *others)))[:POOL]

    def shown(units: Sequence[UnitInContext]) -> tuple[UnitInContext, ...]:
        return tuple(replace(unit, title=quoted.text.rstrip("."), before="", date=None) for unit in units)

    kind = BESIDE if right else f"{BESIDE}/none"
    return Asked(quoted.doc, kind, split, OTHERWISE + one.question, shown(right), shown(wrong))
