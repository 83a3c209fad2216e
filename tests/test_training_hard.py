from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from evals.training.reader import hard
from evals.training.reader.examples import Asked, read, write
from evals.training.reader.units import UnitInContext, packaged_tokenizer
from rag.cross_encoder import MODELS


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Three answered questions, three refusals and one for development, in turn."""
    flew = UnitInContext("doc", 0, "Visits", "", "The minister flew to Oslo in May.")
    rained = UnitInContext("doc", 1, "Visits", "", "It rained on Oslo all day.")
    answered = Asked("a", "squad", "train", "When did the minister fly to Oslo?", (flew,), (rained,))
    refused = Asked("r", "squad/removed", "train", "When did the minister fly to Oslo?", (), (rained,))
    write(tmp_path, [answered, refused] * 3 + [replace(answered, split="dev")], packaged_tokenizer())
    return tmp_path


def test_as_many_hard_refusals_are_drawn_as_answered_questions(work: Path) -> None:
    examples = read(work)[1]
    losses = {0: 0.1, 2: 2.0, 4: 1.0, 1: 0.3, 3: 0.0, 5: 0.2}
    assert hard.hardest(losses, examples, 1) == [1, 2]
    assert hard.hardest(losses, examples, 2) == [1, 2, 4, 5]


def test_what_is_drawn_points_into_the_same_units_and_keeps_all_for_development(work: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    store, examples = read(work)
    hard.draw(work, out, examples, [1, 4])
    kept_store, kept = read(out)
    assert kept == (examples[1], examples[4], examples[6])
    assert kept_store.text.tolist() == store.text.tolist()


@pytest.mark.slow
def test_a_run_goes_on_from_the_losses_that_it_has(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    out.mkdir()
    known = {"0": 9.0, "2": 9.0, "5": 9.0}
    (out / hard.LOSSES).write_text(json.dumps(known) + "\n", encoding="utf-8")
    command = ["hard", "--work", str(work), "--reader", str(MODELS / "reader"), "--out", str(out), "--each", "2"]
    monkeypatch.setattr(sys, "argv", [*command, "--processes", "1"])
    hard.main()
    losses = hard.known_losses(out / hard.LOSSES)
    assert {str(place): loss for place, loss in losses.items() if loss == 9.0} == known
    assert sorted(losses) == [0, 1, 2, 3, 4, 5]
    assert losses[4] < 0.5
    assert losses[1] == losses[3] < 2.0
    examples = read(work)[1]
    assert read(out)[1] == tuple(examples[i] for i in (0, 1, 2, 5, 6))
