"""Which addresses belong to the service, and how much a request to each may carry."""

from __future__ import annotations

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/openapi.json"})
"""Answered to everybody, with a key or without."""
OWN_PATHS = OPEN_PATHS | {"/metrics", "/mcp"}
OWN_FOLDERS = ("/v1/", "/mcp/")

MAX_BODY_BYTES = 1_000_000
_LARGER = {"/v1/briefs": 200_000_000, "/v1/verify": 10_000_000, "/mcp": 4_000_000}


def is_service(path: str) -> bool:
    """Whether a path is answered by the service, be there something or not."""
    return path in OWN_PATHS or path.startswith(OWN_FOLDERS)


def max_body_bytes(path: str) -> int:
    """Return the most bytes that a request to a path may carry."""
    return _LARGER.get(path, MAX_BODY_BYTES)
