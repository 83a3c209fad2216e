"""Pairs of FEVER's symmetric set, of its development split alone: the test split is for reports.

Source: Schuster et al., "Towards Debiasing Fact Verification Models", EMNLP 2019.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evals.training.passages import Text
from evals.training.reader.examples import Asked
from evals.training.verifier.pairs import asked

SET = "fever_symmetric"
_KINDS = {"SUPPORTS": "fever", "REFUTES": "fever/refuted"}
_BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"}
_SPACED = (
    (re.compile(r" ([,.;:!?%)\]}]|['’](?:s|re|ve|ll|d|m|t)?(?= |$)|n['’]t\b)"), r"\1"),
    (re.compile(r"([(\[{]) "), r"\1"),
    (re.compile(r"`` ?(.*?) ?(?:''|``)"), r'"\1"'),
    (re.compile(r" ?``|'' ?|`` ?"), '"'),
    (re.compile(r" -- "), "–"),
    (re.compile(r"\s+"), " "),
)


def fever_examples(data: Path) -> Iterator[Asked]:
    """Make the examples, all for training."""
    for row in dev_rows(data / SET / "pairs.jsonl"):
        document, kind = Text(row["id"], "", ""), _KINDS[row["label"]]
        claim, span = (untokenised(row[name]) for name in ("hypothesis", "premise"))
        yield asked(document, claim, span, kind, "train", supported=row["label"] == "SUPPORTS")


def dev_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of the development split."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if (row := json.loads(line))["split"] == "dev":
            yield row


def untokenised(text: str) -> str:
    """Write a text as it was before it was cut at its marks: "Lost -LRB- 2004 -RRB- ." is "Lost (2004)."."""
    for name, bracket in _BRACKETS.items():
        text = text.replace(name, bracket)
    for form, made in _SPACED:
        text = form.sub(made, text)
    return text.strip()
