"""Pairs made by rule from public-domain prose: from one sentence a claim that its span supports, and one not."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evals.training.passages import Text, load, unwrapped
from evals.training.reader.cloze import SETS, is_factual
from evals.training.reader.examples import Asked, Split
from evals.training.reader.units import UnitInContext, units_of
from evals.training.verifier.faithful import FAITHFUL
from evals.training.verifier.pairs import asked
from evals.training.verifier.scene import Rule, Scene
from evals.training.verifier.unfaithful import UNFAITHFUL
from rag.split import CountTokens

DEV_EVERY = 20
"""Every so many documents of a set is for development."""

PER_DOCUMENT = 6
COMMON = 2
"""Most pairs of a document of which neither claim is of a scarce kind."""

SCARCE = frozenset({"attribution", "exchanged", "hedge"})
REWORDED = 0.3
"""Share of the sentences that are first reworded, so that no rewording tells that a claim is supported."""

_BROKEN = re.compile(r"\*\*|\w- \w|[|_#\[\]]|\.\.")


@dataclass(frozen=True)
class Claim:
    """A claim, and the rule that made it."""

    kind: str
    claim: str


@dataclass(frozen=True)
class Pair:
    """A claim that a span supports, and one that it does not."""

    span: str
    right: Claim
    wrong: Claim


@dataclass(frozen=True)
class Document:
    """A document's units, and the split that it is for."""

    text: Text
    units: tuple[UnitInContext, ...]
    split: Split


def rule_examples(
    data: Path, count: CountTokens, rng: random.Random, *, per_kind: int, without: Collection[str]
) -> Iterator[Asked]:
    """Make as many supported as unsupported claims, at most `per_kind` of each kind, leaving out some documents."""
    made: Counter[str] = Counter()
    for document in documents(data, count, rng, without=without):
        if any(_full(rules, made, per_kind=per_kind) for rules in (FAITHFUL, UNFAITHFUL)):
            return
        for claims in _chosen(document, rng, made, per_kind=per_kind):
            yield from claims


def documents(data: Path, count: CountTokens, rng: random.Random, *, without: Collection[str]) -> Iterator[Document]:
    """Yield the documents of both sets in turn, in a drawn order."""
    for text, split in _in_turn([_drawn(data / name, rng, without) for name in SETS]):
        units = tuple(units_of(replace(text, text=unwrapped(text.text)), count))
        yield Document(text, units, split)


def scene_of(units: Sequence[UnitInContext], place: int, rng: random.Random) -> Scene:
    """Draw a span of 1 to 3 neighbouring units about the one at a place."""
    size = rng.randint(1, 3)
    first = max(0, min(place - rng.randrange(size), len(units) - size))
    return Scene(units[place].text, tuple(units[first : first + size]), tuple(units))


def _chosen(
    document: Document, rng: random.Random, made: Counter[str], *, per_kind: int
) -> Iterator[tuple[Asked, Asked]]:
    """Yield pairs of a document, at most `PER_DOCUMENT`, most of them of scarce kinds."""
    usable = [i for i, unit in enumerate(document.units) if is_factual(unit.text) and not _BROKEN.search(unit.text)]
    chosen = common = 0
    for place in rng.sample(usable, len(usable)):
        kinds = _pair(scene_of(document.units, place, rng), rng, made, per_kind=per_kind)
        is_common = kinds is not None and not SCARCE & {kinds.right.kind, kinds.wrong.kind}
        if kinds is None or (is_common and common == COMMON):
            continue
        made.update((kinds.right.kind, kinds.wrong.kind))
        yield _asked(document, kinds)
        chosen, common = chosen + 1, common + is_common
        if chosen == PER_DOCUMENT:
            return


def _pair(scene: Scene, rng: random.Random, made: Mapping[str, int], *, per_kind: int) -> Pair | None:
    """Make two claims over one span, of the kinds of which there are fewest; None unless there are both."""
    right = _rarest(FAITHFUL, scene, rng, made, per_kind=per_kind)
    wrong = _rarest(UNFAITHFUL, _reworded(scene, rng), rng, made, per_kind=per_kind) if right else None
    return Pair(scene.text, right, wrong) if right and wrong else None


def _asked(document: Document, pair: Pair) -> tuple[Asked, Asked]:
    right, wrong = (
        asked(document.text, one.claim, pair.span, f"rule/{one.kind}", document.split, supported=one is pair.right)
        for one in (pair.right, pair.wrong)
    )
    return right, wrong


def _full(rules: Collection[str], made: Mapping[str, int], *, per_kind: int) -> bool:
    return all(made.get(kind, 0) >= per_kind for kind in rules)


def _rarest(
    rules: Mapping[str, Rule], scene: Scene, rng: random.Random, made: Mapping[str, int], *, per_kind: int
) -> Claim | None:
    """Return the claim of the rule that applies and has made the fewest; None if none may make more."""
    for kind in sorted(rules, key=lambda kind: (made.get(kind, 0), kind)):
        claim = rules[kind](scene, rng) if made.get(kind, 0) < per_kind else None
        if claim is not None:
            return Claim(kind, claim)
    return None


def _reworded(scene: Scene, rng: random.Random) -> Scene:
    """Reword the sentence of some scenes to the same effect."""
    if rng.random() >= REWORDED:
        return scene
    wordings = [claim for kind, rule in FAITHFUL.items() if kind != "kept" and (claim := rule(scene, rng))]
    return replace(scene, sentence=rng.choice(wordings)) if wordings else scene


def _drawn(folder: Path, rng: random.Random, without: Collection[str]) -> list[tuple[Text, Split]]:
    """List a set's texts in a drawn order with their splits, which depend on their order in the set alone."""
    texts = [text for text in load(folder)[0].values() if text.id not in without]
    parted: list[tuple[Text, Split]] = [(t, "train" if i % DEV_EVERY else "dev") for i, t in enumerate(texts)]
    return rng.sample(parted, len(parted))


def _in_turn(sets: Sequence[Sequence[tuple[Text, Split]]]) -> Iterator[tuple[Text, Split]]:
    for i in range(max(map(len, sets))):
        yield from (texts[i] for texts in sets if i < len(texts))
