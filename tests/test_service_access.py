"""Who is let in, and that no page of another site is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from rag.service.rates import Rates
from rag.users import Users
from tests.fakes_service import QUESTION, Kept, bearer, is_problem, keys_in, opened, over, served
from tests.fakes_web import running, small_page


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with opened(tmp_path_factory.mktemp("hostile")) as kept:
        yield kept


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    keys, tokens = keys_in(tmp_path_factory.mktemp("keys"))
    return {"": keys, **tokens}


@pytest.fixture(scope="module")
def client(kept: Kept, tokens: dict[str, Any]) -> Iterator[httpx.Client]:
    app = kept.app(keys=tokens[""], is_open=False)
    with served(app) as address, httpx.Client(base_url=address, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def unkeyed(kept: Kept) -> Iterator[httpx.Client]:
    with served(kept.app()) as address, httpx.Client(base_url=address, timeout=30) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/ask"), ("GET", "/v1/briefs"), ("GET", "/metrics"), ("GET", "/v1/nothing"), ("POST", "/mcp")],
)
@pytest.mark.parametrize("sent", [None, "Bearer", "Bearer gb_wrong", "Basic YTpi", "bearer\tx", "Bearer \xe9"])
def test_without_a_known_key_nothing_is_answered(
    client: httpx.Client, method: str, path: str, sent: str | None
) -> None:
    headers = {} if sent is None else {"Authorization": sent.encode("latin-1")}
    refused = client.request(method, path, headers=headers)  # type: ignore[arg-type]
    assert is_problem(refused, 401)
    assert refused.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("key", "method", "path", "status"),
    [
        ("reader", "GET", "/v1/briefs", 200),
        ("reader", "POST", "/v1/briefs", 403),
        ("reader", "DELETE", "/v1/briefs/harbour", 403),
        ("writer", "DELETE", "/v1/briefs/harbour", 409),
        ("writer", "DELETE", "/v1/briefs/harbour?forget=true", 403),
        ("writer", "POST", "/v1/eval", 403),
        ("admin", "DELETE", "/v1/briefs/nothing?forget=true", 404),
        ("reader", "GET", "/v1/eval", 200),
    ],
)
def test_a_key_allows_what_its_scope_says(
    client: httpx.Client, tokens: dict[str, str], key: str, method: str, path: str, status: int
) -> None:
    assert client.request(method, path, headers=bearer(tokens[key])).status_code == status


def test_a_job_is_shown_to_its_owner_and_to_admins_alone(client: httpx.Client, tokens: dict[str, str]) -> None:
    added = client.post(
        "/v1/briefs", json={"title": "Mine", "text": "Of the writer."}, headers=bearer(tokens["writer"])
    )
    job = added.headers["location"]
    over(client, job, headers=bearer(tokens["writer"]))
    seen = {name: client.get(job, headers=bearer(tokens[name])).status_code for name in ("other", "reader", "admin")}
    assert seen == {"other": 404, "reader": 404, "admin": 200}


def test_one_key_cannot_replay_the_add_of_another(client: httpx.Client, tokens: dict[str, str]) -> None:
    body = {"title": "Shared", "text": "Sent by two."}
    jobs = [
        client.post("/v1/briefs", json=body, headers={**bearer(tokens[name]), "Idempotency-Key": "same"}).json()["id"]
        for name in ("writer", "other")
    ]
    assert jobs[0] != jobs[1]


def test_closed_without_keys_unless_it_is_open(kept: Kept) -> None:
    with served(kept.app(is_open=False)) as address:
        assert is_problem(httpx.post(f"{address}/v1/ask", json=QUESTION), 401)
        assert httpx.get(f"{address}/healthz").status_code == 200


def test_who_is_signed_in_to_the_page_needs_a_key_all_the_same(kept: Kept, tmp_path: Path) -> None:
    users = Users(tmp_path / "users.txt")
    users.add("ada", "correct horse")
    keys, tokens = keys_in(tmp_path)
    with (
        served(kept.app(keys=keys, is_open=False), users=users) as address,
        httpx.Client(base_url=address, timeout=30) as client,
    ):
        client.post("/sign-in", data={"name": "ada", "password": "correct horse"})
        assert client.get("/config").status_code == 200
        assert is_problem(client.post("/v1/ask", json=QUESTION), 401)
        client.cookies.clear()
        assert client.get("/config").status_code == 401
        assert client.post("/v1/ask", json=QUESTION, headers=bearer(tokens["reader"])).status_code == 200
        assert client.get("/", headers=bearer(tokens["admin"])).status_code in (303, 401)


FROM_ELSEWHERE = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
]


@pytest.mark.parametrize("headers", FROM_ELSEWHERE)
@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/ask"), ("GET", "/v1/briefs"), ("DELETE", "/v1/briefs/a")])
def test_a_page_elsewhere_is_refused_where_no_key_is_needed(
    unkeyed: httpx.Client, headers: dict[str, str], method: str, path: str
) -> None:
    assert is_problem(unkeyed.request(method, path, headers=headers), 403)
    assert is_problem(unkeyed.request(method, path, headers={**headers, **bearer("gb_any")}), 403)


def test_no_other_site_is_ever_allowed_to_read(client: httpx.Client, unkeyed: httpx.Client) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for one in (client, unkeyed):
        preflight = one.options("/v1/ask", headers={**asked, "Access-Control-Request-Headers": "authorization"})
        assert preflight.status_code >= 400
        assert not [name for name in preflight.headers if name.startswith("access-control")]


def test_a_key_is_taken_from_anywhere_and_a_rebound_name_never(client: httpx.Client, tokens: dict[str, str]) -> None:
    elsewhere = {"Origin": "app://notebook", **bearer(tokens["reader"])}
    assert client.get("/v1/briefs", headers=elsewhere).status_code == 200
    assert is_problem(client.get("/v1/briefs", headers={"Host": "evil.example", **bearer(tokens["reader"])}), 421)


def test_a_form_of_a_page_is_no_question(unkeyed: httpx.Client) -> None:
    text = json.dumps(QUESTION)
    assert is_problem(unkeyed.post("/v1/ask", content=text, headers={"Content-Type": "text/plain"}), 415)
    assert is_problem(unkeyed.post("/v1/ask", content=text), 415)


def test_responses_may_not_be_framed_run_or_kept(client: httpx.Client, unkeyed: httpx.Client) -> None:
    for response in (client.get("/v1/briefs"), unkeyed.get("/v1/briefs")):
        assert response.headers["content-security-policy"].startswith("default-src 'none'")
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"


def test_without_the_service_its_addresses_are_closed() -> None:
    with running(small_page) as address:
        for path in ("/v1/ask", "/healthz", "/metrics", "/openapi.json", "/mcp"):
            assert httpx.get(address + path).status_code == 404


def test_each_caller_has_a_rate_of_their_own(kept: Kept, tmp_path: Path) -> None:
    keys, tokens = keys_in(tmp_path)
    with (
        served(kept.app(keys=keys, is_open=False, rates=Rates(0.001, 3))) as address,
        httpx.Client(base_url=address, timeout=30) as client,
    ):
        reader, other = bearer(tokens["reader"]), bearer(tokens["other"])
        assert [client.get("/v1/eval", headers=reader).status_code for _ in range(4)] == [200, 200, 200, 429]
        assert client.get("/v1/eval", headers=other).status_code == 200
        assert [client.get("/v1/eval").status_code for _ in range(4)] == [401, 401, 401, 429]
        assert client.get("/healthz").status_code == 200
        assert 'reason="rate"' in client.get("/metrics", headers=other).text
