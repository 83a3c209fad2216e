"""The head's fitting: weights from readings made by hand, folds that part no group, probabilities that hold."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from langchain_core.documents import Document

from evals.training.head import fit as command
from evals.training.head.fitting import (
    Head,
    Scale,
    closely,
    fit,
    fit_both,
    fit_logistic,
    matrix,
    platt,
    ranked,
    right_within,
    share_of,
    share_weights,
)
from evals.training.head.reading import Desk, Read
from evals.training.head.report import cross_validated, lines, natural
from rag.measure import Scorers
from rag.read import CLOSE_UNITS
from rag.signals import Candidate, logistic, odds_of_both, weigh
from rag.token_match import TokenScorer
from tests.fakes import HashEmbeddings, SharedWords
from tests.test_read import passage

TOWNS = ("Oslo", "Geneva", "Cairo", "Lima", "Hanoi", "Accra", "Quito", "Doha")


def desk(found: list[Document]) -> Desk:
    return Desk(lambda question: found, lambda stems: ({}, 0), Scorers(TokenScorer(HashEmbeddings()), SharedWords()))


def holds_in(town: str) -> Callable[[Candidate], bool]:
    return lambda candidate: town in candidate.text


@pytest.fixture(scope="module")
def reads() -> list[Read]:
    rng, made = random.Random(0), []
    for i in range(60):
        town, other = rng.sample(TOWNS, 2)
        text = f"Rain fell all day. Envoys signed the grain accord {i} in {town}. Nobody came to the harbour."
        found = [passage(text, brief_id=f"b{i}")]
        question = f"Where did envoys sign the grain accord {i}?"
        right = desk(found).read("briefs", f"g{i % 12}", question, right=holds_in(town), answerable=True)
        wrong = desk(found).read("briefs/near_miss", f"g{i % 12}", f"Who bombed {other} with drones in 1999?")
        made += [one for one in (right, wrong) if one]
    return made


def test_a_fitted_head_puts_the_answering_unit_first_and_tells_what_is_answered(reads: list[Read]) -> None:
    head = fit(reads)
    for read in reads:
        answerable, right = head.probabilities(read)
        assert (answerable > 0.5) == read.answerable
        if read.answerable:
            assert right_within(read, head.rank, 1)
            assert right > 0.5


def test_a_reading_is_judged_by_a_head_that_saw_nothing_of_its_group(
    reads: list[Read], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[str]] = []

    def remember(chosen: list[Read], **options: object) -> Head:
        seen.append({read.group for read in chosen})
        return Head({"reader": 1.0}, {"bias": 1.0}, {"reader": 1.0}, {"reader": 1.0})

    monkeypatch.setattr("evals.training.head.report.fit", remember)
    judged = cross_validated(reads)
    assert len(judged) == len(reads)
    everything = {read.group for read in reads}
    held = [everything - groups for groups in seen]
    assert set().union(*held) == everything
    assert sum(map(len, held)) == len(everything)


def test_units_that_come_first_are_read_again_and_a_head_learns_to_trust_that(reads: list[Read]) -> None:
    class Towns(SharedWords):
        """Takes what names a town for an answer."""

        def score(self, text_pairs: Sequence[tuple[str, str]]) -> list[float]:
            return [5.0 if any(town in text for town in TOWNS) else -5.0 for _, text in text_pairs]

    again = command.read_again(reads, Towns())
    assert all("closer" in m.signals for read in again for m in read.units)
    assert not any("closer" in m.signals for read in reads for m in read.units)  # the readings given stay
    head = fit(again)
    assert head.close["closer"] > 0
    assert "closer" not in head.rank
    assert "closer" in head.answers
    assert all(head.right_within(read, 1) for read in again if read.answerable)


def test_only_what_comes_first_keeps_a_closer_readers_word_and_stands_before_the_others() -> None:
    sentences = " ".join(f"Envoys signed grain accord {n} in Oslo." for n in range(CLOSE_UNITS + 2))
    read = desk([passage(sentences)]).read("briefs", "g", "Where did envoys sign the grain accord?")
    assert read is not None
    said = tuple(replace(m, signals={"place": i, "closer": i}) for i, m in enumerate(read.units))
    seen = closely(replace(read, units=said), {"place": -1.0})
    assert ["closer" in m.signals for m in seen.units] == [True] * CLOSE_UNITS + [False] * 2
    order = ranked(seen, {"place": -1.0}, {"closer": 1.0})
    assert [i for i, _ in order] == [5, 4, 3, 2, 1, 0, 6, 7]
    scores = [score for _, score in order]
    assert scores == sorted(scores, reverse=True)


def test_figures_are_written_for_each_kind(reads: list[Read]) -> None:
    written = "\n".join(lines(cross_validated(reads), [0.5]))
    assert "briefs                 head      right first 1.000" in written
    assert "briefs/near_miss       head      AUROC 1.000" in written
    assert "at 0.50: refusal P 1.000 R 1.000 F 1.000" in written


def test_rescaling_makes_odds_into_the_shares_that_were_seen() -> None:
    rng = random.Random(1)
    odds = [rng.uniform(-3, 3) for _ in range(4000)]
    truth = [rng.random() < logistic(0.5 * x - 1) for x in odds]
    scale = platt(odds, truth)
    made = scale.weights({"bias": 0.0, "x": 1.0})
    assert scale.of(2.0) == pytest.approx(2.0 * made["x"] + made["bias"])
    assert made["x"] == pytest.approx(0.5, abs=0.08)
    assert made["bias"] == pytest.approx(-1.0, abs=0.12)


def test_a_logistic_fit_without_decay_gives_the_share() -> None:
    rows = matrix([{"bias": 1.0}] * 10, ["bias"])
    truth = np.array([1.0] * 3 + [0.0] * 7)
    assert logistic(fit_logistic(rows, truth, np.ones(10), ["bias"], decay=0)["bias"]) == pytest.approx(0.3, abs=1e-3)


def test_two_models_of_which_both_must_hold_are_told_apart_by_their_signals() -> None:
    rng, rows, truth = random.Random(2), [], []
    for _ in range(6000):
        rows.append({"bias": 1.0, "here": rng.uniform(-4, 4), "answers": rng.uniform(-4, 4)})
        truth.append(rng.random() < logistic(2 * rows[-1]["here"]) * logistic(1.5 * rows[-1]["answers"] - 1))
    names = (["bias", "here"], ["bias", "answers"])
    both = (matrix(rows, names[0]), matrix(rows, names[1]))
    here, answers = fit_both(both, np.array(truth, dtype=float), np.ones(len(rows)), names, decay=0)
    assert here == pytest.approx({"bias": 0.0, "here": 2.0}, abs=0.2)
    assert answers == pytest.approx({"bias": -1.0, "answers": 1.5}, abs=0.2)
    # What is not here is not answered, whatever speaks for an answer; a single sum of weights cannot say that.
    far = {"bias": 1.0, "here": -3.0, "answers": 100.0}
    assert logistic(odds_of_both(weigh(far, here), weigh(far, answers))) < 0.01


def test_each_kind_weighs_its_share_whatever_its_count(reads: list[Read]) -> None:
    answerable = [read for read in reads if read.answerable]
    few = [read for read in reads if not read.answerable][:6]
    weights = share_weights([*answerable, *few])
    assert weights.sum() == pytest.approx(len(answerable) + 6)
    assert weights[:60].sum() == pytest.approx(weights[60:].sum())  # both sets have one share


@pytest.mark.parametrize(
    ("kind", "share"),
    [
        ("briefs/near_miss", "briefs/written"),
        ("briefs/removed", "briefs/removed"),
        ("squad", "squad"),
        ("stories/false_premise", "stories/refused"),
        ("stories/removed", "stories/removed"),
    ],
)
def test_written_refusals_of_a_set_share_one_weight(kind: str, share: str) -> None:
    assert share_of(kind) == share


def test_only_written_questions_of_the_briefs_set_the_scale(reads: list[Read]) -> None:
    judged = cross_validated(reads)
    assert all(natural(one) for one in judged)


def test_weights_are_written_as_constants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "signal_weights.py"
    target.write_text("from collections.abc import Mapping\n\nTHRESHOLD = 0.1\n", encoding="utf-8")
    monkeypatch.setattr(command, "TARGET", target)
    command.write(
        Head({"reader": 1.0}, {"bias": 3.0}, {"bias": -2.0}, {"bias": 0.25}, Scale(0.5, -1.0), {"closer": 2.0}), 0.6
    )
    values: dict[str, object] = {}
    exec(target.read_text(encoding="utf-8"), values)
    assert values["THRESHOLD"] == 0.6
    assert (values["RANK"], values["CLOSE_RANK"]) == ({"reader": 1.0}, {"closer": 2.0})
    assert (values["HERE"], values["ANSWERS"]) == ({"bias": 3.0}, {"bias": -2.0})
    assert (values["ANSWERS_SCALE"], values["ANSWERS_SHIFT"]) == (0.5, -1.0)
    assert values["RIGHT"] == {"bias": 0.25}
