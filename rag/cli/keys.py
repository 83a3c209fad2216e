"""Commands that say which programs may call the service."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rag.service.keys import ApiKeys

keys_app = typer.Typer(help="Say which programs may call the service.", no_args_is_help=True, rich_markup_mode=None)

FileOption = Annotated[Path, typer.Option("--file", help="The file of keys, as for `geobrief serve --api-keys`.")]
NameArgument = Annotated[str, typer.Argument(help="Name of the key: the program that will use it.")]


class KeyScope(StrEnum):
    """What a key allows."""

    read = "read"
    write = "write"
    admin = "admin"


@keys_app.command()
def add(
    name: NameArgument,
    file: FileOption,
    scope: Annotated[
        KeyScope,
        typer.Option("--scope", help="read: ask and read; write: add and remove briefs, too; admin: forget, evaluate."),
    ] = KeyScope.read,
) -> None:
    """Make a key and print it. It is kept nowhere in readable form, so note it now.

    Example: geobrief keys add notebook --scope read --file keys.txt
    """
    typer.echo(ApiKeys(file).add(name, scope.value))
    typer.echo(f"added {name} ({scope.value}); send it as Authorization: Bearer KEY", err=True)


@keys_app.command("list")
def list_(file: FileOption) -> None:
    """List the names of the keys and what they allow.

    Example: geobrief keys list --file keys.txt
    """
    for key in ApiKeys(file).listed():
        typer.echo(f"{key.name}  {key.level}")


@keys_app.command()
def remove(name: NameArgument, file: FileOption) -> None:
    """Take a key out; a running service refuses it from the next request on.

    Example: geobrief keys remove notebook --file keys.txt
    """
    ApiKeys(file).remove(name)
    typer.echo(f"removed {name}")
