"""What is kept of who asked what."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from rag.service.audit import AuditLog, lines_to_file
from tests.fakes_service import QUESTION, Kept, bearer, keys_in, opened, served, until


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with opened(tmp_path_factory.mktemp("hostile")) as kept:
        yield kept


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return []


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    keys, tokens = keys_in(tmp_path_factory.mktemp("keys"))
    return {"": keys, **tokens}


@pytest.fixture(scope="module")
def client(kept: Kept, tokens: dict[str, Any], lines: list[str]) -> Iterator[httpx.Client]:
    app = kept.app(keys=tokens[""], is_open=False, audit=AuditLog(lines.append))
    with served(app) as address, httpx.Client(base_url=address, timeout=30) as client:
        yield client


def test_the_audit_log_names_who_asked_and_holds_no_key_and_no_question(
    client: httpx.Client, tokens: dict[str, str], lines: list[str]
) -> None:
    lines.clear()
    headers = {**bearer(tokens["reader"]), "X-Request-ID": "mine-1"}
    assert client.post("/v1/ask?token=secret", json=QUESTION, headers=headers).headers["x-request-id"] == "mine-1"
    until(lambda: len(lines) == 1)
    entry = json.loads(lines[0])
    assert (entry["caller"], entry["method"], entry["path"], entry["status"]) == ("reader", "POST", "/v1/ask", 200)
    assert (entry["request_id"], entry["abstained"]) == ("mine-1", False)
    for secret in (tokens["reader"], "secret", "harbour", "gb_"):
        assert secret not in lines[0]


def test_the_audit_log_keeps_questions_where_that_is_asked_for_on_one_line(kept: Kept) -> None:
    lines: list[str] = []
    with served(kept.app(audit=AuditLog(lines.append, questions=True))) as address:
        sent = "who\n\u2028{}"
        headers = {"X-Request-ID": 'a"\\b'}
        given = httpx.post(f"{address}/v1/ask", json={"question": sent}, headers=headers, timeout=30)
        assert given.headers["x-request-id"] != 'a"\\b'
        until(lambda: len(lines) == 1)
    assert lines[0].isascii()
    assert "\n" not in lines[0]
    assert json.loads(lines[0])["question"] == sent


def test_a_log_that_cannot_be_written_stops_no_request(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    def full(_: str) -> None:
        raise OSError(28, "No space left on device")

    with served(kept.app(audit=AuditLog(full))) as address:
        assert [httpx.get(f"{address}/v1/eval").status_code for _ in range(2)] == [200, 200]
    assert capsys.readouterr().err.count("audit log") == 1


def test_the_file_is_for_its_owner_alone_from_the_start_and_after_it_was_moved_away(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_text("earlier\n", encoding="utf-8")
    path.chmod(0o644)
    before = os.umask(0)
    try:
        write = lines_to_file(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.rename(tmp_path / "audit.1")
        write("later")
    finally:
        os.umask(before)
    assert path.read_text(encoding="utf-8") == "later\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
