"""Claims that a span does not support, each close to a sentence of it or to its document."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping

from evals.training.reader.cloze import is_factual
from evals.training.reader.units import UnitInContext
from evals.training.verifier.dates import other_dates, other_numbers
from evals.training.verifier.faithful import joinable, joined
from evals.training.verifier.hedges import surer, unattributed
from evals.training.verifier.names import Named, fitting, named_in, one_and_the_same, put
from evals.training.verifier.negation import denied
from evals.training.verifier.scene import Rule, Scene, share_held

HELD = 0.75
"""A sentence of which the span holds this share of the words may say what the span says."""

_NEAR = 4
_MUTUAL = re.compile(
    r"\b(?:and|or|nor|with|between|among|as well as|both|together|mutual|joint\w*|bilateral|border\w*|agree\w*|met|"
    r"exchange\w*|relations|including|such as|like|alongside|along|neighbou?r\w*)\b|^[\s,;]*(?:to )?$"
)
_DIRECTED = re.compile(r"\b(?:[a-z]+ed|to|from|by|against|over|of|sent|took|led|won|lost|gave|became|is|was|will|s)\b")


def number(scene: Scene, rng: random.Random) -> str | None:
    """Change a number."""
    made = other_numbers(scene.sentence, scene.text, rng)
    return rng.choice(made) if made else None


def date(scene: Scene, rng: random.Random) -> str | None:
    """Change a year, month or day."""
    made = other_dates(scene.sentence, scene.text, rng)
    return rng.choice(made) if made else None


def name(scene: Scene, rng: random.Random) -> str | None:
    """Put another name of the document's, of the same kind, in the place of one."""
    document = [unit.text for unit in scene.document]
    slots = [(named, names) for named in named_in(scene.sentence)
             if (names := fitting(named, scene.text, document))]  # fmt: skip
    if not slots:
        return None
    named, names = rng.choice(slots)
    return put(scene.sentence, named, rng.choice(names))


def exchanged(scene: Scene, rng: random.Random) -> str | None:
    """Exchange two names of one kind, where what stands between them runs one way."""
    found = named_in(scene.sentence)
    pairs = [(a, b) for a in found for b in found if a.end < b.start and _one_way(scene.sentence, a, b)]
    if not pairs:
        return None
    a, b = rng.choice(pairs)
    return put(put(scene.sentence, b, a.name), a, b.name)


def _one_way(sentence: str, a: Named, b: Named) -> bool:
    between = sentence[a.end : b.start]
    alike = a.kind == b.kind and not one_and_the_same(a.name, b.name)
    once = all(sentence.count(n.name.removeprefix("the ")) == 1 for n in (a, b))
    return alike and once and not _MUTUAL.search(between) and bool(_DIRECTED.search(between))


def neighbour(scene: Scene, rng: random.Random) -> str | None:
    """Take another sentence of the document: half of the time one close by, else the one that shares most words."""
    others = [unit for unit in scene.outside if is_factual(unit.text) and not _told(unit.text, scene)]
    near = [unit for unit in others if _distance(unit, scene) <= _NEAR]
    if rng.random() < 0.5:
        return rng.choice(near).text if near else None
    return max(others, key=lambda unit: (share_held(unit.text, scene.text), -unit.place)).text if others else None


def added(scene: Scene, rng: random.Random) -> str | None:
    """Join a sentence from near the span to that of the span."""
    near = [unit.text for unit in scene.outside if _distance(unit, scene) <= _NEAR]
    others = [text for text in near if joinable(text) and not _told(text, scene)]
    if not others:
        return None
    other = rng.choice(others)
    return joined(scene.sentence, other, rng)


def _told(text: str, scene: Scene) -> bool:
    return share_held(text, scene.text) >= HELD


def _distance(unit: UnitInContext, scene: Scene) -> int:
    return min(abs(unit.place - own.place) for own in scene.span)


UNFAITHFUL: Mapping[str, Rule] = {
    "number": number, "date": date, "name": name, "exchanged": exchanged, "negation": denied, "hedge": surer,
    "attribution": unattributed, "neighbour": neighbour, "added": added,
}  # fmt: skip
