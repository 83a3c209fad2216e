"""How rare a stem is: in the corpus at hand, and in diplomatic prose at large."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Background:
    """Words in diplomatic prose at large.

    Attributes:
        df: documents that hold each of the commonest stems.
        n: documents.
        names: stems that are mostly capitalised inside sentences.
    """

    df: Mapping[str, int]
    n: int
    names: frozenset[str]


@cache
def background() -> Background:
    """Read the packaged table of stems.

    Documents are 200-word windows of UN General Debate speeches (CC0) and of the US State Department's historical
    essays (public domain); `evals/training/background.py` makes the table.
    """
    lines = (files("rag") / "data" / "background_df.txt").read_text("utf-8").splitlines()
    header, *rows = (line for line in lines if not line.startswith("#"))
    parts = [row.split(" ") for row in rows]
    names = frozenset(part[0] for part in parts if len(part) == 3)
    return Background({part[0]: int(part[1]) for part in parts}, int(header), names)


def idf(df: int, n: int) -> float:
    """Inverse document frequency on a scale from 0 (everywhere) to 1 (nowhere): ln((n+1)/(df+1)) / ln(n+1)."""
    return math.log((n + 1) / (min(df, n) + 1)) / math.log(n + 1) if n else 1.0


def rarity(stem_: str, corpus_df: Mapping[str, int], corpus_n: int, *, prior_chunks: int = 500) -> float:
    """Idf of a stem in the corpus, drawn towards the background table as the corpus gets small.

    (n * corpus + prior * background) / (n + prior): an index of one brief speaks with the background's voice.
    """
    table = background()
    broad = idf(table.df.get(stem_, 0), table.n)
    own = idf(corpus_df.get(stem_, 0), corpus_n) if corpus_n else broad
    return (corpus_n * own + prior_chunks * broad) / (corpus_n + prior_chunks)
