"""Fifty clients on the starter corpus, with the packaged models, as operators will see it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from evals.bench.load import ROOT, load, serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

PACKAGED = {"GEOBRIEF_READER__MODEL": "packaged", "GEOBRIEF_VERIFIER__MODEL": "packaged"}


@pytest.mark.parametrize("seconds", [15.0, pytest.param(60.0, marks=pytest.mark.long)])
def test_fifty_clients_bring_no_error_nothing_wrong_and_flat_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    for name, value in PACKAGED.items():
        monkeypatch.setenv(name, value)
    index = tmp_path / "index"
    subprocess.run([sys.executable, "-m", "rag", "ingest", "corpus", "--index", str(index)], cwd=ROOT, check=True)
    with serving(index) as (address, pid):
        came = asyncio.run(load(address, pid, seconds=seconds))
    print(came)
    assert set(came.statuses) <= {"200", "429"}
    assert came.statuses["200"] >= 50
    assert came.wrong == []
    assert came.growth < (0.05 if seconds >= 60 else 0.2)  # the first seconds warm up
