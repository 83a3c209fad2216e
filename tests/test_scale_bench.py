"""The benchmark of scale measures what it says: texts like real ones, times by part, and all of a small run."""

from __future__ import annotations

import json
import time
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from evals.bench.scale.__main__ import main
from evals.bench.scale.fill import Clock
from evals.bench.scale.texts import WordVectors, briefs, described
from tests.postgres_server import NEEDS_POSTGRES


def test_generated_briefs_are_the_same_every_time_and_all_different() -> None:
    once, again = (list(islice(briefs(), 50)) for _ in range(2))
    assert [brief.text for brief in once] == [brief.text for brief in again]
    assert len({brief.text_sha256 for brief in once}) == 50


def test_the_vocabulary_grows_with_the_corpus_and_a_few_words_are_most_of_it() -> None:
    found = list(islice(briefs(), 400))
    few, many = described(found[:100]), described(found)
    assert many["different"] > 1.5 * few["different"]
    assert sum(many["top"]) > 0.1 * many["words"]
    assert many["once"] > 0.2 * many["different"]


def test_texts_that_share_words_lie_closer_than_others() -> None:
    embeddings = WordVectors()
    texts = ["grain exports through the strait", "exports of grain resumed", "parliament elected a speaker"]
    near, like, far = np.array(embeddings.embed_documents(texts))
    assert np.linalg.norm(near) == pytest.approx(1.0)
    assert near @ like > near @ far + 0.3


def test_what_runs_within_another_part_counts_for_itself_alone() -> None:
    clock = Clock()
    with clock("outer"):
        time.sleep(0.02)
        with clock("inner"):
            time.sleep(0.2)
    assert clock.seconds["inner"] >= 0.2
    assert 0.02 <= clock.seconds["outer"] < 0.15


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("places", ["local", pytest.param("servers", marks=NEEDS_POSTGRES)])
def test_a_small_run_measures_every_part(places: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"
    main(["--chunks", "60", "--places", places, "--embed", "0", "--json", str(file)])
    (size,) = json.loads(file.read_text(encoding="utf-8"))["sizes"]
    assert size["n_chunks"] >= 60
    assert {"catalogue", "words", "vectors"} <= {part for part, s in size["s_per_1000"].items() if s > 0}
    assert {"catalogue", "words", "Chroma's database"} <= {part for part, n in size["bytes"].items() if n > 0}
    assert all(cell["p50"] > 0 for cells in size["warm"]["ms"].values() for cell in cells.values())
    assert set(size["servers_mb"]) == ({"postgres", "chroma"} if places == "servers" else set())
    assert all(mb > 10 for mb in size["servers_mb"].values())
    assert "retrieval, a region of eight" in capsys.readouterr().out
