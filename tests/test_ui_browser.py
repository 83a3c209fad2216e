"""The chat in a real browser: what a person sees and does, and that nothing leaves the machine."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
from tests.fakes_ui import HOSTILE
from tests.ports import free_port

pytestmark = MARKS

AGREED = "They agreed to cooperate in industry, space and nuclear energy."


def serving(port: int) -> list[str]:
    return [sys.executable, str(HERE / "fakes_ui.py"), str(port)]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    port = free_port()
    running = Server(serving(port), port)
    running.printed += running.lines(4)
    yield running
    printed = running.stop()
    assert "OUTSIDE" not in printed
    assert "gradio/queueing.py" not in printed


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with chromium_running() as browser:
        yield browser


@pytest.fixture
def open_page(chromium: Any, server: Server) -> Iterator[Any]:
    """Open the chat in a browser of its own; at the end, check that it asked nobody but the server."""
    contexts, opened = [], []

    def open_one(*, width: int = 1440, height: int = 900, scheme: str = "light") -> Any:
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        contexts.append(context)
        watched = Watched(context.new_page())
        opened.append(watched)
        watched.page.goto(server.address)
        watched.page.get_by_role("button", name="Ask", exact=True).wait_for()
        return watched.page

    yield open_one
    for context in contexts:
        context.close()
    assert all(watched.requests for watched in opened)
    assert [url for watched in opened for url in watched.elsewhere(server.address)] == []
    assert [problem for watched in opened for problem in watched.problems] == []


def test_an_example_question_is_answered_with_citations(open_page: Any) -> None:
    page = open_page()
    page.get_by_role("button", name="What sectors will they cooperate on?").click()
    sync_api.expect(page.locator(".gb-sentence .gb-text")).to_have_text(["Putin and Xi met in Beijing.", AGREED])
    sync_api.expect(page.locator(".gb-sentence .gb-cite")).to_have_count(2)
    sync_api.expect(page.locator(".gb-facts")).to_have_text("2 sentences, verbatim · 2024-05-16")
    sync_api.expect(page.locator(".gb-note")).to_have_text("Note: 1 undated brief was left out")


ONE_SAID = """() => document.querySelectorAll(".gb-sentence").length === 1
    && document.querySelector(".gb-pending")?.checkVisibility()
    && [...document.querySelectorAll("button")].some(b => b.textContent.trim() === "Stop" && b.checkVisibility())"""


def test_an_answer_arrives_sentence_by_sentence(open_page: Any) -> None:
    page = open_page()
    page.get_by_role("textbox", name="Question").fill("slowly: what sectors?")
    page.get_by_role("textbox", name="Question").press("Enter")
    page.wait_for_function(ONE_SAID)  # at one moment: the second sentence is there soon
    sync_api.expect(page.locator(".gb-sentence")).to_have_count(2)
    finished(page)
    sync_api.expect(page.locator(".gb-pending")).to_have_count(0)


def test_an_answer_can_be_stopped_and_asked_again(open_page: Any) -> None:
    page = open_page()
    page.get_by_role("textbox", name="Question").fill("slowly: what sectors?")
    page.get_by_role("textbox", name="Question").press("Enter")
    sync_api.expect(page.locator(".gb-sentence")).to_have_count(1)
    page.get_by_role("button", name="Stop", exact=True).click()
    finished(page)
    page.wait_for_timeout(1_500)
    sync_api.expect(page.locator(".gb-sentence")).to_have_count(1)
    sync_api.expect(page.locator(".gb-answer")).to_contain_text("Stopped.")
    page.get_by_role("link", name="Ask again").click()
    sync_api.expect(page.locator(".gb-sentence")).to_have_count(2)
    finished(page)
    sync_api.expect(page.locator(".gb-question")).to_have_count(1)


@pytest.mark.parametrize("button", ["Stop", "New conversation"])
def test_stopping_never_shows_an_error(open_page: Any, button: str) -> None:
    page = open_page()
    for after_ms in (0, 150, 300):
        page.get_by_role("textbox", name="Question").fill("slowly: what sectors?")
        page.get_by_role("textbox", name="Question").press("Enter")
        sync_api.expect(page.locator(".gb-pending")).to_be_visible()
        page.wait_for_timeout(after_ms)
        page.get_by_role("button", name=button, exact=True).click()
        finished(page)
        page.wait_for_timeout(1_500)
        sync_api.expect(page.locator(".gb-pending")).to_have_count(0)
        assert not page.get_by_test_id("status-tracker").filter(has_text="Error").filter(visible=True).count()


def test_a_question_can_be_changed_and_what_came_after_it_goes(open_page: Any) -> None:
    page = open_page()
    ask(page, "Who won the cup?")
    ask(page, "When did the talks end?")
    page.get_by_role("link", name="Edit the question").first.click()
    box = page.get_by_role("textbox", name="Question")
    sync_api.expect(box).to_have_value("Who won the cup?")
    sync_api.expect(box).to_be_focused()
    page.get_by_role("button", name="Leave it as it is").click()
    sync_api.expect(box).to_have_value("")
    ask(page, "Who took part?")
    sync_api.expect(page.locator(".gb-question")).to_have_text(
        ["Who won the cup?", "When did the talks end?", "Who took part?"]
    )
    page.get_by_role("link", name="Edit the question").first.click()
    sync_api.expect(page.get_by_text("takes the place of this one")).to_be_visible()
    ask(page, "What sectors?")
    sync_api.expect(page.get_by_text("takes the place of this one")).to_be_hidden()
    sync_api.expect(page.locator(".gb-question")).to_have_text(["What sectors?"])


def test_a_citation_opens_the_brief_at_its_exact_words(open_page: Any) -> None:
    page = open_page()
    ask(page, "What sectors?")
    page.locator(".gb-cite").nth(1).click()
    sync_api.expect(page.locator(".gb-brief mark.is-chosen")).to_have_text(AGREED)
    sync_api.expect(page.locator(".gb-brief mark.is-chosen")).to_be_focused()
    sync_api.expect(page.locator(".gb-brief mark.is-chosen")).to_be_in_viewport()
    sync_api.expect(page.locator(".gb-brief")).to_contain_text("The day before was quiet.")
    sync_api.expect(page.locator(".gb-about")).to_contain_text("page 3")
    page.get_by_role("link", name="Previous").click()
    sync_api.expect(page.locator(".gb-brief mark.is-chosen")).to_have_text("Putin and Xi met in Beijing.")
    page.get_by_role("link", name="Next").click()
    sync_api.expect(page.locator(".gb-brief mark.is-chosen")).to_have_text(AGREED)
    page.get_by_role("link", name="Evidence", exact=True).click()
    sync_api.expect(page.locator(".gb-card mark")).to_have_text(["Putin and Xi met in Beijing.", AGREED])


def test_a_citation_tells_its_source_when_pointed_at(open_page: Any) -> None:
    page = open_page()
    ask(page, "What sectors?")
    sync_api.expect(page.locator(".gb-tip").nth(1)).to_be_hidden()
    page.locator(".gb-cite").nth(1).hover()
    sync_api.expect(page.locator(".gb-tip").nth(1)).to_be_visible()
    sync_api.expect(page.locator(".gb-tip").nth(1)).to_have_text(
        f"Putin in Beijing · 2024-05-16 · Example Wire “{AGREED}”"
    )


def test_a_citation_works_from_the_keyboard_and_escape_returns_to_it(open_page: Any) -> None:
    page = open_page()
    ask(page, "What sectors?")
    page.locator(".gb-cite").nth(1).focus()
    sync_api.expect(page.locator("mark.is-chosen")).to_have_text(AGREED)
    page.keyboard.press("Enter")
    sync_api.expect(page.locator(".gb-brief mark.is-chosen")).to_be_focused()
    page.keyboard.press("Escape")
    sync_api.expect(page.locator(".gb-cite").nth(1)).to_be_focused()


def test_an_earlier_answer_shows_its_evidence_again(open_page: Any) -> None:
    page = open_page()
    ask(page, "What sectors?")
    ask(page, "When did the talks end?")
    sync_api.expect(page.locator("mark")).to_have_text("The talks on the harbour ended in June.")
    page.get_by_role("link", name="Show evidence").first.click()
    sync_api.expect(page.locator(".gb-asked")).to_have_text("What sectors?")
    sync_api.expect(page.locator(".gb-card mark").last).to_have_text(AGREED)


def test_the_nearest_briefs_of_a_refusal_can_be_opened(open_page: Any) -> None:
    page = open_page()
    ask(page, "Who won the cup?")
    page.locator(".gb-nearest a").first.click()
    sync_api.expect(page.locator(".gb-brief")).to_contain_text(AGREED)


def test_the_briefs_can_be_limited_and_the_answer_says_so(open_page: Any) -> None:
    page = open_page()
    page.get_by_role("button", name="Limit the briefs").click()
    page.get_by_label("From", exact=True).fill("2024-05")
    page.get_by_label("Region").click()
    page.get_by_role("option", name="China").click()
    sync_api.expect(page.locator(".gb-chip")).to_have_text(["From 2024-05 ×", "China ×"])
    ask(page, "What sectors?")
    sync_api.expect(page.locator(".gb-understood")).to_have_text("Asked of briefs: from 2024-05-01, China")
    page.get_by_role("button", name="Remove the limit: China").click()
    sync_api.expect(page.locator(".gb-chip")).to_have_text(["From 2024-05 ×"])
    page.get_by_label("From", exact=True).fill("soon")
    sync_api.expect(page.locator(".gb-wrong")).to_contain_text("no date")
    page.get_by_role("button", name="Ask all briefs").click()
    sync_api.expect(page.locator(".gb-chip")).to_have_count(0)


def test_what_may_be_asked_next_is_asked_by_a_press(open_page: Any) -> None:
    page = open_page()
    ask(page, "What sectors?")
    page.get_by_role("link", name="Summarise this brief").click()
    sync_api.expect(page.locator(".gb-question")).to_have_text(["What sectors?", "Summarise this brief"])
    finished(page)


def test_a_conversation_survives_a_reload_and_can_be_found_named_and_deleted(open_page: Any) -> None:
    page = open_page()
    ask(page, "What sectors? marmalade")
    page.reload()
    sync_api.expect(page.locator(".gb-question")).to_have_text("What sectors? marmalade")
    sync_api.expect(page.locator(".gb-sentence")).to_have_count(2)
    page.get_by_role("button", name="New conversation").click()
    sync_api.expect(page.locator(".gb-question")).to_have_count(0)
    ask(page, "When did the talks end? turnip")
    page.get_by_role("button", name="Conversations", exact=True).click()
    page.get_by_label("Search conversations").fill("MARMALADE")
    listed = page.locator(".gb-history li")
    sync_api.expect(listed).to_have_count(1)
    listed.get_by_role("button", name="Rename").click()
    page.get_by_label("New name").fill("<b>Sectors</b> of marmalade")
    page.get_by_label("New name").press("Enter")
    sync_api.expect(listed.locator("button").first).to_have_text("<b>Sectors</b> of marmalade")
    listed.locator("button").first.click()
    sync_api.expect(page.locator(".gb-question")).to_have_text("What sectors? marmalade")
    listed.get_by_role("button", name="Delete").click()
    listed.get_by_role("button", name="Delete for good").click()
    sync_api.expect(page.locator("#gb-history")).to_contain_text("No conversation holds these words.")
    sync_api.expect(page.locator(".gb-question")).to_have_count(0)
    page.reload()
    page.get_by_role("button", name="Ask", exact=True).wait_for()
    page.wait_for_timeout(500)
    sync_api.expect(page.locator(".gb-question")).to_have_count(0)


def test_a_verdict_and_its_reason_are_kept(open_page: Any) -> None:
    page = open_page()
    ask(page, "What sectors?")
    page.get_by_role("button", name="Not helpful").click()
    page.get_by_label("What is wrong with this answer?").fill("It names two of four.")
    page.get_by_role("button", name="Send").click()
    sync_api.expect(page.get_by_label("What is wrong with this answer?")).to_be_hidden()
    page.reload()
    sync_api.expect(page.get_by_role("button", name="Not helpful")).to_have_text("✓ Not helpful")
    page.get_by_role("button", name="Not helpful").click()
    sync_api.expect(page.get_by_role("button", name="Not helpful")).to_have_text("Not helpful")


def test_an_answer_is_copied_with_its_citations(open_page: Any) -> None:
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(page, "What sectors?")
    page.get_by_role("link", name="Copy with citations").click()
    sync_api.expect(page.get_by_role("link", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"Putin and Xi met in Beijing. [1]\n{AGREED} [1]\n\n[1] Putin in Beijing · 2024-05-16")


def test_a_conversation_is_exported(open_page: Any) -> None:
    page = open_page()
    ask(page, "What sectors?")
    page.get_by_role("button", name="Conversations", exact=True).click()
    first = page.locator(".gb-history li").first
    for kind, opening in (("md", b"#"), ("docx", b"PK"), ("pdf", b"%PDF"), ("json", b"{")):
        with page.expect_download() as download:
            first.get_by_text(kind, exact=True).click()
        assert download.value.suggested_filename == f"what-sectors.{kind}"
        assert Path(download.value.path()).read_bytes().startswith(opening)


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
def test_axe_finds_no_serious_fault(open_page: Any, scheme: str) -> None:
    page = open_page(scheme=scheme)
    ask(page, "What sectors?")
    ask(page, "Who won the cup?")
    page.get_by_role("button", name="Conversations", exact=True).click()
    page.get_by_role("button", name="Limit the briefs").click()
    page.get_by_label("From", exact=True).fill("2024")
    page.locator(".gb-cite").first.click()
    page.locator(".gb-brief mark.is-chosen").wait_for()
    assert serious_faults(page) == []


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
        sync_api.expect(page.locator(".gb-panel")).to_be_hidden()
        page.locator(".gb-cite").first.click()
        sync_api.expect(page.locator(".gb-brief mark").first).to_be_in_viewport()
        page.get_by_role("button", name="Close").click()
        sync_api.expect(page.locator(".gb-panel")).to_be_hidden()
        sync_api.expect(page.locator(".gb-cite").first).to_be_focused()
    is_dark = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).every(part => part < 60)")
    assert is_dark is (scheme == "dark")


def test_the_server_says_where_it_is_and_what_to_ask(server: Server) -> None:
    assert "".join(server.printed) == (
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


def test_ctrl_c_ends_the_server_cleanly_while_a_client_is_half_way_through_a_request() -> None:
    port = free_port()
    running = Server(serving(port), port)
    running.lines(4)
    head = f"POST /gradio_api/queue/join HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 100\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(head.encode() + b"{")
        time.sleep(0.5)
        assert running.stop() == "ended\n"
    assert running.process.returncode == 0


def test_ctrl_c_ends_the_server_cleanly_with_a_page_open(chromium: Any) -> None:
    port = free_port()
    running = Server(serving(port), port)
    running.lines(4)
    page = chromium.new_page()
    page.goto(running.address)
    page.get_by_role("button", name="Ask", exact=True).wait_for()
    assert running.stop() == "ended\n"
    assert running.process.returncode == 0
    page.close()
