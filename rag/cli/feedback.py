"""What becomes of the thumbs of the chat: feedback export."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli.options import ConfigOption, IndexOption, settings_from
from rag.errors import UsageError

if TYPE_CHECKING:
    from rag.cli.feedback_gold import Judged
    from rag.settings import Settings
    from rag.userdata import Feedback

feedback_app = typer.Typer(
    help="Use what people thought of answers in the chat.", no_args_is_help=True, rich_markup_mode=None
)


@feedback_app.callback()
def _feedback() -> None:
    """Keep `export` a command of its own."""


@feedback_app.command("export")
def feedback_export(
    out: Annotated[Path, typer.Option("--out", help="Folder to write; it must not exist, or be empty.")],
    index: IndexOption = None,
    config: ConfigOption = None,
) -> None:
    """Write the answers judged in the chat as a benchmark of the present briefs, for `geobrief eval --dataset FOLDER`.

    An answer that was liked becomes a question whose gold is what the answer quoted: all of it, since the whole was
    judged. A refusal that was liked becomes a question to be refused, unless briefs came in since it was given. What
    was disliked becomes no question: it tells what is not right, and not what is. Neither does what cannot be asked
    again of all briefs, or what people judged differently.

    feedback.jsonl in the folder lists every verdict, with reason, evidence and settings, the question that it became,
    or why it became none. Names of users are not written; questions and reasons are, so keep the folder to yourself.

    Example: geobrief feedback export --out judged; geobrief eval --dataset judged --systems full
    """
    settings = settings_from(index, config)
    _check_target(out)
    kept = _kept(settings)
    if not kept:
        typer.echo("no answer has been judged yet; nothing was written", err=True)
        return
    from rag.build import open_index
    from rag.cli.feedback_dataset import write_dataset

    _tell(write_dataset(kept, open_index(settings).catalogue, out), out)


def _check_target(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is there already; name a folder that is not, or is empty")
    if not out.resolve().parent.is_dir():
        raise UsageError(f"{out} cannot be written: there is no folder {out.resolve().parent}")


def _kept(settings: Settings) -> tuple[Feedback, ...]:
    """Read the feedback; a file that is not there is not made."""
    from rag.userdata import USERDATA_FILE, UserData

    path = settings.folder / USERDATA_FILE
    if not path.is_file():
        return ()
    userdata = UserData(path)
    try:
        return tuple(userdata.feedback())
    finally:
        userdata.close()


def _tell(judged: Iterable[Judged], out: Path) -> None:
    """Say what was written, and how often what stood in the way of a question."""
    rows = tuple(judged)
    questions = {row.question_id: row.feedback.answer.abstained for row in rows if row.question_id}
    refusals = sum(questions.values())
    told = f"{len(questions)} questions, {refusals} of them to be refused"
    typer.echo(f"{len(rows)} verdicts in {out / 'feedback.jsonl'}; {told}")
    for why, n in Counter(row.left_out for row in rows if row.left_out).most_common():
        typer.echo(f"no question: {n} because {why}", err=True)
    if questions:
        typer.echo(f"measure with: geobrief eval --dataset {out}", err=True)
