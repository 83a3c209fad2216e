"""What the pages may do, in a real browser: they work, and what is brought into them does nothing."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rag.users import Users
from tests.browser import MARKS, Watched, chromium_running
from tests.fakes_web import running, small_page, with_chat, with_parts

pytestmark = [
    *MARKS,
    # Gradio's table sets an option that pandas 3 calls outdated.
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting' is deprecated"),
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with chromium_running() as browser:
        yield browser


@pytest.fixture
def watched(chromium: Any) -> Iterator[Watched]:
    context = chromium.new_context()
    yield Watched(context.new_page())
    context.close()


def browse(watched: Watched, address: str) -> Any:
    watched.page.goto(address)
    return watched.page


def test_the_chat_answers_and_asks_nobody_else(watched: Watched) -> None:
    with running(with_chat) as address:
        page = browse(watched, address)
        page.get_by_role("button", name="What sectors will they cooperate on?").click()
        page.locator(".gb-sentence").nth(1).wait_for()
        page.locator(".gb-cite").nth(1).click()
        page.locator("mark.is-chosen").wait_for()
        for tab in page.get_by_role("tab").all():
            tab.click()
            page.wait_for_timeout(1000)
        assert watched.problems == []
        assert watched.elsewhere(address) == []


def test_plots_tables_and_uploads_work_under_the_policy(watched: Watched, tmp_path: Path) -> None:
    with running(lambda: with_parts("Kyiv")) as address:
        page = browse(watched, address)
        page.locator("#bars .main-svg .barlayer").first.wait_for()
        page.locator("#pie .main-svg .pielayer").first.wait_for()
        page.locator("#table").get_by_text("Kyiv").last.wait_for()
        page.locator("[data-loaded=yes]").first.wait_for(state="attached")
        inputs = page.locator("input[type=file]")
        for text, chosen in [("in the box", page.locator("#file input[type=file]")), ("by the button", inputs.last)]:
            (tmp_path / "a.txt").write_text(text)
            chosen.set_input_files(tmp_path / "a.txt")
            page.wait_for_function(SHOWN, arg=text)
        assert watched.problems == []
        assert watched.elsewhere(address) == []
        marked = page.evaluate("[...document.querySelectorAll('style')].filter(style => style.sheet).length")
        assert marked > 3


def test_what_comes_as_html_neither_runs_nor_restyles_nor_calls_out(watched: Watched) -> None:
    with running(small_page) as address:
        page = browse(watched, address)
        page.get_by_role("button", name="Who").wait_for()
        assert watched.problems == []
        ran = page.evaluate(INJECT)
        assert ran == {"hits": [], "outline": "none", "fetched": False}
        assert len([said for said in watched.problems if "Content Security Policy" in said]) >= 6
        assert [url for url in watched.elsewhere(address) if "evil.invalid" not in url] == []


def test_another_site_neither_frames_the_page_nor_reads_from_it(watched: Watched) -> None:
    with running(small_page) as address, plain_site() as other:
        page = browse(watched, other)
        # A frame that was refused holds an error page, which has no frame; a plain one has the one of its page.
        assert page.evaluate(READ_ACROSS, address) == ["yes", "no", "no", 1, 0]


@contextmanager
def plain_site() -> Iterator[str]:
    """Serve a page without any policy, which holds a frame; yield its address."""

    class Plain(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><body><iframe></iframe>")

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Plain) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def test_sign_in_and_out_in_the_dark_with_the_keyboard(chromium: Any, tmp_path: Path) -> None:
    users = Users(tmp_path / "users.txt")
    users.add("ada", "correct horse")
    context = chromium.new_context(color_scheme="dark")
    watched = Watched(context.new_page())
    with running(small_page, users=users) as address:
        page = browse(watched, address)
        assert page.url == f"{address}/sign-in"
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(2, 6, 23)"
        page.keyboard.type("ada")
        page.keyboard.press("Tab")
        page.keyboard.type("correct horse")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Who").click()
        page.wait_for_function(SHOWN, arg="user: ada")
        assert page.evaluate("document.cookie") == ""
        assert watched.problems == []
        page.evaluate(SIGN_OUT)
        page.get_by_label("Password").wait_for()
        page.goto(address)
        assert page.url == f"{address}/sign-in"
        assert watched.elsewhere(address) == []
    context.close()


SHOWN = "text => [...document.querySelectorAll('textarea')].some(area => area.value == text)"

INJECT = """async () => {
  window.hits = [];
  const box = document.createElement('div');
  box.innerHTML = `<img src=x onerror="hits.push('onerror')"><svg onload="hits.push('onload')"></svg>
    <a id=bad href="javascript:hits.push('link')">a</a>
    <iframe srcdoc="<script>parent.hits.push('frame')</script>"></iframe>
    <style>body { outline: 5px solid red }</style><img src="http://evil.invalid/a.png"><base href="http://evil.invalid/">
    <form id=form action="http://evil.invalid/"></form>`;
  document.body.append(box);
  const script = document.createElement('script');
  script.textContent = "hits.push('script')";
  document.body.append(script);
  const outside = document.createElement('script');
  outside.src = 'http://evil.invalid/a.js';
  document.body.append(outside);
  document.getElementById('bad').click();
  document.getElementById('form').submit();
  let fetched = true;
  try { await fetch('http://evil.invalid/', {mode: 'no-cors'}) } catch { fetched = false }
  await new Promise(done => setTimeout(done, 500));
  return {hits: window.hits, outline: getComputedStyle(document.body).outlineStyle, fetched};
}"""

# The first asks the page's own server under another name: it shows that nothing but the other server stops the rest.
READ_ACROSS = """async (address) => {
  const read = async (from) => { try { await fetch(from, {mode: 'no-cors'}); return 'yes' } catch { return 'no' } };
  const framed = async (from) => {
    const frame = document.createElement('iframe');
    frame.src = from;
    const loaded = new Promise(done => { frame.onload = done });
    document.body.append(frame);
    await loaded;
    await new Promise(done => setTimeout(done, 500));
    return frame.contentWindow.length;
  };
  const own = location.href.replace('127.0.0.1', 'localhost');
  return [await read(own), await read(address + '/config'), await read(address + '/assets/x.js'),
          await framed(own), await framed(address)];
}"""

SIGN_OUT = """() => {
  const form = document.createElement('form');
  form.method = 'post';
  form.action = '/sign-out';
  document.body.append(form);
  form.submit();
}"""
