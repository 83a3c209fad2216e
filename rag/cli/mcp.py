"""The command that serves MCP clients."""

from __future__ import annotations

import logging
from contextlib import closing
from typing import Annotated

import typer

from rag.cli.options import (
    AllowHostOption,
    ConfigOption,
    IndexOption,
    InsecureOption,
    require_loopback,
    settings_from,
)


def mcp(
    http: Annotated[bool, typer.Option("--http", help="Serve HTTP clients at /mcp instead of one client on stdio.")] = (
        False
    ),
    host: Annotated[str, typer.Option("--host", help="Address to listen on, with --http.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on, with --http.")] = 7870,
    allow_add: Annotated[bool, typer.Option("--allow-add", help="Let clients add briefs to the corpus.")] = False,
    insecure: InsecureOption = False,
    allow_host: AllowHostOption = None,
    index: IndexOption = None,
    config: ConfigOption = None,
) -> None:
    """Serve the briefs to an MCP client: on standard input and output, or over HTTP.

    Example: geobrief mcp --index /home/me/.geobrief
    """
    logging.basicConfig(level=logging.WARNING)  # to stderr; stdout is the protocol's
    settings = settings_from(index, config)
    if http:
        require_loopback(
            host, insecure=insecure, instead="use `geobrief serve`, which asks for keys and serves MCP at /mcp"
        )
    from rag.mcp_server import LazyCorpus, serve_http, serve_stdio

    with closing(LazyCorpus(settings, may_add=allow_add)) as corpus:
        if http:
            serve_http(corpus, host=host, port=port, allowed_hosts=allow_host or ())
        else:
            serve_stdio(corpus)
