"""The chat in a real browser: what a person sees and does, and that nothing leaves the machine."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes_ui import HOSTILE

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]

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
AGREED = "They agreed to cooperate in industry, space and nuclear energy."


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serving(port: int) -> list[str]:
    return [sys.executable, str(HERE / "fakes_ui.py"), str(port)]


class Server:
    """The chat in a process of its own."""

    def __init__(self) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            serving(self.port), env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self.process.stdout is not None
        self.greeting = [self.process.stdout.readline() for _ in range(5)]

    def stop(self) -> str:
        """Press Ctrl-C and return what was printed since the greeting."""
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=20)[0]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server()
    yield running
    printed = running.stop()
    assert "OUTSIDE" not in printed


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any, server: Server) -> Iterator[Any]:
    """Open the chat in a browser of its own; at the end, check that it asked nobody but the server."""
    contexts, requests, errors = [], [], []

    def opened(*, width: int = 1440, height: int = 900, scheme: str = "light") -> Any:
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(server.address)
        page.get_by_role("button", name="Ask", exact=True).wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert requests
    assert [url for url in requests if not url.startswith((f"{server.address}/", "data:", "blob:"))] == []
    assert errors == []


def ask(page: Any, question: str) -> None:
    """Ask, and wait until the answer is complete."""
    page.get_by_role("textbox", name="Question").fill(question)
    page.get_by_role("textbox", name="Question").press("Enter")
    sync_api.expect(page.get_by_role("textbox", name="Question")).to_have_value("")
    finished(page)


def finished(page: Any) -> None:
    page.get_by_role("button", name="Ask", exact=True).and_(page.locator(":enabled")).wait_for()
    page.wait_for_timeout(100)  # the page ignores Enter until the server has closed the stream, a moment later


def test_an_example_question_is_answered_with_citations(open_page: Any) -> None:
    page = open_page()
    page.get_by_role("button", name="What sectors will they cooperate on?").click()
    sync_api.expect(page.locator(".gb-sentence")).to_have_text(["Putin and Xi met in Beijing. [1]", f"{AGREED} [1]"])
    sync_api.expect(page.locator(".gb-note")).to_have_text("Note: 1 undated brief was left out")


def test_an_answer_arrives_sentence_by_sentence(open_page: Any) -> None:
    page = open_page()
    page.get_by_role("textbox", name="Question").fill("slowly: what sectors?")
    page.get_by_role("textbox", name="Question").press("Enter")
    sync_api.expect(page.locator(".gb-sentence")).to_have_count(1)
    sync_api.expect(page.locator(".gb-pending")).to_be_visible()
    sync_api.expect(page.get_by_role("button", name="Answering…")).to_be_disabled()
    sync_api.expect(page.locator(".gb-sentence")).to_have_count(2)
    finished(page)
    sync_api.expect(page.locator(".gb-pending")).to_have_count(0)


def test_a_citation_leads_to_its_marked_words(open_page: Any) -> None:
    page = open_page()
    ask(page, "What sectors?")
    page.locator(".gb-cite").nth(1).click()
    sync_api.expect(page.locator("mark.is-chosen")).to_have_text(AGREED)
    sync_api.expect(page.locator(".gb-card.is-chosen")).to_be_focused()
    sync_api.expect(page.locator("mark.is-chosen")).to_be_in_viewport()


def test_a_citation_works_from_the_keyboard_and_escape_returns_to_it(open_page: Any) -> None:
    page = open_page()
    ask(page, "What sectors?")
    page.locator(".gb-cite").nth(1).focus()
    sync_api.expect(page.locator("mark.is-chosen")).to_have_text(AGREED)
    page.keyboard.press("Enter")
    sync_api.expect(page.locator(".gb-card.is-chosen")).to_be_focused()
    page.keyboard.press("Escape")
    sync_api.expect(page.locator(".gb-cite").nth(1)).to_be_focused()


def test_an_earlier_answer_shows_its_evidence_again(open_page: Any) -> None:
    page = open_page()
    ask(page, "What sectors?")
    ask(page, "When did the talks end?")
    sync_api.expect(page.locator("mark")).to_have_text("The talks on the harbour ended in June.")
    page.locator(".gb-cite").nth(1).click()
    sync_api.expect(page.locator("mark.is-chosen")).to_have_text(AGREED)
    sync_api.expect(page.locator(".gb-asked")).to_have_text("What sectors?")


def test_a_question_the_briefs_do_not_answer_is_refused_with_the_reason(open_page: Any) -> None:
    page = open_page()
    ask(page, "Who won the cup?")
    sync_api.expect(page.locator(".gb-reason")).to_have_text("The briefs say nothing about a cup.")
    sync_api.expect(page.locator(".gb-nearest li")).to_have_text(["Putin in Beijing 2024-05-16", "Talks undated"])


def test_bad_questions_get_a_message_in_the_chat(open_page: Any) -> None:
    page = open_page()
    page.get_by_role("button", name="Ask", exact=True).click()
    sync_api.expect(page.locator(".gb-failure")).to_have_text("the question is empty; ask something")
    finished(page)
    ask(page, "x" * 100_000)
    sync_api.expect(page.locator(".gb-failure").nth(1)).to_contain_text("100,000 characters; at most 10,000")
    ask(page, "crash")
    sync_api.expect(page.locator(".gb-failure").nth(2)).to_contain_text("Something went wrong; the log has details")


def test_hostile_text_stays_text(open_page: Any) -> None:
    page = open_page()
    ask(page, f"hostile {HOSTILE}")
    as_shown = page.locator("#gb-chat").inner_text() + page.locator(".gb-panel").inner_text()
    assert as_shown.count("<img src=x onerror=window.hacked=1>") >= 6
    assert as_shown.count("$$\\frac{1}{2}$$ ${window.hacked=1} {{#each this}}x{{/each}} `code` **bold**") >= 6
    assert page.evaluate("window.hacked") is None
    inside = (
        "#gb-chat .message :is(img, script, iframe, h1, code, strong, .katex), .gb-panel :is(img, script, iframe, code)"
    )
    assert page.locator(inside).count() == 0
    links = page.eval_on_selector_all("#gb-columns a", "links => links.map(a => a.getAttribute('href'))")
    assert [link for link in links if not re.match(r"#turn-0-", link)] == []


def test_two_tabs_do_not_see_each_other(open_page: Any) -> None:
    first, second = open_page(), open_page()
    ask(first, "What sectors?")
    ask(first, "how many?")
    ask(second, "how many?")
    sync_api.expect(first.locator(".gb-answer").nth(1)).to_contain_text("Understood as: how many? (1 before)")
    sync_api.expect(second.locator(".gb-answer")).to_contain_text("Understood as: how many? (0 before)")


def test_a_new_conversation_ends_the_answer_under_way(open_page: Any) -> None:
    page = open_page()
    page.get_by_role("textbox", name="Question").fill("slowly: what sectors?")
    page.get_by_role("textbox", name="Question").press("Enter")
    sync_api.expect(page.locator(".gb-sentence")).to_have_count(1)
    page.get_by_role("button", name="New conversation").click()
    finished(page)
    page.wait_for_timeout(1_500)
    sync_api.expect(page.locator(".gb-answer")).to_have_count(0)
    ask(page, "how many?")
    sync_api.expect(page.locator(".gb-answer")).to_contain_text("(0 before)")


def test_five_people_are_served_at_once(open_page: Any) -> None:
    pages = [open_page() for _ in range(5)]
    for page in pages:
        page.get_by_role("textbox", name="Question").fill("slowly: what sectors?")
        page.get_by_role("textbox", name="Question").press("Enter")
    for page in pages:
        sync_api.expect(page.locator(".gb-sentence")).to_have_count(2, timeout=10_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768), (390, 844)])
def test_the_page_fits_its_window(open_page: Any, width: int, height: int, scheme: str) -> None:
    page = open_page(width=width, height=height, scheme=scheme)
    ask(page, f"hostile {'x' * 400}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    sync_api.expect(page.get_by_role("textbox", name="Question")).to_be_in_viewport()
    chat, evidence = page.locator("#gb-conversation").bounding_box(), page.locator("#gb-evidence").bounding_box()
    if width > 820:
        assert evidence["x"] >= chat["x"] + chat["width"] - 1
    else:
        assert evidence["y"] >= chat["y"] + chat["height"] - 1
    is_dark = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).every(part => part < 60)")
    assert is_dark is (scheme == "dark")


def test_the_server_says_where_it_is_and_what_to_ask(server: Server) -> None:
    assert "".join(server.greeting) == (
        f"Running on {server.address}\nTry asking:\n  What sectors will they cooperate on?\n  Who won the cup?\n"
        "  When did the talks end?\n"
    )


def test_a_second_server_on_the_port_refuses_and_names_it(server: Server) -> None:
    second = subprocess.run(serving(server.port), env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert f"UsageError: port {server.port} on 127.0.0.1 is in use by another program" in second.stderr
    assert second.stdout == ""


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file/etc/passwd",
        "/file=/etc/passwd",
        "/gradio_api/proxy=http://example.org",
        "/gradio_api/upload",
        "/gradio_api/upload_progress",
        "/gradio_api/vibe-code",
        "/monitoring",
        "/docs",
        "/openapi.json",
        "/assets/../../../../../../../../etc/passwd",
        "/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    ],
)
def test_paths_that_the_page_does_not_need_are_closed(server: Server, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(server.address + path)
    refused.value.close()
    assert refused.value.code in (403, 404)


def test_page_and_theme_name_no_outside_resource(server: Server) -> None:
    with urllib.request.urlopen(server.address) as response:
        page = response.read().decode()
        policy = response.headers["Content-Security-Policy"]
    with urllib.request.urlopen(server.address + "/theme.css") as response:
        theme = response.read().decode()
    loaded = re.findall(r"""(?:<script[^>]*src|<link[^>]*href|url\()\s*=?\s*["']?(https?:)?//""", page + theme)
    assert loaded == []
    assert "fonts.googleapis" not in page + theme
    assert "cdnjs" not in page
    assert "default-src 'self'" in policy


def test_ctrl_c_ends_the_server_cleanly_with_a_page_open(chromium: Any) -> None:
    running = Server()
    page = chromium.new_page()
    page.goto(running.address)
    page.get_by_role("button", name="Ask", exact=True).wait_for()
    assert running.stop() == "ended\n"
    assert running.process.returncode == 0
    page.close()
