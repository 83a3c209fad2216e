"""A claim with the span that it is read against, as an example of one candidate."""

from __future__ import annotations

from evals.training.passages import Text
from evals.training.reader.examples import Asked, Split
from evals.training.reader.units import UnitInContext


def asked(document: Text, claim: str, span: str, kind: str, split: Split, *, supported: bool) -> Asked:
    """Make the example: the span is right if it supports the claim, else wrong."""
    title = f"{document.title}, {document.date}" if document.date else document.title
    unit = UnitInContext(document.id, 0, title, "", span)
    right, wrong = ((unit,), ()) if supported else ((), (unit,))
    return Asked(document.id, kind, split, claim, right, wrong)
