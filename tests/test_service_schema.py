"""The description of the service is true: requests made from it, good and bad ones, are answered as it says.

`SCHEMA_EXAMPLES=200 pytest tests/test_service_schema.py` makes more than 5,000, those at the edges of each field too.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema
from starlette.types import ASGIApp

from rag.service import corpus
from rag.service.chat_completions import service_router
from rag.service.replies import StatusRecord, json_response
from tests.fakes_service import bearer, keys_in, opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

WANTED = os.environ.get("SCHEMA_EXAMPLES")
EXAMPLES = int(WANTED or 10)


def _accepting(operation: str, *statuses: int) -> dict[str, Any]:
    expected = ["2xx", 401, 403, 404, 409, 429, *statuses]
    return {"include-name": operation, "checks": {"positive_data_acceptance": {"expected-statuses": expected}}}


def asked(app: ASGIApp, headers: dict[str, str]) -> tuple[Counter[int], list[str]]:
    """Ask whatever the description lets one ask; return the statuses, and what was answered against it."""
    known: dict[str, Any] = {
        "headers": headers,
        "continue-on-failure": True,
        "generation": {"max-examples": EXAMPLES, "deterministic": True, "no-shrink": True},
        "phases": {"coverage": {"enabled": WANTED is not None}},
        # What no schema can say: whether a day is in the calendar, whether a file holds a brief, and whether a
        # conversation lists what it cites.
        "operations": [
            _accepting("GET /v1/briefs", 400, 422),
            _accepting("POST /v1/briefs", 400, 415),
            _accepting("POST /v1/verify", 422),
            _accepting("POST /v1/chat/completions", 400),  # the last message must be the user's
        ],
    }
    config = SchemathesisConfig.from_dict(known)
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, config=config)
    statuses: Counter[int] = Counter()
    failures: dict[str, None] = {}
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished | events.FuzzScenarioFinished):
            found = event.recorder
            statuses.update(one.response.status_code for one in found.interactions.values() if one.response)
            nodes = [node for checks in found.checks.values() for node in checks if node.status is not Status.SUCCESS]
            for node in nodes:
                failure = node.failure_info.failure if node.failure_info else None
                sample = node.failure_info.code_sample if node.failure_info else ""
                failures[f"{found.label}: {node.name}: {failure}\n{sample[:2000]}"] = None
        elif isinstance(event, events.NonFatalError | events.FatalError):
            failures[str(event)] = None
    return statuses, list(failures)


def test_requests_of_every_kind_are_answered_as_described(tmp_path: Path) -> None:
    keys, tokens = keys_in(tmp_path)
    with opened(tmp_path) as kept:
        statuses, failures = asked(
            kept.app(keys=keys, is_open=False, routers=[service_router()]), bearer(tokens["admin"])
        )
    print(f"{statuses.total()} requests: {dict(sorted(statuses.items()))}")
    assert not failures, "\n\n".join(failures)
    assert not any(status >= 500 for status in statuses)
    assert statuses.total() >= 200


def test_an_answer_that_is_not_described_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "tagged_response", lambda *_: json_response(StatusRecord(status="ok")))
    with opened(tmp_path) as kept:
        _, failures = asked(kept.app(), {})
    assert any("/v1/briefs: response_schema_conformance" in failure for failure in failures)
