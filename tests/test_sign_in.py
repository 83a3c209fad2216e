"""Sign-in: who gets in, for how long, and that one user is not taken for another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from rag import users as module
from rag.ui.web.sessions import MAX_TRIES_PER_NAME, WINDOW_S
from rag.ui.web.sign_in import COOKIE_S
from rag.ui.web.visitor import user_of
from rag.users import PasswordHash, Users
from tests.fakes_web import KEEP, KEPT, READ, WHO, ask, file_at, running, small_page

CHEAP = (2**15, 8, 1)
PASSWORDS = {"ada": "correct horse", "bob": "battery staple"}


@pytest.fixture(scope="module")
def users_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Users]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "COST", CHEAP)
        patch.setattr(module, "_NOBODY", PasswordHash(*CHEAP, bytes(16), bytes(32)))
        users = Users(tmp_path_factory.mktemp("users") / "users.txt")
        for name, password in PASSWORDS.items():
            users.add(name, password)
        yield users


def greeted(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"hello {user_of(request)}")


@pytest.fixture(scope="module")
def server(users_file: Users) -> Iterator[str]:
    """One server for all tests, which may come from one address as often as they like."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rag.ui.web.sessions.MAX_TRIES_PER_ADDRESS", 1000)
        with running(small_page, users=users_file, routes=[Route("/export/hello", greeted)]) as address:
            yield address


@pytest.fixture
def visitor(server: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server) as client:
        yield client


@contextmanager
def signed_in(server: str, name: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server) as client:
        assert sign_in(client, name).status_code == 303
        yield client


def sign_in(client: httpx.Client, name: str, password: str | None = None) -> httpx.Response:
    sent = {"name": name, "password": PASSWORDS[name] if password is None else password}
    return client.post("/sign-in", data=sent, headers={"Origin": str(client.base_url).rstrip("/")})


# Who gets in


def test_a_page_leads_to_sign_in_and_all_else_is_401(visitor: httpx.Client) -> None:
    led = visitor.get("/", headers={"Accept": "text/html"})
    assert (led.status_code, led.headers["location"]) == (303, "/sign-in")
    closed = ["/", "/config", "/theme.css", "/assets/x.js", "/gradio_api/info", "/gradio_api/queue/data?session_hash=x"]
    closed += ["/gradio_api/heartbeat/x", "/gradio_api/upload_progress?upload_id=x", "/export/hello", "/favicon.ico"]
    assert [visitor.get(path).status_code for path in closed] == [401] * len(closed)
    posts = ["/gradio_api/queue/join", "/gradio_api/upload", "/gradio_api/cancel", "/gradio_api/reset"]
    assert [visitor.post(path).status_code for path in posts] == [401] * len(posts)


def test_what_a_user_asks_is_theirs_over_the_queue_and_in_routes(server: str) -> None:
    with signed_in(server, "ada") as ada, signed_in(server, "bob") as bob:
        assert (ask(ada, WHO, page="a"), ask(bob, WHO, page="b")) == ("user: ada", "user: bob")
        assert (ada.get("/export/hello").text, bob.get("/export/hello").text) == ("hello ada", "hello bob")


def test_many_at_once_keep_their_names(server: str) -> None:
    with signed_in(server, "ada") as ada, signed_in(server, "bob") as bob, ThreadPoolExecutor(8) as pool:
        asked = [(("ada", ada), ("bob", bob))[number % 2] for number in range(16)]
        got = pool.map(lambda turn: ask(turn[1][1], WHO, page=f"page{turn[0]}"), enumerate(asked))
        assert list(got) == [f"user: {name}" for name, _ in asked]


def test_a_page_is_closed_to_other_users(server: str) -> None:
    with signed_in(server, "ada") as ada, signed_in(server, "bob") as bob, signed_in(server, "ada") as elsewhere:
        ask(ada, KEEP, "secret", page="p")
        assert ask(ada, KEPT, None, page="p") == "secret"
        assert ask(elsewhere, KEPT, None, page="p") == "secret"
        join = {"data": [None], "fn_index": KEPT, "session_hash": "p"}
        assert bob.post("/gradio_api/queue/join", json=join).status_code == 403
        assert bob.get("/gradio_api/queue/data", params={"session_hash": "p"}).status_code == 403
        assert bob.get("/gradio_api/heartbeat/p").status_code == 403
        cancel = {"session_hash": "p", "fn_index": KEPT, "event_id": "x"}
        assert bob.post("/gradio_api/cancel", json=cancel).status_code == 403
        nothing = {"session_hash": "p", "fn_index": KEPT}
        assert bob.post("/gradio_api/cancel", json=nothing).status_code == 403
        for end in ("/gradio_api/cancel", "/gradio_api/reset"):
            assert ada.post(end, json=nothing).json() == {"success": True}
        assert ask(ada, KEPT, None, page="p") == "secret"


def test_a_user_may_read_what_they_uploaded_and_no_other_file(server: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    with signed_in(server, "ada") as ada:
        uploaded = ada.post("/gradio_api/upload", files={"files": ("../../a.txt", b"mine")}).json()[0]
        assert ask(ada, READ, file_at(uploaded)) == "mine"
        for path in (str(secret), "/etc/passwd", uploaded + "/../../../../etc/passwd"):
            assert ask(ada, READ, file_at(path)) == "error: None"
        for address in (f"/gradio_api/file={uploaded}", f"/file={uploaded}", f"/gradio_api/file/{uploaded}"):
            assert ada.get(address).status_code == 404


def test_no_address_is_fetched_in_the_place_of_a_file(server: str) -> None:
    with signed_in(server, "ada") as ada:
        for data in ([file_at("http://192.0.2.1/x")], [{"a": [file_at("HTTPS://192.0.2.1/x")]}]):
            join = {"data": data, "fn_index": READ, "session_hash": "p"}
            assert ada.post("/gradio_api/queue/join", json=join).status_code == 400


def test_a_body_that_is_no_object_is_refused(server: str) -> None:
    with signed_in(server, "ada") as ada:
        for body in (b"", b"[]", b"{", b"[" * 100_000, b"\xff"):
            assert ada.post("/gradio_api/queue/join", content=body).status_code == 400


# Sessions


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(visitor: httpx.Client) -> None:
    response = sign_in(visitor, "ada")
    cookie = response.headers["set-cookie"]
    assert response.headers["location"] == "/"
    port = visitor.base_url.port
    assert re.fullmatch(rf"geobrief-{port}=[\w-]{{43}}; HttpOnly; Max-Age={COOKIE_S}; Path=/; SameSite=strict", cookie)


def test_over_https_the_cookie_is_secure_and_of_this_host(visitor: httpx.Client) -> None:
    visitor.headers["X-Forwarded-Proto"] = "https"
    cookie = sign_in(visitor, "ada").headers["set-cookie"]
    assert cookie.startswith("__Host-geobrief=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


def test_each_sign_in_has_a_token_of_its_own_and_ends_the_one_before(server: str) -> None:
    with signed_in(server, "ada") as client:
        first = dict(client.cookies)
        assert sign_in(client, "ada").status_code == 303
        assert dict(client.cookies) != first
        assert client.get("/config").status_code == 200
        assert httpx.get(f"{server}/config", cookies=first).status_code == 401


def test_a_token_that_a_browser_brings_along_is_not_taken(visitor: httpx.Client) -> None:
    name = f"geobrief-{visitor.base_url.port}"
    planted = {"Cookie": f"{name}=planted"}
    visitor.headers.update(planted)
    response = sign_in(visitor, "ada")
    assert f"{name}=planted" not in response.headers["set-cookie"]
    assert visitor.get("/config", headers=planted).status_code == 401


def test_signing_out_ends_the_session_itself(server: str) -> None:
    with signed_in(server, "ada") as client:
        held = dict(client.cookies)
        response = client.post("/sign-out")
        assert (response.status_code, response.headers["location"]) == (303, "/sign-in")
        assert dict(client.cookies) == {}
        assert httpx.get(f"{server}/config", cookies=held).status_code == 401
        assert client.get("/sign-out").status_code == 401


def test_a_removed_user_is_out_at_the_next_request(server: str, users_file: Users) -> None:
    users_file.add("cleo", "some password")
    with httpx.Client(base_url=server) as client:
        assert sign_in(client, "cleo", "some password").status_code == 303
        assert ask(client, WHO) == "user: cleo"
        users_file.remove("cleo")
        assert client.get("/config").status_code == 401
        users_file.add("cleo", "some password")
        assert client.get("/config").status_code == 401
    users_file.remove("cleo")


def test_a_new_password_ends_the_sessions_of_the_old_one(server: str, users_file: Users) -> None:
    users_file.add("dora", "some password")
    with httpx.Client(base_url=server) as client:
        sign_in(client, "dora", "some password")
        users_file.add("dora", "other password")
        assert client.get("/config").status_code == 401
        assert sign_in(client, "dora", "some password").status_code == 401
        assert sign_in(client, "dora", "other password").status_code == 303
    users_file.remove("dora")


def test_a_users_file_that_cannot_be_read_lets_nobody_in(server: str, users_file: Users) -> None:
    content = users_file.path.read_bytes()
    with signed_in(server, "ada") as client:
        users_file.path.write_bytes(content + b"broken\n")
        try:
            assert client.get("/config").status_code == 503
            assert sign_in(client, "ada").status_code == 503
        finally:
            users_file.path.write_bytes(content)
        assert sign_in(client, "ada").status_code == 303


# Tries


def test_wrong_names_and_passwords_are_told_alike(visitor: httpx.Client) -> None:
    answers = [sign_in(visitor, name, "wrong") for name in ("ada", "nobody", "a b", "", "<script>alert(1)</script>")]
    assert {(answer.status_code, answer.text) for answer in answers} == {(401, answers[0].text)}
    assert "do not belong together" in answers[0].text
    assert "alert(" not in answers[-1].text
    assert all("set-cookie" not in answer.headers for answer in answers)


def test_a_name_is_tried_so_often_even_all_at_once(server: str, users_file: Users) -> None:
    def tried(_: int) -> int:
        return httpx.post(f"{server}/sign-in", data={"name": "finn", "password": "wrong"}, timeout=30).status_code

    with ThreadPoolExecutor(MAX_TRIES_PER_NAME + 6) as pool:
        codes = sorted(pool.map(tried, range(MAX_TRIES_PER_NAME + 6)))
    assert codes == [401] * MAX_TRIES_PER_NAME + [429] * 6
    users_file.add("finn", "some password")
    with httpx.Client(base_url=server) as client:
        refused = sign_in(client, "finn", "some password")
        assert refused.status_code == 429
        assert 0 < int(refused.headers["retry-after"]) <= WINDOW_S
        assert sign_in(client, "ada").status_code == 303
    users_file.remove("finn")


# The page


class Labels(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.labels: set[str | None] = set()
        self.inputs: set[str | None] = set()
        self.tags: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "label":
            self.labels.add(dict(attrs)["for"])
        if tag == "input":
            self.inputs.add(dict(attrs)["id"])


def test_the_page_has_labelled_fields_and_no_script(visitor: httpx.Client) -> None:
    response = visitor.get("/sign-in")
    page = Labels(response.text)
    assert page.labels == page.inputs == {"name", "password"}
    assert "script" not in page.tags
    assert "default-src 'none'; style-src 'self'" in response.headers["content-security-policy"]
    assert response.headers["cache-control"] == "no-store"
    assert visitor.get("/sign-in.css").headers["content-type"] == "text/css; charset=utf-8"
    assert "prefers-color-scheme: dark" in visitor.get("/sign-in.css").text


def test_nothing_in_the_address_leads_elsewhere(visitor: httpx.Client) -> None:
    sent = {"name": "ada", "password": PASSWORDS["ada"], "next": "https://evil.example"}
    response = visitor.post("/sign-in?next=//evil.example", data=sent)
    assert response.headers["location"] == "/"
    assert visitor.get("/sign-in?next=//evil.example").headers["location"] == "/"


@pytest.mark.parametrize(
    "content",
    [b"", b"name=ada", b"name=ada&name=bob&password=x", b"\xff", b"name=%ff&password=x", b"a" * 20_000, b"&" * 50],
)
def test_a_form_that_cannot_be_read_is_refused(visitor: httpx.Client, content: bytes) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert visitor.post("/sign-in", content=content, headers=kind).status_code == 400


def test_a_form_of_another_kind_is_refused(visitor: httpx.Client) -> None:
    assert visitor.post("/sign-in", json={"name": "ada", "password": PASSWORDS["ada"]}).status_code == 400


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_a_form_of_another_site_signs_nobody_in(visitor: httpx.Client, origin: str) -> None:
    sent = {"name": "ada", "password": PASSWORDS["ada"]}
    response = visitor.post("/sign-in", data=sent, headers={"Origin": origin})
    assert response.status_code == 403
    assert "set-cookie" not in response.headers
