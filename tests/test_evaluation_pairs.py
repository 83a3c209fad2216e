"""Figures of the verifier on pairs, counted by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.cli.main import run
from rag.evaluation.dataset import open_dataset
from rag.evaluation.pairs import Judged, judge_pairs, pair_figures
from rag.evaluation.pairs_report import json_of, markdown_of
from rag.evaluation.question import Pair
from rag.verify import Judgement, Verifier
from tests.fakes import SharedWords


def pair(k: int, label: str, *, reason: str = "") -> Pair:
    return Pair(f"p{k}", "Finland joined NATO in 2023.", "Finland joined.", label, reason=reason, group=f"d{k}")


JUDGED = [
    Judged(pair(0, "SUPPORTS"), Judgement(0.9, None)),
    Judged(pair(1, "SUPPORTS"), Judgement(0.0, "name")),
    Judged(pair(2, "REFUTES", reason="number"), Judgement(0.0, "number")),
    Judged(pair(3, "REFUTES", reason="number"), Judgement(0.7, None)),
    Judged(pair(4, "REFUTES", reason="unsupported"), Judgement(0.2, "unsupported")),
]


def test_shares_are_those_of_the_labels() -> None:
    figures = pair_figures(JUDGED)
    assert (figures.accuracy.value, figures.accuracy.n) == (0.6, 5)
    assert figures.accepted is not None
    assert figures.accepted.value == 0.5
    assert figures.rejected is not None
    assert figures.rejected.value == pytest.approx(2 / 3)
    assert {reason: m.value for reason, m in figures.by_reason.items()} == {"number": 0.5, "unsupported": 1.0}
    assert figures.said == {("name", True): 1, ("number", False): 1, ("unsupported", False): 1}
    assert figures.auroc == pytest.approx((3 + 0.5) / 6)  # .9 above all three; 0 above none, beside one


def test_a_set_without_refuted_claims_has_no_share_of_them() -> None:
    figures = pair_figures(JUDGED[:1])
    assert figures.rejected is None
    assert figures.auroc is None


def test_reports_hold_every_figure_and_every_pair() -> None:
    figures = pair_figures(JUDGED)
    assert "| accuracy | 0.600 |" in markdown_of(figures, "Verifier on x")
    written = json.loads(json_of(JUDGED, figures))
    assert written["figures"]["... number"]["share"] == "0.500"
    assert [row["reason"] for row in written["pairs"]] == [None, "name", "number", None, "unsupported"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pairs: one in other words, one with another year."""
    premise = "Finland joined NATO on 4 April 2023."
    rows = [
        {"id": "a", "premise": premise, "hypothesis": "Finland joined NATO in April 2023.", "label": "SUPPORTS"},
        {"id": "b", "premise": premise, "hypothesis": "Finland joined NATO in 2022.", "label": "REFUTES",
         "reason": "date", "doc_id": "d", "title": "Finland", "date": "2023-04-04"},
    ]  # fmt: skip
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return tmp_path


def test_pairs_are_read_with_reason_document_title_and_date(folder: Path, tmp_path: Path) -> None:
    _, second = open_dataset(str(folder), work=tmp_path / "work").pairs
    assert (second.reason, second.group, second.title, second.dated) == ("date", "d", "Finland", "2023-04-04")
    assert [one.accepted for one in judge_pairs((second,), Verifier(SharedWords()))] == [False]


def test_eval_measures_the_verifier_where_a_set_has_pairs(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    assert run(["eval", "--dataset", str(folder), "--work", str(tmp_path / "work"), "--json", str(out)]) == 0
    assert "accuracy" in capsys.readouterr().out
    assert json.loads(out.read_text(encoding="utf-8"))["figures"]["accuracy"]["share"] == "1.000"


def test_a_page_of_pairs_is_wrong_usage(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work = str(tmp_path / "work")
    assert run(["eval", "--dataset", str(folder), "--work", work, "--html", str(tmp_path / "x.html")]) == 2
    assert "--json or --markdown" in capsys.readouterr().err
