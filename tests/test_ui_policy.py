"""What the answers of the web server say that pages may do."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import jinja2
import pytest

from rag.ui.web.policy import NONCE, mark_own_scripts
from tests.fakes_web import running, small_page, with_parts


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running(small_page) as address:
        yield address


def test_every_answer_says_what_its_page_may_do(server: str) -> None:
    for path in ("/", "/theme.css", "/nothing", "/gradio_api/info"):
        headers = httpx.get(server + path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
        assert "default-src 'self'" in headers["content-security-policy"]
        scripts = re.findall(r"script-src ([^;]*)", headers["content-security-policy"])[0]
        assert re.fullmatch(r"'self' 'nonce-[\w-]{24}' 'unsafe-eval'", scripts)
        assert headers["cache-control"] == "no-store"


def test_no_two_answers_have_the_same_nonce_and_the_page_has_its_own(server: str) -> None:
    nonces = set()
    for _ in range(3):
        response = httpx.get(server)
        nonce = re.findall(r"'nonce-([\w-]+)'", response.headers["content-security-policy"])
        assert len(set(nonce)) == 1
        assert set(re.findall(r'nonce="([^"]*)"', response.text)) == set(nonce)
        assert re.findall(r"<(?:script|style)(?! nonce=)[^>]*>", response.text) == []
        nonces.add(nonce[0])
    assert len(nonces) == 3


def test_a_script_that_is_filled_into_the_template_gets_no_nonce() -> None:
    source = "<head><script>own</script><script src=a></script><style>own</style></head>{{ text | safe }}"
    environment = jinja2.Environment(loader=jinja2.DictLoader({"page": source}), autoescape=True)
    for _ in range(2):
        mark_own_scripts(environment)

    class Asked:
        scope = {NONCE: "n"}  # noqa: RUF012

    page = environment.get_template("page").render(request=Asked, text="<script>bad</script><style>bad</style>")
    assert page.count('<script nonce="n"') == 3
    assert page.count('<style nonce="n"') == 1
    assert "<script>bad</script><style>bad</style>" in page


def test_the_title_and_text_of_the_page_cannot_bring_in_a_script() -> None:
    hostile = "</script><script>bad</script>"
    with running(lambda: with_parts(hostile)) as address:
        page = httpx.get(address).text
    assert "<script>bad" not in page
    assert page.count("bad") >= 2


def test_a_websocket_is_not_taken(server: str) -> None:
    place = urlsplit(server)
    with socket.create_connection((place.hostname or "", place.port or 0)) as raw:
        raw.settimeout(5)
        raw.sendall(
            f"GET /gradio_api/queue/join HTTP/1.1\r\nHost: {place.netloc}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        assert b" 101 " not in raw.recv(1000).split(b"\r\n")[0]


def test_a_file_over_the_limit_is_refused(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.ui.web.serve.MAX_FILE_BYTES", 1000)
    with running(small_page) as address:
        sizes = [httpx.post(f"{address}/gradio_api/upload", files={"files": ("a", b"x" * n)}) for n in (999, 1001)]
    assert [response.status_code for response in sizes] == [200, 413]
