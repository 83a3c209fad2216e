"""Prepare the reader's training data once: questions with candidate units, tokenised.

    python -m evals.training.reader.prepare --data DIR --out WORK [--course 1]

DIR holds squad2_dev, nq_open_oracle, ungdc_2013_2024, us_state_historian and world_factbook. Questions come only from
the training halves that rag/data/trained_on.json names, and from those written for training (evals/datasets/training).
The second course is on the written questions and stories, with some of the rest, so that nothing is forgotten; the
later ones are on more stories, with some of the rest, and show the dates of briefs; the fifth asks for second accounts,
too, the sixth for what else belongs to an answer; the ninth sees all of both sets once more, the tenth short questions.
The eleventh is for an encoder that knows nothing of this yet: some of all, and SQuAD 1.1; the twelfth draws others of
the same, the thirteenth and the fourteenth, which is a trial, see more written questions. The fifteenth and the
sixteenth, trials as well, show the smaller reader these; the latter asks for second accounts, too. Writes
units.safetensors, examples.jsonl and counts.json.
"""

from __future__ import annotations

import argparse
import json
import os
import random
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from evals.training.passages import Text, load, unwrapped
from evals.training.reader.beside import beside_examples, further_examples
from evals.training.reader.cloze import SETS, cloze_examples
from evals.training.reader.examples import BESIDE, Asked, write
from evals.training.reader.questions import (
    Article,
    article_of,
    dev_example,
    normalised,
    nq_examples,
    search_of,
    squad_examples,
)
from evals.training.reader.short import SHORT, read_short
from evals.training.reader.squad1 import SQUAD1, squad1_examples
from evals.training.reader.stories import (
    ACCOUNTS,
    DATED,
    DISAGREEMENTS,
    FOLDERS,
    LISTS,
    RETOLD,
    REWORDED,
    RIVALS,
    SISTERS,
    STORIES,
    Story,
    read_stories,
    story_examples,
)
from evals.training.reader.swaps import names_in
from evals.training.reader.talks import TALKS, read_talks
from evals.training.reader.units import UnitInContext, counter, packaged_tokenizer, units_of
from evals.training.reader.written import (
    ARCHIVE,
    ARTICLES,
    ENCYCLOPEDIA,
    SPEECHES,
    Written,
    read_questions,
    written_examples,
)
from evals.training.trained_on import TARGET
from rag.split import CountTokens

SEED = 20
DEV_ARTICLES = 3
CLOZE = 2_000
SQUAD1_QUESTIONS = 6_000
NEW: Mapping[int, Sequence[Path]] = {
    2: [STORIES],
    3: [DATED, DISAGREEMENTS, LISTS],
    4: [RETOLD],
    5: [TALKS, ACCOUNTS],
    6: [SISTERS],
    7: [REWORDED],
    8: [RIVALS],
    9: [],
    10: [SHORT],
    11: [],
    12: [],
    13: [],
    14: [],
    15: [],
    16: [],
}
"""Folders of stories that are new in a later course."""
SHARES: Mapping[int, Mapping[str, float]] = {
    2: {"written": 1.0, "squad": 0.2, "nq": 0.2, "cloze": 0.2, "stories": 1.0},
    3: {"written": 0.3, "squad": 0.1, "nq": 0.1, "cloze": 0.1, "stories": 0.25,
        "dated": 1.0, "disagreements": 1.0, "lists": 1.0},
    4: {"written": 0.3, "squad": 0.1, "nq": 0.1, "cloze": 0.1, "stories": 0.2,
        "dated": 0.2, "disagreements": 0.2, "lists": 0.2, "retold": 1.0},
    5: {"written": 0.3, "squad": 0.1, "nq": 0.1, "cloze": 0.1, "stories": 0.1,
        "dated": 0.15, "disagreements": 0.3, "lists": 0.15, "retold": 0.4, "retold/near_miss": 0.6,
        "retold/false_premise": 0.7, "talks": 0.7, "talks/removed": 0.2, "accounts": 0.6, "accounts/removed": 0.2,
        "beside": 0.6, "beside/none": 0.5},
    6: {"written": 0.2, "squad": 0.1, "nq": 0.1, "cloze": 0.1, "stories": 0.05, "dated": 0.1, "disagreements": 0.2,
        "lists": 0.1, "retold": 0.2, "talks": 0.3, "talks/removed": 0.1, "accounts": 0.2, "accounts/removed": 0.1,
        "sisters": 1.0, "sisters/removed": 0.1, "beside": 0.2, "beside/none": 0.15, "further": 0.6},
    7: {"written": 0.15, "squad": 0.07, "nq": 0.07, "cloze": 0.03, "stories": 0.05, "dated": 0.08, "disagreements": 0.1,
        "lists": 0.1, "retold": 0.1, "talks": 0.15, "talks/removed": 0.05, "accounts": 0.12, "accounts/removed": 0.05,
        "sisters": 0.12, "sisters/removed": 0.05, "reworded": 1.0, "reworded/removed": 0.1, "beside": 0.12,
        "beside/none": 0.1, "further": 0.15},
    8: {"written": 0.1, "squad": 0.05, "nq": 0.05, "cloze": 0.02, "stories": 0.04, "dated": 0.05, "disagreements": 0.06,
        "lists": 0.06, "retold": 0.06, "talks": 0.12, "talks/removed": 0.05, "accounts": 0.1, "accounts/removed": 0.05,
        "sisters": 0.08, "sisters/removed": 0.05, "reworded": 0.08, "reworded/removed": 0.05, "rivals": 1.0,
        "rivals/removed": 0.1, "rivals/none": 0.2, "rivals/more": 0.6, "rivals/more/none": 0.4,
        "beside": 0.12, "beside/none": 0.08, "further": 0.08},
    9: {"written": 0.4, "squad": 1.0, "nq": 1.0, "cloze": 0.1, "stories": 0.05, "dated": 0.06, "disagreements": 0.08,
        "lists": 0.08, "retold": 0.1, "talks": 0.12, "talks/removed": 0.15, "accounts": 0.1, "accounts/removed": 0.1,
        "sisters": 0.1, "sisters/removed": 0.15, "reworded": 0.12, "reworded/removed": 0.2, "rivals": 0.12,
        "rivals/removed": 0.3, "rivals/none": 0.1, "rivals/more": 0.15, "rivals/more/none": 0.1,
        "beside": 0.1, "beside/none": 0.08, "further": 0.08},
    10: {"written": 0.2, "squad": 0.4, "nq": 0.5, "cloze": 0.02, "stories": 0.03, "dated": 0.03, "disagreements": 0.04,
        "lists": 0.04, "retold": 0.04, "talks": 0.06, "talks/removed": 0.05, "accounts": 0.05,
        "accounts/removed": 0.04, "sisters": 0.04, "sisters/removed": 0.05, "reworded": 0.05, "reworded/removed": 0.05,
        "rivals": 0.05, "rivals/removed": 0.05, "rivals/none": 0.05, "rivals/more": 0.08, "rivals/more/none": 0.05,
        "beside": 0.05, "beside/none": 0.04, "further": 0.04, "short": 1.0, "short/removed": 0.4},
    11: {"written": 0.5, "squad": 0.7, "nq": 0.8, "cloze": 0.05, "stories": 0.12, "dated": 0.12, "disagreements": 0.12,
        "lists": 0.15, "retold": 0.15, "talks": 0.15, "talks/removed": 0.1, "accounts": 0.15,
        "accounts/removed": 0.06, "sisters": 0.15, "sisters/removed": 0.08, "reworded": 0.15, "reworded/removed": 0.08,
        "rivals": 0.15, "rivals/removed": 0.08, "rivals/none": 0.05, "rivals/more": 0.08, "rivals/more/none": 0.05,
        "beside": 0.05, "beside/none": 0.04, "further": 0.04, "short": 0.4, "short/removed": 0.15, "squad1": 1.0},
    12: {"written": 0.6, "written/removed": 0.1, "squad": 0.25, "nq": 0.4, "cloze": 0.02, "stories": 0.1, "dated": 0.1,
         "disagreements": 0.1, "lists": 0.12, "retold": 0.12, "talks": 0.12, "talks/removed": 0.03, "accounts": 0.12,
         "accounts/removed": 0.03, "sisters": 0.12, "sisters/removed": 0.04, "reworded": 0.12, "reworded/removed": 0.04,
         "rivals": 0.12, "rivals/removed": 0.04, "rivals/none": 0.0, "rivals/more": 0.0, "rivals/more/none": 0.0,
         "beside": 0.0, "further": 0.0, "short": 0.25, "short/removed": 0.08, "squad1": 0.2},
    13: {"archive": 1.0, "archive/removed": 0.15, "encyclopedia": 1.0, "encyclopedia/removed": 0.15, "written": 0.45,
         "written/removed": 0.08, "squad": 0.15, "nq": 0.2, "cloze": 0.0, "stories": 0.03, "dated": 0.03,
         "disagreements": 0.03, "lists": 0.03, "retold": 0.04, "talks": 0.03, "talks/removed": 0.01, "accounts": 0.03,
         "accounts/removed": 0.01, "sisters": 0.04, "sisters/removed": 0.01, "reworded": 0.04, "reworded/removed": 0.01,
         "rivals": 0.04, "rivals/removed": 0.01, "rivals/none": 0.0, "rivals/more": 0.0, "rivals/more/none": 0.0,
         "beside": 0.0, "further": 0.0, "short": 0.05, "short/removed": 0.02, "squad1": 0.08},
    14: {"articles": 1.0, "articles/removed": 0.15, "speeches": 1.0, "speeches/removed": 0.15, "archive": 0.45,
         "archive/removed": 0.06, "encyclopedia": 0.45, "encyclopedia/removed": 0.06, "written": 0.3,
         "written/removed": 0.05, "squad": 0.12, "nq": 0.15, "cloze": 0.0, "stories": 0.03, "dated": 0.03,
         "disagreements": 0.03, "lists": 0.03, "retold": 0.04, "talks": 0.03, "talks/removed": 0.01, "accounts": 0.03,
         "accounts/removed": 0.01, "sisters": 0.04, "sisters/removed": 0.01, "reworded": 0.04, "reworded/removed": 0.01,
         "rivals": 0.04, "rivals/removed": 0.01, "rivals/none": 0.0, "rivals/more": 0.0, "rivals/more/none": 0.0,
         "beside": 0.0, "further": 0.0, "short": 0.05, "short/removed": 0.02, "squad1": 0.05},
    15: {"articles": 1.0, "articles/removed": 0.15, "speeches": 1.0, "speeches/removed": 0.15, "archive": 1.0,
         "archive/removed": 0.1, "encyclopedia": 1.0, "encyclopedia/removed": 0.1, "written": 0.8,
         "written/removed": 0.1, "squad": 0.3, "nq": 0.5, "cloze": 0.0, "stories": 0.1, "dated": 0.12,
         "disagreements": 0.1, "lists": 0.12, "retold": 0.15, "talks": 0.1, "talks/removed": 0.03, "accounts": 0.12,
         "accounts/removed": 0.03, "sisters": 0.15, "sisters/removed": 0.03, "reworded": 0.15, "reworded/removed": 0.03,
         "rivals": 0.15, "rivals/removed": 0.03, "rivals/none": 0.0, "rivals/more": 0.0, "rivals/more/none": 0.0,
         "beside": 0.0, "further": 0.0, "short": 0.25, "short/removed": 0.06, "squad1": 0.3},
    16: {"articles": 0.7, "articles/removed": 0.1, "speeches": 0.7, "speeches/removed": 0.1, "archive": 0.7,
         "archive/removed": 0.08, "encyclopedia": 0.7, "encyclopedia/removed": 0.08, "written": 0.5,
         "written/removed": 0.06, "squad": 0.15, "nq": 0.3, "cloze": 0.0, "stories": 0.06, "dated": 0.08,
         "disagreements": 0.12, "lists": 0.1, "retold": 0.1, "talks": 0.1, "talks/removed": 0.03, "accounts": 0.15,
         "accounts/removed": 0.03, "sisters": 0.1, "sisters/removed": 0.03, "reworded": 0.1, "reworded/removed": 0.03,
         "rivals": 0.2, "rivals/removed": 0.03, "rivals/none": 0.12, "rivals/more": 0.2, "rivals/more/none": 0.12,
         "beside": 0.4, "beside/none": 0.15, "further": 0.3, "short": 0.15, "short/removed": 0.04, "squad1": 0.15},
}  # fmt: skip
"""Shares of the examples of each set, or of a kind in a set, that a later course sees; of earlier sets, so that nothing
is forgotten."""
FIRST_DATED = 3
"""The first course that shows the dates of briefs."""
FIRST_BESIDE = 5
"""The first course that asks for second accounts."""
FIRST_FURTHER = 6
"""The first course that asks what else belongs to an answer."""
FIRST_SQUAD1 = 11
"""The first course that sees SQuAD 1.1's training part."""
FIRST_OTHERS = 12
"""The first course that draws others than the courses before it."""
WRITTEN: Mapping[int, Sequence[Path]] = {13: [ARCHIVE, ENCYCLOPEDIA], 14: [ARTICLES, SPEECHES]}
"""Files of written questions that are new in a later course."""

Row = dict[str, Any]
Trained = Mapping[str, frozenset[str]]


def trained_ids(path: Path = TARGET) -> Trained:
    """Read the ids of the questions that may be trained on, by set."""
    named = json.loads(path.read_text(encoding="utf-8"))["questions"]
    return {name: frozenset(ids) for name, ids in named.items()}


def prepare(
    data: Path, trained: Trained, count: CountTokens, *, dev_articles: int, cloze: int, written: Sequence[Written]
) -> Iterator[Asked]:
    """Make all examples, set by set, always the same."""
    held = held_out_questions(data, trained)
    yield from squad(data, trained["squad2_dev"], held, count, dev_articles=dev_articles)
    yield from natural_questions(data, trained["nq_open_oracle"], held, count)
    yield from public_domain(data, count, limit=cloze)
    yield from written_examples(data, written, count, random.Random(SEED))


def drawn(made: Iterable[tuple[str, Asked]], shares: Mapping[str, float], rng: random.Random) -> Iterator[Asked]:
    """Draw from examples, each with the name of its set, by the shares. Those for development all stay."""
    for name, one in made:
        share = shares.get(f"{name}/{one.kind.partition('/')[2]}", shares[name])
        if one.split == "dev" or share == 1 or rng.random() < share:
            yield one


def told(folders: Sequence[Path], count: CountTokens) -> Iterator[tuple[str, Asked]]:
    """Make the examples of the stories of some folders, each with its folder's name; none lends units to another."""
    for folder in folders:
        for stories in _told(folder):
            yield from ((folder.name, one) for one in story_examples(stories, count, random.Random(SEED)))


def _told(folder: Path) -> Iterable[list[Story]]:
    """Read the stories of a folder, those that lend units to each other together."""
    if folder == SHORT:
        return read_short().values()
    return [read_talks() if folder == TALKS else read_stories(folder)]


def held_out_questions(data: Path, trained: Trained) -> frozenset[str]:
    """Normalised questions of both sets that are not trained on: no training question may equal one."""
    rows = ((name, row) for name in trained for row in load(data / name)[1])
    return frozenset(normalised(row["question"]) for name, row in rows if row["id"] not in trained[name])


def squad(
    data: Path, trained: frozenset[str], held: frozenset[str], count: CountTokens, *, dev_articles: int
) -> Iterator[Asked]:
    """Make the examples of SQuAD's training articles, of which the last few are for development."""
    texts, questions = load(data / "squad2_dev")
    by_title = articles(texts, allowed(questions, trained, held))
    rng = random.Random(SEED)
    titles = rng.sample(sorted(by_title), len(by_title))
    dev = dev_titles(by_title, dev_articles)
    units = {t.id: tuple(units_of(t, count)) for t in texts.values() if t.title in by_title}
    for title in titles:
        article = _article(title, titles[: len(titles) - dev_articles], texts, units, by_title)
        for row in by_title[title]:
            if title in dev:
                yield from filter(None, [dev_example(row, article)])
            else:
                yield from squad_examples(row, article, rng)


def articles(texts: Mapping[str, Text], rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Group questions by the article that their paragraph is from."""
    by_title: dict[str, list[Row]] = {}
    for row in rows:
        by_title.setdefault(texts[row["doc_ids"][0]].title, []).append(row)
    return by_title


def dev_titles(titles: Collection[str], dev_articles: int) -> list[str]:
    """Return the articles that are for development: the last of an order that depends on the seed alone."""
    ordered = random.Random(SEED).sample(sorted(titles), len(titles))
    return ordered[len(ordered) - dev_articles :]


def _article(
    title: str, training: Sequence[str], texts: Mapping[str, Text], units: Mapping[str, tuple[UnitInContext, ...]],
    rows: Mapping[str, Sequence[Row]],
) -> Article:  # fmt: skip
    own = [text for text in texts.values() if text.title == title]
    others = [u for text in texts.values() if text.title in training and text.title != title for u in units[text.id]]
    strangers = [row["question"] for other in training if other != title for row in rows[other]]
    return article_of(own, [row["question"] for row in rows[title]], others, strangers, units)


def natural_questions(data: Path, trained: frozenset[str], held: frozenset[str], count: CountTokens) -> Iterator[Asked]:
    """Make the examples of NQ's training half, with negatives from all of its passages."""
    texts, questions = load(data / "nq_open_oracle")
    units = {text.id: tuple(units_of(text, count)) for text in texts.values()}
    rows = allowed(questions, trained, held)
    others = [unit for found in units.values() for unit in found]
    names = names_in([text.title for text in texts.values()])  # the questions are in lower case
    asked = [row["question"] for row in rows]
    article = Article(search_of(list(texts.values()), units), units, others, (names, names), asked)
    rng = random.Random(SEED)
    for row in rows:
        yield from (made for made in nq_examples(row, article, rng) if made.kind != "nq/outside")


def public_domain(data: Path, count: CountTokens, *, limit: int) -> Iterator[Asked]:
    """Make cloze questions, half from each set of public-domain prose."""
    for name in SETS:
        rng = random.Random(SEED)
        texts = [replace(text, text=unwrapped(text.text)) for text in load(data / name)[0].values()]
        yield from cloze_examples(rng.sample(texts, len(texts)), count, rng, limit=limit // len(SETS))


def allowed(rows: Sequence[Row], trained: frozenset[str], held: frozenset[str]) -> list[Row]:
    """Keep the rows that may be trained on and whose question equals no held-out one."""
    return [row for row in rows if row["id"] in trained and normalised(row["question"]) not in held]


def later(course: int, count: CountTokens) -> Iterator[tuple[str, Asked]]:
    """Make what the courses after the first add, each example with the name of its set."""
    known = _until(course, NEW)
    yield from told(known, count)
    if course >= FIRST_BESIDE:
        yield from ((BESIDE, one) for one in beside_examples([*FOLDERS, ACCOUNTS], count, random.Random(SEED)))
    if course >= FIRST_FURTHER:
        folders = [folder for folder in (*FOLDERS, SISTERS, REWORDED) if folder in known]
        yield from (("further", one) for one in further_examples(folders, count, random.Random(SEED)))
    if RIVALS in known:  # the new ones of both tasks have shares of their own
        yield from ((RIVALS.name, one) for one in beside_examples([RIVALS], count, random.Random(SEED)))
        yield from ((RIVALS.name, one) for one in further_examples([RIVALS], count, random.Random(SEED)))


def _until(course: int, new: Mapping[int, Sequence[Path]]) -> list[Path]:
    """Return what was new in a course or in one before it."""
    return [path for number in sorted(new) if number <= course for path in new[number]]


def _more_written(path: Path, data: Path, count: CountTokens) -> Iterator[tuple[str, Asked]]:
    """Make the examples of a file of written questions, each with the file's name."""
    name = path.stem
    yield from (
        (name, one) for one in written_examples(data, read_questions(path), count, random.Random(SEED), name=name)
    )


def main() -> None:
    """Write the prepared data and print counts by split and kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("GEOBRIEF_DATA"), help="folder of the sets")
    parser.add_argument("--fetched", type=Path, default=Path(".training"), help="folder of evals.training.fetch")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--course", type=int, choices=(1, *NEW), default=1, help="whose data to make")
    args = parser.parse_args()
    tokenizer = packaged_tokenizer()
    sizes: dict[str, Any] = {"dev_articles": DEV_ARTICLES, "cloze": CLOZE, "written": read_questions()}
    count = counter(tokenizer)
    made = list(prepare(Path(args.data), trained_ids(), count, **sizes))
    if args.course > 1:
        seed = SEED + args.course if args.course >= FIRST_OTHERS else SEED
        named = [*((one.kind.split("/")[0], one) for one in made), *later(args.course, count)]
        if args.course >= FIRST_SQUAD1:
            held = held_out_questions(Path(args.data), trained_ids())
            drawn1 = squad1_examples(
                args.fetched / SQUAD1, count, random.Random(seed), questions=SQUAD1_QUESTIONS, held=held
            )
            named += (("squad1", one) for one in drawn1)
        for path in _until(args.course, WRITTEN):
            named += _more_written(path, args.fetched if path in (ENCYCLOPEDIA, ARTICLES) else Path(args.data), count)
        made = list(drawn(named, SHARES[args.course], random.Random(seed)))
    write(args.out, made, tokenizer, dated=args.course >= FIRST_DATED)
    counts = dict(sorted(Counter(f"{a.split} {a.kind}" for a in made).items()))
    (args.out / "counts.json").write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(counts, indent=1))


if __name__ == "__main__":
    main()
