"""Fifty clients on the starter corpus, with the packaged models, as operators will see it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from evals.bench.load import ROOT, load, serving

# Memory is compared over the whole minute, so it cannot be shortened.
pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(400)]

PACKAGED = {"GEOBRIEF_READER__MODEL": "packaged", "GEOBRIEF_VERIFIER__MODEL": "packaged"}


def test_a_minute_of_fifty_clients_brings_no_error_nothing_wrong_and_flat_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in PACKAGED.items():
        monkeypatch.setenv(name, value)
    index = tmp_path / "index"
    subprocess.run([sys.executable, "-m", "rag", "ingest", "corpus", "--index", str(index)], cwd=ROOT, check=True)
    with serving(index) as (address, pid):
        came = asyncio.run(load(address, pid))
    print(came)
    assert set(came.statuses) <= {"200", "429"}
    assert came.statuses["200"] >= 50
    assert came.wrong == []
    assert came.growth < 0.05
