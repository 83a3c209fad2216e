"""Examples from written stories: one thread of events in several briefs, and questions on all of them together.

The format of the files in the folders of `evals/datasets/training` stands in the README beside them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import get_args

from evals.training.passages import Text
from evals.training.reader.examples import Asked, Split
from evals.training.reader.questions import POOL
from evals.training.reader.units import UnitInContext, UnitSearch, units_of
from evals.training.reader.written import Kind, opening, removed_shares
from rag.split import CountTokens

DEV_EVERY = 8
STORIES, DATED, LISTS, DISAGREEMENTS, RETOLD = FOLDERS = tuple(
    Path(__file__).parents[2] / "datasets" / "training" / name
    for name in ("stories", "dated", "lists", "disagreements", "retold")
)
ACCOUNTS, SISTERS, REWORDED, RIVALS = (STORIES.parent / name for name in ("accounts", "sisters", "reworded", "rivals"))
HARDEST, FAR = 4, 3
"""Units of the question's own story, and then of others, that are shown first among those that do not answer."""

Place = tuple[str, int]

_STORY = re.compile(r"^# STORY (\S+)$", re.M)
_PART = re.compile(r"^# (?:BRIEF (\S+) \| (\d{4}-\d\d-\d\d) \| (.+)|QUESTIONS)$", re.M)
_SENTENCE = re.compile(r"^(\d+) (\S.*)$")
_LINE = re.compile(r"[|]|[-*] |\d+[.)] ")
_KINDS = get_args(Kind)


@dataclass(frozen=True)
class StoryQuestion:
    """A question on a story.

    Attributes:
        right: brief and number of each sentence that answers, from 1; none where the story does not say. Of briefs
            that disagree, the sentences of all accounts.
        accounts: the same, account by account.
    """

    kind: Kind
    right: tuple[Place, ...]
    question: str
    accounts: tuple[tuple[Place, ...], ...] = ()


@dataclass(frozen=True)
class StoryBrief:
    """A brief of a story, sentence by sentence; `breaks` are the sentences, from 0, that begin a paragraph."""

    name: str
    date: str
    title: str
    sentences: tuple[str, ...]
    breaks: frozenset[int]

    def text(self, story: str) -> Text:
        """Return the brief as a text in Markdown: an item or a row begins a line, and the first row is a header."""
        whole = last = ""
        for i, sentence in enumerate(self.sentences):
            in_line = not _LINE.match(sentence) and not _LINE.match(last)
            whole += "" if i == 0 else "\n\n" if i in self.breaks else " " if in_line else "\n"
            whole += f"{sentence}\n{_rule_of(sentence)}" if i in self.headers else sentence
            last = sentence
        return Text(f"{story}/{self.name}", self.title, whole, self.date)

    @cached_property
    def headers(self) -> frozenset[int]:
        """The sentences, from 0, that are the header of a table, which is no unit of its own."""
        rows = [i for i, sentence in enumerate(self.sentences) if sentence.startswith("|")]
        return frozenset(i for i in rows if i - 1 not in rows or i in self.breaks)


def _rule_of(header: str) -> str:
    return "| --- " * (header.count("|") - 1) + "|"


@dataclass(frozen=True)
class Story:
    """Briefs on one thread of events, with questions."""

    id: str
    briefs: tuple[StoryBrief, ...]
    questions: tuple[StoryQuestion, ...]

    def sentences(self, places: Sequence[Place]) -> list[tuple[str, str]]:
        """Return the sentences at some places, each with the name of its brief."""
        by_name = {brief.name: brief for brief in self.briefs}
        return [(name, by_name[name].sentences[number - 1]) for name, number in places]


def development_stories(stories: Sequence[Story]) -> list[Story]:
    """Return the stories that no reader is trained on: every eighth."""
    return list(stories[::DEV_EVERY])


def development_of(folders: Sequence[Path]) -> list[Story]:
    """Return the development stories of some folders, each named by folder and story: two folders may use one name."""
    return [story for folder in folders for story in development_in(folder.name, read_stories(folder))]


def development_in(folder: str, stories: Sequence[Story]) -> list[Story]:
    """Return the development stories of a folder's stories, each named by folder and story."""
    return [replace(story, id=f"{folder}-{story.id}") for story in development_stories(stories)]


def read_stories(folder: Path = STORIES) -> list[Story]:
    """Read all stories, in the order of their files.

    Raises:
        ValueError: if a line is not of the format, or a question names a sentence that is not there.
    """
    made = []
    for path in sorted(folder.glob("*.txt")):
        parts = _STORY.split(path.read_text(encoding="utf-8"))
        made += [parse(name, body) for name, body in zip(parts[1::2], parts[2::2], strict=True)]
    return made


def parse(name: str, body: str) -> Story:
    """Read a story from what follows its heading.

    Raises:
        ValueError: as `read_stories`.
    """
    parts = _PART.split(body.strip())
    briefs = tuple(
        _brief(name, head, lines.strip().split("\n"))
        for *head, lines in zip(parts[1::4], parts[2::4], parts[3::4], parts[4::4], strict=True)
        if head[0]
    )
    known = known_places(briefs)
    questions = tuple(parse_question(line, known, story=name) for line in parts[-1].strip().split("\n"))
    return Story(name, briefs, questions)


def _brief(story: str, head: Sequence[str], lines: Sequence[str]) -> StoryBrief:
    name, date, title = head
    sentences: list[str] = []
    breaks: set[int] = set()
    for line in lines:
        found = _SENTENCE.match(line.strip())
        if not line.strip():
            breaks.add(len(sentences))
        elif found and int(found[1]) == len(sentences) + 1:
            sentences.append(found[2].strip())
        else:
            raise ValueError(f"story {story}, brief {name}: not sentence {len(sentences) + 1}: {line}")
    return StoryBrief(name, date, title, tuple(sentences), frozenset(breaks))


def parse_question(line: str, known: frozenset[Place], *, story: str) -> StoryQuestion:
    """Read a line of a question, given the places of the story's sentences.

    Raises:
        ValueError: as `read_stories`.
    """
    fields = [field.strip() for field in line.split("|", 2)]
    kinds = [kind for kind in _KINDS if kind == fields[0]]
    if len(fields) < 3 or not kinds:
        raise ValueError(f"story {story}: not a question: {line}")
    accounts = tuple(tuple(place_of(p) for p in told.split() if p != "-") for told in fields[1].split("/"))
    right = tuple(place for told in accounts for place in told)
    if not known.issuperset(right) or bool(right) is (kinds[0] in ("near_miss", "false_premise")):
        raise ValueError(f"story {story}: wrong sentences for a {kinds[0]}: {line}")
    return StoryQuestion(kinds[0], right, fields[2], tuple(filter(None, accounts)))


def place_of(written: str) -> Place:
    """Read a place such as "b1:3"; a number that is none is 0, at which no sentence stands."""
    brief, _, number = written.partition(":")
    return brief, int(number) if number.isdecimal() else 0


def known_places(briefs: Sequence[StoryBrief]) -> frozenset[Place]:
    """Return the places of all sentences that may answer: all but the headers of tables."""
    return frozenset((b.name, i + 1) for b in briefs for i in range(len(b.sentences)) if i not in b.headers)


def story_examples(stories: Sequence[Story], count: CountTokens, rng: random.Random) -> Iterator[Asked]:
    """Make the examples of stories, their own units and the nearest of other stories as candidates.

    Some answered questions are asked of the other units alone too. Every eighth story is for development.
    """
    removed = removed_shares((one.question, bool(one.right)) for story in stories for one in story.questions)
    dev = development_stories(stories)
    splits: tuple[Split, ...] = ("train", "dev")
    for split in splits:
        told = [story for story in stories if (story in dev) is (split == "dev")]
        cut = {story.id: units_by_place(story, count) for story in told}
        everything = UnitSearch([unit for placed in cut.values() for unit in _distinct(placed)])
        for story in told:
            own = UnitSearch(_distinct(cut[story.id]))
            for one in story.questions:
                right = tuple(dict.fromkeys(unit for place in one.right for unit in cut[story.id][place]))
                wrong = _wrong(one, right, own, everything)
                example = Asked(story.id, f"stories/{one.kind}", split, one.question, right, wrong)
                yield example
                if right and split == "train" and rng.random() < removed[opening(one.question)]:
                    yield replace(example, kind="stories/removed", right=())


def _wrong(
    one: StoryQuestion, right: Collection[UnitInContext], own: UnitSearch, everything: UnitSearch
) -> tuple[UnitInContext, ...]:
    """Choose units that do not answer: of the own story those that share words first, and a few of other stories."""
    inside = own.best(one.question, k=POOL, without=right)
    far = everything.best(one.question, k=FAR, without=own.units)
    others = [unit for unit in own.units if unit not in right]
    return tuple(dict.fromkeys((*inside[:HARDEST], *far, *inside[HARDEST:], *others)))[:POOL]


def units_by_place(story: Story, count: CountTokens) -> Mapping[Place, list[UnitInContext]]:
    """For each sentence, by brief and number, the units that hold some of it, as the index cuts the brief."""
    placed: dict[Place, list[UnitInContext]] = {}
    for brief in story.briefs:
        text = brief.text(story.id)
        units = units_of(text, count)
        for number, sentence in enumerate(brief.sentences, 1):
            flat = " ".join(sentence.split())
            placed[brief.name, number] = [unit for unit in units if holds_some(unit.text, flat)]
    return placed


def holds_some(text: str, sentence: str) -> bool:
    """Whether a unit's text is a sentence, holds it, or is a part of it."""
    return text in sentence or sentence in text


def _distinct(placed: Mapping[Place, list[UnitInContext]]) -> list[UnitInContext]:
    return list(dict.fromkeys(unit for units in placed.values() for unit in units))
