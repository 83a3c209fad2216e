"""The chat as it is installed: the packaged models over the starter corpus, in a real browser."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.browser import (
    ENVIRONMENT,
    HERE,
    MARKS,
    Server,
    Watched,
    ask,
    chromium_running,
    finished,
    serious_faults,
    sync_api,
)
from tests.ports import free_port

pytestmark = [*MARKS, pytest.mark.slow, pytest.mark.timeout(300)]

# Not the quick stand-ins of the other tests.
REAL = {"GEOBRIEF_READER__MODEL": "packaged", "GEOBRIEF_VERIFIER__MODEL": "packaged"}
SECTORS = "what sectors will they cooperate on"
UPLOADED = """---
title: Landslide closes the Karvela pass
date: 2024-11-20
region: [europe]
---
A landslide closed the Karvela pass on 19 November 2024. The road agency expects to clear it within nine days.
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real") / "index"
    command = [sys.executable, "-m", "rag", "ingest", str(HERE.parent / "corpus"), "--index", str(folder)]
    subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def server(index: Path) -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, "-m", "rag", "serve", "--index", str(index), "--port", str(port)]
    running = Server(command, port, REAL | {"GRADIO_TEMP_DIR": str(index.parent / "received")})
    yield running
    assert "Traceback" not in running.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with chromium_running() as browser:
        yield browser


@pytest.fixture
def page(chromium: Any, server: Server) -> Iterator[Any]:
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    watched = Watched(context.new_page())
    watched.page.goto(server.address)
    watched.page.get_by_role("button", name="Ask", exact=True).wait_for()
    yield watched.page
    context.close()
    assert watched.elsewhere(server.address) == []
    assert watched.problems == []


def test_the_first_answer_of_a_page_comes_within_a_second(page: Any) -> None:
    took = []
    for _ in range(3):
        page.wait_for_timeout(1_500)  # what follows an answer ends its streams, which a reload would cut
        page.reload()
        page.get_by_role("button", name="Ask", exact=True).wait_for()
        page.get_by_role("button", name="New conversation").click()
        sync_api.expect(page.locator(".gb-sentence")).to_have_count(0)
        page.wait_for_timeout(500)
        page.get_by_role("textbox", name="Question").fill(SECTORS)
        begun = time.perf_counter()
        page.get_by_role("textbox", name="Question").press("Enter")
        page.locator(".gb-sentence").first.wait_for()
        took.append(time.perf_counter() - begun)
        finished(page)
        sync_api.expect(page.locator(".gb-sentence .gb-text").first).to_contain_text("nuclear energy")
    print("first answer after", ", ".join(f"{one:.2f} s" for one in took))
    assert min(took) < 1


def test_an_uploaded_brief_answers_and_can_be_removed(page: Any, tmp_path: Path) -> None:
    file = tmp_path / "karvela.md"
    file.write_text(UPLOADED, encoding="utf-8")
    ask(page, "When did the landslide close the Karvela pass?")
    sync_api.expect(page.locator(".gb-reason")).to_have_count(1)
    page.get_by_role("tab", name="Corpus").click()
    page.get_by_role("button", name="Add briefs, or read the folders again").click()
    page.locator("#gb-tab-corpus input[type=file]").first.set_input_files(file)
    sync_api.expect(page.locator("#gb-tab-corpus")).to_contain_text("karvela.md", timeout=30_000)
    sync_api.expect(page.locator("#gb-tab-corpus")).to_contain_text("1 chunk", timeout=60_000)
    assert serious_faults(page) == []
    page.get_by_role("tab", name="Chat").click()
    page.get_by_role("link", name="Ask again").click()
    sync_api.expect(page.locator(".gb-sentence .gb-text")).to_contain_text(["on 19 November 2024"], timeout=30_000)
    finished(page)
    page.locator(".gb-cite").first.click()
    sync_api.expect(page.locator(".gb-brief mark.is-chosen")).to_contain_text("A landslide closed the Karvela pass")


def test_a_limit_by_date_leaves_out_what_lies_beyond_it(page: Any) -> None:
    page.get_by_role("button", name="Limit the briefs").click()
    page.get_by_label("To", exact=True).fill("2022")
    sync_api.expect(page.locator(".gb-chip")).to_have_text(["To 2022 ×"])
    ask(page, "When did Finland join NATO?")
    sync_api.expect(page.locator(".gb-understood")).to_have_text("Asked of briefs: to 2022-12-31")
    sync_api.expect(page.locator("#gb-chat .gb-answer")).not_to_contain_text("4 April 2023")
    page.get_by_role("button", name="Remove the limit: To 2022").click()
    page.get_by_role("link", name="Ask again").click()
    sync_api.expect(page.locator("#gb-chat .gb-text").first).to_contain_text("4 April 2023")
    finished(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault_in_the_other_tabs(chromium: Any, server: Server, scheme: Any) -> None:
    page = chromium.new_context(viewport={"width": 1440, "height": 900}, color_scheme=scheme).new_page()
    page.goto(server.address)
    for tab, shown in (("Corpus", "table tbody tr"), ("Evaluate", "h2")):
        page.get_by_role("tab", name=tab).click()
        page.locator(f"#gb-tab-{tab.lower()} {shown}").first.wait_for()
        page.wait_for_timeout(1_000)
        assert serious_faults(page) == [], tab
    page.context.close()


def test_an_exported_conversation_is_verified(page: Any, index: Path, tmp_path: Path) -> None:
    ask(page, SECTORS)
    ask(page, "When did Finland join NATO?")
    page.get_by_role("button", name="Conversations", exact=True).click()
    with page.expect_download() as download:
        page.locator(".gb-history li").first.get_by_text("json", exact=True).click()
    exported = tmp_path / "conversation.json"
    download.value.save_as(exported)
    verify = [sys.executable, "-m", "rag", "verify", str(exported), "--index", str(index)]
    checked = subprocess.run(verify, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.count("holds: ") >= 2, checked.stdout
    record = json.loads(exported.read_text(encoding="utf-8"))
    quote = record["turns"][0]["answer"]["sentences"][0]["citations"][0]
    quote["quote"] = quote["quote"].replace("nuclear", "solar")
    record["references"][0]["quote"] = quote["quote"]
    exported.write_text(json.dumps(record), encoding="utf-8")
    assert subprocess.run(verify, env=ENVIRONMENT, capture_output=True, check=False).returncode == 1


class Asker(threading.Thread):
    """Asks one question over the protocol of the page, and says how long the whole answer took."""

    def __init__(self, address: str, wait_s: float) -> None:
        super().__init__()
        self.address, self.wait_s = address, wait_s
        self.took, self.last = -1.0, ""

    def run(self) -> None:
        time.sleep(self.wait_s)
        with httpx.Client(base_url=self.address, timeout=60) as client:
            config = client.get("/config").json()
            event, trigger = _asking(config)
            session = f"asker{id(self)}"
            begun = time.perf_counter()
            data: list[Any] = [SECTORS, None, -1, "", "", "", "", [], [], []]
            sent = {"data": data, "fn_index": event["id"], "trigger_id": trigger, "session_hash": session}
            client.post("/gradio_api/queue/join", json=sent).raise_for_status()
            with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as stream:
                for line in stream.iter_lines():
                    if "process_completed" in line:
                        self.last = line
                        break
            self.took = time.perf_counter() - begun


def _asking(config: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """The event that asks, and the part of the page whose event it is."""
    ids = {c["id"]: c["props"] for c in config["components"]}
    for event in config["dependencies"]:
        for target, what in event["targets"]:
            if what == "submit" and ids.get(target, {}).get("label") == "Question":
                return event, target
    raise AssertionError("no event asks")


def test_twenty_people_who_ask_within_ten_seconds_are_all_answered(server: Server) -> None:
    askers = [Asker(server.address, n * 0.5) for n in range(20)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(timeout=120)
    assert all('"success":true' in a.last.replace(" ", "") for a in askers), [a.last[:200] for a in askers]
    took = sorted(asker.took for asker in askers)
    print(f"20 people: median {statistics.median(took):.2f} s, p95 {took[18]:.2f} s, longest {took[19]:.2f} s")
    assert took[18] < 5
