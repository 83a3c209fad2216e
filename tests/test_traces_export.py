"""Traces that are sent: to a real collector on loopback, to one that is down, to one that is silent."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from rag.errors import UsageError
from rag.service.traces import traces_endpoint
from tests.conftest import Desk
from tests.fakes_service import QUESTION
from tests.fakes_tracing import collector

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
        ("https://traces.example.org/", "https://traces.example.org/v1/traces"),
        ("https://cloud.example.org/api/public/otel/v1/traces", "https://cloud.example.org/api/public/otel/v1/traces"),
    ],
)
def test_a_collector_is_named_by_its_address(given: str, expected: str) -> None:
    assert traces_endpoint(given) == expected


@pytest.mark.parametrize(
    "given", ["", "127.0.0.1:4318", "ftp://a", "http://", "http://[", "http://a:b", "grpc://a:4317"]
)
def test_what_is_no_address_of_a_collector_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match="http://127"):
        traces_endpoint(given)


EXPORTS = """
import sys, time
from rag.service.traces import exported_traces
from rag.tracing import Stages, Traced
from opentelemetry import trace

begun = time.perf_counter()
with exported_traces(sys.argv[1], version="1"):
    trace.get_tracer("fastapi").start_span("noise").end()
    for n in range(3):
        stages = Stages()
        def events():
            with stages.stage("read"):
                yield n
        asked = time.perf_counter()
        list(stages.of(events()))
        print("asked", time.perf_counter() - asked)
    ended = time.perf_counter()
print("ended", time.perf_counter() - ended)
"""


def exported(endpoint: str) -> tuple[float, float, str]:
    """Trace three questions in a process of its own: the longest of them, the time to stop, and what was logged."""
    done = subprocess.run([sys.executable, "-c", EXPORTS, endpoint], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    asked = max(float(took) for what, took in lines if what == "asked")
    return asked, next(float(took) for what, took in lines if what == "ended"), done.stderr


def test_a_collector_gets_every_span_when_the_process_ends() -> None:
    with collector() as (url, came):
        exported(traces_endpoint(url))
    assert sorted(span.name for span in came) == ["geobrief.ask"] * 3 + ["geobrief.read"] * 3
    by_id = {span.span_id: span for span in came}
    assert all(by_id[s.parent_span_id].name == "geobrief.ask" for s in came if s.name == "geobrief.read")


def test_a_collector_that_is_down_neither_slows_a_question_nor_holds_up_the_end() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens there
        asked_s, ended_s, told = exported(f"http://127.0.0.1:{closed.getsockname()[1]}/v1/traces")
    assert asked_s < 0.1
    assert ended_s < 7
    assert "Traceback" not in told


def test_a_collector_that_never_answers_does_not_hold_up_the_end_for_long() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        asked_s, ended_s, told = exported(f"http://127.0.0.1:{silent.getsockname()[1]}/v1/traces")
    assert asked_s < 0.1
    assert ended_s < 7
    assert "Traceback" not in told


@pytest.mark.slow
def test_serve_sends_its_traces_and_writes_its_log_as_json(desk: Desk) -> None:
    desk.write("harbour.md", "The talks on the harbour ended in June.", title="Harbour", date="2024-06-03")
    desk.ingest()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with collector() as (url, came):
        options = ["--index", str(desk.settings.index), "--port", str(port), "--traces", url, "--log-format", "json"]
        server = subprocess.Popen(
            [sys.executable, "-m", "rag", "serve", *options],
            env={**os.environ, "GEOBRIEF_EMBEDDING__MODEL": "tests.fakes:HashEmbeddings"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        end = time.monotonic() + 100
        while time.monotonic() < end and server.poll() is None:
            try:
                asked = httpx.post(f"http://127.0.0.1:{port}/v1/ask?k=secret", json=QUESTION, timeout=30)
                break
            except httpx.TransportError:
                time.sleep(0.2)
        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=60)
        assert server.returncode in (0, 130), err
    assert asked.json()["sentences"]
    assert out == b""
    entries = [json.loads(line) for line in err.decode().splitlines()]
    (audit,) = (entry for entry in entries if entry["logger"] == "geobrief.audit")
    assert (audit["path"], audit["status"], audit["request_id"]) == ("/v1/ask", 200, asked.headers["x-request-id"])
    (request,) = (span for span in came if span.name == "POST /v1/ask")
    (whole,) = (span for span in came if span.name == "geobrief.ask")
    assert whole.parent_span_id == request.span_id
    assert len([span for span in came if span.parent_span_id == whole.span_id]) == 5
    assert not [word for word in (b"harbour", b"secret") if word in err]
    assert "harbour" not in str(came)
