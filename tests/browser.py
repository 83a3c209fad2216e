"""What the tests in a real browser share: Chromium, a page that is watched, and the chat served by a process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HERE = Path(__file__).parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(HERE.parent)}
QUIET = [
    "--no-sandbox",  # Chromium refuses its sandbox to root, which containers run as
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
MARKS = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")]


@contextmanager
def chromium_running() -> Iterator[Any]:
    """A browser."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


class Server:
    """A process that serves a page and says "Running on ..." once it is ready."""

    def __init__(self, command: Sequence[str], port: int, environment: dict[str, str] | None = None) -> None:
        self.port = port
        self.address = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            command,
            env={**ENVIRONMENT, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        self.printed = [self.process.stdout.readline()]
        while self.printed[-1] and not self.printed[-1].startswith("Running on"):
            self.printed.append(self.process.stdout.readline())
        assert self.printed[-1], "".join(self.printed)

    def lines(self, n: int) -> list[str]:
        """The next lines that it prints."""
        assert self.process.stdout is not None
        return [self.process.stdout.readline() for _ in range(n)]

    def stop(self) -> str:
        """Press Ctrl-C and return what was printed since it was ready."""
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=30)[0]


class Watched:
    """A page, what it asked for and what went wrong in it."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.requests: list[str] = []
        self.problems: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self._note(str(error)))
        page.on("console", lambda said: self._note(said.text) if said.type == "error" else None)
        page.on("response", lambda got: self.problems.append(f"{got.status} {got.url}") if got.status >= 400 else None)
        page.on("dialog", lambda dialog: self.problems.append(f"dialog: {dialog.message}"))
        page.set_default_timeout(20_000)

    def _note(self, problem: str) -> None:
        if not problem.startswith("AbortError"):  # a stream that the browser cut when the page was left
            self.problems.append(problem)

    def elsewhere(self, address: str) -> list[str]:
        """What was asked of others than the server."""
        own = (f"{address}/", "data:", "blob:")
        return [url for url in self.requests if not url.startswith(own)]


def ask(page: Any, question: str) -> None:
    """Ask, and wait until the answer is complete."""
    box = page.get_by_role("textbox", name="Question")
    box.fill(question)
    for _ in range(5):
        box.press("Enter")
        with suppress(AssertionError):
            sync_api.expect(box).to_have_value("", timeout=5_000)
            break
        # The stream of the last answer was still open: the page passes such an Enter over.
    sync_api.expect(box).to_have_value("")
    finished(page)


def finished(page: Any) -> None:
    """Wait until the answer is complete."""
    page.get_by_role("button", name="Ask", exact=True).and_(page.locator(":enabled")).wait_for(timeout=30_000)
    page.wait_for_timeout(100)  # the page ignores Enter until the server has closed the stream, a moment later


def serious_faults(page: Any) -> list[str]:
    """What axe-core finds against WCAG 2.2 AA, serious or worse."""
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    found = axe.Axe().run(page, options=rules).response["violations"]
    return [
        f"{fault['id']}: {node['html'][:200]} {node['failureSummary']}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]
