"""Commands that say who may use the chat."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rag.cli.options import from_stdin
from rag.errors import UsageError
from rag.users import Users

users_app = typer.Typer(help="Say who may use the chat.", no_args_is_help=True, rich_markup_mode=None)

FileOption = Annotated[Path, typer.Option("--file", help="The users file, as for `geobrief serve --auth`.")]
NameArgument = Annotated[str, typer.Argument(help="Name of the user.")]


@users_app.command()
def add(
    name: NameArgument,
    file: FileOption,
    stdin: Annotated[bool, typer.Option("--stdin", help="Read the password from stdin, one line.")] = False,
) -> None:
    """Add a user, or give one a new password. Who is signed in with the old one is signed out.

    Example: geobrief users add ada --file users.txt
    """
    password = _from_stdin() if stdin else _from_terminal()
    is_new = Users(file).add(name, password)
    typer.echo(f"added {name}" if is_new else f"changed the password of {name}")


@users_app.command("list")
def list_(file: FileOption) -> None:
    """List the names of the users.

    Example: geobrief users list --file users.txt
    """
    for name in Users(file).names():
        typer.echo(name)


@users_app.command()
def remove(name: NameArgument, file: FileOption) -> None:
    """Take a user out; a running chat refuses them from the next request on.

    Example: geobrief users remove ada --file users.txt
    """
    Users(file).remove(name)
    typer.echo(f"removed {name}")


def _from_stdin() -> str:
    return from_stdin(sys.stdin.readline).rstrip("\r\n")


def _from_terminal() -> str:
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask for the password; give it on stdin with --stdin")
    first = str(typer.prompt("Password", hide_input=True))
    if first != str(typer.prompt("Password again", hide_input=True)):
        raise UsageError("the two passwords differ; nothing was changed")
    return first
