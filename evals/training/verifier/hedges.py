"""Claims that say more surely, or on their own account, what a sentence hedges or gives as another's word."""

from __future__ import annotations

import random
import re

from evals.training.verifier.names import fitting, named_in, put
from evals.training.verifier.scene import Scene, capitalised, opens_subordinate

OUGHT = 0.3
"""Share of the sentences with no hedge but "should" of which "will" is claimed: speeches are full of it."""

_BASE = r"(?=(?:[a-z]+ly )?[a-z]+\b)"
_SURE: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(form), made)
    for form, made in (
        (
            rf"\b(?:may|might|could)(?: well| yet| potentially)? "
            rf"(?!(?:not|no|only|have|never|also have)\b){_BASE}",
            "will ",
        ),
        (r"\b(?:may|might|could) have (?=[a-z]+(?:ed|en|wn)\b)", "had "),
        (r"\b(?:is|are) (?:widely )?(?:expected|likely|due|set|supposed|projected) to ", "will "),
        (r"\b(?:plan|intend|aim|hope|seek|expect|want|wish|aspire|propose)(?:s?) to (?=[a-z])", "will "),
        (r"\b(?:has|have) (?:planned|intended|offered|pledged|promised|agreed|committed) to ", "will "),
        (r"\bappears to be\b|\bseems to be\b", "is"),
        (r"\bappear to be\b|\bseem to be\b", "are"),
        (r"\bappeared to be\b|\bseemed to be\b", "was"),
        (r"\b(?:reportedly|allegedly|apparently|possibly|probably|perhaps|presumably|supposedly|potentially) ", ""),
        (r"\b[Mm]ost of (?=the\b|them\b|these\b)", "all of "),
        (r"^(?:Some|Many|Most|Several) (?=[a-z]+s\b)(?!years|days|months|decades|weeks)", "All "),
        (r"\b(?:almost|nearly) (?=all\b|every\b|always\b|entirely\b)", ""),
    )
)
_OUGHT = re.compile(rf"\bshould (?!(?:not|no|only|have|never|also have)\b){_BASE}")
_INTENDS = re.compile(r"(?:plan|intend|aim|hope|seek|expect|want|wish|aspire|propose)(?P<s>s?) ")
_DETERMINER = re.compile(
    r"\b(?:the|a|an|its|his|her|their|this|that|of|no|any|not|never)(?P<word> [a-z]+)? $", re.IGNORECASE
)

_SAYS = (
    "said says stated claimed claims argued argues believed believes asserted asserts alleged alleges insisted "
    "insists maintained maintains contended contends suggested suggests warned warns feared fears declared thought "
    "thinks considers concluded reported predicted hoped emphasized emphasizes stressed stresses affirmed affirms"
).split()
_SURE_OF = r"(?:is|are|was|were) (?:convinced|confident|of the view)"
_VERB = rf"(?:(?:has|have|had) )?(?:[a-z]+ly )?(?:{'|'.join(_SAYS)}|{_SURE_OF})"
_SAID = re.compile(rf"^(?P<who>[A-Z][^,;:()]{{2,90}}?) (?P<says>{_VERB}) that (?P<what>[^;:]+)\.$")
_ACCORDING = re.compile(
    r"^(?:According to|In the view of|In the opinion of) (?P<who>[^,;:()]{2,60}(?<!\d)(?<!Educational)), "
    r"(?P<what>[^;:]+)\.$"
)
_LEANS = re.compile(
    r"(?:he|she|it|they|this|that|those|these|if|when|such|in order|to|by|we|his|her|its|their|only|"
    r"the (?:former|latter))\b",
    re.IGNORECASE,
)
_OTHERS_WORD = re.compile(r"\b(?:that|which|who|whose|not|no|never|when|if|once|it)\b")


def surer(scene: Scene, rng: random.Random) -> str | None:
    """Take one hedge of the sentence out: "may fall" becomes "will fall", "plans to build" "will build"."""
    made = [claim for form, sure in _SURE for claim in _without(scene.sentence, form, sure)]
    if not made and rng.random() < OUGHT:
        made = _without(scene.sentence, _OUGHT, "will ")
    return rng.choice(made) if made else None


def unattributed(scene: Scene, rng: random.Random) -> str | None:
    """Say on the claim's own account what another said, or give it to another of the document's names."""
    said = _SAID.match(scene.sentence) or _ACCORDING.match(scene.sentence)
    if said is None or opens_subordinate(scene.sentence) or _OTHERS_WORD.search(said["who"]):
        return None
    ways = [made for made in (_bare(said["what"]), _of_another(scene, said)) if made]
    return rng.choice(rng.choice(ways)) if ways else None


def _without(sentence: str, form: re.Pattern[str], sure: str) -> list[str]:
    return [
        capitalised(sentence[: m.start()] + sure + sentence[m.end() :])
        for m in form.finditer(sentence)
        if not _is_noun(sentence[: m.start()], m.group())
    ]


def _is_noun(before: str, word: str) -> bool:
    """Whether "plan to", "hopes to" and the like are nouns: "its plan to build", "the first plan to build"."""
    intends, determiner = _INTENDS.match(word), _DETERMINER.search(before)
    return bool(intends and determiner and not (determiner["word"] and intends["s"]))


def _bare(what: str) -> list[str]:
    leans = _LEANS.match(what) or re.search(r"\band that\b|\bor that\b", what)
    return [] if leans or len(what.split()) < 5 else [capitalised(what) + "."]


def _of_another(scene: Scene, said: re.Match[str]) -> list[str]:
    """Put each fitting name in the place of the one name that the speaker is."""
    speakers = [named for named in named_in(scene.sentence) if said.start("who") <= named.start < said.end("who")]
    if len(speakers) != 1:
        return []
    document = [unit.text for unit in scene.document]
    return [put(scene.sentence, speakers[0], name) for name in fitting(speakers[0], scene.text, document)]
