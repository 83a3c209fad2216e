"""Questions on briefs of which it is known how many accounts answer them, and which sentences give each.

- conflicts: the dev half of the conflicts benchmark over its corpus.
- disagreements: stories written for training in which briefs tell much differently (`datasets/training/disagreements`).
- stories: a sample of the questions of the development stories, one account each, in the same index.
- briefs: the dev half of the briefs benchmark over the starter corpus.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from evals.training.passages import Text
from evals.training.reader.stories import Story, StoryQuestion, development_stories, parse, read_stories
from rag.evaluation.answering import contains
from rag.evaluation.question import GoldSpan, Question, Turn

DISAGREEMENTS = Path(__file__).parents[2] / "datasets" / "training" / "disagreements"
SAMPLED_EVERY = 2
"""Of the answerable questions of the development stories every second one is asked."""

Kind = Literal["conflict", "control", "refusal"]
_STORY = re.compile(r"^# STORY (\S+)$", re.M)
_QUESTION = re.compile(r"^(conflict|control|near_miss) \| ([^|\n]+) \| (.+)$", re.M)
_ASKED_AS = {"conflict": "several", "control": "several", "near_miss": "near_miss"}


@dataclass(frozen=True)
class Case:
    """A question with its accounts.

    Attributes:
        source: "conflicts", "disagreements", "stories" or "briefs".
        group: its story, which no fold parts.
        accounts: for each account the spans that give it; one account where all gold sentences say the same.
        items: for each account the accepted answers, where the benchmark has them.
    """

    id: str
    source: str
    group: str
    kind: Kind
    question: str
    accounts: tuple[tuple[GoldSpan, ...], ...]
    items: tuple[tuple[str, ...], ...] = ()
    history: tuple[Turn, ...] = ()


@dataclass(frozen=True)
class Disputed:
    """A story, and for each of its questions the kind and the places of its accounts."""

    story: Story
    kinds: tuple[Kind, ...]
    accounts: tuple[tuple[tuple[tuple[str, int], ...], ...], ...]


def read_disagreements(folder: Path = DISAGREEMENTS) -> list[Disputed]:
    """Read the stories in which briefs disagree, in the order of their files.

    Raises:
        ValueError: if a line is not of the format, or a question names a sentence that is not there.
    """
    made = []
    for path in sorted(folder.glob("*.txt")):
        parts = _STORY.split(path.read_text(encoding="utf-8"))
        made += [parse_disputed(name, body) for name, body in zip(parts[1::2], parts[2::2], strict=True)]
    return made


def parse_disputed(name: str, body: str) -> Disputed:
    """Read a story from what follows its heading. Its lines are those of other stories but for ` / ` between accounts.

    Raises:
        ValueError: as `read_disagreements`.
    """
    head, _, asked = body.partition("# QUESTIONS\n")
    found = _QUESTION.findall(asked)
    if len(found) != len([line for line in asked.split("\n") if line.strip()]):
        raise ValueError(f"story {name}: not all lines are questions")
    plain = [f"{_ASKED_AS[kind]} | {places.replace('/', ' ')} | {text}" for kind, places, text in found]
    story = parse(name, f"{head}# QUESTIONS\n" + "\n".join(plain))
    groups = [_groups(places) for _, places, _ in found]
    for (kind, places, text), accounts in zip(found, groups, strict=True):
        if (kind == "conflict") is (len(accounts) < 2):
            raise ValueError(f"story {name}: wrong accounts for a {kind}: {places} | {text}")
    kinds: list[Kind] = ["refusal" if k == "near_miss" else "conflict" if k == "conflict" else "control"
                         for k, _, _ in found]  # fmt: skip
    return Disputed(story, tuple(kinds), tuple(groups))


def _groups(places: str) -> tuple[tuple[tuple[str, int], ...], ...]:
    if places.strip() == "-":
        return ()
    parts = [[place.partition(":") for place in part.split()] for part in places.split("/")]
    return tuple(tuple((brief, int(number)) for brief, _, number in part) for part in parts)


def disputed_cases(told: Sequence[Disputed]) -> Iterator[Case]:
    """Yield the questions of stories in which briefs disagree."""
    for one in told:
        spans = gold_spans(one.story)
        for n, (asked, kind, groups) in enumerate(zip(one.story.questions, one.kinds, one.accounts, strict=True), 1):
            accounts = tuple(tuple(spans[place] for place in group) for group in groups)
            yield Case(f"{one.story.id}-{n:02}", "disagreements", one.story.id, kind, asked.question, accounts)


def story_cases(stories: Sequence[Story]) -> Iterator[Case]:
    """Yield every second answerable question of stories of which each has one account."""
    for story in stories:
        spans = gold_spans(story)
        for n, asked in enumerate(story.questions, 1):
            if asked.right and n % SAMPLED_EVERY == 0:
                yield Case(f"{story.id}-{n:02}", "stories", story.id, "control", asked.question, (_spans(asked, spans),))


def _spans(asked: StoryQuestion, spans: Mapping[tuple[str, int], GoldSpan]) -> tuple[GoldSpan, ...]:
    return tuple(spans[place] for place in asked.right)


def benchmark_case(source: str, question: Question) -> Case:
    """Take a question of a benchmark: a conflict has an account for each of its items."""
    conflict = "conflict" in question.types and len(question.items) > 1
    kind: Kind = "conflict" if conflict else "control" if question.answerable else "refusal"
    accounts: tuple[tuple[GoldSpan, ...], ...] = (question.gold,) if question.gold else ()
    if conflict:
        accounts = tuple(tuple(s for s in question.gold if contains(s.text, item)) for item in question.items)
    return Case(question.id, source, question.group, kind, question.text, accounts,
                question.items if conflict else (), question.history)  # fmt: skip


def asked_stories() -> list[Story]:
    """Return the development stories, whose questions have one account each."""
    return development_stories(read_stories())


def doc_id(story: str, brief: str) -> str:
    """Name a brief of a story as the index does."""
    return f"{story}-{brief}"


def gold_spans(story: Story) -> dict[tuple[str, int], GoldSpan]:
    """Return where each sentence of a story stands, by brief and number."""
    found = {}
    for brief in story.briefs:
        whole, at = brief.text(story.id).text, 0
        for number, sentence in enumerate(brief.sentences, 1):
            at = whole.index(sentence, at)
            found[brief.name, number] = GoldSpan(doc_id(story.id, brief.name), at, at + len(sentence), sentence)
            at += len(sentence)
    return found


def write_briefs(stories: Sequence[Story], folder: Path) -> None:
    """Write the briefs of stories as files of a corpus."""
    folder.mkdir(parents=True, exist_ok=True)
    for story in stories:
        for brief in story.briefs:
            text: Text = brief.text(story.id)
            title = text.title.replace('"', "'")
            head = f'---\ntitle: "{title}"\ndate: {text.date}\n---\n'
            (folder / f"{doc_id(story.id, brief.name)}.md").write_text(f"{head}{text.text}\n", encoding="utf-8")
