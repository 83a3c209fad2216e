"""Commands that measure: eval, eval compare."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli.options import ConfigOption, IndexOption, settings_from
from rag.errors import UsageError

if TYPE_CHECKING:
    from rag.evaluation.question import Dataset
    from rag.evaluation.records import Report
    from rag.settings import Settings

DEFAULT_SYSTEMS = "bm25,dense,hybrid,full"
ReportArgument = Annotated[Path, typer.Argument(help="A report that eval --json wrote.")]


class Evidence(StrEnum):
    """What answers may draw on."""

    GOLD = "gold"
    CORPUS = "corpus"


eval_app = typer.Typer(
    help="Measure geobrief and other systems on a benchmark, and compare two such reports.",
    invoke_without_command=True,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@eval_app.callback()
def evaluate(
    context: typer.Context,
    dataset: Annotated[
        str | None, typer.Option(help="A folder, a SQuAD file, or a name in evals/datasets or $GEOBRIEF_DATA.")
    ] = None,
    systems: Annotated[
        str,
        typer.Option(help="Of bm25, dense, hybrid, full, langchain-tutorial and module:factory, joined by commas."),
    ] = DEFAULT_SYSTEMS,
    split: Annotated[str | None, typer.Option(help="Only this split, such as dev or test.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Ask only that many questions, drawn by --seed.")] = None,
    answers: Annotated[
        int | None, typer.Option(min=0, help="Answer only that many of them, drawn by --seed; search the others.")
    ] = None,
    evidence: Annotated[
        Evidence | None,
        typer.Option(help="What answers draw on, and refusals mean: gold documents or the corpus (as the dataset)."),
    ] = None,
    baseline: Annotated[str | None, typer.Option(help="The system that the others are compared with.")] = None,
    seed: Annotated[int, typer.Option(help="Of all draws.")] = 0,
    json_: Annotated[Path | None, typer.Option("--json", help="Write the report, with every record.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report as one page to browse.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write the tables as Markdown.")] = None,
    work: Annotated[
        Path, typer.Option(help="Folder for indexes, and for what a run that is cut short has done.")
    ] = Path(".geobrief-eval"),
    keep: Annotated[
        bool,
        typer.Option("--keep/--no-keep", help="Keep the report in the index folder, where the chat page shows it."),
    ] = True,
    index: IndexOption = None,
    config: ConfigOption = None,
) -> None:
    """Ask systems every question of a benchmark and print what they get right, with 95 % intervals.

    Example: geobrief eval --dataset briefs --split dev --systems bm25,dense,hybrid,full --html report.html
    """
    if context.invoked_subcommand:
        return
    if dataset is None:
        raise UsageError("no --dataset is named; give a folder, or a name such as briefs")
    _check_targets(json_, html, markdown)
    names = tuple(name for part in systems.split(",") if (name := part.strip()))
    settings = settings_from(index, config)
    from rag.evaluation.dataset import open_dataset

    opened = open_dataset(dataset, work=work, split=split)
    if opened.pairs and not opened.questions:
        _judge(opened, settings, json_=json_, html=html, markdown=markdown)
        return
    from rag.evaluation.evaluate import Request, evaluate

    request = Request(names, split, limit, answers, evidence.value if evidence else None, baseline, seed)
    command = shlex.join(["geobrief", *sys.argv[1:]])
    kept_in = settings.index if keep else None
    deliver = partial(_write, json_=json_, html=html, markdown=markdown, kept_in=kept_in)
    with _progress() as progress:
        report = evaluate(opened, request, settings, work=work, progress=progress, command=command, deliver=deliver)
    _show(report)


@eval_app.command()
def compare(
    a: ReportArgument,
    b: ReportArgument,
    fail_on_drop: Annotated[
        bool, typer.Option(help="Exit with 1 when the first report is significantly worse than the second.")
    ] = False,
    allow_different: Annotated[
        bool, typer.Option(help="Compare the questions that both have, of datasets that differ.")
    ] = False,
) -> None:
    """Show what report A changes against report B, question by question, with paired differences A - B.

    Example: geobrief eval compare after.json before.json
    """
    from rich.console import Console

    from rag.evaluation.compare import compare as compared
    from rag.evaluation.compare import plain_drops, read_report, significant_drops
    from rag.evaluation.terminal import print_comparison

    comparison = compared(read_report(a), read_report(b), allow_different=allow_different)
    print_comparison(comparison, Console())
    if not fail_on_drop:
        return
    drops = [*significant_drops(comparison), *plain_drops(comparison)]
    worse = list(dict.fromkeys(f"{d.system}: {d.measure} changed by {d.value:+.3f} (p {d.p:.4f})" for d in drops))
    if not allow_different:
        worse += [f"{s.system}: {s.n_missing} questions were not asked" for s in comparison.systems if s.n_missing]
    worse += [f"{name} is missing" for name in comparison.only_in_b]
    worse += [f"{s.system}: {len(s.newly_failed)} questions failed" for s in comparison.systems if s.newly_failed]
    for line in worse:
        typer.echo(f"worse: {line}", err=True)
    if worse:
        raise typer.Exit(1)


def _judge(
    dataset: Dataset, settings: Settings, *, json_: Path | None, html: Path | None, markdown: Path | None
) -> None:
    """Measure the verifier on a dataset of pairs."""
    from rich.console import Console

    from rag.build import open_verifier
    from rag.evaluation.pairs import judge_pairs, pair_figures
    from rag.evaluation.pairs_report import json_of, markdown_of, table_of

    if html:
        raise UsageError(f"{dataset.name} has pairs and no questions; write them with --json or --markdown")
    judged = list(judge_pairs(dataset.pairs, open_verifier(settings)))
    figures, title = pair_figures(judged), f"Verifier on {dataset.name}"
    Console().print(table_of(figures, title))
    if json_:
        json_.write_text(json_of(judged, figures) + "\n", encoding="utf-8")
    if markdown:
        markdown.write_text(markdown_of(figures, title), encoding="utf-8")


def _show(report: Report) -> None:
    from rich.console import Console

    from rag.evaluation.terminal import print_report

    print_report(report, Console())


def _write(
    report: Report, *, json_: Path | None, html: Path | None, markdown: Path | None, kept_in: Path | None
) -> None:
    """Write the report in the forms that are wanted, and keep it beside an index."""
    if json_:
        json_.write_text(report.model_dump_json(exclude_none=True) + "\n", encoding="utf-8")
    if markdown:
        from rag.evaluation.markdown import markdown_tables

        markdown.write_text(markdown_tables(report), encoding="utf-8")
    if html:
        from rag.evaluation.page import render_page

        html.write_text(render_page(report), encoding="utf-8")
    if kept_in:
        _keep(report, kept_in)


def _keep(report: Report, index: Path) -> None:
    """Keep the report for the chat page. A failure is told and stops nothing: the figures are printed all the same."""
    from rag.evaluation.kept import keep_report, reports_folder

    folder = reports_folder(index)
    try:
        keep_report(report, folder)
    except OSError as error:
        reason = error.strerror or str(error)
        typer.echo(f"the report is not kept in {folder} ({reason}); name another --index, or use --no-keep", err=True)


def _check_targets(*paths: Path | None) -> None:
    for path in paths:
        if path and not path.resolve().parent.is_dir():
            raise UsageError(f"{path} cannot be written: there is no folder {path.resolve().parent}")
        if path and path.is_dir():
            raise UsageError(f"{path} cannot be written: it is a folder; name a file")


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show what is going on, how far it is and the time left; nothing where stderr is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def update(what: str, done: int, total: int) -> None:
            kind = what.split(",")[0]
            if kind not in tasks:
                tasks[kind] = bar.add_task(what)
            bar.update(tasks[kind], description=what, completed=done, total=total)

        yield update
