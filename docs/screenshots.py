"""Make the pictures of the chat anew: `python docs/screenshots.py`. Needs Chromium and what the tests need."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from tests.browser import CHROMIUM, ENVIRONMENT, QUIET, Server, ask  # noqa: E402
from tests.ports import free_port  # noqa: E402

RAG = [sys.executable, "-m", "rag"]
WIDE, TABLET, PHONE = (1440, 900), (1024, 768), (390, 844)


def answer(page: Page) -> None:
    """An answer, its brief opened at the quote."""
    ask(page, "what sectors will they cooperate on")
    page.locator(".gb-cite").first.click()
    page.locator(".gb-brief mark.is-chosen").first.wait_for()


def conflict(page: Page) -> None:
    """Briefs that differ, with the evidence of both."""
    ask(page, "How many people lost their lives in the June 2023 raid on Tamberou?")


def refusal(page: Page) -> None:
    """A refusal, with the conversations and the limits open."""
    ask(page, "When did Finland join NATO?")
    ask(page, "Who won the elections in Portugal?")
    page.get_by_role("button", name="Conversations", exact=True).click()
    page.get_by_role("button", name="Limit the briefs").click()
    page.get_by_label("From", exact=True).fill("2023")


def corpus(page: Page) -> None:
    """The list of briefs, one of them opened."""
    page.get_by_role("tab", name="Corpus").click()
    page.locator("#gb-tab-corpus table tbody button, #gb-tab-corpus table tbody a").first.click()


def evaluation(page: Page) -> None:
    """The last report."""
    page.get_by_role("tab", name="Evaluate").click()


def start(page: Page) -> None:
    """The page as it opens."""


PICTURES: tuple[tuple[str, Callable[[Page], None], tuple[int, int], str], ...] = (
    ("answer", answer, WIDE, "light"),
    ("answer-dark", answer, WIDE, "dark"),
    ("conflict", conflict, TABLET, "light"),
    ("refusal", refusal, WIDE, "light"),
    ("corpus", corpus, WIDE, "light"),
    ("evaluation", evaluation, WIDE, "light"),
    ("phone", answer, PHONE, "dark"),
    ("phone-start", start, PHONE, "light"),
)


def main() -> None:
    """Serve the starter corpus and picture its pages."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        index = ["--index", f"{folder}/index"]
        subprocess.run([*RAG, "ingest", str(HERE.parent / "corpus"), *index], env=ENVIRONMENT, check=True)
        measure = [*RAG, "eval", "--dataset", "briefs", "--split", "dev", "--systems", "bm25,full", *index]
        subprocess.run([*measure, "--work", f"{folder}/work"], env=ENVIRONMENT, check=True, cwd=HERE.parent)
        server = Server([*RAG, "serve", *index, "--port", str(port := free_port())], port)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        for name, do, size, scheme in PICTURES:
            picture(browser, server.address, HERE / f"{name}.png", do, size, scheme)
        browser.close()
        server.stop()


def picture(browser: Any, address: str, path: Path, do: Callable[[Page], None], size: Any, scheme: Any) -> None:
    """Open the page, do something, and keep what is seen."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    page = context.new_page()
    page.goto(address)
    page.get_by_role("button", name="Ask", exact=True).wait_for()
    do(page)
    page.wait_for_timeout(1_500)
    page.screenshot(path=path)
    Image.open(path).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
    context.close()


if __name__ == "__main__":
    main()
