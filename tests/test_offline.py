"""Nothing leaves the machine: at import, start, ingest or answer, every connection beyond loopback is refused here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

BLOCK = """
import socket, sys
LOCAL = ("127.", "::1", "localhost", "0.0.0.0")
def audit(event, args):
    if event == "socket.connect":
        address = args[1]
        if isinstance(address, tuple) and not str(address[0]).startswith(LOCAL):
            raise SystemExit(f"connected to {address}")
    if event in ("socket.getaddrinfo", "socket.gethostbyname") and args[0] not in (None, ""):
        if not str(args[0]).startswith(LOCAL):
            raise SystemExit(f"looked up {args[0]}")
sys.addaudithook(audit)
"""


def run_blocked(code: str, tmp_path: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "GRADIO_", "GEOBRIEF_"))}
    environment["GEOBRIEF_INDEX"] = str(tmp_path / "index")
    done = subprocess.run(
        [sys.executable, "-c", BLOCK + code], capture_output=True, text=True, cwd=ROOT, env=environment, timeout=110
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_the_block_itself_works(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"192\.0\.2\.1"):
        run_blocked("import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)", tmp_path)


@pytest.mark.slow
def test_ingest_and_answer_open_no_connection(tmp_path: Path) -> None:
    code = """
from rag.cli.main import run
assert run(["ingest", "corpus/2023-04-04-finland-nato.md"]) == 0
assert run(["ask", "When did Finland join NATO?"]) == 0
"""
    assert "4 April 2023" in run_blocked(code, tmp_path)


@pytest.mark.slow
def test_the_chat_starts_and_answers_without_a_connection_beyond_loopback(tmp_path: Path) -> None:
    code = """
import threading, time, urllib.request, json, os, signal
from rag.cli.main import run
assert run(["ingest", "corpus/2023-04-04-finland-nato.md"]) == 0
def visit():
    for _ in range(200):
        time.sleep(0.2)
        try:
            page = urllib.request.urlopen("http://127.0.0.1:47861/", timeout=5).read().decode()
            break
        except OSError:
            continue
    print("page", "gradio" in page.lower(), "fonts.googleapis" in page, flush=True)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=visit, daemon=True).start()
run(["serve", "--port", "47861"])
"""
    out = run_blocked(code, tmp_path)
    assert "Running on http://127.0.0.1:47861" in out
    assert "page True False" in out
