"""MCP servers for tests: a child on stdio, one on a loopback port, and models that make noise or keep one waiting."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult, TextContent

from rag.build import open_assistant
from rag.mcp_server import Corpus, OpenCorpus, mcp_server
from rag.mcp_server.http import guarded_app
from rag.settings import Settings
from rag.ui.port import listening_socket
from rag.ui.web.hosts import Hosts
from rag.uploads import Uploads
from tests.conftest import Desk
from tests.fakes import HashEmbeddings

OSLO = "The harbour talks in Oslo ended on 3 June. Norway signed the treaty with Sweden."
ROOT = Path(__file__).parent.parent
GO = "MCP_TEST_GO"
"""Names the file that `WaitingEmbeddings` waits for."""


class ChattyEmbeddings(HashEmbeddings):
    """Prints wherever a library might, when it loads and when it embeds."""

    def __init__(self) -> None:
        super().__init__()
        self.embed_query("loading")

    def embed_query(self, text: str) -> list[float]:
        print("noise from Python", flush=True)
        os.write(1, b"noise from C\n")
        logging.getLogger("library").warning("noise from a log")
        return super().embed_query(text)


class WaitingEmbeddings(HashEmbeddings):
    """Takes as long to load as the test wants."""

    def __init__(self) -> None:
        super().__init__()
        until = time.monotonic() + 60
        while not Path(os.environ[GO]).exists() and time.monotonic() < until:
            time.sleep(0.02)


class SlowAssistant:
    """Answers nothing, slowly, and knows when its caller is gone."""

    max_question_chars = 100

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.left = threading.Event()
        self.finish = threading.Event()

    def stream(self, _question: str, **_how: Any) -> Iterator[str]:
        self.begun.set()
        try:
            while not self.finish.wait(0.02):
                yield "nothing yet"
        finally:
            self.left.set()


def child(
    settings: Settings, *flags: str, model: str = "tests.fakes:HashEmbeddings", **env: str
) -> StdioServerParameters:
    """Return how a client starts the server, as `geobrief mcp` does."""
    quick = {
        "GEOBRIEF_EMBEDDING__MODEL": model,
        "GEOBRIEF_READER__MODEL": "tests.fakes:SharedWords",
        "GEOBRIEF_VERIFIER__MODEL": "tests.fakes:SharedWords",
    }
    arguments = ["-m", "rag", "mcp", "--index", str(settings.index), *flags]
    return StdioServerParameters(command=sys.executable, args=arguments, env={**quick, **env}, cwd=ROOT)


@contextmanager
def served(corpus: Corpus) -> Iterator[str]:
    """Serve a corpus on loopback; yield its address."""
    with listening_socket("127.0.0.1", 0) as listening:
        listening.listen()  # who comes before the server has started waits for it
        port = listening.getsockname()[1]
        app = guarded_app(corpus, Hosts.of("127.0.0.1", port))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()


@contextmanager
def opened(desk: Desk, *, adds: bool = False) -> Iterator[OpenCorpus]:
    """Yield the corpus of a desk, its parts open."""
    uploads = Uploads(desk.settings, embeddings=desk.embeddings) if adds else None
    try:
        yield OpenCorpus(open_assistant(desk.settings, embeddings=desk.embeddings), uploads)
    finally:
        if uploads is not None:
            uploads.close()


def three_briefs(desk: Desk) -> Desk:
    """Ingest briefs named oslo, lima and bare, the newest first, the last without a date."""
    oslo = {"id": "oslo", "title": "Harbour talks", "date": "2024-06-03", "region": "[europe]", "source": "Wire"}
    desk.write("oslo.md", OSLO, **oslo)
    lima = {"id": "lima", "title": "A port", "date": "2023-11", "region": "[americas]"}
    desk.write("lima.md", "Peru opened a port in Chancay.", **lima)
    desk.write("bare.md", "The fishing quota was left open.", id="bare", title="Quota")
    desk.ingest()
    return desk


def asked(corpus: Corpus, talk: Callable[[Client], Awaitable[Any]]) -> Any:
    """Connect a client to a server over a corpus in this process, and return what `talk` returns."""

    async def main() -> Any:
        async with Client(mcp_server(corpus), mode="legacy") as client:
            return await talk(client)

    return asyncio.run(main())


def called(desk: Desk, tool: str, *, adds: bool = False, **arguments: Any) -> CallToolResult:
    """Return what one call of a tool gives."""
    with opened(desk, adds=adds) as corpus:
        return asked(corpus, lambda client: client.call_tool(tool, arguments))  # type: ignore[no-any-return]


def structured(result: CallToolResult) -> dict[str, Any]:
    """Return the object of a result that is no error."""
    assert not result.is_error, said(result)
    assert isinstance(result.structured_content, dict)
    return result.structured_content


def said(result: CallToolResult) -> str:
    """Return the text of a result, which is all in one block."""
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text
