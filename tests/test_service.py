"""The service on the real server, asked by a real client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from rag.record import AnswerRecord
from tests.fakes_service import BRIEFS, Kept, counted, frames, opened, over, served

QUESTION = "When did the talks on the harbour end?"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with opened(tmp_path_factory.mktemp("service")) as kept:
        yield kept


@pytest.fixture(scope="module")
def client(kept: Kept) -> Iterator[httpx.Client]:
    with served(kept.app()) as address, httpx.Client(base_url=address, timeout=30) as client:
        yield client


def ask(client: httpx.Client, question: str = QUESTION, **more: Any) -> AnswerRecord:
    response = client.post("/v1/ask", json={"question": question, **more})
    assert response.status_code == 200, response.text
    return AnswerRecord.model_validate_json(response.text)


def test_an_answer_is_a_quote_with_its_place(client: httpx.Client) -> None:
    answer = ask(client)
    cited = answer.sentences[0].citations[0]
    text = BRIEFS["harbour.md"][2]
    assert cited.brief_id == "harbour"
    assert text[cited.start : cited.end] == cited.quote == "The talks on the harbour ended in June."


def test_what_the_briefs_do_not_say_is_refused_with_a_reason(client: httpx.Client) -> None:
    answer = ask(client, "Who won the cup in Montevideo?")
    assert answer.abstained
    assert answer.reason


def test_a_scope_and_history_count(client: httpx.Client) -> None:
    assert ask(client, scope={"to": "2023-12-31"}).abstained
    assert ask(client, scope={"briefs": ["harbour"]}).scope.briefs == ["harbour"]
    history = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "In June [1]."}]
    assert "harbour" in ask(client, "And when was it published?", history=history).standalone_question


def test_a_stream_tells_the_same_as_it_happens(client: httpx.Client) -> None:
    response = client.post("/v1/ask/stream", json={"question": QUESTION})
    assert response.headers["content-type"].startswith("text/event-stream")
    told = frames(response.text)
    assert [name for name, _ in told] == ["rewritten", "retrieved", "sentence", "answered"]
    last = AnswerRecord.model_validate_json(told[-1][1])
    timeless = {"timings_ms"}
    assert last.model_dump(exclude=timeless) == ask(client).model_dump(exclude=timeless)
    assert json.loads(told[2][1])["text"] == last.sentences[0].text


def test_search_gives_passages_of_the_scope_best_first(client: httpx.Client) -> None:
    body = {"question": "the harbour talks", "k": 1}
    found = client.post("/v1/search", json=body).json()["passages"]
    assert [passage["brief_id"] for passage in found] == ["harbour"]
    assert (
        client.post("/v1/search", json={**body, "scope": {"briefs": ["visit"]}}).json()["passages"][0]["brief_id"]
        == "visit"
    )


def test_pages_hold_every_brief_once_newest_first_and_undated_last(client: httpx.Client) -> None:
    seen: list[str] = []
    cursor: str | None = None
    while True:
        params: dict[str, Any] = {"limit": 1, **({"cursor": cursor} if cursor else {})}
        page = client.get("/v1/briefs", params=params).json()
        seen += [brief["brief_id"] for brief in page["briefs"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen[:4] == ["harbour", "visit", "grain", "undated"][: len(seen)]
    assert len(seen) == len(set(seen)) == page["total"]


def test_a_page_goes_on_where_its_last_brief_is_gone(client: httpx.Client) -> None:
    page = client.get("/v1/briefs", params={"cursor": "2024-06-03~gone", "limit": 200}).json()
    assert page["briefs"][0]["brief_id"] == "harbour"
    page = client.get("/v1/briefs", params={"cursor": "2024-06-02~gone", "limit": 200}).json()
    assert page["briefs"][0]["brief_id"] == "visit"


def test_filters_narrow_the_list(client: httpx.Client) -> None:
    listed = client.get("/v1/briefs", params={"from": "2024-01-01", "to": "2024-05-31"}).json()["briefs"]
    assert [brief["brief_id"] for brief in listed] == ["visit"]
    assert client.get("/v1/briefs", params={"region": "mars"}).json()["total"] == 0


@pytest.mark.parametrize("path", ["/v1/briefs?limit=2&from=2023-01-01&to=2024-12-31", "/v1/briefs/harbour"])
def test_what_the_client_has_is_not_sent_again(client: httpx.Client, path: str) -> None:
    first = client.get(path)
    tag = first.headers["etag"]
    assert client.get(path, headers={"If-None-Match": f'"x", W/{tag}'}).status_code == 304
    assert client.get(path, headers={"If-None-Match": "*"}).content == b""
    assert client.get(path, headers={"If-None-Match": '"x"'}).content == first.content


def test_a_brief_is_read_by_its_version(client: httpx.Client) -> None:
    brief = client.get("/v1/briefs/harbour").json()
    assert brief["text"] == BRIEFS["harbour.md"][2]
    assert client.get("/v1/briefs/harbour", params={"version": brief["text_sha256"]}).json() == brief
    assert client.get("/v1/briefs/harbour", params={"version": "0" * 64}).status_code == 404
    assert client.get("/v1/briefs/nothing").status_code == 404


def test_a_brief_is_added_found_and_removed(client: httpx.Client) -> None:
    body = {"id": "copper", "title": "Copper", "date": "2024-02", "text": "Copper from the new mine goes to the port."}
    added = client.post("/v1/briefs", json=body)
    assert added.status_code == 202
    assert not over(client, added.headers["location"])["failed"]
    assert ask(client, "Where does copper from the new mine go?").sentences[0].citations[0].brief_id == "copper"
    assert client.get("/v1/briefs/copper").json()["date"] == "2024-02"
    removed = client.delete("/v1/briefs/copper")
    assert not over(client, removed.headers["location"])["failed"]
    assert client.get("/v1/briefs/copper").status_code == 404
    assert client.delete("/v1/briefs/copper").status_code == 404


def test_a_brief_of_a_folder_is_not_removed_and_its_path_not_told(client: httpx.Client, kept: Kept) -> None:
    refused = client.delete("/v1/briefs/harbour")
    assert refused.status_code == 409
    assert str(kept.settings.index.parent) not in refused.text


def test_files_are_taken_in_and_each_refusal_named(client: httpx.Client) -> None:
    files = [("file", ("tin.md", b"Tin is mined in the north.")), ("file", ("tin.pdf", b"no PDF at all"))]
    job = over(client, client.post("/v1/briefs", files=files).headers["location"])
    assert [(item["name"], item["state"]) for item in job["items"]] == [("tin.md", "done"), ("tin.pdf", "failed")]
    alone = client.post("/v1/briefs", files=[("file", ("../../tin.pdf", b"\x7fELF"))])
    assert alone.status_code == 415
    assert "tin.pdf" in alone.json()["errors"][0]["detail"]


def test_an_add_that_is_sent_twice_is_done_once(client: httpx.Client, kept: Kept) -> None:
    body = {"title": "Zinc", "text": "Zinc is mined in the south."}
    first, again = (client.post("/v1/briefs", json=body, headers={"Idempotency-Key": "zinc-1"}) for _ in range(2))
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["idempotency-replayed"] == "true"
    over(client, first.headers["location"])
    other = client.post("/v1/briefs", json={**body, "title": "Other"}, headers={"Idempotency-Key": "zinc-1"})
    assert other.status_code == 409
    assert sum(job.items[0].name.startswith("zinc") for job in kept.service.uploads.jobs()) == 1


def test_an_answer_is_verified_and_a_forged_one_is_told(client: httpx.Client) -> None:
    exported = ask(client).model_dump(mode="json", by_alias=True)
    assert client.post("/v1/verify", json=exported).json()["holds"]
    exported["sentences"][0]["citations"][0]["quote"] = "The talks on the harbour ended in May."
    forged = client.post("/v1/verify", json=exported).json()
    assert not forged["holds"]
    assert forged["citations"][0]["verdict"] == "changed"


def test_health_readiness_and_description_are_open(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}
    described = client.get("/openapi.json").json()
    asked = described["components"]["schemas"]["AskBody-Input"]
    assert asked["examples"][0] == {"question": "When did Finland join NATO?"}
    assert "security" not in described


def test_the_chat_is_still_there(client: httpx.Client) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert "text/html" in page.headers["content-type"]
    assert client.get("/docs").status_code == 404


def test_answers_refusals_and_stages_are_counted_apart(client: httpx.Client) -> None:
    names = ("geobrief_answers_total", "geobrief_refusals_total", 'geobrief_stage_seconds_count{stage="read"}')
    before = [counted(client, name) for name in names]
    ask(client)
    ask(client, "Who won the cup in Montevideo?")
    assert [counted(client, name) - was for name, was in zip(names, before, strict=True)] == [1, 1, 2]


def test_a_stage_that_is_not_needed_is_not_counted(client: httpx.Client) -> None:
    names = [f'geobrief_stage_seconds_count{{stage="{stage}"}}' for stage in ("read", "verify", "total")]
    before = [counted(client, name) for name in names]
    ask(client, "Which briefs do you have?")
    assert [counted(client, name) - was for name, was in zip(names, before, strict=True)] == [0, 1, 1]
