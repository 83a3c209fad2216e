"""Answers scored against what is known to be right, word for word; and the one definition of a right answer."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from rag.evaluation.question import Question
from rag.evaluation.records import Said

# Marks that separate words where SQuAD's rule would glue them: em dash, horizontal bar, ellipsis.
_SEPARATORS = "—―…"


def _fate(character: str) -> str | None:
    """Return what a character becomes, without full stops: those depend on what is beside them."""
    if character in _SEPARATORS:
        return " "
    gone = character in string.punctuation or unicodedata.category(character)[0] == "P"
    return None if gone or unicodedata.category(character) in ("Sc", "Cf") else character


# To U+30FF: general and CJK punctuation and currency signs included.
_TABLE = {code: _fate(chr(code)) for code in range(0x3100) if chr(code) != "." and _fate(chr(code)) != chr(code)}
_NOT_DECIMAL_POINT = re.compile(r"(?<!\d)\.|\.(?!\d)")
_GROUPING_SPACE = re.compile(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))")
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_POSSESSIVE = re.compile(r"(?<=\w)['’]s\b", re.IGNORECASE)
# What joins two words, brackets included ("May[1]"): not in "F-16" or "2024-05-12", nor after a prefix that turns the
# meaning round.
_JOINT = re.compile(
    r"(?<!\bnon)(?<!\banti)(?<!\bun)(?<!\bex)(?<!\bpre)(?<!\bpost)(?<!\bvice)(?<!\bcounter)(?:[-‐‑/](?=[^\W\d_])|–)"
    r"|[\[\](){}]",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"<[^<>]*>|\[\^?\d+\]")
_POLAR = re.compile(
    r"[\W_]*(?:answer\s*:[\W_]*)?(?:"
    r"(?P<yes>yes)\b(?![-‐‑’']\w)"
    r"|(?P<no>no)\b(?![-‐‑]\w)(?=[\W_]*$|[*_'\"”’)`]*(?:[,;:!?—–]|\.(?!\s*\d)|\s+[-–—]\s|\s*\n)"
    r"|[*_]+|\s+(?:it|he|she|they|we|this|that|these|those|there)\b))",
    re.IGNORECASE,
)


def normalise(text: str) -> str:
    """Return the normal form in which answers are compared: words in lower case, without punctuation and articles.

    | text                    | normal form         |
    |-------------------------|---------------------|
    | The U.S. sent “1,200”   | us sent 1200        |
    | 3.5 %                   | 3.5                 |
    | the war—a long one      | war long one        |

    Source: `normalize_answer` of SQuAD v1.1 (Rajpurkar et al., EMNLP 2016) and 2.0. It deletes punctuation and puts
    nothing in its place, so that "anti-war" is "antiwar" and "1,200" is "1200". This variant does so for Unicode's
    punctuation and currency signs too, puts a space for dashes and dots that part words (— …), joins digits that a
    no-break or thin space groups, and keeps a decimal point, since "3.5" and "35" are not the same answer.
    """
    plain = unicodedata.normalize("NFC", _GROUPING_SPACE.sub("", text.lower())).translate(_TABLE)
    return " ".join(_ARTICLE.sub(" ", _NOT_DECIMAL_POINT.sub("", plain)).split())


def contains(answer: str, accepted: Sequence[str]) -> bool:
    """Whether the words of an accepted answer stand in the answer, in order and with nothing between.

    Compared in the form of `normalise`, and also in that form after compounds and possessives were taken apart:
    "Chicago-based" contains "Chicago" and "Putin's" contains "Putin", but "F-16" doesn't contain "16", nor
    "anti-Putin" "Putin". Words are compared whole. An accepted answer that has no word is contained in nothing. Of
    SQuAD 2.0's 5,928 answerable questions, 4 have answers that their own paragraph does not contain by this rule.

    Source: the string match of open-domain QA (`has_answer` of DrQA, Chen et al., ACL 2017), with SQuAD's normal form.
    """
    forms = (f" {normalise(answer)} ", f" {normalise(_apart(answer))} ")
    for reference in accepted:
        wanted = (normalise(reference), normalise(_apart(reference)))
        if any(w and f" {w} " in form for w, form in zip(wanted, forms, strict=True)):
            return True
    return False


def exact_match(answer: str, accepted: Sequence[str]) -> bool:
    """Whether the answer's normal form is that of an accepted answer. Source: SQuAD v1.1's EM, see `normalise`."""
    return normalise(answer) in {normalise(reference) for reference in accepted}


def f1(answer: str, accepted: Sequence[str]) -> float:
    """Return the overlap of words with the closest accepted answer, in [0, 1].

    2PR / (P + R), with P the share of the answer's words that are in the reference and R the share of the reference's
    words that are in the answer, both as multisets of normal words; 1 if neither has a word, 0 if only one has.

    Raises:
        ValueError: there is no accepted answer to compare with.

    Source: SQuAD's `compute_f1` (Rajpurkar et al., EMNLP 2016; empty answers as in SQuAD 2.0).
    """
    _need(accepted, "accepted answer")
    words = normalise(answer).split()
    return max(_f1(words, normalise(reference).split()) for reference in accepted)


def answer_recall(answer: str, accepted: Sequence[str]) -> float:
    """Return the largest share of an accepted answer's words that the answer holds, in [0, 1].

    |answer ∩ reference| / |reference|, as multisets of normal words: the R of `f1`, for answers in whole sentences,
    whose F1 falls with their length. A reference that has no word shares 0.

    Raises:
        ValueError: there is no accepted answer to compare with.

    Source: Adlakha et al., "Evaluating Correctness and Faithfulness of Instruction-Following Models for Question
    Answering", TACL 2024 (their Recall).
    """
    _need(accepted, "accepted answer")
    words = Counter(normalise(answer).split())
    references = [Counter(normalise(reference).split()) for reference in accepted]
    return max((words & wanted).total() / wanted.total() if wanted else 0.0 for wanted in references)


def list_recall(answer: str, items: Sequence[Sequence[str]]) -> float:
    """Return the share of the items of which the answer contains an alternative (`contains`), in [0, 1].

    Raises:
        ValueError: there is no item to look for.

    Source: the recall of QAMPARI (Amouyal et al., 2022), by containment as in ALCE's string match.
    """
    _need(items, "item")
    return sum(contains(answer, alternatives) for alternatives in items) / len(items)


def stated_polarity(text: str) -> Literal["yes", "no"] | None:
    """Return the yes or no that the answer begins with, after markup; None where it begins otherwise.

    "No" is a word of sentences too, so it has to stand apart: "No." and "**No**, it" state it, "No country has" and
    "No-fly zones" do not.
    """
    match = _POLAR.match(_MARKUP.sub(" ", text))
    if match is None:
        return None
    return "yes" if match["yes"] else "no"


def is_stale(answer: str, accepted: Sequence[str], wrong: Sequence[str]) -> bool:
    """Whether the answer contains a wrong value and no accepted one; an answer that holds both is not stale."""
    return contains(answer, wrong) and not contains(answer, accepted)


def is_right(question: Question, said: Said, cited_gold: bool | None, *, extractive: bool) -> bool | None:
    """Whether what a system said is right, by the first row that applies; None where it cannot be told.

    | question                        | said                    | right                                   |
    |---------------------------------|-------------------------|-----------------------------------------|
    | unanswerable                    | anything                | if it is a refusal                      |
    | has free-form answers only      | anything                | None: words cannot tell                 |
    | has nothing                     | anything                | None                                    |
    | answerable                      | a refusal               | no                                      |
    | has items                       | an answer               | if it contains one of each              |
    | yes or no                       | begins with yes or no   | if that is the one                      |
    | yes or no                       | an answer otherwise     | if it cites gold; None without gold     |
    | has answers                     | an answer               | if it contains one                      |
    | has gold spans only             | an answer               | if it cites gold                        |

    Args:
        question: with what is known to be right.
        said: what the system said; no sentences is a refusal.
        cited_gold: `gold_cited`; None where the question has no gold span.
        extractive: whether accepted answers stand verbatim in gold documents (`Dataset.extractive`).
    """
    if not question.answerable:
        return said.abstained
    told_by_words = question.items or question.polar or (question.answers and extractive)
    told_by_gold = question.gold and not question.answers
    if not (told_by_words or told_by_gold):
        return None
    if said.abstained:
        return False
    if question.items:
        return list_recall(said.text, question.items) == 1
    if question.polar:
        stated = stated_polarity(said.text)
        return stated == question.polar if stated else cited_gold
    if question.answers:
        return contains(said.text, question.answers)
    return cited_gold


def _apart(text: str) -> str:
    """Part compounds and drop possessives."""
    return _JOINT.sub(" ", _POSSESSIVE.sub("", text))


def _f1(words: Sequence[str], reference: Sequence[str]) -> float:
    if not words or not reference:
        return float(not words and not reference)
    common = (Counter(words) & Counter(reference)).total()
    return 2 * common / (len(words) + len(reference))


def _need(known: Sequence[object], what: str) -> None:
    if not known:
        raise ValueError(f"There is no {what} to compare with; leave the question out of this measure.")
