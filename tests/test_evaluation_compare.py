"""Two runs told apart, on records that can be checked by hand."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from rag.errors import UsageError
from rag.evaluation.compare import Comparison, compare, read_report, significant_drops
from rag.evaluation.records import (
    AnswerSentence,
    DatasetInfo,
    Difference,
    Environment,
    QuestionRecord,
    Report,
    Said,
    SystemSummary,
)
from rag.evaluation.summary import summarise
from rag.evaluation.terminal import print_comparison

N = 40


def record(k: int, *, right: bool | None = True, text: str | None = "4 April", **fields: object) -> QuestionRecord:
    """Build the record of question `k`; no text is a refusal."""
    said = Said(sentences=() if text is None else (AnswerSentence(text=text, citations=()),))
    known: dict[str, object] = {
        "id": f"q{k}", "system": "full", "question": f"When was {k}?", "types": (), "group": f"q{k}",
        "answerable": True, "said": said, "correct": right, "scores": {"f1": float(bool(right)), "stale": 0.0},
    }  # fmt: skip
    return QuestionRecord.model_validate(known | fields)


def report(*records: QuestionRecord, digest: str = "a" * 64, **environment: object) -> Report:
    known: dict[str, object] = {
        "geobrief": "0.1.0", "code_digest": "c", "settings_digest": "d", "settings": {"retrieve": {"top_k": 5}},
        "python": "3.11.2", "platform": "Linux", "cpus": 8,
    }  # fmt: skip
    names = dict.fromkeys(r.system for r in records)
    return Report(
        made_at="2026-02-03",
        command="geobrief eval",
        dataset=DatasetInfo(
            name="briefs", form="briefs", digest=digest, corpus_digest="b", n_documents=3, split=None, limit=None,
            n_questions=len(records), n_answered_of=len(records), n_total=len(records), n_unanswerable=0,
            evidence="corpus",
        ),
        environment=Environment.model_validate(known | environment),
        systems=tuple(SystemSummary(name=name, kind="answers", identity={"reader": "deberta"}) for name in names),
        records=records,
    )  # fmt: skip


def run(n_right: int, **fields: object) -> list[QuestionRecord]:
    """Build `N` records, of which the first `n_right` are right."""
    return [record(k, right=k < n_right).model_copy(update=fields) for k in range(N)]


def differences(comparison: Comparison) -> dict[str, Difference]:
    return {change.difference.measure: change.difference for change in comparison.systems[0].measures}


def printed(comparison: Comparison, width: int = 80) -> str:
    file = io.StringIO()
    print_comparison(comparison, Console(file=file, width=width, color_system=None, highlight=False))
    return file.getvalue()


def test_a_difference_is_the_first_report_minus_the_second() -> None:
    comparison = compare(report(*run(30)), report(*run(20)))
    found = differences(comparison)
    assert found["correct"].value == pytest.approx(0.25)
    assert found["correct"].n == N
    assert found["correct"].low <= 0.25 <= found["correct"].high
    assert list(found) == ["f1", "stale", "correct"]
    change = next(c for c in comparison.systems[0].measures if c.difference.measure == "correct")
    assert (change.before, change.after) == (0.5, 0.75)


def test_a_run_differs_in_nothing_from_itself() -> None:
    comparison = compare(report(*run(30)), report(*run(30)))
    assert {d.value for d in differences(comparison).values()} == {0.0}
    system = comparison.systems[0]
    assert (system.newly_right, system.newly_wrong, system.changed_text) == ((), (), ())
    assert (comparison.identities, comparison.notes) == ((), ())


def test_only_the_measures_asked_for_are_compared() -> None:
    found = differences(compare(report(*run(30)), report(*run(20)), measures=("correct", "polar")))
    assert list(found) == ["correct"]


def test_a_measure_is_compared_over_the_questions_that_both_runs_scored() -> None:
    before = [record(0), record(1, scores={})]
    assert differences(compare(report(record(0), record(1)), report(*before)))["f1"].n == 1


def test_changed_questions_are_listed_by_how_they_changed() -> None:
    before = (
        record(0, right=False, text="5 May"), record(1), record(2), record(3, right=False, text=None), record(4),
        record(5),
    )  # fmt: skip
    after = (
        record(0), record(1, right=False, text="5 May"), record(2, right=False, text=None), record(3),
        record(4, said=None, right=None, error="IndexLocked"), record(5),
    )  # fmt: skip
    system = compare(report(*after), report(*before)).systems[0]
    assert [c.id for c in system.newly_right] == ["q0", "q3"]
    assert [c.id for c in system.newly_wrong] == ["q1", "q2"]
    assert [c.id for c in system.newly_refused] == ["q2"]
    assert [c.id for c in system.newly_answered] == ["q3"]
    assert [c.id for c in system.newly_failed] == ["q4"]
    assert [(c.id, c.before, c.after) for c in system.changed_text] == [
        ("q0", "5 May", "4 April"),
        ("q1", "4 April", "5 May"),
    ]


def test_other_datasets_are_refused_by_name() -> None:
    with pytest.raises(
        UsageError, match=r"different questions: 'briefs' \(aaaaaaaaaaaa\) and 'briefs' \(eeeeeeeeeeee\)"
    ):
        compare(report(record(0)), report(record(0), digest="e" * 64))


def test_other_datasets_are_compared_over_common_questions_when_allowed() -> None:
    b = report(record(0), record(1, question="Who?"), record(2), digest="e" * 64)
    comparison = compare(report(record(0), record(1)), b, allow_different=True)
    assert comparison.systems[0].n_common == 2
    assert comparison.notes == (
        "1 questions are in one report only and are passed over",
        "1 of the common ids stand for a question in other words",
    )


def test_reports_with_nothing_in_common_are_refused() -> None:
    with pytest.raises(UsageError, match="no system and question is in both"):
        compare(report(record(0)), report(record(0, system="bm25")))


def test_a_system_of_one_report_only_is_named() -> None:
    comparison = compare(report(record(0), record(0, system="dense")), report(record(0), record(0, system="bm25")))
    assert (comparison.only_in_a, comparison.only_in_b) == (("dense",), ("bm25",))
    assert [system.system for system in comparison.systems] == ["full"]


def test_settings_code_and_packages_that_differ_are_named() -> None:
    a = report(record(0), settings={"retrieve": {"top_k": 8}}, code_digest="x", packages={"torch": "2.13.0"})
    found = {c.name: (c.before, c.after) for c in compare(a, report(record(0))).identities}
    assert found == {
        "code_digest": ("c", "x"),
        "settings.retrieve.top_k": ("5", "8"),
        "packages.torch": (None, "2.13.0"),
    }


def test_models_that_differ_are_named() -> None:
    a = report(record(0))
    other = a.systems[0].model_copy(update={"identity": {"reader": "roberta"}})
    (change,) = compare(a.model_copy(update={"systems": (other,)}), report(record(0))).identities
    assert (change.name, change.before, change.after) == ("system full.reader", "deberta", "roberta")


def test_a_clear_drop_is_significant_and_a_gain_is_not() -> None:
    worse, better = report(*run(10)), report(*run(35))
    assert [d.measure for d in significant_drops(compare(worse, better))] == ["correct"]
    assert significant_drops(compare(better, worse)) == []


def test_a_rise_is_a_drop_where_lower_is_better() -> None:
    stale = report(*run(N, scores={"stale": 1.0}))
    assert [d.measure for d in significant_drops(compare(stale, report(*run(N))))] == ["stale"]


def holm(*p: float) -> list[str]:
    """Return which of the measures m0, m1 … with these p-values are told as drops."""
    comparison = compare(report(record(0)), report(record(0)))
    (change,) = [c for c in comparison.systems[0].measures if c.difference.measure == "f1"]
    changes = tuple(
        replace(change, difference=change.difference.model_copy(update={"measure": f"m{n}", "value": -0.1, "p": value}))
        for n, value in enumerate(p)
    )
    told = replace(comparison, systems=(replace(comparison.systems[0], measures=changes),))
    return [d.measure for d in significant_drops(told, measures=None)]


@pytest.mark.parametrize(
    ("p", "told"),
    [
        ((0.04,), ["m0"]),
        ((0.04, 0.04), []),  # 0.04 > 0.05 / 2
        ((0.04, 0.02), ["m0", "m1"]),  # 0.02 <= 0.05 / 2, then 0.04 <= 0.05
        ((0.03, 0.01, 0.03), ["m1"]),  # 0.01 <= 0.05 / 3, then 0.03 > 0.05 / 2
        ((), []),
    ],
)
def test_holms_correction_is_stepwise(p: tuple[float, ...], told: list[str]) -> None:
    assert holm(*p) == told


def test_a_comparison_fits_the_console_and_shows_what_changed() -> None:
    comparison = compare(report(*run(30), code_digest="x"), report(*run(20)))
    text = printed(comparison)
    assert max(map(cell_len, text.splitlines())) <= 80
    assert "code_digest: c → x" in text
    assert "+0.250 [" in text
    assert "Newly right: 10" in text


def test_a_long_list_is_cut_and_says_so() -> None:
    text = printed(compare(report(*run(N)), report(*run(0))))
    assert "Newly right: 40" in text
    assert "and 20 more" in text


def test_no_control_character_of_an_answer_reaches_the_terminal() -> None:
    text = printed(compare(report(record(0, text="\x1b[31mred [bold]x[/bold]")), report(record(0))))
    assert "\x1b" not in text
    assert "[bold]x[/bold]" in text


def test_a_report_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    path, written = tmp_path / "report.json", report(*run(3))
    path.write_text(written.model_dump_json(), encoding="utf-8")
    assert read_report(path) == written


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not a report"),
        (b"{}", "not a report"),
        (b'{"version": 99}', "version 99 is not 1"),
        (b'{"version": 1}', "damaged at 'made_at'"),
    ],
)
def test_what_is_no_report_is_refused_with_its_path(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=rf"report\.json: .*{reason}"):
        read_report(path)


def test_a_report_that_is_not_there_is_refused_with_its_path(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(UsageError, match=f"{path.name}: the report cannot be read"):
            read_report(path)


def test_reliability_is_of_the_best_unit_and_not_of_whether_anything_answers() -> None:
    asked = [record(k, confidence=0.95, score=0.45, scores={"unit_hit@1": float(k == 0)}) for k in range(2)]
    found = summarise("full", asked, identity={}, seed=0)
    assert [(b.confidence, b.accuracy, b.n) for b in found.reliability] == [(0.45, 0.5, 2)]
    assert found.ece == pytest.approx(0.05)


@pytest.mark.parametrize(("unsure", "is_told"), [(1, True), (2, False)])
def test_a_few_answers_without_a_confidence_are_left_out_of_its_curves(unsure: int, is_told: bool) -> None:
    """Such as an overview of a subject, which nothing was read for."""
    asked = [
        record(k, answerable=k % 2 == 0, confidence=None if k < unsure else 0.9 - k % 2 * 0.5, scores={})
        for k in range(20)
    ]
    measures = summarise("full", asked, identity={}, seed=0).measures
    assert ("refusal_auroc" in measures) is is_told
    if is_told:
        auroc = measures["refusal_auroc"]
        assert (auroc.value, auroc.n, auroc.n_total) == (1, 19, 20)
