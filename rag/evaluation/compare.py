"""Tell two runs apart: what changed in the figures, in the answers, and in what they depend on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from pydantic import ValidationError
from pydantic_core import from_json

from rag.errors import UsageError
from rag.evaluation.measures import MEASURES
from rag.evaluation.records import REPORT_VERSION, Difference, QuestionRecord, Report
from rag.evaluation.statistics import paired
from rag.evaluation.tables import measure_of

GATED = ("doc_recall@5", "passage_recall@5", "contains", "gold_cited", "stale", "span_valid", "correct", "refused")
"""What a change must not make worse. Few, since each one more makes Holm's correction stricter for all."""
MOST_FALL = 0.04
"""How far the share that is right may fall without failing a gate."""

Pairs = Sequence[tuple[QuestionRecord, QuestionRecord]]
Kind = Callable[[QuestionRecord, QuestionRecord], bool]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two reports."""

    made_at: str
    dataset: str
    digest: str
    n_questions: int


@dataclass(frozen=True, slots=True)
class MeasureChange:
    """A measure in both reports: its means over the common records, and their paired difference, after minus before."""

    before: float
    after: float
    difference: Difference


@dataclass(frozen=True, slots=True)
class QuestionChange:
    """A question whose outcome changed, with what was answered; None where nothing was."""

    id: str
    question: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class SystemComparison:
    """One system in both reports.

    Attributes:
        n_missing: questions of b that a was not asked.
        newly_failed: asked without an error before, with one after. Such a question is in no paired difference.
        changed_text: answered in both, in other words.
    """

    system: str
    n_common: int
    n_missing: int
    measures: tuple[MeasureChange, ...]
    newly_right: tuple[QuestionChange, ...]
    newly_wrong: tuple[QuestionChange, ...]
    newly_refused: tuple[QuestionChange, ...]
    newly_answered: tuple[QuestionChange, ...]
    newly_failed: tuple[QuestionChange, ...]
    changed_text: tuple[QuestionChange, ...]


@dataclass(frozen=True, slots=True)
class IdentityChange:
    """Something that the figures depend on and that differs, such as "settings.retrieve.top_k"; None is absent."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What report a, the one in question, changes against report b, the one before it. Differences are a minus b.

    Attributes:
        only_in_a: systems that b lacks.
        identities: of code, settings, packages, machine and models.
        notes: what limits the comparison, such as ids that stand for another question in each.
    """

    a: Side
    b: Side
    systems: tuple[SystemComparison, ...]
    only_in_a: tuple[str, ...]
    only_in_b: tuple[str, ...]
    identities: tuple[IdentityChange, ...]
    notes: tuple[str, ...]


def compare(
    a: Report,
    b: Report,
    *,
    measures: Sequence[str] | None = None,
    allow_different: bool = False,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Compare report a with report b, the one before it, over the questions that both hold.

    Args:
        measures: names to compare; None is every measure that both have records of, `correct` among them.
        allow_different: compare runs over different datasets too, over the question ids that they share.

    Raises:
        UsageError: the datasets differ, or the reports have no question of a common system in common.
    """
    if not allow_different:
        _refuse_different(a, b)
    pairs = {name: _pairs(a, b, name) for name in _systems(a) if name in _systems(b)}
    if not any(pairs.values()):
        raise UsageError(
            f"no system and question is in both reports: {_systems(a)!r} against {_systems(b)!r}; compare two runs of "
            "the same systems over the same questions"
        )
    return Comparison(
        a=_side(a),
        b=_side(b),
        systems=tuple(
            SystemComparison(
                system=name,
                n_common=len(common),
                n_missing=sum(record.system == name for record in b.records) - len(common),
                measures=tuple(_measure_changes(name, common, measures, n_resamples=n_resamples, seed=seed)),
                **{kind: _changes(common, changed) for kind, changed in _KINDS.items()},
            )
            for name, common in pairs.items()
        ),
        only_in_a=tuple(name for name in _systems(a) if name not in pairs),
        only_in_b=tuple(name for name in _systems(b) if name not in pairs),
        identities=tuple(_identity_changes(_identities(b), _identities(a))),
        notes=tuple(_limits(a, b)),
    )


def significant_drops(
    comparison: Comparison, *, alpha: float = 0.05, measures: Sequence[str] | None = GATED
) -> list[Difference]:
    """Return the differences by which a is worse that are significant, after Holm's correction.

    The family is every measure of every common system that is tested here, better ones too; None tests all that
    were compared. One that is the same for every question can never be rejected, and is not counted. No p-value of
    `paired` is below 1 / 10,001, so that a family of more than 500 tests can never show a drop at 0.05. A question
    that failed in a is in no difference: look at `newly_failed` and `n_missing` too.

    Sources: Holm, Scandinavian Journal of Statistics 6 (1979), 65-70; Tarone, Biometrics 46 (1990), 515-522.
    """
    compared = [
        change.difference
        for system in comparison.systems
        for change in system.measures
        if measures is None or change.difference.measure in measures
    ]
    tested = [difference for difference in compared if difference.value or difference.low or difference.high]
    rejected = []
    for n, difference in enumerate(sorted(tested, key=lambda d: d.p)):
        if difference.p > alpha / (len(tested) - n):
            break
        rejected.append(difference)
    return [difference for difference in tested if difference in rejected and _worse(difference)]


def plain_drops(comparison: Comparison, *, most: float = MOST_FALL) -> list[Difference]:
    """Return the falls of the share that is right by more than `most`, whatever their p-values.

    On a frozen set such a fall is one, even where the stories are too few for a test to show it.
    """
    changes = [change.difference for system in comparison.systems for change in system.measures]
    return [difference for difference in changes if difference.measure == "correct" and difference.value < -most]


def read_report(path: Path) -> Report:
    """Return the report that a run wrote.

    Raises:
        UsageError: there is no such file, or it holds no report of this version.
    """
    try:
        data = from_json(path.read_bytes())
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"{path}: the report cannot be read ({reason}); give the JSON file of a run") from error
    except ValueError as error:
        raise UsageError(f"{path}: this is not JSON ({error}); give the JSON file of a run") from error
    if not isinstance(data, dict) or "version" not in data:
        raise UsageError(f"{path}: this JSON is not a report, which has a version; give the JSON file of a run")
    if data["version"] != REPORT_VERSION:
        raise UsageError(
            f"{path}: report version {data['version']!r} is not {REPORT_VERSION}, the one that is read here; "
            "run the evaluation again"
        )
    try:
        return Report.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"{path}: the report is damaged at {where!r} ({first['msg']}); run the evaluation again"
        ) from error


def _refuse_different(a: Report, b: Report) -> None:
    if a.dataset.digest != b.dataset.digest:
        what = "documents" if a.dataset.corpus_digest != b.dataset.corpus_digest else "questions"
        raise UsageError(
            f"the reports are over different {what}: {a.dataset.name!r} ({a.dataset.digest[:12]}) and "
            f"{b.dataset.name!r} ({b.dataset.digest[:12]}); allow different datasets to compare the common questions"
        )


def _side(report: Report) -> Side:
    info = report.dataset
    return Side(report.made_at, info.name, info.digest, info.n_questions)


def _systems(report: Report) -> list[str]:
    return list(dict.fromkeys(record.system for record in report.records))


def _pairs(a: Report, b: Report, system: str) -> list[tuple[QuestionRecord, QuestionRecord]]:
    """Return the common records of a system, the one of b, before, first."""
    before = {record.id: record for record in b.records if record.system == system}
    return [(before[record.id], record) for record in a.records if record.system == system and record.id in before]


def _measure_changes(
    system: str, pairs: Pairs, measures: Sequence[str] | None, *, n_resamples: int, seed: int
) -> Iterator[MeasureChange]:
    scores = [(_scores(before), _scores(after), before.group or before.id) for before, after in pairs]
    in_both = {name for before, after, _ in scores for name in before if name in after}
    wanted = [*MEASURES, *sorted(in_both - MEASURES.keys())] if measures is None else measures
    for name in [name for name in wanted if name in in_both]:
        both = [(old[name], new[name], group) for old, new, group in scores if name in old and name in new]
        before, after, groups = zip(*both, strict=True)
        result = paired(after, before, groups, n_resamples=n_resamples, seed=seed)
        difference = Difference(
            measure=name, system=system, baseline=system, value=result.value, low=result.low, high=result.high,
            p=result.p, n=result.n,
        )  # fmt: skip
        yield MeasureChange(fmean(before), fmean(after), difference)


def _scores(record: QuestionRecord) -> dict[str, float]:
    return record.scores if record.correct is None else {**record.scores, "correct": float(record.correct)}


def _changes(pairs: Pairs, changed: Kind) -> tuple[QuestionChange, ...]:
    return tuple(
        QuestionChange(after.id, after.question, _text(before), _text(after))
        for before, after in pairs
        if changed(before, after)
    )


def _text(record: QuestionRecord) -> str | None:
    return None if record.said is None or record.said.abstained else record.said.text


def _refused(record: QuestionRecord) -> bool:
    return record.said is not None and record.said.abstained


def _answered(record: QuestionRecord) -> bool:
    return record.said is not None and not record.said.abstained


_KINDS: Mapping[str, Kind] = {
    "newly_right": lambda before, after: before.correct is False and after.correct is True,
    "newly_wrong": lambda before, after: before.correct is True and after.correct is False,
    "newly_refused": lambda before, after: _answered(before) and _refused(after),
    "newly_answered": lambda before, after: _refused(before) and _answered(after),
    "newly_failed": lambda before, after: before.error is None and after.error is not None,
    "changed_text": lambda before, after: _answered(before) and _answered(after) and _text(before) != _text(after),
}


def _worse(difference: Difference) -> bool:
    return difference.value > 0 if measure_of(difference.measure).lower_is_better else difference.value < 0


def _identities(report: Report) -> dict[str, str]:
    environment = report.environment.model_dump(exclude={"settings_digest"})
    run = {name: environment.pop(name) for name in ("settings", "packages")}
    systems = {f"system {system.name}": system.identity for system in report.systems}
    asked = report.dataset.model_dump(include={"digest", "corpus_digest", "split", "limit", "evidence"})
    return dict(_flat("", {**environment, **run, **systems, "dataset": asked}))


def _flat(prefix: str, values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", str(value)


def _identity_changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[IdentityChange]:
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name):
            yield IdentityChange(name, before.get(name), after.get(name))


def _limits(a: Report, b: Report) -> Iterator[str]:
    before, after = ({record.id: record.question for record in report.records} for report in (a, b))
    alone = len(before.keys() ^ after.keys())
    if alone:
        yield f"{alone} questions are in one report only and are passed over"
    reworded = sum(before[name] != after[name] for name in before.keys() & after.keys())
    if reworded:
        yield f"{reworded} of the common ids stand for a question in other words"
