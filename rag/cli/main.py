"""The commands, their exit codes, and what a failure prints.

Exit codes: 0 success, abstention included; 1 findings; 2 wrong usage or no index; 3 some or all files failed;
4 index locked, corrupt or of another model; 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from importlib import metadata
from typing import Annotated

import typer

from rag.cli.ask import ask, chat, search
from rag.cli.corpus import briefs_app, doctor, forget, verify
from rag.cli.evaluate import eval_app
from rag.cli.feedback import feedback_app
from rag.cli.ingest import ingest
from rag.cli.keys import keys_app
from rag.cli.mcp import mcp
from rag.cli.options import FAILURE_CODES
from rag.cli.serve import serve
from rag.cli.users import users_app
from rag.errors import RagError
from rag.printable import printable, shorten

INTERRUPTED = 130

app = typer.Typer(
    name="geobrief",
    help="Answers over a corpus of geopolitical briefs: offline, in quotes, every one with a citation you can check.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"geobrief {metadata.version('geobrief')}")
        raise typer.Exit


_Version = typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and leave.")


@app.callback()
def _every(version: Annotated[bool, _Version] = False) -> None:
    pass


for command in (ingest, ask, chat, search, forget, doctor, verify, serve, mcp):
    app.command()(command)
app.add_typer(briefs_app, name="briefs")
app.add_typer(eval_app, name="eval")
app.add_typer(feedback_app, name="feedback")
app.add_typer(users_app, name="users")
app.add_typer(keys_app, name="keys")


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run(sys.argv[1:]))


def serve_main() -> None:
    """Run `geobrief serve`, as app.py does."""
    sys.exit(run(["serve", *sys.argv[1:]]))


def run(arguments: list[str]) -> int:
    """Run one command; return its exit code, with failures told on stderr."""
    try:
        app(arguments, prog_name="geobrief")
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):
            return _closed_pipe()
        code = _code(stop.code)
        if code == INTERRUPTED:
            typer.echo("interrupted", err=True)
        return code
    except RagError as error:
        typer.echo(f"geobrief: {printable(str(error))}", err=True)
        return next(code for kind, code in FAILURE_CODES if isinstance(error, kind))
    except UnicodeEncodeError as error:
        if "surrogates" not in error.reason:
            raise
        typer.echo(f"geobrief: {shorten(repr(error.object), 100)} is not text in UTF-8; name it otherwise", err=True)
        return 2
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        return _closed_pipe()
    except OSError as error:
        reason = printable(str(error))
        typer.echo(f"geobrief: {reason}; check rights and free space, of the folder for temporary files too", err=True)
        return 4
    return 0


def _closed_pipe() -> int:
    """End well: the reader of our output went away, as `head` does, and nothing is left to flush to it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _code(code: object) -> int:
    """Read the code of a `SystemExit`, as the interpreter does."""
    if code is None:
        return 0
    return code if isinstance(code, int) else 1
