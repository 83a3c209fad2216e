"""Claims that deny what a sentence says, or say what it denies."""

from __future__ import annotations

import random
import re

from evals.training.verifier.scene import Scene

_VERBS = {
    "signed": "sign", "recognized": "recognize", "established": "establish", "opened": "open", "closed": "close",
    "joined": "join", "ratified": "ratify", "supported": "support", "agreed": "agree", "became": "become",
    "began": "begin", "gained": "gain", "declared": "declare", "announced": "announce", "appointed": "appoint",
    "sent": "send", "accepted": "accept", "rejected": "reject", "adopted": "adopt", "launched": "launch",
    "withdrew": "withdraw", "met": "meet", "won": "win", "lost": "lose", "took": "take", "gave": "give", "led": "lead",
    "negotiated": "negotiate", "called": "call", "refused": "refuse", "continued": "continue", "created": "create",
    "presented": "present", "received": "receive", "severed": "sever", "moved": "move", "granted": "grant",
    "held": "hold", "sought": "seek", "served": "serve", "returned": "return", "entered": "enter", "ended": "end",
    "issued": "issue", "made": "make", "provided": "provide", "invaded": "invade", "occupied": "occupy",
}  # fmt: skip
_NEGATED = re.compile(
    r"\b(?:not|no|never|none|nor|neither|cannot|nothing|nobody|nowhere|without|only|yet)\b|n['’]t\b", re.IGNORECASE
)
_BE = re.compile(
    r"(?<!that )\b(?:is|are|was|were|will|must|can|should|would)\b(?= [a-z])"
    r"(?! (?:also|both|either|ever|the (?:more|less)))"
)
_HAVE = re.compile(r"\b(?:has|have|had)\b(?= (?:been|become|begun|made|taken|[a-z]+ed)\b)")
_PAST = re.compile(
    rf"(?<=[A-Za-z] )(?:{'|'.join(_VERBS)})(?= (?:the|a|an|its|his|her|their|to|that|in|on|as|from|with|[A-Z]\w+)\b)"
)
_SUBJECT = re.compile(r"(?:\b[A-Z][\w’.]*|\b(?:[Ii]t|[Hh]e|[Ss]he|[Tt]hey)|\bgovernment|\bpresident) $")
_CLAUSE = re.compile(r"^(?:[Tt]he )?(?:[A-Z][\w’.-]*(?: of(?: the)?| and)? ?|[a-z]+ ){1,6}$")
_TAKEN = re.compile(
    r"\b(?P<verb>is|are|was|were|will|must|can|should|would|did|do|does|has|have|had|may) not (?=[a-z])"
)
_CANNOT = re.compile(r"\bcannot (?=[a-z])")
# Words that a denial alone can hold, or that would deny a second time.
_HELD = re.compile(r"\b(?:yet|any\w*|until|only|either|nor|but|at all|even|merely|just|simply|enough|without)\b")


def denied(scene: Scene, rng: random.Random) -> str | None:
    """Put a "not" into the sentence, or take its one "not" out."""
    made = _taken_out(scene.sentence) if _NEGATED.search(scene.sentence) else _put_in(scene.sentence)
    return rng.choice(made) if made else None


def _put_in(sentence: str) -> list[str]:
    made = [_after(sentence, m, "not") for form in (_BE, _HAVE) for m in form.finditer(sentence)][:1]
    return made + [
        f"{sentence[: m.start()]}did not {_VERBS[m.group()]}{sentence[m.end() :]}"
        for m in _PAST.finditer(sentence)
        if _SUBJECT.search(sentence[: m.start()]) and _CLAUSE.match(sentence[: m.start()])
    ]


def _after(sentence: str, match: re.Match[str], word: str) -> str:
    return f"{sentence[: match.end()]} {word}{sentence[match.end() :]}"


def _taken_out(sentence: str) -> list[str]:
    if len(_NEGATED.findall(sentence)) != 1 or _HELD.search(sentence):
        return []
    made = [f"{sentence[: m.start()]}{m['verb']} {sentence[m.end() :]}" for m in _TAKEN.finditer(sentence)]
    return made + [f"{sentence[: m.start()]}can {sentence[m.end() :]}" for m in _CANNOT.finditer(sentence)]
