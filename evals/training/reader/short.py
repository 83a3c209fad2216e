"""Examples from short questions, worded as people type them, on the stories of several folders.

The format of the files stands in the README beside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from evals.training.reader.stories import (
    STORIES,
    Story,
    StoryQuestion,
    development_in,
    known_places,
    parse_question,
    read_stories,
)

SHORT = STORIES.parent / "short"

_STORY = re.compile(r"^# STORY ([\w-]+)/(\S+)$", re.M)


def read_short(folder: Path = SHORT) -> Mapping[str, list[Story]]:
    """Return the stories of each folder that is asked about, with the short questions alone.

    All stories of such a folder are in it, in their order, so that those for development stay the same; with no
    question where there is none.

    Raises:
        ValueError: if a line is not of the format, or names a story or a sentence that is not there.
    """
    lines = _lines(folder)
    asked: dict[str, list[Story]] = {}
    for name in sorted({folder_name for folder_name, _ in lines}):
        stories = read_stories(STORIES.parent / name)
        unknown = {story for of, story in lines if of == name} - {story.id for story in stories}
        if unknown:
            raise ValueError(f"{folder.name}: there is no story {name}/{min(unknown)}")
        asked[name] = [
            replace(story, questions=tuple(_asked(story, lines.get((name, story.id), [])))) for story in stories
        ]
    return asked


def short_development() -> dict[str, tuple[StoryQuestion, ...]]:
    """Return the short questions on development stories, by their name in `development_of`."""
    return {
        story.id: story.questions
        for folder, stories in read_short().items()
        for story in development_in(folder, stories)
    }


def _lines(folder: Path) -> Mapping[tuple[str, str], list[str]]:
    """Return the lines of questions by folder and story.

    Raises:
        ValueError: if no story is named above a line.
    """
    lines: dict[tuple[str, str], list[str]] = {}
    for path in sorted(folder.glob("*.txt")):
        before, *parts = _STORY.split(path.read_text(encoding="utf-8"))
        if before.strip():
            raise ValueError(f"{path.name}: no story is named above {before.strip().splitlines()[0]}")
        for of, story, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            lines.setdefault((of, story), []).extend(body.strip().split("\n"))
    return lines


def _asked(story: Story, lines: list[str]) -> Iterator[StoryQuestion]:
    known = known_places(story.briefs)
    yield from (parse_question(line, known, story=story.id) for line in lines)
