"""The server over standard input and output, as clients start it. Nothing but the protocol goes to stdout."""

from __future__ import annotations

import anyio
from mcp.server.stdio import stdio_server

from rag.mcp_server.corpus import Corpus
from rag.mcp_server.server import mcp_server


def serve_stdio(corpus: Corpus) -> None:
    """Serve one client until it closes standard input. What else is printed meanwhile goes to stderr."""
    anyio.run(_serve, corpus)


async def _serve(corpus: Corpus) -> None:
    server = mcp_server(corpus)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())
