"""The MCP server over stdio, in a child process, and over HTTP on loopback, with the SDK's own client."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from mcp import Client, StdioServerParameters
from mcp.shared.exceptions import MCPError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from rag.cli.mcp import mcp as serve
from rag.errors import UsageError
from rag.mcp_server import LazyCorpus, mcp_server
from rag.mcp_server.http import MAX_BODY_BYTES, mcp_app
from rag.settings import Settings
from rag.ui.port import listening_socket
from tests.conftest import Desk
from tests.fakes_mcp import GO, SlowAssistant, child, opened, said, served, structured, three_briefs

HEADERS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
LIST: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
QUESTION = {"question": "Who signed the treaty with Sweden?"}
ASK: dict[str, Any] = {"name": "ask", "arguments": QUESTION}
Era = Literal["legacy", "auto"]
"""The handshake of 2025, and the protocol of 2026, which has none."""


@pytest.fixture
def corpus(desk: Desk) -> Desk:
    return three_briefs(desk)


async def use_everything(client: Client) -> None:
    assert [tool.name for tool in (await client.list_tools()).tools][-1] == "add_brief"
    answers = await asyncio.gather(*(client.call_tool("ask", QUESTION) for _ in range(5)))
    assert all(said(answer).startswith("Norway signed the treaty with Sweden. [1]") for answer in answers)
    found = structured(await client.call_tool("search_briefs", {"query": "port in Chancay", "k": 1}))
    assert found["passages"][0]["brief_id"] == "lima"
    assert (
        structured(await client.call_tool("read_brief", {"id": "bare"}))["text"] == "The fishing quota was left open."
    )
    added = structured(await client.call_tool("add_brief", {"text": "Ghana built a bridge.", "title": "Bridge"}))
    listed = structured(await client.call_tool("list_briefs", {"limit": 3}))
    assert (listed["total"], len(listed["briefs"])) == (4, 3)
    uris = [resource.uri for resource in (await client.list_resources()).resources]
    assert f"brief://{added['briefs'][0]}" in uris
    assert (await client.read_resource("brief://oslo")).contents
    assert (await client.call_tool("read_brief", {"id": "nope"})).is_error
    with pytest.raises(MCPError, match="there is no brief 'nope'"):
        await client.read_resource("brief://nope")


@pytest.mark.parametrize("era", ["legacy", pytest.param("auto", marks=pytest.mark.slow)])
def test_everything_works_over_stdio(corpus: Desk, era: Era) -> None:
    async def main() -> None:
        async with Client(child(corpus.settings, "--allow-add"), mode=era, read_timeout_seconds=60) as client:
            await use_everything(client)

    asyncio.run(main())


@pytest.mark.parametrize("era", ["legacy", "auto"])
def test_everything_works_over_http(corpus: Desk, era: Era) -> None:
    async def main(url: str) -> None:
        async with Client(url, mode=era) as client, Client(url, mode=era) as another:
            await asyncio.gather(use_everything(client), another.call_tool("ask", QUESTION))

    with opened(corpus, adds=True) as open_corpus, served(open_corpus) as url:
        asyncio.run(main(url))


@pytest.mark.slow
def test_a_client_can_shake_hands_before_the_models_are_loaded(corpus: Desk, tmp_path: Path) -> None:
    go = tmp_path / "go"
    parameters = child(corpus.settings, model="tests.fakes_mcp:WaitingEmbeddings", **{GO: str(go)})

    async def main() -> None:
        async with Client(parameters, mode="legacy", read_timeout_seconds=60) as client:
            assert len((await client.list_tools()).tools) == 4
            asking = asyncio.create_task(client.call_tool("ask", QUESTION))
            await asyncio.sleep(0.5)
            assert not asking.done()
            go.touch()
            assert said(await asking).startswith("Norway signed")

    asyncio.run(main())


def started(parameters: StdioServerParameters) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [parameters.command, *parameters.args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(parameters.env or {})},
        cwd=parameters.cwd,
    )


def lines_of(*messages: dict[str, Any]) -> str:
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}}
    opening = [
        {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
    ]
    return "".join(json.dumps(message) + "\n" for message in [*opening, *messages])


def replies(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stdout
    for line in process.stdout:
        yield json.loads(line)


def test_nothing_but_the_protocol_is_printed_on_stdout(corpus: Desk) -> None:
    with started(child(corpus.settings, model="tests.fakes_mcp:ChattyEmbeddings")) as process:
        assert process.stdin
        assert process.stderr
        process.stdin.write(lines_of({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": ASK}) + "no json\n")
        process.stdin.flush()
        told = []
        for reply in replies(process):
            told.append(reply)
            if reply.get("id") == 1:
                break
        process.stdin.close()
        told += replies(process)
        errors = process.stderr.read()
        assert process.wait(30) == 0
    assert all(reply["jsonrpc"] == "2.0" for reply in told)
    (answer,) = (reply for reply in told if reply.get("id") == 1)
    assert "Norway signed" in answer["result"]["content"][0]["text"]
    for noise in ("noise from Python", "noise from C", "noise from a log"):
        assert noise in errors


@pytest.mark.slow
def test_the_server_ends_when_its_client_goes_away_in_the_middle_of_a_question(corpus: Desk, tmp_path: Path) -> None:
    go = tmp_path / "go"
    parameters = child(corpus.settings, model="tests.fakes_mcp:WaitingEmbeddings", **{GO: str(go)})
    with started(parameters) as process:
        assert process.stdin
        process.stdin.write(lines_of({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": ASK}))
        process.stdin.flush()
        assert next(replies(process))["id"] == 0
        process.stdin.close()
        go.touch()
        assert process.wait(30) == 0


class Slow(LazyCorpus):
    """A corpus whose assistant never answers."""

    def open_assistant(self) -> Any:
        return self.slow

    slow: SlowAssistant


@pytest.fixture
def slow() -> Slow:
    corpus = Slow(Settings())
    corpus.slow = SlowAssistant()
    return corpus


def test_a_question_is_given_up_when_its_http_client_goes_away(slow: Slow) -> None:
    async def main(url: str) -> None:
        async with httpx.AsyncClient() as client:
            body = {**LIST, "method": "tools/call", "params": ASK}
            asking = asyncio.create_task(client.post(url, json=body, headers=HEADERS))
            assert await asyncio.to_thread(slow.slow.begun.wait, 10)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
        assert await asyncio.to_thread(slow.slow.left.wait, 10)

    with served(slow) as url:
        asyncio.run(main(url))


def test_a_cancelled_question_is_given_up(slow: Slow) -> None:
    async def main() -> None:
        async with Client(mcp_server(slow), mode="legacy") as client:
            asking = asyncio.create_task(client.call_tool("ask", QUESTION))
            assert await asyncio.to_thread(slow.slow.begun.wait, 10)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert await asyncio.to_thread(slow.slow.left.wait, 10)

    asyncio.run(main())


def test_http_answers_to_its_own_name_its_own_pages_and_one_method(slow: Slow) -> None:
    with served(slow) as url, httpx.Client() as client:
        own = url.removesuffix("/mcp")

        def status(**headers: str) -> int:
            return client.post(url, json=LIST, headers={**HEADERS, **headers}).status_code

        assert status() == status(Origin=own) == 200
        assert status(Host="localhost:" + url.split(":")[2].split("/")[0]) == 200
        assert status(Host="briefs.example.org") == status(Host="127.0.0.1:1") == 421
        assert status(Origin="https://example.org") == status(Origin="null") == 403
        assert status(**{"Content-Type": "text/plain"}) == 400
        for method in ("GET", "DELETE", "OPTIONS", "PUT"):
            refused = client.request(method, url, headers=HEADERS)
            assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
        assert client.post(url, content=b" " * (MAX_BODY_BYTES + 1), headers=HEADERS).status_code == 413
        assert client.post(url, content=b"{", headers=HEADERS).status_code == 400
        assert client.post(own + "/other", json=LIST, headers=HEADERS).status_code == 404


def test_another_server_mounts_it_and_says_who_may_add(corpus: Desk) -> None:
    def may_add(request: Request | None) -> bool:
        return request is not None and request.headers.get("authorization") == "Bearer writes"

    async def main(app: Starlette) -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            assert (await client.post("/mcp", json=LIST, headers=HEADERS)).status_code == 503
            async with mcp.running():
                for key, adds in (("writes", True), ("reads", False)):
                    headers = {**HEADERS, "Authorization": f"Bearer {key}"}
                    told = await client.post("/mcp", json=LIST, headers=headers)
                    assert ("add_brief" in told.text) is adds
                    call = {"name": "add_brief", "arguments": {"text": f"Mali met Niger. {key}", "title": key}}
                    body = {**LIST, "method": "tools/call", "params": call}
                    told = await client.post("/mcp", json=body, headers=headers)
                    assert ("Ingested as" in told.text) is adds
                    assert ("briefs may not be added here" in told.text) is not adds

    with opened(corpus, adds=True) as open_corpus:
        mcp = mcp_app(open_corpus, may_add=may_add)
        asyncio.run(main(Starlette(routes=[Route("/mcp", mcp)])))


def test_an_address_of_the_network_is_refused_unless_that_is_asked_for(desk: Desk) -> None:
    with pytest.raises(UsageError, match="is reached from other machines"):
        serve(http=True, host="0.0.0.0", port=7870, index=desk.settings.index)


@pytest.mark.slow
def test_the_command_serves_http_until_it_is_interrupted(corpus: Desk) -> None:
    with listening_socket("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    with started(child(corpus.settings, "--http", "--port", str(port))) as process:
        assert process.stdout
        assert process.stderr
        assert process.stderr.readline() == f"MCP on http://127.0.0.1:{port}/mcp\n"

        async def main() -> None:
            async with Client(f"http://127.0.0.1:{port}/mcp") as client:
                assert said(await client.call_tool("ask", QUESTION)).startswith("Norway signed")

        asyncio.run(main())
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert process.stdout.read() == ""
