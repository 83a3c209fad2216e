"""What a rule makes a claim from: a sentence, the span that holds it, and the document around them."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from evals.training.reader.units import UnitInContext
from rag.lexicon import STOP_WORDS, analyse, present

# What a piece holds that may be lost only with a change of the meaning: hedges, attributions, negations, conditions.
_BINDING = re.compile(
    r"\b(?:not|no|never|none|nor|neither|without|only|if|unless|whether|except|provided|otherwise|until|"
    r"(?-i:may)|might|could|would|should|likely|unlikely|possibl[ey]|perhaps|probably|reportedly|allegedly|apparently|presumably|supposed\w*|"
    r"expect\w*|plan(?:s|ned)?|intend\w*|hop(?:e|es|ed)|seem\w*|appear\w*|suggest\w*|propos\w*|according|sa(?:id|ys?)|"
    r"stat(?:es|ed|ing)|claim\w*|argu\w*|alleg\w*|assert\w*|believ\w*|consider\w*|report(?:s|ed)?|warn\w*|view|opinion|"
    r"deem\w*|so-called|nearly|almost|barely|hardly|fail\w*|refus\w*|den(?:y|ies|ied)|but|rather|instead)\b",
    re.IGNORECASE,
)
_OPENERS = re.compile(
    r"(?:When|While|Although|Though|If|As|Since|Because|Before|After|Until|Unless|Once|Whether|Where|Whereas|Even)\b"
)


@dataclass(frozen=True)
class Scene:
    """A sentence with its span.

    Attributes:
        sentence: a unit's text, or that text reworded to the same effect.
        span: 1 to 3 neighbouring units that hold the sentence.
        document: all units of the document in order.
    """

    sentence: str
    span: tuple[UnitInContext, ...]
    document: tuple[UnitInContext, ...]

    @property
    def text(self) -> str:
        """The span as the claim is read against it."""
        return " ".join(unit.text for unit in self.span)

    @property
    def outside(self) -> tuple[UnitInContext, ...]:
        """Units of the document that the span does not hold."""
        inside = {unit.place for unit in self.span}
        return tuple(unit for unit in self.document if unit.place not in inside)


Rule = Callable[[Scene, random.Random], str | None]
"""Makes a claim of a scene; None where it does not apply."""


def binds(piece: str) -> bool:
    """Whether a piece of a sentence holds what the rest cannot be said without: "according to the army"."""
    return _BINDING.search(piece) is not None


def opens_subordinate(sentence: str) -> bool:
    """Whether a sentence begins with a clause that another follows: "When they met, ..."."""
    return _OPENERS.match(sentence) is not None


def capitalised(text: str) -> str:
    """Begin a text with a capital."""
    return text[:1].upper() + text[1:]


def continued(sentence: str) -> str:
    """Begin a sentence as it stands after other words: in lower case, unless it begins with a name."""
    first = analyse(sentence).words[:1]
    word = sentence.split(" ", 1)[0]
    keeps = (first and first[0].name) or sum(c.isupper() for c in word) > 1 or word == "I"
    return sentence if keeps else sentence[:1].lower() + sentence[1:]


def share_held(sentence: str, text: str) -> float:
    """Share of a sentence's words, stop words left out, that stand in a text; 1 for a sentence of stop words."""
    held = analyse(text)
    words = [w for w in analyse(sentence).words if w.text.lower() not in STOP_WORDS]
    return sum(present(w.stem, held) > 0 for w in words) / len(words) if words else 1.0
