"""`geobrief serve`: who needs a key, and that everything is on one address."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from rag.cli.main import run
from rag.cli.serve import _is_private
from rag.service.keys import ApiKeys
from rag.users import Users
from tests.conftest import Desk
from tests.fakes_service import bearer

MODEL = {"GEOBRIEF_EMBEDDING__MODEL": "tests.fakes:HashEmbeddings"}


def test_keys_are_needed_but_on_an_address_that_nobody_else_reaches(tmp_path: Path) -> None:
    users = Users(tmp_path / "users.txt")
    assert _is_private("127.0.0.1", None, False, [])
    assert _is_private("0.0.0.0", None, True, [])
    assert not _is_private("0.0.0.0", None, False, [])
    assert not _is_private("127.0.0.1", None, False, ["briefs.example.org"])
    assert not _is_private("127.0.0.1", users, False, [])
    assert not _is_private("0.0.0.0", users, True, [])


@pytest.mark.parametrize("content", [None, "", "notebook:read"])
def test_a_file_without_keys_is_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    file = tmp_path / "keys.txt"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    assert run(["serve", "--api-keys", str(file), "--index", str(tmp_path / "none")]) == 2
    assert str(file) in capsys.readouterr().err


@contextmanager
def serving(desk: Desk, *options: str) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "rag", "serve", "--index", str(desk.settings.index), "--port", str(port), *options]
    server = subprocess.Popen(command, env={**os.environ, **MODEL}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        end = time.monotonic() + 100
        while time.monotonic() < end and server.poll() is None:
            try:
                httpx.get(f"http://127.0.0.1:{port}/healthz").raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGINT)
        told = server.communicate(timeout=30)[0].decode()
    assert server.returncode in (0, 130), told


@pytest.mark.slow
def test_chat_service_and_the_other_protocols_share_an_address(desk: Desk, tmp_path: Path) -> None:
    desk.write("harbour.md", "The talks on the harbour ended in June.", title="Harbour", date="2024-06-03")
    desk.ingest()
    token = ApiKeys(tmp_path / "keys.txt").add("notebook", "read")
    log = tmp_path / "audit.jsonl"
    options = ("--api-keys", str(tmp_path / "keys.txt"), "--audit-log", str(log))
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    with serving(desk, *options) as address, httpx.Client(base_url=address, timeout=60) as client:
        assert client.get("/").status_code == 200
        assert client.post("/v1/ask", json={"question": "When did the harbour talks end?"}).status_code == 401
        assert client.post("/mcp", json=call).status_code == 401
        client.headers.update(bearer(token))
        answer = client.post("/v1/ask", json={"question": "When did the harbour talks end?"}).json()
        assert answer["sentences"][0]["text"] == "The talks on the harbour ended in June."
        assert client.get("/v1/models").json()["data"][0]["id"] == "geobrief"
        tools = client.post("/mcp", json=call, headers={"Accept": "application/json, text/event-stream"})
        assert "search_briefs" in tools.text
        assert "add_brief" not in tools.text  # the key may only read
    entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert ("notebook", "/v1/ask", 200) in {(e.get("caller"), e["path"], e["status"]) for e in entries}
    assert token not in log.read_text(encoding="utf-8")
    assert log.stat().st_mode & 0o077 == 0
