"""Sentences with a part cut out that the rest can be said without."""

from __future__ import annotations

import random
import re

from evals.training.verifier.scene import Scene, binds, capitalised, opens_subordinate

MIN_WORDS = 6
_PARENTHESIS = re.compile(r" \((?P<cut>[^()]{2,80})\)(?=[ ,.;])")
_FINITE = (
    r"(?= (?:is|are|was|were|has|had|have|will|did|does|became|"
    r"[a-z]+ed (?:the|an?|its|his|her|their|to|in|on|by|for|with|from|as|into|that|[A-Z]\w+|\d+)) )"
)
_APPOSED = re.compile(rf"(?<=[a-z])(?P<cut>, (?:the|a|an|then|now|[A-Z][a-z]+ of)(?: [\w’.-]+){{1,12}},){_FINITE}")
_RELATIVE = re.compile(rf"(?<=\w)(?P<cut>, (?:which|who|whose)(?: [\w’.-]+){{2,16}},){_FINITE}")
_CLOSING = re.compile(
    r"(?P<cut>, (?:which|who|where|when|while|whereas|thereby|thus|making|leading|resulting|ending|including|such as|"
    r"as well as|and that|and it|and they|and he|following|after|particularly|especially|marking|allowing) "
    r"[^,;:()]+)\.$"
)
_LINK = re.compile(
    r"^(?P<cut>(?:In addition|Furthermore|Moreover|However|Indeed|Therefore|Finally|Thus|Consequently|In conclusion|"
    r"Additionally|Similarly|Likewise|Nevertheless|In that regard|In this regard|In that context|In that connection|"
    r"In this context|At the same time|As a result|For that reason|Accordingly|Of course|In fact|Nonetheless|"
    r"Meanwhile|Also|For example|For instance|To that end|To this end|Unfortunately|Regrettably), )(?=[A-Za-z])"
)
_WHEN = re.compile(
    r"^(?P<cut>(?:In (?:[A-Z][a-z]+ )?\d{4}|On [A-Z][a-z]+ \d{1,2}, \d{4}|On \d{1,2} [A-Z][a-z]+ \d{4}|"
    r"(?:Following|After|During) (?:the|his|its|this|that|their) [^,]{4,70}), )(?=[A-Za-z])"
)
_PAST = re.compile(r"\b(?:was|were|signed|opened|recognized|established|agreed|became|joined|began|sent|[a-z]{3,}ed)\b")
_TIMELESS = re.compile(
    r"\b(?:not|no|never|only|all|every|each|most|always|first|last|is|are|has|have|will|until|can|must|once|longer|none)\b"
)
_PAIRED = re.compile(
    r"\b(?:not only|neither|either|whether|both|as much|so much|such that|more than|rather|between)\b", re.IGNORECASE
)
_NEEDS_MORE = re.compile(r"(?:^|\W)(?:following|including|namely|are|is|as follows)$")


def shortened(scene: Scene, rng: random.Random) -> str | None:
    """Cut a parenthesis, an apposition, a relative or closing clause, a link or a time out of the sentence."""
    made = shorter(scene.sentence)
    return rng.choice(made) if made else None


def shorter(sentence: str) -> list[str]:
    """List what one cut leaves of a sentence, whole and saying no more than it."""
    made = [*_inside(sentence), *_closing(sentence), *_opening(sentence)]
    return [claim for claim in dict.fromkeys(made) if len(claim.split()) >= MIN_WORDS]


def _inside(sentence: str) -> list[str]:
    found = [m for form in (_PARENTHESIS, _APPOSED, _RELATIVE) for m in form.finditer(sentence)]
    return [
        (sentence[: m.start()] + sentence[m.end() :]).replace("  ", " ") for m in found
        if not binds(m["cut"]) and not _is_list(sentence, m)
    ]  # fmt: skip


def _is_list(sentence: str, match: re.Match[str]) -> bool:
    """Whether commas around a cut may be those of a list, or of a clause that began before it."""
    if match.re is _PARENTHESIS:
        return False
    before, cut = sentence[: match.start()], match["cut"]
    return (
        "," in before or opens_subordinate(sentence) or bool(re.search(r" (?:and|or) [^,]*,$", cut)) or _split(before)
    )


def _split(before: str) -> bool:
    return re.search(r"\b(?:that|which|who|when|if)\b", before) is not None


def _closing(sentence: str) -> list[str]:
    match = _CLOSING.search(sentence)
    if match is None or opens_subordinate(sentence) or _PAIRED.search(sentence) or binds(match["cut"]):
        return []
    rest = sentence[: match.start()]
    listed = re.search(r", (?:and|or) ", match["cut"]) or _NEEDS_MORE.search(rest)
    return [] if listed or _is_phrase(rest) else [rest + "."]


def _is_phrase(rest: str) -> bool:
    """Whether what is left opens with a phrase and a comma, so that the cut may hold the subject."""
    return (
        re.match(r"(?:In|On|At|By|For|To|With|From|Under|Through|During|Despite|Having|Given)\b[^,]*$", rest)
        is not None
    )


def _opening(sentence: str) -> list[str]:
    made = []
    if link := _LINK.match(sentence):
        made.append(capitalised(sentence[link.end() :]))
    if when := _WHEN.match(sentence):
        rest = sentence[when.end() :]
        if _PAST.search(rest) and not _TIMELESS.search(rest) and not binds(when["cut"]):
            made.append(capitalised(rest))
    return made
