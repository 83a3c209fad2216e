"""Claims that a span supports: its sentence kept, shortened, re-ordered, or with a form rewritten."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping

from evals.training.reader.cloze import is_factual
from evals.training.verifier.dates import DAY_FIRST, MONTH, MONTH_FIRST, SMALL, WORDS, numbers_in
from evals.training.verifier.scene import Rule, Scene, capitalised, continued, opens_subordinate
from evals.training.verifier.shortened import shortened

JOINED = 0.25
"""Share of kept sentences that a second sentence of the span is joined to, as one from outside it is elsewhere."""

_YEAR = r"(?:1[5-9]|20)\d\d"
_DATED = (
    rf"(?:in (?:(?:early|late) )?(?:(?:{MONTH}) )?{_YEAR}|on (?:{MONTH}) \d{{1,2}}, {_YEAR}|"
    rf"on \d{{1,2}} (?:{MONTH}) {_YEAR})"
)
_FRONT_DATE = re.compile(rf"^(?P<opener>(?i:{_DATED})),? (?P<rest>[A-Za-z][^,;:()—–]+)\.$")
_FRONT = re.compile(
    r"^(?P<opener>(?:Following|During|Despite|After|In response to|In order to|Over the past|In spite of|Throughout|"
    r"Under|To (?!put|the|that|this|conclude)[a-z]+) [^,;:()—–]{6,90}), (?P<rest>[A-Za-z][^,;:()—–]+)\.$"
)
_ALTHOUGH = re.compile(
    r"^(?P<opener>(?:Although|While|Because|Since|When|After|Before|Once) [^,;:()—–]{10,110}), "
    r"(?P<rest>[A-Za-z][^,;:()—–]+)\.$"
)
_EVENTS = (
    "signed joined recognized established opened closed became gained achieved ratified declared severed elevated "
    "resumed ended withdrew abolished annexed acceded"
).split()
_BACK = re.compile(
    rf"^(?P<rest>(?:The )?[A-Z][\w’.]*(?: [A-Z][\w’.]*){{0,4}} (?:(?:was|were) [a-z]+(?:ed|en|wn)|{'|'.join(_EVENTS)})"
    rf"(?: (?!in\b|on\b|of\b|that\b|which\b|after\b|when\b|and\b|[a-z]+ed\b)[\w’.-]+){{0,7}}) (?P<closer>{_DATED})\.$"
)
_SUBORDINATE = re.compile(
    r"\b(?:that|which|who|whose|when|if|because|while|before|after|until|since|where|whether|not|no|never|and|but|so|as|"
    r"than|or|only|what|how|why)\b"
)
_LEANS = re.compile(r"(?:it|he|she|they|its|his|her|their|this|that|these|those|such|both|there)\b", re.IGNORECASE)

_FORMS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(form), made)
    for form, made in (
        (MONTH_FIRST.pattern, r"\g<day> \g<month> \g<year>"),
        (DAY_FIRST.pattern, r"\g<month> \g<day>, \g<year>"),
        (r"(\d) (?:per cent|percent)\b", r"\1%"),
        (r"(?<=\d)%", " percent"),
        (r"\bper cent\b", "percent"),
        (r"(?<![\w$])\$(\d[\d,.]*\d|\d) (million|billion|trillion)\b", r"\1 \2 dollars"),
        (r"(?<![\w.,])(\d{1,3}),(\d{3})(?![\d,])", r"\1\2"),
        (r"(?<=the )United States\b(?!’| [A-Z]| dollar|-)", "US"),
        (r"\bU\.S\. (?=[a-zA-Z])", "US "),
        (r"(?<=the )United Nations\b(?!’| [A-Z]|-)", "UN"),
        (r"\bthe USSR\b", "the Soviet Union"),
        (r"\bthe Soviet Union\b", "the USSR"),
        (r"\b(is|are|was|were|did|does|do|has|have|had|would|should) not\b(?! only)", r"\1n’t"),
    )
)


def kept(scene: Scene, rng: random.Random) -> str | None:
    """Keep the sentence; for some, join another sentence of the span to it."""
    others = [unit.text for unit in scene.span if unit.text != scene.sentence and joinable(unit.text)]
    return joined(scene.sentence, rng.choice(others), rng) if others and rng.random() < JOINED else scene.sentence


def joinable(sentence: str) -> bool:
    """Whether a sentence can stand behind another as a clause of it."""
    leads = opens_subordinate(sentence) or re.match(r"[A-Z][\w ]{1,30}, |And |But |So |Let ", sentence)
    return is_factual(sentence) and len(sentence.split()) <= 24 and not leads


def joined(first: str, second: str, rng: random.Random) -> str:
    """Make one sentence of two."""
    return f"{first[:-1]}{rng.choice((', and ', ', while ', '; '))}{continued(second)}"


def reordered(scene: Scene, rng: random.Random) -> str | None:
    """Move the phrase or clause that opens the sentence to its end, or the date that ends it to the front."""
    made = orders(scene.sentence)
    return rng.choice(made) if made else None


def orders(sentence: str) -> list[str]:
    """List the sentence in other orders of its parts."""
    made = [f"{capitalised(m['rest'])} {_lower(m['opener'])}." for form in (_FRONT_DATE, _FRONT)
            if (m := form.match(sentence)) and _simple(m["rest"])]  # fmt: skip
    if (m := _ALTHOUGH.match(sentence)) and _simple(m["rest"]) and " that " not in m["opener"]:
        comma = "," if m["opener"].startswith(("Although", "While", "Since")) else ""
        made.append(f"{capitalised(m['rest'])}{comma} {_lower(m['opener'])}.")
    if m := _BACK.match(sentence):
        made.append(f"{capitalised(m['closer'])}, {continued(m['rest'])}.")
    return made


def rewritten(scene: Scene, rng: random.Random) -> str | None:
    """Write a date, number or short name of the sentence in another form, or contract its "not"."""
    made = forms(scene.sentence)
    return rng.choice(made) if made else None


def forms(sentence: str) -> list[str]:
    """List the sentence with one form rewritten each time, everywhere that it stands."""
    made = [form.sub(other, sentence) for form, other in _FORMS]
    made += [sentence[: m.start()] + other + sentence[m.end() :] for m in numbers_in(sentence)
             if (other := _digits_or_word(m.group())) and _counts(sentence, m)]  # fmt: skip
    return [claim for claim in dict.fromkeys(made) if claim != sentence]


def _digits_or_word(number: str) -> str | None:
    return WORDS.get(int(number)) if number.isdigit() else str(SMALL[number]) if number in SMALL else None


def _counts(sentence: str, match: re.Match[str]) -> bool:
    """Whether a number counts the things named behind it, and is no part of another: "three million", "article 5"."""
    behind = re.match(
        r" (?!million|billion|trillion|thousand|hundred|of\b|per\b|and\b|or\b|to\b|in\b)[a-z]+s\b",
        sentence[match.end() :],
    )
    return behind is not None and not re.search(r"(?:[$€]|[A-Z]\w*) ?$|\d $", sentence[: match.start()])


def _simple(clause: str) -> bool:
    """Whether a clause is so plain that what is put behind it belongs to its verb, and so whole that it can lead."""
    return not _SUBORDINATE.search(clause) and not _LEANS.match(clause) and 4 <= len(clause.split()) <= 22


def _lower(opener: str) -> str:
    return opener[:1].lower() + opener[1:]


FAITHFUL: Mapping[str, Rule] = {
    "kept": kept, "shortened": shortened, "reordered": reordered, "rewritten": rewritten,
}  # fmt: skip
