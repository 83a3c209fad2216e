"""What start-up costs: seconds and peak memory of fresh processes, of each part alone and of the whole.

    python -m evals.bench.startup                     # over an index of corpus/
    python -m evals.bench.startup --index DIR --repeats 5

A part runs in a process that imports what it needs, loads it and uses it once. Parts are taken in turns, so that what
else the machine does falls on all of them. Linux only: memory is read from /proc.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

QUESTION = "what sectors will they cooperate on"
TIMEOUT_S = 300.0
POLL_S = 0.02

_CROSS_ENCODER = """
from rag.cross_encoder import MODELS, PackagedCrossEncoder
PackagedCrossEncoder(MODELS / {name!r}).score([("Who signed it?", "Envoys signed it.")])
"""
PARTS: Mapping[str, str] = {
    "python alone": "",
    "import torch": "import torch",
    "embeddings": """
from rag.embedding import SentenceTransformerEmbeddings
SentenceTransformerEmbeddings("all-MiniLM-L6-v2").embed_query("Who signed it?")
""",
    "reader": _CROSS_ENCODER.format(name="reader"),
    "closer reader": _CROSS_ENCODER.format(name="closer"),
    "verifier": _CROSS_ENCODER.format(name="verifier"),
    "index: catalogue and vectors": """
from rag.build import open_index
from rag.settings import load_settings
index = open_index(load_settings())
index.vectors.closest(index.catalogue.generation(), [1.0] * int(index.identity["dimension"]), k=1)
""",
    "all of it, as the server loads it": """
from rag.build import open_assistant, warm_up
warm_up(open_assistant())
""",
}
"""Programs by what they load."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process cost: seconds until it was done or listened, and the most memory that it held, in MB."""

    seconds: float
    peak_mb: float


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", type=Path, help="an index; by default one of corpus/ is made")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        index = arguments.index or Path(folder) / "index"
        if arguments.index is None:
            _finished([sys.executable, "-m", "rag", "ingest", "corpus", "--index", str(index)], index)
        print("\n".join([_machine(), "", *lines(measure(index, repeats=arguments.repeats))]))


def measure(index: Path, *, repeats: int) -> dict[str, list[Cost]]:
    """Measure every part, `geobrief ask` and the server, in turns."""
    costs: dict[str, list[Cost]] = {}
    for _ in range(repeats):
        for name, program in PARTS.items():
            costs.setdefault(name, []).append(_finished([sys.executable, "-c", program], index))
        costs.setdefault("`geobrief ask`, cold", []).append(
            _finished([sys.executable, "-m", "rag", "ask", QUESTION], index)
        )
        costs.setdefault("`geobrief serve`, until it listens", []).append(_serving(index))
    return costs


def lines(costs: Mapping[str, Sequence[Cost]]) -> list[str]:
    """Write costs as a Markdown table: medians, with the range of the seconds."""
    rows = [
        f"| {name} | {statistics.median(c.seconds for c in each):.1f} "
        f"| {min(c.seconds for c in each):.1f} to {max(c.seconds for c in each):.1f} "
        f"| {statistics.median(c.peak_mb for c in each):,.0f} | {len(each)} |"
        for name, each in costs.items()
    ]
    return ["| process | s (median) | s (range) | peak memory, MB | n |", "| --- | ---: | ---: | ---: | ---: |", *rows]


def _finished(command: Sequence[str], index: Path) -> Cost:
    """Run a command to its end.

    Raises:
        RuntimeError: if it fails.
    """
    started = time.perf_counter()
    with _started(command, index) as process:
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with exit code {process.returncode}")
    return Cost(seconds, usage.ru_maxrss / 1000)


def _serving(index: Path) -> Cost:
    """Start the server, wait until it answers, ask it for the memory it took, and end it.

    Raises:
        RuntimeError: if it ends, or does not answer in time.
    """
    port = _free_port()
    command = [sys.executable, "-m", "rag", "serve", "--port", str(port)]
    started = time.perf_counter()
    with _started(command, index) as process:
        try:
            while not _answers(port):
                if process.poll() is not None or time.perf_counter() - started > TIMEOUT_S:
                    raise RuntimeError(f"{' '.join(command)} does not listen; run it by hand")
                time.sleep(POLL_S)
            return Cost(time.perf_counter() - started, _peak_mb(process.pid))
        finally:
            process.terminate()


def _machine() -> str:
    """Describe the machine from another process: a child's peak starts at its parent's, so ours stays small."""
    program = "from evals.bench.machine import machine; print(machine())"
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def _started(command: Sequence[str], index: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "GEOBRIEF_INDEX": str(index)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def _peak_mb(pid: int) -> float:
    rows = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith("VmHWM:")) * 1.024 / 1000


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
