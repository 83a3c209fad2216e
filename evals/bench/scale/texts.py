"""Generated briefs whose words are as common and as rare as those of real ones, and vectors that cost nothing."""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from importlib import resources
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from rag.load import Source, find, parse_sources
from rag.types import Brief

ROOT = Path(__file__).parents[3]
SEED = 7
DIMENSION = 384
REGIONS = ("europe", "africa", "asia", "americas", "middle-east", "oceania", "arctic", "global")
SOURCES = tuple(f"Agency {n:02}" for n in range(1, 31))
TOPICS = ("energy", "trade", "elections", "security", "climate", "migration", "technology", "health")
FIRST_DAY, DAYS = date(2015, 1, 1), 3652
SENTENCES = (12, 28)
OTHER_STORIES = 0.3
"""Share of the sentences of a brief that come from other stories than its own."""
WORDS_CHANGED = 0.25
NAMES_CHANGED = 0.5
CHARS_PER_TOKEN = 4.5
COMMON_STEMS = 150
"""The most frequent words of English, which are left as they are."""

_TOKEN = re.compile(r"\d+|[A-Z][a-z]{3,}|[a-z]{6,}")
_WORD = re.compile(r"\w+")
_SYLLABLES = [c + v for c in "b d f g h j k l m n p r s t v z ch sh".split() for v in "a e i o u ai".split()]


def briefs() -> Iterator[Brief]:
    """Yield briefs without end, the same ones every time: sentences of the starter corpus, with other names, numbers
    and words.

    A word takes the place of another as often as it stands in English; names are drawn from a supply without end, few
    of them often. So the vocabulary grows with the corpus, as it does in real ones.
    """
    stories = _stories()
    number = 0
    while True:
        number += 1
        draw = random.Random(SEED * 1_000_003 + number)
        own = draw.choice(stories)
        sentences = [
            draw.choice(draw.choice(stories) if draw.random() < OTHER_STORIES else own)
            for _ in range(draw.randint(*SENTENCES))
        ]
        names: dict[str, str] = {}
        paragraphs = [" ".join(sentences[n : n + 4]) for n in range(0, len(sentences), 4)]
        text = "\n\n".join(_varied(paragraph, draw, names) for paragraph in paragraphs)
        yield Brief(
            id=f"generated-{number:08}",
            title=" ".join(text.split()[:8]),
            text=text,
            date=(FIRST_DAY + timedelta(draw.randrange(DAYS))).isoformat(),
            source=SOURCES[min(int(draw.paretovariate(0.8)), len(SOURCES)) - 1],
            region=(draw.choice(REGIONS),),
            topics=tuple(draw.sample(TOPICS, 2)),
        )


class WordVectors(Embeddings):
    """Unit vectors of 384 numbers: the sum of a random one for each word, rare words weighing more.

    Texts of one story share words and so lie close together. Quick, and the same every time.
    """

    identity = "word-vectors-384"
    dimension = DIMENSION
    dtype = "float32"

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return one vector per text."""
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a text."""
        found = [_word_vector(word) for word in _WORD.findall(text.lower())]
        total: NDArray[np.float32] = np.sum(found, axis=0) if found else _word_vector("")
        made: list[float] = (total / (np.linalg.norm(total) or 1.0)).tolist()
        return made

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return about how many tokens the packaged model would count."""
        return [int(len(text) / CHARS_PER_TOKEN) + 1 for text in texts]


def word_vectors() -> Embeddings:
    """Return the vectors, as `embedding.model = "evals.bench.scale.texts:word_vectors"` asks for them."""
    return WordVectors()


@functools.lru_cache(maxsize=200_000)
def _word_vector(word: str) -> NDArray[np.float32]:
    draw = np.random.default_rng(int.from_bytes(word.encode()[:16].ljust(16, b"\0"), "big"))
    weight = 0.1 if len(word) < 4 else 1.0
    vector: NDArray[np.float32] = draw.standard_normal(DIMENSION, dtype=np.float32) * np.float32(weight)
    return vector


@functools.cache
def _stories() -> list[list[str]]:
    """Return the sentences of each starter brief."""
    sources = (Source(file) for file in find([str(ROOT / "corpus")]).files)
    parsed = [source.parsed for source in parse_sources(sources, max_bytes=10_000_000) if source.parsed]
    texts = [brief.text for one in parsed for brief in one.briefs]
    stories = [[s for s in re.split(r"(?<=[.!?])\s+(?=[A-Z])", text) if 40 <= len(s) <= 400] for text in texts]
    return [story for story in stories if len(story) >= 5]


@functools.cache
def _vocabulary() -> tuple[list[str], list[int]]:
    """Return words with how often each or one before it stands in English."""
    lines = resources.files("rag.data").joinpath("background_df.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split() for line in lines[2 + COMMON_STEMS :] if not line.endswith("^")]
    return [row[0] for row in rows], list(accumulate(int(row[1]) for row in rows))


def _varied(text: str, draw: random.Random, names: dict[str, str]) -> str:
    words, cumulated = _vocabulary()

    def other(match: re.Match[str]) -> str:
        found = match.group()
        if found.isdigit():
            return str(draw.randrange(10 ** (len(found) - 1), 10 ** len(found)))
        if found[0].isupper():
            return names.setdefault(found, _name(draw) if draw.random() < NAMES_CHANGED else found)
        if draw.random() < WORDS_CHANGED:
            return draw.choices(words, cum_weights=cumulated)[0]
        return found

    return _TOKEN.sub(other, text)


def _name(draw: random.Random) -> str:
    number = min(int(draw.paretovariate(0.7)), 10**7) + len(_SYLLABLES)
    made = ""
    while number:
        number, rest = divmod(number, len(_SYLLABLES))
        made += _SYLLABLES[rest]
    return made.capitalize()


def described(sample: Sequence[Brief]) -> Mapping[str, Any]:
    """Say how many different words so many briefs hold, and how common the commonest are."""
    counts: dict[str, int] = {}
    for brief in sample:
        for word in _WORD.findall(brief.text.lower()):
            counts[word] = counts.get(word, 0) + 1
    ordered = sorted(counts.values(), reverse=True)
    return {"words": sum(ordered), "different": len(ordered), "once": ordered.count(1), "top": ordered[:5]}
