"""What is known of a request while it is served: its id, and what the audit log says of it."""

from __future__ import annotations

import re
import uuid
from contextvars import ContextVar
from typing import Any

from starlette.types import Scope

request_id: ContextVar[str] = ContextVar("geobrief_request_id", default="")
"""Of the request that is being served, for logs; empty outside of one."""

_NOTES = "geobrief.notes"
_ID = "geobrief.request_id"
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def begin(scope: Scope, given_id: str) -> Scope:
    """Return the scope of a request with room for notes, and with its id: the one given where it can be one."""
    chosen = given_id if _GIVEN_ID.fullmatch(given_id) else uuid.uuid4().hex
    return {**scope, _NOTES: {}, _ID: chosen}


def request_id_of(scope: Scope) -> str:
    """Return the id of a request; empty where it has none."""
    return str(scope.get(_ID, ""))


def note(scope: Scope, **known: Any) -> None:
    """Keep something for the audit log."""
    scope.setdefault(_NOTES, {}).update(known)


def notes_of(scope: Scope) -> dict[str, Any]:
    """Return what was kept."""
    return dict(scope.get(_NOTES, {}))
