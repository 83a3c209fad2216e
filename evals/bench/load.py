"""The service under load: `python -m evals.bench.load` asks it from fifty clients at once, on loopback, and ends.

Each answer is compared with what the same question got before the load began. Prints requests by status, answers a
second, time to answer, and the server's memory in the second and the last quarter.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
CLIENTS = 50
SECONDS = 60.0
START_S = 120.0
QUESTIONS = (
    "What sectors will they cooperate on?",
    "When did Finland join NATO?",
    "Why were ship transits through the Panama Canal reduced?",
    "Who won the elections in Portugal?",
    "How many countries were represented at the Kazan summit?",
)


@dataclass
class Load:
    """What came of it."""

    seconds: float
    statuses: Counter[str] = field(default_factory=Counter)
    took_s: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    memory_mib: list[float] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """Memory in the last quarter over that in the second, less 1."""
        quarter = len(self.memory_mib) // 4
        second, last = self.memory_mib[quarter : 2 * quarter], self.memory_mib[3 * quarter :]
        return statistics.mean(last) / statistics.mean(second) - 1

    def __str__(self) -> str:
        percentiles = statistics.quantiles(self.took_s, n=20)
        quarter = len(self.memory_mib) // 4
        return (
            f"{dict(self.statuses)}; {len(self.wrong)} wrong; {len(self.took_s) / self.seconds:.1f} answers a second; "
            f"p50 {statistics.median(self.took_s):.2f} s, p95 {percentiles[18]:.2f} s; "
            f"memory {statistics.mean(self.memory_mib[quarter : 2 * quarter]):.0f} MiB in the second quarter, "
            f"{statistics.mean(self.memory_mib[3 * quarter :]):.0f} in the last ({self.growth:+.1%})"
        )


@contextmanager
def serving(index: Path) -> Iterator[tuple[str, int]]:
    """Serve an index with `geobrief serve`; yield its address and its process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "rag", "serve", "--index", str(index), "--port", str(port), "--no-audit"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    address, end = f"http://127.0.0.1:{port}", time.monotonic() + START_S
    try:
        while not _is_ready(address):
            if server.poll() is not None or time.monotonic() > end:
                raise RuntimeError("the server did not start")
            time.sleep(0.2)
        yield address, server.pid
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)


async def load(address: str, pid: int, *, clients: int = CLIENTS, seconds: float = SECONDS) -> Load:
    """Ask from so many clients for so long."""
    came = Load(seconds)
    limits = httpx.Limits(max_connections=clients)
    async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits) as client:
        expected = [_said((await client.post("/v1/ask", json={"question": one})).json()) for one in QUESTIONS]
        end = time.monotonic() + seconds
        asking = [asyncio.create_task(_ask(client, n, end, expected, came)) for n in range(clients)]
        while time.monotonic() < end:
            came.memory_mib.append(_resident_mib(pid))
            await asyncio.sleep(0.5)
        await asyncio.gather(*asking)
    return came


async def _ask(client: httpx.AsyncClient, n: int, end: float, expected: Sequence[object], came: Load) -> None:
    while time.monotonic() < end:
        n += 1
        begun = time.monotonic()
        try:
            reply = await client.post("/v1/ask", json={"question": QUESTIONS[n % len(QUESTIONS)]})
        except httpx.HTTPError as error:
            came.statuses[type(error).__name__] += 1
            continue
        came.statuses[str(reply.status_code)] += 1
        if reply.status_code == 429:
            await asyncio.sleep(float(reply.headers["retry-after"]))
        elif reply.status_code == 200:
            if time.monotonic() <= end:
                came.took_s.append(time.monotonic() - begun)
            if _said(reply.json()) != expected[n % len(QUESTIONS)]:
                came.wrong.append(reply.text)


def _said(answer: dict[str, object]) -> object:
    return {key: answer[key] for key in ("question", "text", "sentences", "abstained")}


def _resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz").status_code == 200
    except httpx.HTTPError:
        return False


def main() -> None:
    """Ingest the starter corpus into a folder of its own, serve it, ask, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index"
        ingest = [sys.executable, "-m", "rag", "ingest", "corpus", "--index", str(index)]
        subprocess.run(ingest, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        with serving(index) as (address, pid):
            print(asyncio.run(load(address, pid, clients=given.clients, seconds=given.seconds)))


if __name__ == "__main__":
    main()
