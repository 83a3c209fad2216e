"""Examples from written conversations on the stories: follow-ups as the reader meets them, rewritten by rule.

The format of the files stands in the README beside them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from evals.training.reader.stories import RETOLD, Place, Story, StoryQuestion, known_places, place_of, read_stories
from rag.rewrite import rewrite

TALKS = RETOLD.parent / "talks"
UNANSWERED = "The corpus does not say."

_STORY = re.compile(r"^# STORY (\S+)$", re.M)
_TURN = re.compile(r"(?P<right>-|[\w:]+(?: [\w:]+)*) \| (?P<text>\S.*)")


@dataclass(frozen=True)
class Typed:
    """A turn of a conversation.

    Attributes:
        text: what is typed.
        right: brief and number of each sentence that answers; none where the story does not say.
        answer: these sentences, or that there is none.
    """

    text: str
    right: tuple[Place, ...]
    answer: str


def read_talks(folder: Path = TALKS, stories: Sequence[Story] | None = None) -> list[Story]:
    """Read the conversations on some stories, the retold ones by default, as questions that stand alone.

    All stories are returned, in their order, so that those for development stay the same; with no question where there
    is no conversation.

    Raises:
        ValueError: if a line is not of the format, or names a story or a sentence that is not there.
    """
    known = read_stories(RETOLD) if stories is None else stories
    by_id = {story.id: story for story in known}
    asked: dict[str, list[StoryQuestion]] = {}
    for story, talk in talks_on(by_id, folder):
        asked.setdefault(story.id, []).extend(questions_of(talk))
    return [replace(story, questions=tuple(asked.get(story.id, ()))) for story in known]


def talks_on(stories: Mapping[str, Story], folder: Path = TALKS) -> Iterator[tuple[Story, list[Typed]]]:
    """Yield the conversations of a folder, each with its story, of those given by id.

    Raises:
        ValueError: as `read_talks`.
    """
    for path in sorted(folder.glob("*.txt")):
        parts = _STORY.split(path.read_text(encoding="utf-8"))
        for name, body in zip(parts[1::2], parts[2::2], strict=True):
            if name not in stories:
                raise ValueError(f"{path.name}: there is no story {name}")
            for lines in body.split("# TALK\n")[1:]:
                yield stories[name], talk_of(stories[name], lines)


def questions_of(talk: Sequence[Typed]) -> Iterator[StoryQuestion]:
    """Yield the turns of a conversation as questions, each rewritten with those before it."""
    history: list[BaseMessage] = []
    for turn in talk:
        text = rewrite(turn.text, history)
        yield StoryQuestion("follow_up", turn.right, text) if turn.right else StoryQuestion("near_miss", (), text)
        history += [HumanMessage(turn.text), AIMessage(turn.answer)]


def talk_of(story: Story, lines: str) -> list[Typed]:
    """Read a conversation on a story.

    Raises:
        ValueError: as `read_talks`.
    """
    talk, known = [], known_places(story.briefs)
    for line in lines.strip().split("\n"):
        turn = _TURN.fullmatch(line.strip())
        if turn is None:
            raise ValueError(f"story {story.id}: not a turn: {line}")
        right = tuple(_place(story, known, place) for place in turn["right"].split() if place != "-")
        said = [sentence for _, sentence in story.sentences(right)]
        talk.append(Typed(turn["text"], right, "\n".join(said) or UNANSWERED))
    return talk


def _place(story: Story, known: Collection[Place], written: str) -> Place:
    place = place_of(written)
    if place not in known:
        raise ValueError(f"story {story.id}: there is no sentence {written}")
    return place
