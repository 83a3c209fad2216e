"""The command that serves MCP clients."""

from __future__ import annotations

import logging
from contextlib import closing
from typing import Annotated

import typer

from rag.cli.options import ConfigOption, IndexOption, settings_from
from rag.errors import UsageError


def mcp(
    http: Annotated[bool, typer.Option("--http", help="Serve HTTP clients at /mcp instead of one client on stdio.")] = (
        False
    ),
    host: Annotated[str, typer.Option("--host", help="Address to listen on, with --http.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on, with --http.")] = 7870,
    allow_add: Annotated[bool, typer.Option("--allow-add", help="Let clients add briefs to the corpus.")] = False,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Let everybody in who reaches an address that is not this machine's.")
    ] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", help="Further NAME or NAME:PORT it is reached by, as by a proxy; repeatable."),
    ] = None,
    index: IndexOption = None,
    config: ConfigOption = None,
) -> None:
    """Serve the briefs to an MCP client: on standard input and output, or over HTTP.

    Example: geobrief mcp --index /home/me/.geobrief
    """
    logging.basicConfig(level=logging.WARNING)  # to stderr; stdout is the protocol's
    settings = settings_from(index, config)
    if http:
        _require_loopback(host, insecure)
    from rag.mcp_server import LazyCorpus, serve_http, serve_stdio

    with closing(LazyCorpus(settings, may_add=allow_add)) as corpus:
        if http:
            serve_http(corpus, host=host, port=port, allowed_hosts=allow_host or ())
        else:
            serve_stdio(corpus)


def _require_loopback(host: str, insecure: bool) -> None:
    """Refuse to open the corpus to a network, unless that is asked for."""
    from rag.ui.web.hosts import is_loopback

    if is_loopback(host):
        return
    if not insecure:
        raise UsageError(
            f"{host!r} is reached from other machines, and anybody there could ask and read; use `geobrief serve`, "
            "which asks for keys and serves MCP at /mcp, or let everybody in with --insecure"
        )
    typer.echo(f"geobrief: warning: anybody who reaches {host!r} can ask and read", err=True)
