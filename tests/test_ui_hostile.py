"""More than fifty hostile briefs in a real browser: their text is seen, and nothing of it runs or calls out."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser import ENVIRONMENT, MARKS, Server, Watched, ask, chromium_running, sync_api
from tests.hostile import NAME, PAYLOADS, write_hostile
from tests.ports import free_port

pytestmark = [*MARKS, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def groups_and_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Server]]:
    folder = tmp_path_factory.mktemp("hostile")
    groups = write_hostile(folder / "briefs")
    rag, index = [sys.executable, "-m", "rag"], ["--index", str(folder / "index")]
    said = subprocess.run(
        [*rag, "ingest", str(folder / "briefs"), *index], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    assert f"{len(PAYLOADS)} added" in said.stdout
    assert "\x1b]" not in said.stdout + said.stderr
    port = free_port()
    server = Server([*rag, "serve", *index, "--port", str(port)], port)
    yield groups, server
    printed = server.stop()
    assert "Traceback" not in printed
    assert "\x1b" not in printed


@pytest.fixture
def watched(groups_and_server: tuple[int, Server]) -> Iterator[Watched]:
    _, server = groups_and_server
    with chromium_running() as browser:
        watched = Watched(browser.new_context(viewport={"width": 1440, "height": 900}).new_page())
        watched.page.goto(server.address)
        watched.page.get_by_role("button", name="Ask", exact=True).wait_for()
        yield watched
        assert watched.page.evaluate("window.hacked") is None
        assert watched.page.url.rstrip("/") == server.address
        assert watched.elsewhere(server.address) == []
        assert watched.problems == []


def test_hostile_briefs_are_quoted_opened_and_shown_as_text(
    watched: Watched, groups_and_server: tuple[int, Server]
) -> None:
    page = watched.page
    for group in range(groups_and_server[0]):
        ask(page, f"What do the briefs say about {NAME}{group:02}?")
    said = page.locator("#gb-chat .gb-text").all_inner_texts()
    seen = [payload for payload in PAYLOADS if any(_plain(payload) in _plain(text) for text in said)]
    assert [payload for payload in PAYLOADS if payload not in seen] == []
    assert foreign(page, "#gb-chat .message") == []
    n = page.locator(".gb-cite").count()
    assert n >= len(PAYLOADS)
    for at in range(n):
        page.locator(".gb-cite").nth(at).evaluate("cite => cite.click()")
        sync_api.expect(page.locator(".gb-brief mark.is-chosen").first).to_be_visible()
        assert foreign(page, "#gb-evidence") == []


def test_the_tab_of_the_corpus_shows_hostile_titles_as_text(watched: Watched) -> None:
    page = watched.page
    page.get_by_role("tab", name="Corpus").click()
    rows = page.locator("#gb-tab-corpus table tbody tr")
    sync_api.expect(rows.first).to_be_visible()
    assert rows.count() >= 50
    assert foreign(page, "#gb-tab-corpus table") == []
    for at in range(0, 50, 7):
        rows.nth(at).locator("a, button").first.click()
        page.wait_for_timeout(150)
    assert foreign(page, "#gb-tab-corpus .gb-brief") == []


def test_hostile_conversations_are_listed_as_text(watched: Watched) -> None:
    page = watched.page
    for payload in PAYLOADS[:6]:
        ask(page, payload)
        page.get_by_role("button", name="New conversation").click()
    page.get_by_role("button", name="Conversations", exact=True).click()
    sync_api.expect(page.locator("#gb-history")).to_contain_text(PAYLOADS[0])
    assert foreign(page, "#gb-history .gb-history") == []


def foreign(page: Any, where: str) -> list[str]:
    """Elements below `where` that geobrief never makes, and links and attributes that would do something."""
    return list(
        page.evaluate(
            """where => [...document.querySelectorAll(where)].flatMap(root => [...root.querySelectorAll("*")])
            .filter(e => e.matches("script, img, iframe, object, embed, video, audio, style, link, meta, base, form, "
                + "input:not([type=text]), select, marquee, math, template, noscript, body, h1, code, pre, .katex")
              || [...e.attributes].some(a => a.name.startsWith("on"))
              || (e.href?.baseVal ?? e.getAttribute("href") ?? "#").match(/^(#|\\/export\\/)/) === null)
            .map(e => e.outerHTML.slice(0, 200))""",
            where,
        )
    )


def _plain(text: str) -> str:
    """The text without what is shown by a sign of its own or folded."""
    return re.sub(r"[\s\ufffd]+", " ", "".join(mark if mark.isprintable() else " " for mark in text)).strip()
