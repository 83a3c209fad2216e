"""What the links below and in an answer ask for: "#turn-2-sentence-0-citation-1", "#turn-2-brief-3", "#turn-2-edit"."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WHAT = re.compile(
    r"(?P<kind>evidence|edit|again|up|down)"
    r"|sentence-(?P<sentence>\d{1,4})-citation-(?P<index>\d{1,4})"
    r"|(?P<list>brief|nearest|listed|follow)-(?P<place>\d{1,4})"
)


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a turn.

    Attributes:
        turn: place of the turn in the conversation, from 0.
        kind: "evidence", "citation", "brief" (of a numbered passage), "nearest", "listed", "follow" (a question to go
            on with), "edit", "again", "up", "down".
        at: index of the sentence, number of the passage from 1, or index in a list.
        index: of the citation in its sentence.
    """

    turn: int
    kind: str
    at: int = 0
    index: int = 0


def link_of(data: object, n_turns: int) -> Link | None:
    """Read what a page sent: {"turn": 2, "what": "brief-3"}; None for anything else."""
    if not isinstance(data, dict):
        return None
    turn, what = data.get("turn"), data.get("what")
    match = _WHAT.fullmatch(what) if isinstance(what, str) else None
    if match is None or not isinstance(turn, int) or not 0 <= turn < n_turns:
        return None
    if match["sentence"]:
        return Link(turn, "citation", int(match["sentence"]), int(match["index"]))
    return Link(turn, match["list"], int(match["place"])) if match["list"] else Link(turn, match["kind"])
