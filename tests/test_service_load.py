"""Many clients at once: every answer is right, nothing fails, and the queue empties."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from rag.service.answering import Answering
from tests.fakes_service import BRIEFS, opened, served, until

pytestmark = pytest.mark.slow

CLIENTS = 50
SECONDS = float(os.environ.get("LOAD_SECONDS", "4"))
QUESTIONS = {
    "When did the talks on the harbour end?": "harbour",
    "What did the two leaders agree to cooperate in?": "visit",
    "By how much did grain exports through the strait fall?": "grain",
}


def test_fifty_clients_get_right_answers_or_429_and_nothing_else(tmp_path: Path) -> None:
    statuses: Counter[int] = Counter()
    wrong: list[str] = []
    took: list[float] = []

    async def client(address: str, n: int, end: float) -> None:
        async with httpx.AsyncClient(base_url=address, timeout=60) as http:
            while time.monotonic() < end:
                question, brief = list(QUESTIONS.items())[n % len(QUESTIONS)]
                begun = time.monotonic()
                response = await http.post("/v1/ask", json={"question": question})
                statuses[response.status_code] += 1
                if response.status_code == 429:
                    assert int(response.headers["retry-after"]) >= 1
                    await asyncio.sleep(0.05)
                    continue
                took.append(time.monotonic() - begun)
                cited = [c for s in response.json()["sentences"] for c in s["citations"]]
                right = all(c["quote"] in BRIEFS[f"{c['brief_id']}.md"][2] for c in cited)
                if response.json()["question"] != question or brief not in {c["brief_id"] for c in cited} or not right:
                    wrong.append(response.text)
                n += 1

    async def load(address: str) -> None:
        end = time.monotonic() + SECONDS
        await asyncio.gather(*(client(address, n, end) for n in range(CLIENTS)))

    with opened(tmp_path, answering=Answering(at_once=2, waiting=30)) as kept, served(kept.app()) as address:
        asyncio.run(load(address))
        until(lambda: kept.service.answering.held == 0)
        metrics = httpx.get(f"{address}/metrics").text
    took.sort()
    print(f"{dict(statuses)}, p50 {took[len(took) // 2]:.3f} s, p95 {took[int(len(took) * 0.95)]:.3f} s")
    assert set(statuses) == {200, 429}
    assert not wrong
    assert f"geobrief_answers_total {float(statuses[200])}" in metrics
    assert f'geobrief_throttled_total{{reason="queue"}} {float(statuses[429])}' in metrics
    assert "geobrief_errors_total{" not in metrics
