"""Which requests reach the page."""

from __future__ import annotations

import pytest

from rag.ui.web.guard import MAX_BODY_BYTES, MAX_UPLOAD_BYTES, Guard
from rag.ui.web.hosts import Hosts

LOOPBACK = Hosts.of("127.0.0.1", 7860)


def refused(
    headers: dict[str, str] | list[tuple[str, str]],
    *,
    hosts: Hosts = LOOPBACK,
    path: str = "/gradio_api/queue/join",
    method: str = "POST",
    scheme: str = "http",
) -> int:
    """Return the status with which the guard refuses a request; 0 if it lets it through."""

    async def nothing(*_: object) -> None: ...

    pairs = list(headers.items()) if isinstance(headers, dict) else headers
    if not any(name == "Host" for name, _ in pairs):
        pairs.append(("Host", "127.0.0.1:7860"))
    raw = [(name.lower().encode(), value.encode()) for name, value in pairs]
    scope = {"type": "http", "method": method, "path": path, "scheme": scheme, "headers": raw}
    refusal = Guard(nothing, hosts).refusal(scope)
    return 0 if refusal is None else refusal.status


def test_a_host_that_is_not_served_is_421_and_none_or_two_are_400() -> None:
    assert refused({"Host": "rebound.example:7860"}) == 421
    assert refused({"Host": "rebound.example:7860"}, path="/", method="GET") == 421
    assert refused({"Host": "a b"}) == 400
    assert refused([("Host", "127.0.0.1:7860"), ("Host", "rebound.example")]) == 400


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:7860", 0),
        ("http://localhost:7860", 403),
        ("http://127.0.0.1:3000", 403),
        ("http://127.0.0.1", 403),
        ("https://evil.example", 403),
        ("null", 403),
        ("", 403),
        ("file://127.0.0.1:7860", 403),
        ("http://127.0.0.1:7860.evil.example", 403),
        ("http://evil.example@127.0.0.1:7860", 403),
        ("http://127.0.0.1:7860/", 403),
    ],
)
def test_origin_must_be_the_page_itself(origin: str, status: int) -> None:
    for method, path in [("POST", "/sign-in"), ("GET", "/gradio_api/queue/data"), ("POST", "/gradio_api/upload")]:
        assert refused({"Origin": origin}, method=method, path=path) == status


def test_origin_behind_a_proxy_is_the_name_that_it_is_known_by() -> None:
    behind = Hosts.of("127.0.0.1", 7860, allowed=["briefs.example.org"])
    for host in ("briefs.example.org", "127.0.0.1:7860"):
        assert refused({"Host": host, "Origin": "https://briefs.example.org"}, hosts=behind) == 0
        assert refused({"Host": host, "Origin": "https://other.example.org"}, hosts=behind) == 403
    assert refused({"Host": "127.0.0.1:7860", "Origin": "https://briefs.example.org"}) == 403


def test_the_default_port_may_be_written_out() -> None:
    hosts = Hosts.of("0.0.0.0", 80, allowed=["briefs.example.org:80"])
    assert refused({"Host": "briefs.example.org:80", "Origin": "http://briefs.example.org"}, hosts=hosts) == 0


@pytest.mark.parametrize(
    ("site", "mode", "dest", "method", "status"),
    [
        ("same-origin", "cors", "empty", "POST", 0),
        ("none", "navigate", "document", "GET", 0),
        ("cross-site", "navigate", "document", "GET", 0),
        ("cross-site", "navigate", "document", "POST", 403),
        ("cross-site", "navigate", "iframe", "GET", 403),
        ("cross-site", "no-cors", "script", "GET", 403),
        ("cross-site", "cors", "empty", "GET", 403),
        ("same-site", "no-cors", "image", "GET", 403),
        ("same-site", "navigate", "document", "GET", 0),
    ],
)
def test_other_sites_may_link_to_the_page_and_nothing_else(
    site: str, mode: str, dest: str, method: str, status: int
) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
    assert refused(headers, method=method, path="/") == status


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file/etc/passwd",
        "/file=/etc/passwd",
        "/gradio_api/proxy=http://example.org",
        "/gradio_api/upload/",
        "/gradio_api/upload_progressive",
        "/gradio_api/run/predict",
        "/gradio_api/call/predict",
        "/gradio_api/component_server",
        "/gradio_api/stream/a/b/c/playlist.m3u8",
        "/gradio_api/deep_link",
        "/gradio_api/vibe-code",
        "/gradio_api/openapi.json",
        "/gradio_api/queue/status",
        "/gradio_api/dev/reload",
        "/gradio_api/token",
        "/login",
        "/logout",
        "/monitoring",
        "/docs",
        "/openapi.json",
        "//",
        "/config2",
        "/export",
    ],
)
def test_paths_that_the_page_does_not_need_are_closed(path: str) -> None:
    assert refused({}, path=path, method="GET") == 404


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "TRACE", "CONNECT", "PATCH"])
def test_methods_that_the_page_does_not_need_are_closed(method: str) -> None:
    assert refused({}, method=method) == 405


@pytest.mark.parametrize(
    ("headers", "path", "status"),
    [
        ({"Content-Length": str(MAX_BODY_BYTES)}, "/gradio_api/queue/join", 0),
        ({"Content-Length": str(MAX_BODY_BYTES + 1)}, "/gradio_api/queue/join", 413),
        ({"Content-Length": str(MAX_BODY_BYTES + 1)}, "/gradio_api/upload", 0),
        ({"Content-Length": str(MAX_UPLOAD_BYTES + 1)}, "/gradio_api/upload", 413),
        ({"Content-Length": "9" * 5000}, "/gradio_api/upload", 413),
        ({"Content-Length": "-1"}, "/gradio_api/upload", 400),
        ({"Content-Length": "²"}, "/gradio_api/upload", 400),
        ({"Transfer-Encoding": "chunked"}, "/gradio_api/upload", 411),
    ],
)
def test_a_body_is_refused_by_its_length(headers: dict[str, str], path: str, status: int) -> None:
    assert refused(headers, path=path) == status
